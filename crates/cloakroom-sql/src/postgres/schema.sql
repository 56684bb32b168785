CREATE TABLE IF NOT EXISTS {table} (
    store_key BYTEA NOT NULL PRIMARY KEY, -- SHA-256 of the session's id
    version   BIGINT NOT NULL,
    record    BYTEA NOT NULL,             -- UTF-8
    created   BIGINT NOT NULL,            -- milliseconds since 1970, as the two below
    touched   BIGINT NOT NULL,
    deadline  BIGINT,                     -- NULL: for ever
    owner     BYTEA,                      -- UTF-8
    moved_to  BYTEA,                      -- a mark: the session has this key now
    sweep_at  BIGINT DEFAULT 0            -- when the sweeper looks at it: never later than the deadline
);
-- Upgrades a table of an earlier release. The first sweeps visit its rows, a few at a time.
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS sweep_at BIGINT DEFAULT 0;
-- Leaves room in each page for the next version of a row, so that a touch writes no index, and
-- vacuums early.
ALTER TABLE {table} SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX IF NOT EXISTS "{name}_sweep" ON {table} (sweep_at);
CREATE INDEX IF NOT EXISTS "{name}_created" ON {table} (created);
-- An index entry can't hold more of a long name.
CREATE INDEX IF NOT EXISTS "{name}_owned" ON {table} (substr(owner, 1, 255), created, store_key) WHERE owner IS NOT NULL;
-- Indexes of an earlier release. With the first one, each touch writes all indexes.
DROP INDEX IF EXISTS {schema}"{name}_deadline";
DROP INDEX IF EXISTS {schema}"{name}_owner";

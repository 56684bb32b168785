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
-- For a table of an earlier release. Its rows are looked at by the first sweeps, a few at a time.
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS sweep_at BIGINT DEFAULT 0;
-- Room in each page for the next version of a row, so that a touch writes no index; and a vacuum before much has piled up.
ALTER TABLE {table} SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX IF NOT EXISTS "{name}_sweep" ON {table} (sweep_at);
-- Not a B-tree, whose entries have a greatest length.
CREATE INDEX IF NOT EXISTS "{name}_owner" ON {table} USING hash (owner);
-- An earlier release had it. With it, each touch writes all indexes.
DROP INDEX IF EXISTS {schema}"{name}_deadline";

CREATE TABLE IF NOT EXISTS {table} (
    store_key BLOB NOT NULL PRIMARY KEY, -- SHA-256 of the session's id
    version   INTEGER NOT NULL,
    record    TEXT NOT NULL,
    created   INTEGER NOT NULL,          -- milliseconds since 1970, as the two below
    touched   INTEGER NOT NULL,
    deadline  INTEGER,                   -- NULL: for ever
    owner     TEXT,
    moved_to  BLOB,                      -- a mark: the session has this key now
    sweep_at  INTEGER DEFAULT 0          -- when the sweeper looks at it: never later than the deadline
) STRICT;
-- A table of an earlier release lacks a column: ALTER TABLE {table} ADD COLUMN sweep_at INTEGER DEFAULT 0;
CREATE INDEX IF NOT EXISTS {schema}"{name}_sweep" ON "{name}" (sweep_at);
CREATE INDEX IF NOT EXISTS {schema}"{name}_created" ON "{name}" (created);
CREATE INDEX IF NOT EXISTS {schema}"{name}_owner" ON "{name}" (owner, created) WHERE owner IS NOT NULL;
-- An index of an earlier release. With it, each touch writes an index.
DROP INDEX IF EXISTS {schema}"{name}_deadline";

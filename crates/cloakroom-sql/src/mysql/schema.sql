-- A table of an earlier release lacks a column and has another index. Its rows are looked at by the first sweeps:
-- ALTER TABLE {table} ADD COLUMN sweep_at BIGINT DEFAULT 0, ADD KEY `{name}_sweep` (sweep_at), DROP KEY `{name}_deadline`;
CREATE TABLE IF NOT EXISTS {table} (
    store_key BINARY(32) NOT NULL PRIMARY KEY, -- SHA-256 of the session's id
    version   BIGINT NOT NULL,
    record    LONGBLOB NOT NULL,               -- UTF-8
    created   BIGINT NOT NULL,                 -- milliseconds since 1970, as the two below
    touched   BIGINT NOT NULL,
    deadline  BIGINT,                          -- NULL: for ever
    owner     LONGBLOB,                        -- UTF-8
    moved_to  BINARY(32),                      -- a mark: the session has this key now
    sweep_at  BIGINT DEFAULT 0,                -- when the sweeper looks at it: never later than the deadline
    KEY `{name}_sweep` (sweep_at),
    KEY `{name}_owner` (owner(255))
) ENGINE = InnoDB

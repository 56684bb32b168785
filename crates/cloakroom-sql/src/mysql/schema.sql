-- A table of an earlier release lacks columns and has other indexes. The first sweeps visit its
-- rows:
-- ALTER TABLE {table} ADD COLUMN sweep_at BIGINT DEFAULT 0,
--     ADD COLUMN owner_start VARBINARY(255) AS (LEFT(owner, 255)) STORED, ADD KEY `{name}_sweep` (sweep_at),
--     ADD KEY `{name}_created` (created), ADD KEY `{name}_owned` (owner_start, created, store_key),
--     DROP KEY `{name}_deadline`, DROP KEY `{name}_owner`;
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
    owner_start VARBINARY(255) AS (LEFT(owner, 255)) STORED, -- an index has no room for more
    KEY `{name}_sweep` (sweep_at),
    KEY `{name}_created` (created),
    KEY `{name}_owned` (owner_start, created, store_key)
) ENGINE = InnoDB

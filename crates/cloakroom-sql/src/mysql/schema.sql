CREATE TABLE IF NOT EXISTS cloakroom_sessions (
    store_key BINARY(32) NOT NULL PRIMARY KEY, -- SHA-256 of the session's id
    version   BIGINT NOT NULL,
    record    LONGBLOB NOT NULL,               -- UTF-8
    created   BIGINT NOT NULL,                 -- milliseconds since 1970, as the two below
    touched   BIGINT NOT NULL,
    deadline  BIGINT,                          -- NULL: for ever
    owner     LONGBLOB,                        -- UTF-8
    moved_to  BINARY(32),                      -- a mark: the session has this key now
    sweep_at  BIGINT DEFAULT 0,                -- when the sweeper looks at it: never later than the deadline
    KEY cloakroom_sessions_sweep (sweep_at),
    KEY cloakroom_sessions_owner (owner(255))
) ENGINE = InnoDB
-- A table of an earlier release lacks a column and has another index. Its rows are looked at by the first sweeps:
-- ALTER TABLE cloakroom_sessions ADD COLUMN sweep_at BIGINT DEFAULT 0, ADD KEY cloakroom_sessions_sweep (sweep_at),
--     DROP KEY cloakroom_sessions_deadline

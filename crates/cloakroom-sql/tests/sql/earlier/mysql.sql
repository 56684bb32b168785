CREATE TABLE IF NOT EXISTS cloakroom_sessions (
    store_key BINARY(32) NOT NULL PRIMARY KEY, -- SHA-256 of the session's id
    version   BIGINT NOT NULL,
    record    LONGBLOB NOT NULL,               -- UTF-8
    created   BIGINT NOT NULL,                 -- milliseconds since 1970, as the two below
    touched   BIGINT NOT NULL,
    deadline  BIGINT,                          -- NULL: for ever
    owner     LONGBLOB,                        -- UTF-8
    moved_to  BINARY(32),                      -- a mark: the session has this key now
    KEY cloakroom_sessions_deadline (deadline),
    KEY cloakroom_sessions_owner (owner(255))
) ENGINE = InnoDB

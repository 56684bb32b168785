CREATE TABLE IF NOT EXISTS cloakroom_sessions (
    store_key BYTEA NOT NULL PRIMARY KEY, -- SHA-256 of the session's id
    version   BIGINT NOT NULL,
    record    BYTEA NOT NULL,             -- UTF-8
    created   BIGINT NOT NULL,            -- milliseconds since 1970, as the two below
    touched   BIGINT NOT NULL,
    deadline  BIGINT,                     -- NULL: for ever
    owner     BYTEA,                      -- UTF-8
    moved_to  BYTEA                       -- a mark: the session has this key now
);
CREATE INDEX IF NOT EXISTS cloakroom_sessions_deadline ON cloakroom_sessions (deadline);
-- Not a B-tree, whose entries have a greatest length.
CREATE INDEX IF NOT EXISTS cloakroom_sessions_owner ON cloakroom_sessions USING hash (owner);

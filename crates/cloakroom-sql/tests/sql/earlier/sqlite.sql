CREATE TABLE IF NOT EXISTS cloakroom_sessions (
    store_key BLOB NOT NULL PRIMARY KEY, -- SHA-256 of the session's id
    version   INTEGER NOT NULL,
    record    TEXT NOT NULL,
    created   INTEGER NOT NULL,          -- milliseconds since 1970, as the two below
    touched   INTEGER NOT NULL,
    deadline  INTEGER,                   -- NULL: for ever
    owner     TEXT,
    moved_to  BLOB                       -- a mark: the session has this key now
) STRICT;
CREATE INDEX IF NOT EXISTS cloakroom_sessions_deadline ON cloakroom_sessions (deadline);
CREATE INDEX IF NOT EXISTS cloakroom_sessions_owner ON cloakroom_sessions (owner, created) WHERE owner IS NOT NULL;

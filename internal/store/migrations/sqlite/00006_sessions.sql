-- +goose Up

-- Who is signed in. id is the hash of what the browser has; facts are sealed.
CREATE TABLE session (
    id       TEXT PRIMARY KEY,
    viewer   TEXT NOT NULL,
    provider TEXT NOT NULL,
    subject  TEXT NOT NULL,
    provided TEXT NOT NULL,
    created  BIGINT NOT NULL,
    seen     BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    facts    BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_expires ON session (expires);
CREATE INDEX session_subject ON session (provider, subject);

-- Proofs, assertions and answers that are taken once: keyed hashes, until they could not be used any more.
CREATE TABLE used (
    hash  BLOB PRIMARY KEY,
    until BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX used_until ON used (until);

-- +goose Down
DROP TABLE used;
DROP TABLE session;

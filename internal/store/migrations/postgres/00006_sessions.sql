-- +goose Up

-- Who is signed in. id is the hash of what the browser has; facts are sealed.
CREATE TABLE session (
    id       TEXT COLLATE "C" PRIMARY KEY,
    viewer   TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    provided TEXT COLLATE "C" NOT NULL,
    created  BIGINT NOT NULL,
    seen     BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    facts    BYTEA NOT NULL
);
CREATE INDEX session_expires ON session (expires);
CREATE INDEX session_subject ON session (provider, subject);

-- Proofs, assertions and answers that are taken once: keyed hashes, until they could not be used any more.
CREATE TABLE used (
    hash  BYTEA PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX used_until ON used (until);

-- +goose Down
DROP TABLE used;
DROP TABLE session;

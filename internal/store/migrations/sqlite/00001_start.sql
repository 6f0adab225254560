-- +goose Up

-- What the instance knows about itself: its keys.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
);

-- One configured source. The cursor is where the last saved page left it.
CREATE TABLE source (
    source  TEXT PRIMARY KEY,
    system  TEXT NOT NULL,
    service TEXT NOT NULL,
    title   TEXT NOT NULL,
    cursor  TEXT NOT NULL DEFAULT ''
);

-- One reading of a source. finished is NULL while it runs or where it was killed.
CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    source      TEXT NOT NULL,
    who         TEXT NOT NULL,
    started     BIGINT NOT NULL,
    finished    BIGINT,
    listed      BIGINT NOT NULL DEFAULT 0,
    stored      BIGINT NOT NULL DEFAULT 0,
    unchanged   BIGINT NOT NULL DEFAULT 0,
    quarantined BIGINT NOT NULL DEFAULT 0,
    removed     BIGINT NOT NULL DEFAULT 0,
    failure     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX run_source ON run (source, finished);

-- What was seen last under a key and what became of it: read before anything is decoded.
CREATE TABLE ledger (
    source   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    key      TEXT NOT NULL,
    stamp    BLOB NOT NULL,
    revision TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    PRIMARY KEY (source, kind, key)
) WITHOUT ROWID;

-- The newest version of each record, as received. derived: assembled from parts.
CREATE TABLE record (
    source   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    key      TEXT NOT NULL,
    version  TEXT NOT NULL,
    changed  BIGINT NOT NULL,
    deleted  INTEGER NOT NULL,
    derived  INTEGER NOT NULL,
    media    TEXT NOT NULL,
    hash     BLOB NOT NULL,
    recorded BIGINT NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (source, kind, key)
);

-- Every other version that was ever received, also those that came too late.
CREATE TABLE record_history (
    source   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    key      TEXT NOT NULL,
    hash     BLOB NOT NULL,
    version  TEXT NOT NULL,
    changed  BIGINT NOT NULL,
    deleted  INTEGER NOT NULL,
    media    TEXT NOT NULL,
    recorded BIGINT NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (source, kind, key, hash)
);

-- Parts of wholes, as received. The same key with other bytes is another row.
CREATE TABLE part (
    source   TEXT NOT NULL,
    grp      TEXT NOT NULL,
    kind     TEXT NOT NULL,
    key      TEXT NOT NULL,
    hash     BLOB NOT NULL,
    version  TEXT NOT NULL,
    changed  BIGINT NOT NULL,
    deleted  INTEGER NOT NULL,
    media    TEXT NOT NULL,
    recorded BIGINT NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (source, grp, kind, key, hash)
);

-- What one record says. basis_* is the rank of the record version that it was made of:
-- a version that could not be mapped leaves the last one that could. version 0: it
-- never said anything (a record that makes nothing).
CREATE TABLE contribution (
    id             INTEGER PRIMARY KEY,
    source         TEXT NOT NULL,
    kind           TEXT NOT NULL,
    key            TEXT NOT NULL,
    version        BIGINT NOT NULL,
    revision       TEXT NOT NULL,
    service        TEXT NOT NULL,
    subject        TEXT NOT NULL,
    deleted        INTEGER NOT NULL,
    made           BLOB NOT NULL,
    recorded       BIGINT NOT NULL,
    basis_version  TEXT NOT NULL,
    basis_changed  BIGINT NOT NULL,
    basis_deleted  INTEGER NOT NULL,
    basis_hash     BLOB NOT NULL,
    UNIQUE (source, kind, key)
);
CREATE INDEX contribution_subject ON contribution (source, subject, service);

-- Every version of every contribution, removals included.
CREATE TABLE contribution_version (
    contribution   BIGINT NOT NULL REFERENCES contribution (id),
    version        BIGINT NOT NULL,
    revision       TEXT NOT NULL,
    service        TEXT NOT NULL,
    subject        TEXT NOT NULL,
    deleted        INTEGER NOT NULL,
    recorded       BIGINT NOT NULL,
    source_version TEXT NOT NULL,
    changed        BIGINT NOT NULL,
    hash           BLOB NOT NULL,
    PRIMARY KEY (contribution, version)
) WITHOUT ROWID;

-- The resources of every version. The body is the truth, as text.
CREATE TABLE resource (
    contribution BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    seq          BIGINT NOT NULL,
    type         TEXT NOT NULL,
    id           TEXT NOT NULL,
    body         TEXT NOT NULL,
    lineage      TEXT NOT NULL,
    PRIMARY KEY (contribution, version, seq),
    FOREIGN KEY (contribution, version) REFERENCES contribution_version (contribution, version)
);
CREATE INDEX resource_id ON resource (type, id);

-- Map rules, once each; lineage names them by number.
CREATE TABLE rule (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
);

-- What each version of each record says about who its subject is.
CREATE TABLE claim (
    source     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    key        TEXT NOT NULL,
    hash       BLOB NOT NULL,
    subject    TEXT NOT NULL,
    service    TEXT NOT NULL,
    current    INTEGER NOT NULL,
    birth_date TEXT NOT NULL,
    name       TEXT NOT NULL,
    refused    TEXT NOT NULL,
    recorded   BIGINT NOT NULL,
    PRIMARY KEY (source, kind, key, hash)
) WITHOUT ROWID;
CREATE INDEX claim_subject ON claim (source, subject);

CREATE TABLE claim_number (
    source  TEXT NOT NULL,
    subject TEXT NOT NULL,
    number  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    hash    BLOB NOT NULL,
    old     INTEGER NOT NULL,
    PRIMARY KEY (source, kind, key, hash, number)
) WITHOUT ROWID;
CREATE INDEX claim_number_number ON claim_number (number);

-- A person has a random id. Each number brings its own person when it is first seen;
-- where numbers turn out to be one person's, the oldest survives and the others point to it.
CREATE TABLE person (
    id          TEXT PRIMARY KEY,
    seq         BIGINT NOT NULL UNIQUE,
    created     BIGINT NOT NULL,
    merged_into TEXT REFERENCES person (id)
);

-- A number as a keyed hash, with what it shows.
CREATE TABLE number (
    number       TEXT PRIMARY KEY,
    system       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    born         TEXT NOT NULL,
    sex          TEXT NOT NULL,
    person       TEXT NOT NULL REFERENCES person (id),
    first_seen   BIGINT NOT NULL,
    first_source TEXT NOT NULL
);
CREATE INDEX number_person ON number (person);

-- Each uniting of two persons, and when it was undone.
CREATE TABLE person_merge (
    id       INTEGER PRIMARY KEY,
    survivor TEXT NOT NULL,
    merged   TEXT NOT NULL,
    at       BIGINT NOT NULL,
    undone   BIGINT
);

-- A source's own key for a person, and who that is: person, or the reason for waiting.
CREATE TABLE subject (
    source  TEXT NOT NULL,
    subject TEXT NOT NULL,
    person  TEXT REFERENCES person (id),
    reason  TEXT NOT NULL,
    PRIMARY KEY (source, subject)
) WITHOUT ROWID;
CREATE INDEX subject_person ON subject (person);

-- A person's decision about a subject. Never deleted: withdrawn says when it ended.
CREATE TABLE ruling (
    id        INTEGER PRIMARY KEY,
    source    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    ruling    TEXT NOT NULL,
    who       TEXT NOT NULL,
    why       TEXT NOT NULL,
    at        BIGINT NOT NULL,
    withdrawn BIGINT
);
CREATE INDEX ruling_subject ON ruling (source, subject);

-- What could not be used, with the reason. body only where there is no record.
CREATE TABLE quarantine (
    source     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    key        TEXT NOT NULL,
    hash       BLOB NOT NULL,
    code       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    place      TEXT NOT NULL,
    media      TEXT NOT NULL,
    body       BLOB,
    first_seen BIGINT NOT NULL,
    PRIMARY KEY (source, kind, key)
);

-- Outcomes of which a source has not been told yet.
CREATE TABLE pending (
    source TEXT NOT NULL,
    kind   TEXT NOT NULL,
    key    TEXT NOT NULL,
    stored INTEGER NOT NULL,
    code   TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (source, kind, key)
) WITHOUT ROWID;

-- Explicit permissions. ends is NULL where there is no end.
CREATE TABLE grants (
    viewer   TEXT NOT NULL,
    person   TEXT NOT NULL,
    services TEXT NOT NULL,
    starts   BIGINT NOT NULL,
    ends     BIGINT,
    basis    TEXT NOT NULL,
    PRIMARY KEY (viewer, person, basis, starts)
);

-- Who asked for whom, and what was decided: written before anything is shown.
CREATE TABLE access_log (
    id       INTEGER PRIMARY KEY,
    at       BIGINT NOT NULL,
    viewer   TEXT NOT NULL,
    person   TEXT NOT NULL,
    services TEXT NOT NULL,
    allowed  INTEGER NOT NULL,
    door     TEXT NOT NULL
);
CREATE INDEX access_log_person ON access_log (person, at);

-- +goose Down
DROP TABLE access_log;
DROP TABLE grants;
DROP TABLE pending;
DROP TABLE quarantine;
DROP TABLE ruling;
DROP TABLE subject;
DROP TABLE person_merge;
DROP TABLE number;
DROP TABLE person;
DROP TABLE claim_number;
DROP TABLE claim;
DROP TABLE rule;
DROP TABLE resource;
DROP TABLE contribution_version;
DROP TABLE contribution;
DROP TABLE part;
DROP TABLE record_history;
DROP TABLE record;
DROP TABLE ledger;
DROP TABLE run;
DROP TABLE source;
DROP TABLE meta;

-- +goose Up

-- The hash of the bytes alone: what a listing can tell of them.
ALTER TABLE ledger ADD COLUMN hash BLOB NOT NULL DEFAULT x'';

-- The report of one full compare of a source with what is held.
CREATE TABLE reconciliation (
    id         INTEGER PRIMARY KEY,
    source     TEXT NOT NULL,
    who        TEXT NOT NULL,
    started    BIGINT NOT NULL,
    finished   BIGINT NOT NULL,
    method     TEXT NOT NULL,
    listed     BIGINT NOT NULL,
    held       BIGINT NOT NULL,
    equal      BIGINT NOT NULL,
    fresh      BIGINT NOT NULL,
    changed    BIGINT NOT NULL,
    back_dated BIGINT NOT NULL,
    returned   BIGINT NOT NULL,
    vanished   BIGINT NOT NULL,
    repaired   BIGINT NOT NULL,
    refused    BIGINT NOT NULL,
    failure    TEXT NOT NULL,
    asks       TEXT NOT NULL,
    lines_left BIGINT NOT NULL
);
CREATE INDEX reconciliation_source ON reconciliation (source, id);

-- Each key on which source and store disagreed, and what was done. person is as it was known then.
CREATE TABLE reconciliation_line (
    reconciliation BIGINT NOT NULL REFERENCES reconciliation (id),
    seq            BIGINT NOT NULL,
    kind           TEXT NOT NULL,
    key            TEXT NOT NULL,
    finding        TEXT NOT NULL,
    result         TEXT NOT NULL,
    reason         TEXT NOT NULL,
    person         TEXT NOT NULL,
    PRIMARY KEY (reconciliation, seq)
) WITHOUT ROWID;
CREATE INDEX reconciliation_line_person ON reconciliation_line (person);

-- +goose Down
DROP TABLE reconciliation_line;
DROP TABLE reconciliation;
ALTER TABLE ledger DROP COLUMN hash;

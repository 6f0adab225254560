-- +goose Up

-- What a right is: an appointment, a basis, a consent, a block, what a child withholds, a guardian, a broken
-- glass. Every change is a new version, and no version goes away; current marks the newest. body is the
-- fact as JSON. viewer is whom it ties to the person, '' for what ties nobody; other is who that is among our persons.
CREATE TABLE rights (
    seq     INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    version BIGINT NOT NULL,
    current INTEGER NOT NULL,
    person  TEXT NOT NULL,
    viewer  TEXT NOT NULL,
    other   TEXT NOT NULL,
    at      BIGINT NOT NULL,
    body    BLOB NOT NULL,
    UNIQUE (kind, id, version)
);
CREATE INDEX rights_person ON rights (person, current);
CREATE INDEX rights_viewer ON rights (viewer, kind) WHERE current = 1 AND viewer <> '';
CREATE INDEX rights_other ON rights (other) WHERE current = 1 AND other <> '';

-- n grows with everything that a decision about the person rests on. address is the highest level that any
-- source ever gave her, until somebody who may lowers it.
CREATE TABLE rights_epoch (
    person  TEXT PRIMARY KEY,
    n       BIGINT NOT NULL,
    address INTEGER NOT NULL
) WITHOUT ROWID;

-- Unitings of persons after which koordinerende enhet let the permissions of the merged hold for the survivor.
CREATE TABLE merge_confirmed (
    survivor TEXT NOT NULL,
    merged   TEXT NOT NULL,
    at       BIGINT NOT NULL,
    who      TEXT NOT NULL,
    PRIMARY KEY (survivor, merged)
) WITHOUT ROWID;

-- What somebody must hear of at once: a glass was broken.
CREATE TABLE notice (
    id     INTEGER PRIMARY KEY,
    at     BIGINT NOT NULL,
    role   TEXT NOT NULL,
    what   TEXT NOT NULL,
    person TEXT NOT NULL,
    ref    TEXT NOT NULL,
    seen   BIGINT NOT NULL DEFAULT 0,
    who    TEXT NOT NULL DEFAULT ''
);

-- The audit log: who asked for whom, and what was decided, as a chain. hash is made of prev and body.
-- Nothing in it is ever changed.
CREATE TABLE audit_event (
    seq    BIGINT PRIMARY KEY,
    prev   BLOB NOT NULL,
    hash   BLOB NOT NULL,
    person TEXT NOT NULL,
    at     BIGINT NOT NULL,
    viewer TEXT NOT NULL,
    body   BLOB NOT NULL
);
CREATE INDEX audit_event_person ON audit_event (person, at);
-- +goose StatementBegin
CREATE TRIGGER audit_event_update BEFORE UPDATE ON audit_event BEGIN SELECT raise(ABORT, 'the audit log is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_event_delete BEFORE DELETE ON audit_event BEGIN SELECT raise(ABORT, 'the audit log is never changed'); END;
-- +goose StatementEnd

-- care.Marks of each resource, and of all that a contribution says. -1, which has every mark, where nobody has looked yet.
ALTER TABLE resource ADD COLUMN marks BIGINT NOT NULL DEFAULT -1;
ALTER TABLE contribution ADD COLUMN marks BIGINT NOT NULL DEFAULT -1;
CREATE INDEX contribution_graded ON contribution (source, subject) WHERE (marks & 3) <> 0;

-- Places in care teams, by a keyed hash of the HPR number. 0 where no day is said.
CREATE TABLE team_place (
    contribution BIGINT NOT NULL REFERENCES contribution (id),
    place        BIGINT NOT NULL,
    hpr          TEXT NOT NULL,
    starts       BIGINT NOT NULL,
    ends         BIGINT NOT NULL,
    PRIMARY KEY (contribution, place)
) WITHOUT ROWID;
CREATE INDEX team_place_hpr ON team_place (hpr);
-- How many places a contribution tells of.
ALTER TABLE contribution ADD COLUMN places BIGINT NOT NULL DEFAULT 0;

CREATE INDEX person_merged ON person (merged_into) WHERE merged_into IS NOT NULL;

-- +goose Down
DROP INDEX person_merged;
ALTER TABLE contribution DROP COLUMN places;
DROP TABLE team_place;
DROP INDEX contribution_graded;
ALTER TABLE contribution DROP COLUMN marks;
ALTER TABLE resource DROP COLUMN marks;
DROP TABLE audit_event;
DROP TABLE notice;
DROP TABLE merge_confirmed;
DROP TABLE rights_epoch;
DROP TABLE rights;
DELETE FROM meta WHERE name = 'marks';

-- +goose Up

-- Every version of a record that was ever received, the one that is held and those that came too
-- late included: what was received is written once, and never moved. record says which is held.
CREATE TABLE record_version (
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
    PRIMARY KEY (key, hash, kind, source)
);
INSERT INTO record_version (source, kind, key, hash, version, changed, deleted, media, recorded, body)
    SELECT source, kind, key, hash, version, changed, deleted, media, recorded, body FROM record;
INSERT INTO record_version (source, kind, key, hash, version, changed, deleted, media, recorded, body)
    SELECT source, kind, key, hash, version, changed, deleted, media, recorded, body FROM record_history WHERE true ON CONFLICT DO NOTHING;
DROP TABLE record_history;

-- Which version of each record is held. derived: assembled from parts.
CREATE TABLE record_held (
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
    PRIMARY KEY (source, kind, key)
) WITHOUT ROWID;
INSERT INTO record_held (source, kind, key, version, changed, deleted, derived, media, hash, recorded)
    SELECT source, kind, key, version, changed, deleted, derived, media, hash, recorded FROM record;
DROP TABLE record;
ALTER TABLE record_held RENAME TO record;

-- Whether any version of the record says who its subject is: most say it by the subject's key alone. 1 of
-- what was kept before: it is not known.
ALTER TABLE contribution ADD COLUMN claims INTEGER NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE contribution DROP COLUMN claims;
CREATE TABLE record_held (
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
INSERT INTO record_held (source, kind, key, version, changed, deleted, derived, media, hash, recorded, body)
    SELECT r.source, r.kind, r.key, r.version, r.changed, r.deleted, r.derived, r.media, r.hash, r.recorded, v.body FROM record r
    JOIN record_version v ON v.source = r.source AND v.kind = r.kind AND v.key = r.key AND v.hash = r.hash;
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
INSERT INTO record_history (source, kind, key, hash, version, changed, deleted, media, recorded, body)
    SELECT v.source, v.kind, v.key, v.hash, v.version, v.changed, v.deleted, v.media, v.recorded, v.body FROM record_version v
    WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.source = v.source AND r.kind = v.kind AND r.key = v.key AND r.hash = v.hash);
DROP TABLE record;
DROP TABLE record_version;
ALTER TABLE record_held RENAME TO record;

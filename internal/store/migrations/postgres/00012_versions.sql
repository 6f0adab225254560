-- +goose Up

-- As in SQLite. What was received lies in four parts by hash of the key; which version is held is
-- narrow and is not parted.
CREATE TABLE record_version (
    source   TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    key      TEXT COLLATE "C" NOT NULL,
    hash     BYTEA NOT NULL,
    version  TEXT COLLATE "C" NOT NULL,
    changed  BIGINT NOT NULL,
    deleted  SMALLINT NOT NULL,
    media    TEXT COLLATE "C" NOT NULL,
    recorded BIGINT NOT NULL,
    body     BYTEA NOT NULL,
    PRIMARY KEY (key, hash, kind, source)
) PARTITION BY HASH (key);
-- +goose StatementBegin
DO $$
BEGIN
    BEGIN
        ALTER TABLE record_version ALTER COLUMN body SET COMPRESSION lz4;
    EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
        RAISE NOTICE 'no lz4: the server''s own compression is used';
    END;
    FOR i IN 0..3 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF record_version FOR VALUES WITH (MODULUS 4, REMAINDER %s)', 'record_version_' || i, i);
    END LOOP;
END
$$;
-- +goose StatementEnd
INSERT INTO record_version (source, kind, key, hash, version, changed, deleted, media, recorded, body)
    SELECT source, kind, key, hash, version, changed, deleted, media, recorded, body FROM record;
INSERT INTO record_version (source, kind, key, hash, version, changed, deleted, media, recorded, body)
    SELECT source, kind, key, hash, version, changed, deleted, media, recorded, body FROM record_history ON CONFLICT DO NOTHING;
DROP TABLE record_history;

-- A night may change every row of a page at once: with half of it left empty the new rows find
-- room beside the old ones, and no index is told of them.
CREATE TABLE record_held (
    source   TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    key      TEXT COLLATE "C" NOT NULL,
    version  TEXT COLLATE "C" NOT NULL,
    changed  BIGINT NOT NULL,
    deleted  SMALLINT NOT NULL,
    derived  SMALLINT NOT NULL,
    media    TEXT COLLATE "C" NOT NULL,
    hash     BYTEA NOT NULL,
    recorded BIGINT NOT NULL,
    CONSTRAINT record_held_pkey PRIMARY KEY (source, kind, key)
) WITH (fillfactor = 45);
INSERT INTO record_held (source, kind, key, version, changed, deleted, derived, media, hash, recorded)
    SELECT source, kind, key, version, changed, deleted, derived, media, hash, recorded FROM record;
DROP TABLE record;
ALTER TABLE record_held RENAME TO record;
ALTER INDEX record_held_pkey RENAME TO record_pkey;
ALTER TABLE ledger SET (fillfactor = 45);
ALTER TABLE contribution SET (fillfactor = 45);

-- Whether any version of the record says who its subject is: most say it by the subject's key alone. 1 of
-- what was kept before: it is not known.
ALTER TABLE contribution ADD COLUMN claims SMALLINT NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE contribution DROP COLUMN claims;
ALTER TABLE ledger SET (fillfactor = 85);
ALTER TABLE contribution SET (fillfactor = 85);
CREATE TABLE record_held (
    source   TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    key      TEXT COLLATE "C" NOT NULL,
    version  TEXT COLLATE "C" NOT NULL,
    changed  BIGINT NOT NULL,
    deleted  SMALLINT NOT NULL,
    derived  SMALLINT NOT NULL,
    media    TEXT COLLATE "C" NOT NULL,
    hash     BYTEA NOT NULL,
    recorded BIGINT NOT NULL,
    body     BYTEA NOT NULL,
    CONSTRAINT record_held_pkey PRIMARY KEY (source, kind, key)
) PARTITION BY HASH (key);
CREATE TABLE record_history (
    source   TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    key      TEXT COLLATE "C" NOT NULL,
    hash     BYTEA NOT NULL,
    version  TEXT COLLATE "C" NOT NULL,
    changed  BIGINT NOT NULL,
    deleted  SMALLINT NOT NULL,
    media    TEXT COLLATE "C" NOT NULL,
    recorded BIGINT NOT NULL,
    body     BYTEA NOT NULL,
    PRIMARY KEY (source, kind, key, hash)
) PARTITION BY HASH (key);
-- +goose StatementBegin
DO $$
BEGIN
    FOR i IN 0..3 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF record_held FOR VALUES WITH (MODULUS 4, REMAINDER %s)', 'record_' || i, i);
        EXECUTE format('CREATE TABLE %I PARTITION OF record_history FOR VALUES WITH (MODULUS 4, REMAINDER %s)', 'record_history_' || i, i);
    END LOOP;
END
$$;
-- +goose StatementEnd
INSERT INTO record_held (source, kind, key, version, changed, deleted, derived, media, hash, recorded, body)
    SELECT r.source, r.kind, r.key, r.version, r.changed, r.deleted, r.derived, r.media, r.hash, r.recorded, v.body FROM record r
    JOIN record_version v ON v.source = r.source AND v.kind = r.kind AND v.key = r.key AND v.hash = r.hash;
INSERT INTO record_history (source, kind, key, hash, version, changed, deleted, media, recorded, body)
    SELECT v.source, v.kind, v.key, v.hash, v.version, v.changed, v.deleted, v.media, v.recorded, v.body FROM record_version v
    WHERE NOT EXISTS (SELECT 1 FROM record r WHERE r.source = v.source AND r.kind = v.kind AND r.key = v.key AND r.hash = v.hash);
DROP TABLE record;
DROP TABLE record_version;
ALTER TABLE record_held RENAME TO record;
ALTER INDEX record_held_pkey RENAME TO record_pkey;

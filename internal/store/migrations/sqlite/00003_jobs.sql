-- +goose Up

-- Who may run one thing alone, and until when. token grows with each new holder: a page
-- is kept only under the newest (fencing), so a holder that was paused and wakes up late
-- changes nothing.
CREATE TABLE lease (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    token  BIGINT NOT NULL,
    taken  BIGINT NOT NULL,
    ends   BIGINT NOT NULL
) WITHOUT ROWID;

-- Where the last saved page left a shard of a source that is read in shards.
CREATE TABLE shard (
    source TEXT NOT NULL,
    shard  TEXT NOT NULL,
    cursor TEXT NOT NULL,
    PRIMARY KEY (source, shard)
) WITHOUT ROWID;

-- The shard that a run read, '' for the whole source.
ALTER TABLE run ADD COLUMN shard TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE run DROP COLUMN shard;
DROP TABLE shard;
DROP TABLE lease;

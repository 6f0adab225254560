-- +goose Up

-- Who may run one thing alone, and until when. token grows with each new holder: a page
-- is kept only under the newest (fencing), so a holder that was paused and wakes up late
-- changes nothing.
CREATE TABLE lease (
    name   TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    token  BIGINT NOT NULL,
    taken  BIGINT NOT NULL,
    ends   BIGINT NOT NULL
);

-- Where the last saved page left a shard of a source that is read in shards.
CREATE TABLE shard (
    source TEXT COLLATE "C" NOT NULL,
    shard  TEXT COLLATE "C" NOT NULL,
    cursor TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (source, shard)
);

-- The shard that a run read, '' for the whole source.
ALTER TABLE run ADD COLUMN shard TEXT COLLATE "C" NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE run DROP COLUMN shard;
DROP TABLE shard;
DROP TABLE lease;

-- +goose Up

-- What lineage says is much the same for all records of a map: each such text is kept once and found by the
-- hash of what it says. The hash is made of the rules' texts, not of their numbers here.
CREATE TABLE lineage_shape (
    id   INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL
);

-- NULL where the lineage was kept with the resource, before there were shapes; else lineage is ''.
ALTER TABLE resource ADD COLUMN lineage_shape BIGINT REFERENCES lineage_shape (id);

-- +goose Down
UPDATE resource SET lineage = (SELECT l.text FROM lineage_shape l WHERE l.id = resource.lineage_shape) WHERE lineage_shape IS NOT NULL;
ALTER TABLE resource DROP COLUMN lineage_shape;
DROP TABLE lineage_shape;

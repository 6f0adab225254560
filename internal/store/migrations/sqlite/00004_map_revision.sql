-- +goose Up

-- What a map's revision stands for: its file and tables as a zip archive, kept once when it is first used,
-- so that a contribution can be made again with the map that made it.
CREATE TABLE map_revision (
    revision TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    recorded BIGINT NOT NULL,
    pin      BLOB NOT NULL
);

-- +goose Down
DROP TABLE map_revision;

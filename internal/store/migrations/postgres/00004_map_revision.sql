-- +goose Up

-- What a map's revision stands for: its file and tables as a zip archive, kept once when it is first used,
-- so that a contribution can be made again with the map that made it.
CREATE TABLE map_revision (
    revision TEXT COLLATE "C" PRIMARY KEY,
    name     TEXT COLLATE "C" NOT NULL,
    recorded BIGINT NOT NULL,
    pin      BYTEA NOT NULL
);

-- +goose Down
DROP TABLE map_revision;

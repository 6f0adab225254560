-- +goose Up

-- Proof of what was deleted: how many of what, and a keyed hash over their names, so that it can be shown
-- of a copy that something in it was to be gone, and nothing can be read out of the proof.
CREATE TABLE deletion (
    id     INTEGER PRIMARY KEY,
    at     BIGINT NOT NULL,
    why    TEXT NOT NULL,
    who    TEXT NOT NULL,
    source TEXT NOT NULL,
    what   TEXT NOT NULL,
    n      BIGINT NOT NULL,
    hash   BLOB NOT NULL
);

-- +goose Down
DROP TABLE deletion;

-- +goose Up

-- What a resource says is bytes that cannot be read without keys (internal/vault). A column of
-- SQLite's holds them whatever its type is called.
SELECT 1;

-- +goose Down
SELECT 1;

-- +goose Up

-- What a resource says is bytes that cannot be read without keys (internal/vault).
ALTER TABLE resource ALTER COLUMN body TYPE BYTEA USING convert_to(body, 'UTF8');

-- +goose Down
-- Of a store that is not sealed: what is sealed is no text.
ALTER TABLE resource ALTER COLUMN body TYPE TEXT COLLATE "C" USING convert_from(body, 'UTF8');

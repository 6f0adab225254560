-- +goose Up

-- Two persons let the permissions of a united person hold (T11). What one alone let hold before
-- waits for a second one.
ALTER TABLE merge_confirmed ADD COLUMN second TEXT NOT NULL DEFAULT '';
ALTER TABLE merge_confirmed ADD COLUMN second_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE merge_confirmed DROP COLUMN second_at;
ALTER TABLE merge_confirmed DROP COLUMN second;

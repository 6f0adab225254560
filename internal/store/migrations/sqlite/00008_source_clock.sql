-- +goose Up

-- How far the source's clock was ahead of ours when it was measured last, in microseconds, and since when.
ALTER TABLE source ADD COLUMN skew BIGINT NOT NULL DEFAULT 0;
ALTER TABLE source ADD COLUMN skew_since BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE source DROP COLUMN skew_since;
ALTER TABLE source DROP COLUMN skew;

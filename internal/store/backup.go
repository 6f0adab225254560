package store

import (
	"context"
	"errors"
	"fmt"
	"os"

	"samsyn/internal/care"
)

// Backup writes a whole copy of a SQLite store to a new file, readable by its owner
// alone, while the store is in use: it is the store as it was at one moment, and is
// opened like any other. The error is care.ErrConflict where the file exists, and
// care.ErrInvalid on PostgreSQL, whose own programs do this better (docs/operations.md).
func (s *Store) Backup(ctx context.Context, file string) error {
	if s.postgres {
		return fmt.Errorf("back up: the store is on PostgreSQL: use pg_dump or a base backup: %w", care.ErrInvalid)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // SQLite fills an empty file and keeps its mode
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("back up: %s exists already: %w", file, care.ErrConflict)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	own, err := connectSQLite(s.path, 1, "")
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	_, err = own.DB.ExecContext(ctx, `VACUUM INTO $1`, file)
	if err = errors.Join(told(err), own.Close()); err != nil {
		return errors.Join(fmt.Errorf("back up: %w", err), os.Remove(file))
	}
	return nil
}

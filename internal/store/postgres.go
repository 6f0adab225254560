package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/lib/pq"
	"github.com/pressly/goose/v3"

	"samsyn/internal/care"
)

// How many connections one instance opens, and how long it keeps one: a server that
// was taken over by another is left within the hour.
const (
	postgresConns = 16
	connLife      = 30 * time.Minute
)

func (s *Store) openPostgres(ctx context.Context, dsn, replica string) error {
	var err error
	if s.write, err = connectPostgres(dsn); err != nil {
		return err
	}
	s.read = s.write
	if err := s.migratePostgres(ctx); err != nil || replica == "" {
		return err
	}
	if s.far, err = connectPostgres(replica); err != nil {
		return fmt.Errorf("replica: %w", err)
	}
	return nil
}

// connectPostgres opens a pool. Parameters go in binary form and each question in one
// trip: what is not prepared by us is prepared nowhere, so a pooler may stand between.
func connectPostgres(dsn string) (*pool, error) {
	u, err := url.Parse(dsn)
	if err != nil { // the error repeats the URL, and with it a password
		return nil, fmt.Errorf("the address of the store is no URL: %w", care.ErrInvalid)
	}
	q := u.Query()
	pooled := q.Get("pool")
	if pooled != "" && pooled != "transaction" {
		return nil, fmt.Errorf("pool=%s in the address of the store: only pool=transaction is known: %w", pooled, care.ErrInvalid)
	}
	q.Del("pool")
	q.Set("binary_parameters", "yes")
	if q.Get("sslmode") == "" {
		q.Set("sslmode", sslMode(u.Hostname(), q.Get("host")))
	}
	for name, value := range map[string]string{"connect_timeout": "10", "application_name": "samsyn", "client_encoding": "UTF8"} {
		if q.Get(name) == "" {
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	c, err := pq.NewConnector(u.String())
	if err != nil {
		return nil, fmt.Errorf("the address of the store: %w: %w", care.ErrInvalid, err)
	}
	p := newPool(sql.OpenDB(c), "postgres", postgresConns, pooled == "")
	p.SetConnMaxLifetime(connLife)
	return p, nil
}

// sslMode is the one that is safe without being asked for.
func sslMode(hosts ...string) string {
	for _, h := range hosts {
		if ip := net.ParseIP(h); h != "" && h != "localhost" && !strings.HasPrefix(h, "/") && (ip == nil || !ip.IsLoopback()) {
			return "verify-full"
		}
	}
	return "disable"
}

// migratePostgres lets one instance at a time bring the schema up to date. The lock is a
// transaction's, on a connection of its own, for a pooler may give each transaction another.
func (s *Store) migratePostgres(ctx context.Context) (err error) {
	tx, err := s.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }() // it wrote nothing
	if _, err := tx.ExecContext(ctx, lock{class: schemaLock}.String()); err != nil {
		return err
	}
	return migrate(ctx, s.write.DB.DB, goose.DialectPostgres, "postgres")
}

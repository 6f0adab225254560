package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
	"samsyn/internal/vault"
)

// tuning is what docs/operations.md asks of a production server, as far as it matters on
// an empty machine. fsync and synchronous_commit are on.
var tuning = []string{"shared_buffers = '2GB'", "max_wal_size = '16GB'", "wal_buffers = '64MB'", "checkpoint_timeout = '15min'",
	"wal_compression = 'lz4'", "default_toast_compression = 'lz4'", "random_page_cost = 1.1"}

// bases gives the databases to measure on; stop ends their servers.
func bases(o Options) (_ []*base, stop func() error, err error) {
	server, err := pgtest.New()
	if err != nil {
		return nil, nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, server.Stop())
		}
	}()
	for _, t := range tuning {
		if err := pgtest.Exec(server.URL, "ALTER SYSTEM SET "+t); err != nil {
			return nil, nil, fmt.Errorf("set %s: %w", t, err)
		}
	}
	if err := server.Restart(); err != nil {
		return nil, nil, err
	}
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if err = pgtest.Exec(server.URL, "SELECT 1"); err == nil {
			break
		}
		if time.Since(start) > 30*time.Second {
			return nil, nil, fmt.Errorf("start PostgreSQL again: %w", err)
		}
	}
	postgres := &base{name: "PostgreSQL", url: server.URL, dir: o.Dir, unsealed: o.Unsealed}
	if postgres.postmaster, err = postmaster(server.URL); err != nil {
		return nil, nil, err
	}
	return []*base{postgres, {name: "SQLite", dir: o.Dir, unsealed: o.Unsealed}}, server.Stop, nil
}

// postmaster is the number of the server's first process.
func postmaster(url string) (_ string, err error) {
	db, err := sql.Open("postgres", url)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var backend string
	if err := db.QueryRow(`SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		return "", err
	}
	if f := stat(backend); f != nil {
		return f[1], nil
	}
	return "", nil // on another machine: its time is not counted
}

// base is one kind of database.
type base struct {
	name string
	url  string // of PostgreSQL's server
	dir  string // of SQLite's files, and of the keys
	made int
	// unsealed keeps bodies as they are, to see what sealing costs.
	unsealed bool
	// postmaster is PostgreSQL's first process.
	postmaster string
}

func (b *base) postgres() bool { return b.url != "" }

// place is one database.
type place struct {
	*base
	dsn  string
	keys string  // the file with the keys that seal it
	db   *sql.DB // beside the store: for questions about it, and for the bare tables
}

// keysFile is where the keys of the newest database lie.
func (b *base) keysFile() string { return filepath.Join(b.dir, fmt.Sprintf("bench%d.keys", b.made)) }

// fresh makes an empty database; the caller drops it.
func (b *base) fresh() (*place, error) {
	b.made++
	if !b.postgres() {
		p := &place{base: b, dsn: filepath.Join(b.dir, fmt.Sprintf("bench%d.db", b.made)), keys: b.keysFile()}
		var err error
		p.db, err = sql.Open("sqlite", "file:"+p.dsn+"?_pragma=journal_mode(wal)&_pragma=synchronous(normal)&_pragma=busy_timeout(10000)")
		return p, err
	}
	name := fmt.Sprintf("bench%d", b.made)
	if err := pgtest.Exec(b.url, "CREATE DATABASE "+name); err != nil {
		return nil, err
	}
	u, err := url.Parse(b.url)
	if err != nil {
		return nil, err
	}
	u.Path = "/" + name
	p := &place{base: b, dsn: u.String(), keys: b.keysFile()}
	q := u.Query()
	q.Set("binary_parameters", "yes")
	u.RawQuery = q.Encode()
	p.db, err = sql.Open("postgres", u.String())
	return p, err
}

func (p *place) drop() error {
	err := p.db.Close()
	if e := os.Remove(p.keys); !errors.Is(e, os.ErrNotExist) {
		err = errors.Join(err, e)
	}
	if !p.postgres() {
		for _, end := range []string{"", "-wal", "-shm"} {
			if e := os.Remove(p.dsn + end); !errors.Is(e, os.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
		return err
	}
	return errors.Join(err, pgtest.Exec(p.url, "DROP DATABASE "+strings.TrimPrefix(mustPath(p.dsn), "/")+" WITH (FORCE)"))
}

func mustPath(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return ""
	}
	return u.Path
}

func (p *place) open(ctx context.Context) (*store.Store, error) {
	o := store.Options{}
	if !p.unsealed {
		o.Vault = vault.InFile(p.keys, time.Now)
	}
	return store.Open(ctx, p.dsn, o)
}

// size is the database's, in bytes, after all is written to where it belongs.
func (p *place) size(ctx context.Context) (n float64, err error) {
	if !p.postgres() {
		if _, err = p.db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
			return 0, err
		}
		return n, p.db.QueryRowContext(ctx, `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`).Scan(&n)
	}
	if _, err = p.db.ExecContext(ctx, `CHECKPOINT`); err != nil {
		return 0, err
	}
	return n, p.db.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&n)
}

// wal is how far the server's log has come; on SQLite how long the log is, which no
// checkpoint of ours has cut meanwhile.
func (p *place) wal(ctx context.Context) (n float64, err error) {
	if !p.postgres() {
		i, err := os.Stat(p.dsn + "-wal")
		if errors.Is(err, os.ErrNotExist) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		return float64(i.Size()), nil
	}
	return n, p.db.QueryRowContext(ctx, `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn`).Scan(&n)
}

// settle lets a night's compare begin as after a day: what was written is on its
// place, looked at and without rubbish.
func (p *place) settle(ctx context.Context) error {
	if !p.postgres() {
		_, err := p.db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
		return err
	}
	for _, s := range []string{`VACUUM ANALYZE`, `CHECKPOINT`} {
		if _, err := p.db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// seed writes a ledger as the reading of all rows would have left it; the records
// themselves are not written, for a compare looks at those only that differ.
func (p *place) seed(ctx context.Context, source string, r rows) (err error) {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	columns := []string{"source", "kind", "key", "stamp", "revision", "outcome", "hash"}
	insert := `INSERT INTO ledger (` + strings.Join(columns, ", ") + `) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	if p.postgres() {
		insert = `COPY ledger (` + strings.Join(columns, ", ") + `) FROM STDIN`
	}
	st, err := tx.PrepareContext(ctx, insert)
	if err != nil {
		return err
	}
	room := make([]byte, 0, len(r.body))
	for i := range r.n {
		hash := r.hash(i, room)
		if _, err = st.ExecContext(ctx, source, rowsKind, rowKey(i), hash[:], "r1", string(ledger.Stored), hash[:]); err != nil {
			return err
		}
	}
	if p.postgres() {
		if _, err = st.ExecContext(ctx); err != nil {
			return err
		}
	}
	if err = st.Close(); err != nil {
		return err
	}
	return tx.Commit()
}

// described is a source as the store keeps it.
func described(name string) ledger.Source {
	return ledger.Source{Name: name, System: "fhirrest", Service: care.Kommune, Title: name}
}

// bare is the limit: the same bodies into one plain table and its history, by batches,
// with an index by child; nothing is decoded, compared or told.
func (p *place) bare(ctx context.Context, t *town) error {
	for _, s := range []string{
		`CREATE TABLE bare (id TEXT PRIMARY KEY, child TEXT NOT NULL, hash BYTEA NOT NULL, body TEXT NOT NULL)`,
		`CREATE INDEX bare_child ON bare (child)`,
		`CREATE TABLE bare_history (id TEXT NOT NULL, version BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (id, version))`,
	} {
		if _, err := p.db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	half := len(t.numbers) / 2 / pageChildren * pageChildren
	halves := []reader{{town: t, to: half}, {town: t, from: half, to: len(t.numbers)}}
	if !p.postgres() { // one writer
		halves = []reader{{town: t, to: len(t.numbers)}}
	}
	return together(len(halves), func(i int) error { return p.bareHalf(ctx, halves[i]) })
}

func (p *place) bareHalf(ctx context.Context, r reader) error {
	for page, err := range r.Fetch(ctx, "") {
		if err != nil {
			return err
		}
		if err := p.barePage(ctx, page.Records); err != nil {
			return err
		}
	}
	return nil
}

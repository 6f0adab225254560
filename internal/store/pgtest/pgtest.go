// Package pgtest owns the PostgreSQL server of a test binary: a private one that is
// started from installed programs when the first test asks for a database and goes
// with the process, or the one at SAMSYN_TEST_DATABASE_URL. It knows no schema.
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"

	_ "github.com/lib/pq" // the driver registers itself as "postgres"
)

// EnvURL names a server that tests may use instead of a private one. Its user must be
// allowed to make databases, whose names begin with samsyn_test_.
const EnvURL = "SAMSYN_TEST_DATABASE_URL"

// TB is what is needed of a test; *rapid.T has it too.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Available tells whether there is a PostgreSQL to test on. Where there is none the
// test is skipped, loudly; in CI (CI=true) that is a failure.
func Available(t interface {
	TB
	Skipf(format string, args ...any)
}) {
	t.Helper()
	_, err := server()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("PostgreSQL is needed in CI: %v", err)
	default:
		t.Skipf("NOT TESTED ON POSTGRESQL: %v. Install postgresql, or set %s.", err, EnvURL)
	}
}

// server is the process's server, started once. Whoever drops it lets its life's pipe
// be closed, and the server stops.
var server = sync.OnceValues(func() (*Server, error) {
	if u := os.Getenv(EnvURL); u != "" {
		return &Server{URL: u}, nil
	}
	return New()
})

// URL gives the address of an empty database for this test alone, made from template:
// a function that fills a database once, nil for an empty one. It is used again,
// emptied, when the test is over, so two tests that fill it differently must not
// share a process's template.
func URL(t TB, template func(url string) error) string {
	t.Helper()
	pool.Lock()
	defer pool.Unlock()
	name, err := take(template)
	if err != nil {
		t.Fatalf("a database for the test: %v", err)
	}
	t.Cleanup(func() {
		pool.Lock()
		defer pool.Unlock()
		if err := Empty(at(name)); err != nil {
			t.Errorf("empty the test's database: %v", err)
			return
		}
		if template != nil {
			pool.free = append(pool.free, name)
		}
	})
	return at(name)
}

// Copy gives the address of a copy of a database that nobody is connected to.
func Copy(t TB, dsn string) string {
	t.Helper()
	pool.Lock()
	defer pool.Unlock()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("%v", err)
	}
	name, err := create(strings.TrimPrefix(u.Path, "/"))
	if err != nil {
		t.Fatalf("copy a database: %v", err)
	}
	return at(name)
}

// pool is the databases that no test uses now. All have the template's schema.
var pool struct {
	sync.Mutex
	template string
	free     []string
	made     int
}

func take(template func(url string) error) (string, error) {
	if template == nil {
		return create("")
	}
	if n := len(pool.free); n > 0 {
		name := pool.free[n-1]
		pool.free = pool.free[:n-1]
		return name, nil
	}
	if pool.template == "" {
		name, err := create("")
		if err != nil {
			return "", err
		}
		if err := template(at(name)); err != nil {
			return "", err
		}
		if err := Empty(at(name)); err != nil {
			return "", err
		}
		pool.template = name
	}
	return create(pool.template)
}

func create(template string) (string, error) {
	pool.made++
	name := fmt.Sprintf("samsyn_test_%d_%d", os.Getpid(), pool.made)
	sql := "CREATE DATABASE " + name
	if template != "" {
		sql += " TEMPLATE " + template
	}
	return name, Exec(at(""), sql)
}

// Empty removes every row of every table, but of those that are named and what goose knows.
func Empty(dsn string, but ...string) error {
	quoted := "'goose_db_version'"
	for _, name := range but {
		quoted += ", '" + name + "'"
	}
	return Exec(dsn, `DO $$ DECLARE t record; BEGIN
		SET LOCAL session_replication_role = replica;
		FOR t IN SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
			AND relname NOT IN (`+quoted+`) AND relname NOT LIKE '%migration%' LOOP
			EXECUTE format('DELETE FROM %I', t.relname);
		END LOOP;
	END $$`)
}

// at is the address of a database of the server; "" is the server's own.
func at(name string) string {
	own, _ := server() // it was started before
	u, err := url.Parse(own.URL)
	if err != nil || name == "" {
		return own.URL
	}
	u.Path = "/" + name
	return u.String()
}

// Exec does one thing in a database, on a connection of its own.
func Exec(dsn, statement string) (err error) {
	if !strings.Contains(dsn, "sslmode=") {
		dsn += map[bool]string{true: "&", false: "?"}[strings.Contains(dsn, "?")] + "sslmode=disable"
	}
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(context.Background(), statement)
	return err
}

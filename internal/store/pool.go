package store

import (
	"context"
	"database/sql"
	"sync"

	"github.com/jmoiron/sqlx"
)

// pool is the connections to one database, with each statement prepared once. Where a
// pooler stands between that gives another server connection to each transaction,
// nothing is prepared, for what is prepared stays with the connection.
type pool struct {
	*sqlx.DB
	prepares bool

	mu    sync.Mutex
	known map[string]*sqlx.Stmt
}

func newPool(db *sql.DB, driver string, conns int, prepares bool) *pool {
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return &pool{DB: sqlx.NewDb(db, driver), prepares: prepares, known: map[string]*sqlx.Stmt{}}
}

// statement is the query prepared. There are as many as the package has texts. The lock is
// not held while it is prepared: that waits for a connection, and a transaction that has
// the only one may be waiting for the lock.
func (p *pool) statement(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if st := p.find(query); st != nil {
		return st, nil
	}
	st, err := p.PreparexContext(ctx, query)
	if err != nil {
		return nil, told(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if before := p.known[query]; before != nil { // another was quicker
		return before, told(st.Close())
	}
	p.known[query] = st // closed with the pool
	return st, nil
}

// find gives the query as it was prepared before, nil where it was not.
func (p *pool) find(query string) *sqlx.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[query]
}

// SelectContext reads all rows.
func (p *pool) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	if !p.prepares {
		return told(p.DB.SelectContext(ctx, dest, query, args...))
	}
	st, err := p.statement(ctx, query)
	if err != nil {
		return err
	}
	return told(st.SelectContext(ctx, dest, args...))
}

// GetContext reads one row; sql.ErrNoRows where there is none.
func (p *pool) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	if !p.prepares {
		return told(p.DB.GetContext(ctx, dest, query, args...))
	}
	st, err := p.statement(ctx, query)
	if err != nil {
		return err
	}
	return told(st.GetContext(ctx, dest, args...))
}

// QueryxContext opens the rows of a query that many ask.
func (p *pool) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	if !p.prepares {
		rows, err := p.DB.QueryxContext(ctx, query, args...)
		return rows, told(err)
	}
	st, err := p.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryxContext(ctx, args...)
	return rows, told(err)
}

// QueryRows opens the rows of a query for a reader that takes the columns itself.
func (p *pool) QueryRows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if !p.prepares {
		rows, err := p.DB.QueryContext(ctx, query, args...)
		return rows, told(err)
	}
	st, err := p.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(ctx, args...)
	return rows, told(err)
}

// SelectOnce reads all rows of a query that must be planned anew each time: a plan made
// while a table was empty is kept until the server looks at the table again, and reads
// all of it for each question until then.
func (p *pool) SelectOnce(ctx context.Context, dest any, query string, args ...any) error {
	return told(p.DB.SelectContext(ctx, dest, query, args...))
}

// ExecContext does one thing that is a transaction of its own.
func (p *pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if !p.prepares {
		res, err := p.DB.ExecContext(ctx, query, args...)
		return res, told(err)
	}
	st, err := p.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	res, err := st.ExecContext(ctx, args...)
	return res, told(err)
}

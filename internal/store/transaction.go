package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/journal"
	"samsyn/internal/vault"
)

// work is one write transaction.
type work struct {
	ctx     context.Context
	s       *Store
	tx      *sqlx.Tx
	stmts   map[string]*sqlx.Stmt
	at      time.Time
	source  string                    // whose page is saved
	touched map[identity.Subject]bool // subjects whose claims changed
	loose   []identity.NumberID       // numbers that a claim states no more
	whose   bool                      // the lock over who is who is held
	stirred map[identity.Subject]bool // subjects of whom something changed that rights rest on
	moved   map[care.PersonID]bool    // persons of whom that did
	page    page
	ended   []journal.Entry // for the journal, before the end
	again   bool            // it is done again as the journal says
	home    vault.Partition // of the source whose page is saved
	fault   error           // of sealing
}

// A lock is held by one transaction at a time, or by several that share it. SQLite has
// one writer at a time, and needs none. Whoever takes several takes them in the order
// of their classes.
type lock struct {
	class  int
	name   string
	shared bool
}

const (
	sourceLock  = 0x53414d01 + iota // what a source's records say
	shardLock                       // the same for a shard of it
	ruleLock                        // the numbers of rules
	whoseLock                       // who is who: numbers, persons, subjects, claims
	schemaLock                      // migrations
	rightsLock                      // rights, their epochs and the audit log
	journalLock                     // what ended is written in the order in which it is kept
	keyLock                         // the rings of keys: shared by everybody who writes, and taken before all others
)

// pageLocks keep two pages of the same records apart; shards of a source have none in common.
func pageLocks(source, shard string) []lock {
	if shard == "" {
		return []lock{{class: sourceLock, name: source}}
	}
	return []lock{{class: sourceLock, name: source, shared: true}, {class: shardLock, name: source + "\x00" + shard}}
}

func (l lock) String() string {
	h := fnv.New32a()
	h.Write([]byte(l.name))
	f := "pg_advisory_xact_lock"
	if l.shared {
		f += "_shared"
	}
	return fmt.Sprintf("SELECT %s(%d, %d)", f, l.class, int32(h.Sum32()))
}

// How often a transaction is tried where another is in the way, and where the server is
// gone (about half a minute: it restarts, or another takes over), and how long the first
// and the longest wait is.
const (
	tries     = 12
	lostTries = 28
	firstWait = 10 * time.Millisecond
	longWait  = 2 * time.Second
)

// transaction runs f in one write transaction: all of it is kept, or nothing. Where
// another transaction was in the way, or the connection was lost before the end, it
// is done again from the beginning, a bounded number of times; f must not leave
// anything behind outside of its work. Where the connection is lost while the end is
// being told, the database is asked what became of it.
func (s *Store) transaction(ctx context.Context, f func(*work) error, locks ...lock) error {
	for try := 1; ; try++ {
		err := s.attempt(ctx, f, locks)
		if errors.Is(err, errRings) && try < tries {
			if err := s.vault.Refresh(ctx); err != nil {
				return told(err)
			}
			continue
		}
		if err == nil || try >= map[fault]int{conflict: tries, lost: lostTries}[faultOf(err)] || errors.Is(err, errFate) {
			return told(err)
		}
		if err := s.pause(ctx, try); err != nil {
			return err
		}
	}
}

// pause waits longer each time, by a random share, so that those who met do not meet again.
func (s *Store) pause(ctx context.Context, try int) error {
	longest := min(firstWait<<min(try-1, 10), longWait)
	b := make([]byte, 1)
	if err := s.draw(b); err != nil {
		return err
	}
	t := time.NewTimer(longest/2 + longest/2*time.Duration(b[0])/256)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) attempt(ctx context.Context, f func(*work) error, locks []lock) (err error) {
	tx, err := s.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			if rb := tx.Rollback(); rb != nil && !errors.Is(rb, sql.ErrTxDone) && faultOf(rb) != lost {
				err = errors.Join(err, rb)
			}
		}
	}()
	w := &work{ctx: ctx, s: s, tx: tx, stmts: map[string]*sqlx.Stmt{}, at: s.now(), touched: map[identity.Subject]bool{}, stirred: map[identity.Subject]bool{}, moved: map[care.PersonID]bool{}}
	if err := w.open(locks); err != nil {
		return err
	}
	if err := w.sameRings(); err != nil {
		return err
	}
	if err := f(w); w.fault != nil || err != nil {
		return cmp.Or(w.fault, err)
	}
	if err := w.tellStirred(); err != nil {
		return err
	}
	if err := w.writeJournal(); err != nil {
		return err
	}
	if err := w.commit(); err != nil {
		return err
	}
	w.remember()
	return nil
}

// remember lets the pool prepare what this transaction had to prepare for itself. What
// fails here fails nothing: the transaction is kept, and must not be done again.
func (w *work) remember() {
	for query := range w.stmts {
		if _, err := w.s.write.statement(w.ctx, query); err != nil {
			return // whoever asks next prepares it
		}
	}
}

// open takes the locks, and lets the planner look rows up one by one: it may know a table
// as empty that has been filled since, and its plans are kept.
func (w *work) open(locks []lock) error {
	if !w.s.postgres {
		return nil
	}
	parts := []string{"SET LOCAL enable_hashjoin = off", "SET LOCAL enable_mergejoin = off", "SET LOCAL enable_seqscan = off", "SET LOCAL enable_material = off"}
	if w.s.vault != nil && !slices.ContainsFunc(locks, func(l lock) bool { return l.class == keyLock }) {
		parts = append(parts, lock{class: keyLock, shared: true}.String())
	}
	for _, l := range locks {
		parts = append(parts, l.String())
	}
	_, err := w.tx.ExecContext(w.ctx, strings.Join(parts, "; "))
	return err
}

// lock takes one more lock, until the end of the transaction.
func (w *work) lock(class int) error {
	if !w.s.postgres {
		return nil
	}
	_, err := w.tx.ExecContext(w.ctx, lock{class: class}.String())
	return err
}

var errFate = fmt.Errorf("what became of a transaction is not known: %w", care.ErrUnavailable)

// commit ends a transaction on PostgreSQL. Where the connection is lost at the end, the
// server is asked what became of the transaction by its number.
func (w *work) commit() error {
	if !w.s.postgres {
		return w.tx.Commit()
	}
	var id string
	if err := w.tx.GetContext(w.ctx, &id, `SELECT pg_current_xact_id()::text`); err != nil {
		return err
	}
	err := w.tx.Commit()
	if faultOf(err) != lost {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 30*time.Second)
	defer cancel()
	for try := 1; ; try++ {
		var fate sql.NullString // NULL: so long ago that it is forgotten, which it is not
		ask := w.s.write.DB.GetContext(ctx, &fate, `SELECT pg_xact_status($1::text::xid8)`, id)
		switch {
		case ask == nil && fate.String == "committed":
			return nil
		case ask == nil && fate.String == "aborted":
			return err // and it is done again
		case ask != nil && faultOf(ask) != lost: // another server took over, which never saw it
			return errors.Join(errFate, err, ask)
		}
		if p := w.s.pause(ctx, try); p != nil {
			return errors.Join(errFate, err)
		}
	}
}

// prepared is the statement for this transaction, nil where nothing is prepared.
func (w *work) prepared(query string) (*sqlx.Stmt, error) {
	if !w.s.write.prepares {
		return nil, nil
	}
	if st := w.stmts[query]; st != nil {
		return st, nil
	}
	known := w.s.write.find(query)
	if known == nil { // prepared on the transaction's own connection: the pool may have no other
		st, err := w.tx.PreparexContext(w.ctx, query)
		if err != nil {
			return nil, err
		}
		w.stmts[query] = st
		return st, nil
	}
	st := w.tx.StmtxContext(w.ctx, known)
	w.stmts[query] = st
	return st, nil
}

func (w *work) exec(query string, args ...any) error {
	_, err := w.execCount(query, args...)
	return err
}

func (w *work) execCount(query string, args ...any) (int64, error) {
	st, err := w.prepared(query)
	if err != nil {
		return 0, err
	}
	var res sql.Result
	if st == nil {
		res, err = w.tx.ExecContext(w.ctx, query, args...)
	} else {
		res, err = st.ExecContext(w.ctx, args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// get reads one row; found is false where there is none.
func (w *work) get(dest any, query string, args ...any) (found bool, err error) {
	st, err := w.prepared(query)
	if err != nil {
		return false, err
	}
	if st == nil {
		err = w.tx.GetContext(w.ctx, dest, query, args...)
	} else {
		err = st.GetContext(w.ctx, dest, args...)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// get1 reads a row that must be there.
func (w *work) get1(dest any, query string, args ...any) error {
	found, err := w.get(dest, query, args...)
	if err == nil && !found {
		err = errNone("row")
	}
	return err
}

func (w *work) list(dest any, query string, args ...any) error {
	st, err := w.prepared(query)
	if err != nil {
		return err
	}
	if st == nil {
		return w.tx.SelectContext(w.ctx, dest, query, args...)
	}
	return st.SelectContext(w.ctx, dest, args...)
}

// tell does a sentence for all rows.
func (w *work) tell(s *sentence, rows [][]any) error {
	if !w.s.postgres {
		for _, row := range rows {
			if err := w.met(s, 1, s.sqlite, row); err != nil {
				return err
			}
		}
		return nil
	}
	for _, some := range s.slices(rows) {
		if err := w.met(s, len(some), s.postgres, s.arrays(some)); err != nil {
			return err
		}
	}
	return nil
}

// met does a sentence for n rows and sees that it met as many, where it must.
func (w *work) met(s *sentence, n int, query string, args []any) error {
	got, err := w.execCount(query, args...)
	if err == nil && s.meets && got != int64(n) {
		err = fmt.Errorf("%d of %d rows that were read are gone: %w", int64(n)-got, n, care.ErrConflict)
	}
	return err
}

// ask reads what a sentence asks about all rows.
func ask[T any](w *work, s *sentence, rows [][]any) ([]T, error) {
	var out []T
	if !w.s.postgres {
		for _, row := range rows {
			var some []T
			if err := w.list(&some, s.sqlite, row...); err != nil {
				return nil, err
			}
			out = append(out, some...)
		}
		return out, nil
	}
	for _, some := range s.slices(rows) {
		part := make([]T, 0, len(some)) // mostly one of each
		if err := w.list(&part, s.postgres, s.arrays(some)...); err != nil {
			return nil, err
		}
		if out == nil {
			out = part
		} else {
			out = append(out, part...)
		}
	}
	return out, nil
}

// lockWhose takes the lock over who is who, once, as late as can be.
func (w *work) lockWhose() error {
	if w.whose {
		return nil
	}
	w.whose = true
	if err := w.lock(whoseLock); err != nil || !w.s.postgres {
		return err
	}
	return w.exec(`INSERT INTO link_epoch (one, n) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET n = link_epoch.n + 1`)
}

func (w *work) touch(source, subject string) {
	if subject != "" {
		w.touched[identity.Subject{Source: source, Key: subject}] = true
	}
}

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/vault"
)

// auditing lets those who write to the log at the same time write in one transaction:
// each waits for a disk, and they may as well wait for the same turn of it.
type auditing struct {
	mu      sync.Mutex
	waiting []*noted
	turn    chan struct{} // held by the one who writes for all that wait
}

// noted is what one caller wants to have written.
type noted struct {
	epochs map[care.PersonID]int64
	lines  []care.Logged
	done   chan error
}

// Audit writes events to the log: all of them, in one transaction and chained, or none. It
// is durable when it returns without error; nothing may be shown before. The error is
// care.ErrConflict, and nothing is written, where the epoch of a person is not the one
// given: what was decided was decided on what does not hold any more.
func (s *Store) Audit(ctx context.Context, epochs map[care.PersonID]int64, lines []care.Logged) error {
	n := &noted{epochs, lines, make(chan error, 1)}
	s.audit.mu.Lock()
	s.audit.waiting = append(s.audit.waiting, n)
	s.audit.mu.Unlock()
	select {
	case err := <-n.done:
		return err
	case s.audit.turn <- struct{}{}:
		s.writeWaiting(ctx)
		<-s.audit.turn
	case <-ctx.Done():
		if s.audit.leave(n) {
			return fmt.Errorf("write to the audit log: %w", ctx.Err())
		}
	}
	return <-n.done // it is being written, or was
}

// leave takes out what nobody has begun to write.
func (a *auditing) leave(n *noted) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.Index(a.waiting, n)
	if i < 0 {
		return false
	}
	a.waiting = slices.Delete(a.waiting, i, i+1)
	return true
}

// writeWaiting writes what waits. One who goes away while she writes for others as well
// does not take theirs with her.
func (s *Store) writeWaiting(ctx context.Context) {
	s.audit.mu.Lock()
	batch := s.audit.waiting
	s.audit.waiting = nil
	s.audit.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	if len(batch) > 1 {
		ctx = context.WithoutCancel(ctx)
	}
	var refused []error
	err := s.transaction(ctx, func(w *work) error {
		refused = make([]error, len(batch))
		var lines []care.Logged
		for i, n := range batch {
			switch err := w.unmoved(n.epochs); {
			case errors.Is(err, care.ErrConflict):
				refused[i] = err
			case err != nil:
				return err
			default:
				lines = append(lines, n.lines...)
			}
		}
		return w.log(lines)
	}, lock{class: rightsLock})
	for i, n := range batch {
		own := err
		if own == nil {
			own = refused[i]
		}
		if own != nil {
			own = fmt.Errorf("write to the audit log: %w", own)
		}
		n.done <- own
	}
}

// unmoved refuses with care.ErrConflict where a person's epoch is another than expected.
func (w *work) unmoved(epochs map[care.PersonID]int64) error {
	for person, want := range epochs {
		var now int64
		if _, err := w.get(&now, `SELECT n FROM rights_epoch WHERE person = $1`, string(person)); err != nil {
			return err
		}
		if now != want {
			return fmt.Errorf("rights changed meanwhile: %w", care.ErrConflict)
		}
	}
	return nil
}

var putAudit = say(`INSERT INTO audit_event (seq, prev, hash, person, at, viewer, body) SELECT k.seq, k.prev, k.hash, k.person, k.at, k.viewer, k.body FROM {rows}`,
	"seq:int prev:bytes hash:bytes person at:int viewer body:bytes")

// log chains lines to the end of the audit log. The lock over rights is held.
func (w *work) log(lines []care.Logged) error {
	if len(lines) == 0 {
		return nil
	}
	var row headRow
	if _, err := w.get(&row, headQuery); err != nil {
		return err
	}
	head, err := row.head()
	if err != nil {
		return err
	}
	rows := make([][]any, len(lines))
	for i, l := range lines {
		link := audit.Chain(head, l.Body)
		rows[i] = []any{link.Seq, bytes.Clone(link.Prev[:]), bytes.Clone(link.Hash[:]), string(l.Person), micros(l.At), l.Viewer, w.sealed(vault.Coordination, atAudit(link.Seq), bytesOf(l.Body))}
		head = link.Head()
	}
	return w.tell(&putAudit, rows)
}

const headQuery = `SELECT seq, hash FROM audit_event ORDER BY seq DESC LIMIT 1`

type headRow struct {
	Seq  int64  `db:"seq"`
	Hash []byte `db:"hash"`
}

func (r headRow) head() (audit.Head, error) {
	if r.Seq == 0 {
		return audit.Head{}, nil
	}
	if len(r.Hash) != len(audit.Hash{}) {
		return audit.Head{}, fmt.Errorf("the audit log's last row: %w", errDamaged)
	}
	return audit.Head{Seq: r.Seq, Hash: audit.Hash(r.Hash)}, nil
}

// AuditHead gives how far the log has come, for export.
func (s *Store) AuditHead(ctx context.Context) (audit.Head, error) {
	var rows []headRow
	if err := s.read.SelectContext(ctx, &rows, headQuery); err != nil {
		return audit.Head{}, fmt.Errorf("read the head of the audit log: %w", err)
	}
	if len(rows) == 0 {
		return audit.Head{}, nil
	}
	return rows[0].head()
}

type auditRow struct {
	Seq    int64  `db:"seq"`
	Prev   []byte `db:"prev"`
	Hash   []byte `db:"hash"`
	Person string `db:"person"`
	At     int64  `db:"at"`
	Viewer string `db:"viewer"`
	Body   []byte `db:"body"`
}

func (r auditRow) row() audit.Row {
	out := audit.Row{Link: audit.Link{Seq: r.Seq}, Body: r.Body, Index: &audit.Index{Person: care.PersonID(r.Person), Viewer: r.Viewer, At: timeOf(r.At)}}
	copy(out.Prev[:], r.Prev) // what is too short is not what was written, and verifying says so
	copy(out.Hash[:], r.Hash)
	return out
}

// openedLine is the body of a line. One that was written before the store was sealed stays
// as it is for ever, for the log is never changed; the chain vouches for it.
func (s *Store) openedLine(ctx context.Context, r auditRow) ([]byte, error) {
	if len(r.Body) > 0 && r.Body[0] == '{' {
		return r.Body, nil
	}
	return s.opened(ctx, atAudit(r.Seq), r.Body)
}

// AuditOf gives the log about a person, newest first. Lines about those that were united
// with her are hers too.
func (s *Store) AuditOf(ctx context.Context, person care.PersonID) ([]audit.Row, error) {
	var rows []auditRow
	err := s.read.SelectContext(ctx, &rows, meAndUs+`SELECT a.seq, a.prev, a.hash, a.person, a.at, a.viewer, a.body FROM (SELECT id FROM us UNION SELECT CAST($1 AS TEXT)) w JOIN audit_event a ON a.person = w.id ORDER BY a.seq DESC`, string(person))
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	out := make([]audit.Row, len(rows))
	for i, r := range rows {
		if r.Body, err = s.openedLine(ctx, r); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		out[i] = r.row()
	}
	return out, nil
}

// AuditRows gives the whole log in order, from the row after one.
func (s *Store) AuditRows(ctx context.Context, after int64) iter.Seq2[audit.Row, error] {
	const some = 500
	return func(yield func(audit.Row, error) bool) {
		for {
			var rows []auditRow
			if err := s.read.SelectContext(ctx, &rows, `SELECT seq, prev, hash, person, at, viewer, body FROM audit_event WHERE seq > $1 ORDER BY seq LIMIT $2`, after, some); err != nil {
				yield(audit.Row{}, fmt.Errorf("read the audit log: %w", err))
				return
			}
			for _, r := range rows {
				var err error
				if r.Body, err = s.openedLine(ctx, r); err != nil && !errors.Is(err, errDamaged) { // what is damaged breaks the chain
					yield(audit.Row{}, fmt.Errorf("read the audit log: %w", err))
					return
				}
				if after = r.Seq; !yield(r.row(), nil) {
					return
				}
			}
			if len(rows) < some {
				return
			}
		}
	}
}

// PutRights keeps rights of a person that were decided at an epoch, what offices must hear of
// it, and the events that tell of it, in one transaction. What is the same as held is
// not written again. After it has returned, nothing is released that was decided before. The error
// is care.ErrConflict where the person's epoch has moved, care.ErrInvalid for a right without id or of another person.
func (s *Store) PutRights(ctx context.Context, person care.PersonID, epoch int64, r care.Rights, notices []care.Notice, lines []care.Logged) error {
	rows, err := s.rowsOf(person, r)
	if err == nil {
		err = s.transaction(ctx, func(w *work) error {
			if err := w.unmoved(map[care.PersonID]int64{person: epoch}); err != nil {
				return err
			}
			if err := w.keepRights(person, rows); err != nil {
				return err
			}
			for _, n := range notices {
				if err := w.exec(`INSERT INTO notice (at, role, what, person, ref) VALUES ($1, $2, $3, $4, $5)`, micros(n.At), string(n.Role), n.What, string(n.Person), n.Ref); err != nil {
					return err
				}
			}
			return w.log(lines)
		}, lock{class: rightsLock})
	}
	if err != nil {
		return fmt.Errorf("keep rights: %w", err)
	}
	return nil
}

// ConfirmMerge notes that somebody says that two united persons are one. When a second one says it
// too, the permissions of the merged hold for the survivor, for as long as they are united. The error is
// care.ErrNotFound where they are not, care.ErrInvalid where who said it first says it again.
func (s *Store) ConfirmMerge(ctx context.Context, survivor, merged care.PersonID, who string, lines []care.Logged) error {
	err := s.transaction(ctx, func(w *work) error {
		var united int
		if err := w.get1(&united, `SELECT count(*) FROM person WHERE id = $1 AND merged_into = $2`, string(merged), string(survivor)); err != nil {
			return err
		}
		if united == 0 {
			return errNone("merge")
		}
		var first string
		said, err := w.get(&first, `SELECT who FROM merge_confirmed WHERE survivor = $1 AND merged = $2`, string(survivor), string(merged))
		if err != nil {
			return err
		}
		switch {
		case !said:
			err = w.exec(`INSERT INTO merge_confirmed (survivor, merged, at, who) VALUES ($1, $2, $3, $4)`, string(survivor), string(merged), micros(w.at), who)
		case first == who:
			return fmt.Errorf("viewer: another must say it too: %w", care.ErrInvalid)
		default:
			w.move(survivor)
			err = w.exec(`UPDATE merge_confirmed SET second = $3, second_at = $4 WHERE survivor = $1 AND merged = $2 AND second = ''`, string(survivor), string(merged), who, micros(w.at))
		}
		if err != nil {
			return err
		}
		return w.log(lines)
	}, lock{class: rightsLock})
	if err != nil {
		return fmt.Errorf("confirm a merge: %w", err)
	}
	return nil
}

// Unions gives the united persons of whom something is registered that waits, the oldest first.
func (s *Store) Unions(ctx context.Context) ([]care.Union, error) {
	var rows []struct {
		Survivor string  `db:"survivor"`
		Merged   string  `db:"merged"`
		At       int64   `db:"at"`
		First    *string `db:"who"`
		FirstAt  *int64  `db:"first_at"`
	}
	err := s.read.SelectContext(ctx, &rows, `SELECT p.merged_into AS survivor, p.id AS merged, (SELECT max(j.at) FROM person_merge j WHERE j.survivor = p.merged_into AND j.merged = p.id AND j.undone IS NULL) AS at,
		c.who, c.at AS first_at FROM person p LEFT JOIN merge_confirmed c ON c.survivor = p.merged_into AND c.merged = p.id
		WHERE p.merged_into IS NOT NULL AND coalesce(c.second, '') = '' AND EXISTS (SELECT 1 FROM rights r WHERE r.person = p.id AND r.current = 1 AND r.kind NOT IN ('block', 'withheld'))
		ORDER BY 3, p.id`)
	if err != nil {
		return nil, fmt.Errorf("list unions: %w", err)
	}
	out := make([]care.Union, len(rows))
	for i, r := range rows {
		out[i] = care.Union{Survivor: care.PersonID(r.Survivor), Merged: care.PersonID(r.Merged), At: timeOf(r.At)}
		if r.First != nil {
			out[i].First, out[i].FirstAt = *r.First, timeOf(*r.FirstAt)
		}
	}
	return out, nil
}

// LowerAddress lets a person's held address level be what her sources give now: the word of
// the authority that decides on it.
func (s *Store) LowerAddress(ctx context.Context, person care.PersonID, lines []care.Logged) error {
	err := s.transaction(ctx, func(w *work) error {
		w.move(person)
		if err := w.exec(`UPDATE rights_epoch SET address = 0 WHERE person = $1 OR person IN (SELECT id FROM person WHERE merged_into = $1)`, string(person)); err != nil {
			return err
		}
		return w.log(lines)
	}, lock{class: rightsLock})
	if err != nil {
		return fmt.Errorf("lower an address level: %w", err)
	}
	return nil
}

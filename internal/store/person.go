package store

import (
	"context"
	"fmt"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/vault"
)

// WaitingSubject is a source's key for somebody whom nobody may be matched with yet.
type WaitingSubject struct {
	identity.Subject
	Reason identity.Reason
	// Contributions is how many present contributions wait with it.
	Contributions int
}

// WaitingSubjects lists the subjects that wait for a person and about whom something is
// said, by source and key.
func (s *Store) WaitingSubjects(ctx context.Context) ([]WaitingSubject, error) {
	var rows []struct {
		Source  string `db:"source"`
		Subject string `db:"subject"`
		Reason  string `db:"reason"`
		N       int    `db:"n"`
		Claims  int    `db:"claims"`
	}
	err := s.read.SelectContext(ctx, &rows, `SELECT u.source, u.subject, u.reason,
		(SELECT count(*) FROM contribution c WHERE c.source = u.source AND c.subject = u.subject AND c.deleted = 0) AS n,
		(SELECT count(*) FROM claim m WHERE m.source = u.source AND m.subject = u.subject AND m.current = 1) AS claims
		FROM subject u WHERE u.person IS NULL ORDER BY u.source, u.subject`)
	if err != nil {
		return nil, fmt.Errorf("list waiting subjects: %w", err)
	}
	var out []WaitingSubject
	for _, r := range rows {
		if r.N+r.Claims > 0 {
			out = append(out, WaitingSubject{identity.Subject{Source: r.Source, Key: r.Subject}, identity.Reason(r.Reason), r.N})
		}
	}
	return out, nil
}

// Identifier is one number in a person's history. The number itself is not kept here,
// only what kind it is and since when it is known.
type Identifier struct {
	System    string
	Kind      identity.Kind
	Born      string
	Sex       identity.Sex
	FirstSeen time.Time
	Source    string // that said it first
	Old       bool   // every source that states it now marks it as replaced
}

// Identifiers is the history of a person's numbers, oldest first.
func (s *Store) Identifiers(ctx context.Context, person care.PersonID) ([]Identifier, error) {
	who, err := s.Resolve(ctx, person)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		System      string `db:"system"`
		Kind        string `db:"kind"`
		Born        string `db:"born"`
		Sex         string `db:"sex"`
		FirstSeen   int64  `db:"first_seen"`
		FirstSource string `db:"first_source"`
		Old         bool   `db:"old"`
	}
	err = s.read.SelectContext(ctx, &rows, `SELECT n.system, n.kind, n.born, n.sex, n.first_seen, n.first_source,
		CASE WHEN EXISTS (SELECT 1 FROM claim_number c JOIN claim m ON m.source = c.source AND m.kind = c.kind AND m.key = c.key AND m.hash = c.hash
			WHERE c.number = n.number AND c.old = 0 AND m.current = 1) THEN 0 ELSE 1 END AS old
		FROM number n JOIN person p ON p.id = n.person WHERE p.id = $1 OR p.merged_into = $1 ORDER BY p.seq`, string(who))
	if err != nil {
		return nil, fmt.Errorf("read identifiers: %w", err)
	}
	out := make([]Identifier, len(rows))
	for i, r := range rows {
		out[i] = Identifier{r.System, identity.Kind(r.Kind), r.Born, identity.Sex(r.Sex), timeOf(r.FirstSeen), r.FirstSource, r.Old}
	}
	return out, nil
}

// Merge is one uniting of two persons in the journal.
type Merge struct {
	Survivor, Merged care.PersonID
	At, Undone       time.Time // Undone is zero while it stands
}

// Merges is the journal of unitings, oldest first.
func (s *Store) Merges(ctx context.Context) ([]Merge, error) {
	var rows []struct {
		Survivor string `db:"survivor"`
		Merged   string `db:"merged"`
		At       int64  `db:"at"`
		Undone   *int64 `db:"undone"`
	}
	if err := s.read.SelectContext(ctx, &rows, `SELECT survivor, merged, at, undone FROM person_merge ORDER BY id`); err != nil {
		return nil, fmt.Errorf("list merges: %w", err)
	}
	out := make([]Merge, len(rows))
	for i, r := range rows {
		out[i] = Merge{Survivor: care.PersonID(r.Survivor), Merged: care.PersonID(r.Merged), At: timeOf(r.At)}
		if r.Undone != nil {
			out[i].Undone = timeOf(*r.Undone)
		}
	}
	return out, nil
}

// Rule keeps a person's decision about a subject: to keep it apart from everybody, or
// to disregard what earlier versions said. The links are decided again at once, and
// exactly undone by Withdraw. The error is care.ErrNotFound for an unknown subject,
// care.ErrInvalid without who and why.
func (s *Store) Rule(ctx context.Context, sub identity.Subject, ruling identity.Ruling, who, why string) error {
	if ruling != identity.Apart && ruling != identity.OnlyCurrent || who == "" || why == "" {
		return fmt.Errorf("rule on subject: %w", care.ErrInvalid)
	}
	err := s.transaction(ctx, func(w *work) error {
		if err := w.endRulings(sub); err != nil {
			return err
		}
		if err := w.exec(`INSERT INTO ruling (source, subject, ruling, who, why, at) VALUES ($1, $2, $3, $4, $5, $6)`,
			sub.Source, sub.Key, string(ruling), who, w.sealedText(vault.Coordination, atRuling(sub.Source, sub.Key, micros(w.at)), why), micros(w.at)); err != nil {
			return err
		}
		return w.link()
	})
	if err != nil {
		return fmt.Errorf("rule on subject: %w", err)
	}
	return nil
}

// Withdraw ends a person's decision about a subject; the sources' word counts again.
func (s *Store) Withdraw(ctx context.Context, sub identity.Subject) error {
	err := s.transaction(ctx, func(w *work) error {
		if err := w.endRulings(sub); err != nil {
			return err
		}
		return w.link()
	})
	if err != nil {
		return fmt.Errorf("withdraw ruling: %w", err)
	}
	return nil
}

func (w *work) endRulings(sub identity.Subject) error {
	var have int
	if err := w.get1(&have, `SELECT count(*) FROM subject WHERE source = $1 AND subject = $2`, sub.Source, sub.Key); err != nil {
		return err
	}
	if have == 0 {
		return errNone("subject")
	}
	w.touch(sub.Source, sub.Key)
	return w.exec(`UPDATE ruling SET withdrawn = $3 WHERE source = $1 AND subject = $2 AND withdrawn IS NULL`, sub.Source, sub.Key, micros(w.at))
}

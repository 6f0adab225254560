package store

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
)

type contributionRow struct {
	ID           int64  `db:"id"`
	Version      int64  `db:"version"`
	Revision     string `db:"revision"`
	Service      string `db:"service"`
	Subject      string `db:"subject"`
	Deleted      bool   `db:"deleted"`
	Made         []byte `db:"made"`
	BasisVersion string `db:"basis_version"`
	BasisChanged int64  `db:"basis_changed"`
	BasisDeleted bool   `db:"basis_deleted"`
	BasisHash    []byte `db:"basis_hash"`
}

func (c contributionRow) basis() ledger.Rank {
	return rankRow{c.BasisVersion, c.BasisChanged, c.BasisDeleted, c.BasisHash}.rank()
}

// contribute writes what a record says now, as a new version where it differs from
// what it said before. A version older than the one that is said changes nothing.
// It tells whether the saying changed.
func (w *work) contribute(source string, e ledger.Entry, rank ledger.Rank) (bool, error) {
	var held contributionRow
	found, err := w.get(&held, `SELECT id, version, revision, service, subject, deleted, made, basis_version, basis_changed, basis_deleted, basis_hash
		FROM contribution WHERE source = $1 AND kind = $2 AND key = $3`, source, e.Record.Kind, e.Record.Key)
	if err != nil {
		return false, err
	}
	use := !found || e.Derived || !older(e, rank, held.basis())
	if !use && rank.Hash == held.basis().Hash {
		return false, nil // what it says now, listed once more from before
	}
	if err := w.claim(source, e, rank, use, !found); err != nil {
		return false, err
	}
	if !use {
		return false, nil
	}
	made, err := digest(e)
	if err != nil {
		return false, err
	}
	if found && string(made) == string(held.Made) {
		return false, w.sameAgain(held, e, rank)
	}
	next := held.Version
	gone := len(e.Made) == 0
	service, subject := string(e.Service), e.Subject.Key
	if gone { // nothing is said, so of nobody
		service, subject = "", ""
	}
	if !gone || held.Version > 0 && !held.Deleted {
		next++
	}
	err = w.get1(&held.ID, `INSERT INTO contribution (source, kind, key, version, revision, service, subject, deleted, made, recorded, basis_version, basis_changed, basis_deleted, basis_hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (source, kind, key) DO UPDATE SET version = excluded.version, revision = excluded.revision, service = excluded.service,
		subject = excluded.subject, deleted = excluded.deleted, made = excluded.made, recorded = excluded.recorded, basis_version = excluded.basis_version,
		basis_changed = excluded.basis_changed, basis_deleted = excluded.basis_deleted, basis_hash = excluded.basis_hash RETURNING id`,
		source, e.Record.Kind, e.Record.Key, next, e.Revision, service, subject, flag(gone), made, micros(w.at),
		rank.Version, micros(rank.Changed), flag(rank.Deleted), rank.Hash[:])
	if err != nil || next == held.Version {
		return false, err
	}
	return true, w.version(held, next, e, rank)
}

// version writes the version next of a contribution with its resources. A removal keeps
// service and subject of what was removed, so that its history stays readable to the same.
func (w *work) version(held contributionRow, next int64, e ledger.Entry, rank ledger.Rank) error {
	service, subject := string(e.Service), e.Subject.Key
	if len(e.Made) == 0 {
		service, subject = held.Service, held.Subject
	}
	err := w.exec(`INSERT INTO contribution_version (contribution, version, revision, service, subject, deleted, recorded, source_version, changed, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		held.ID, next, e.Revision, service, subject, flag(len(e.Made) == 0), micros(w.at), rank.Version, micros(rank.Changed), rank.Hash[:])
	if err != nil {
		return err
	}
	for i, m := range e.Made {
		lineage, err := w.lineage(m.Lineage)
		if err != nil {
			return err
		}
		err = w.exec(`INSERT INTO resource (contribution, version, seq, type, id, body, lineage) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			held.ID, next, i, m.Resource.Type, m.Resource.ID, string(m.Resource.Body), lineage)
		if err != nil {
			return err
		}
	}
	return nil
}

// sameAgain notes that another version of the record, or another revision of the map,
// says the same. It is no new version; where the map is another, the lineage is its.
func (w *work) sameAgain(held contributionRow, e ledger.Entry, rank ledger.Rank) error {
	if held.Revision == e.Revision && held.basis().Equal(rank) {
		return nil
	}
	err := w.exec(`UPDATE contribution SET revision = $2, basis_version = $3, basis_changed = $4, basis_deleted = $5, basis_hash = $6 WHERE id = $1`,
		held.ID, e.Revision, rank.Version, micros(rank.Changed), flag(rank.Deleted), rank.Hash[:])
	if err != nil || held.Revision == e.Revision {
		return err
	}
	for i, m := range e.Made {
		lineage, err := w.lineage(m.Lineage)
		if err != nil {
			return err
		}
		if err := w.exec(`UPDATE resource SET lineage = $4 WHERE contribution = $1 AND version = $2 AND seq = $3`, held.ID, held.Version, i, lineage); err != nil {
			return err
		}
	}
	return nil
}

// digest is the hash of all that a contribution says.
func digest(e ledger.Entry) ([]byte, error) {
	h := sha256.New()
	if len(e.Made) > 0 {
		fmt.Fprintf(h, "%q %q\n", e.Service, e.Subject.Key)
	}
	for _, m := range e.Made {
		fmt.Fprintf(h, "%q %q %d\n", m.Resource.Type, m.Resource.ID, len(m.Resource.Body))
		h.Write(m.Resource.Body)
	}
	return h.Sum(nil), nil
}

// Lineage is kept as a JSON list of [element, rule number, line, source field …].
func (w *work) lineage(ls []care.Lineage) (string, error) {
	out := make([][]any, len(ls))
	for i, l := range ls {
		rule, err := w.rule(l.Rule)
		if err != nil {
			return "", err
		}
		row := append(make([]any, 0, 3+len(l.From)), l.Element, rule, l.Line)
		for _, f := range l.From {
			row = append(row, f)
		}
		out[i] = row
	}
	b, err := json.Marshal(out)
	return string(b), err
}

// rule is the number of a rule's text, which is kept once.
func (w *work) rule(text string) (int64, error) {
	if id, ok := w.rules[text]; ok {
		return id, nil
	}
	var id int64
	found, err := w.get(&id, `SELECT id FROM rule WHERE text = $1`, text)
	if err == nil && !found {
		err = w.get1(&id, `INSERT INTO rule (text) VALUES ($1) RETURNING id`, text)
	}
	if err == nil {
		w.rules[text] = id
	}
	return id, err
}

// readLineage is the reverse of lineage.
func readLineage(text string, rules map[int64]string) ([]care.Lineage, error) {
	var rows [][]any
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, fmt.Errorf("read lineage: %w", err)
	}
	out := make([]care.Lineage, 0, len(rows))
	for _, r := range rows {
		if len(r) < 3 {
			continue
		}
		element, _ := r[0].(string)
		rule, _ := r[1].(float64)
		line, _ := r[2].(float64)
		l := care.Lineage{Element: element, Rule: rules[int64(rule)], Line: int(line)}
		for _, f := range r[3:] {
			s, _ := f.(string)
			l.From = append(l.From, s)
		}
		out = append(out, l)
	}
	return out, nil
}

// get1 reads a row that must be there.
func (w *work) get1(dest any, query string, args ...any) error {
	found, err := w.get(dest, query, args...)
	if err == nil && !found {
		err = errNone("row")
	}
	return err
}

func (w *work) touch(source, subject string) {
	if subject != "" {
		w.touched[identity.Subject{Source: source, Key: subject}] = true
	}
}

package store

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
)

// claim writes what one version of a record says about who its subject is. Earlier
// versions' claims stay: the numbers in them are the person's history. A record that
// never contributed has no claims either, and is not asked for them.
func (w *work) claim(source string, e ledger.Entry, rank ledger.Rank, current, first bool) error {
	r, s := e.Record, e.Subject
	if current && !first {
		if err := w.retire(source, e, rank); err != nil {
			return err
		}
	}
	if s.Key != "" {
		if err := w.ensureSubject(source, s.Key); err != nil {
			return err
		}
	}
	if s.Key == "" || len(s.Numbers)+len(s.Old)+len(s.Refused) == 0 && s.BirthDate == "" && s.Name == "" {
		if first {
			return nil
		}
		return w.forget(source, e, rank)
	}
	n, err := w.execCount(`INSERT INTO claim (source, kind, key, hash, subject, service, current, birth_date, name, refused, recorded)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (source, kind, key, hash) DO UPDATE SET subject = excluded.subject, service = excluded.service, current = excluded.current,
		birth_date = excluded.birth_date, name = excluded.name, refused = excluded.refused, recorded = excluded.recorded
		WHERE claim.subject <> excluded.subject OR claim.service <> excluded.service OR claim.current <> excluded.current
		OR claim.birth_date <> excluded.birth_date OR claim.name <> excluded.name OR claim.refused <> excluded.refused`,
		source, r.Kind, r.Key, rank.Hash[:], s.Key, string(e.Service), flag(current), s.BirthDate, s.Name, refusedText(s.Refused), micros(w.at))
	if err != nil {
		return err
	}
	changed, err := w.claimNumbers(source, e, rank, first)
	if err == nil && (n > 0 || changed) {
		w.touch(source, s.Key)
	}
	return err
}

// retire ends what other versions of the record said as its present word, and what
// this version said of another subject under an earlier map. Other states of a whole
// that is assembled are forgotten: which of them there were depends on the order of
// its parts, and the parts are its history.
func (w *work) retire(source string, e ledger.Entry, rank ledger.Rank) error {
	var before []struct {
		Subject string `db:"subject"`
		Hash    []byte `db:"hash"`
	}
	err := w.list(&before, `SELECT subject, hash FROM claim WHERE source = $1 AND kind = $2 AND key = $3 AND current = 1`, source, e.Record.Kind, e.Record.Key)
	if err != nil {
		return err
	}
	for _, b := range before {
		if string(b.Hash) == string(rank.Hash[:]) && b.Subject == e.Subject.Key {
			continue
		}
		w.touch(source, b.Subject)
		if e.Derived {
			var hash [32]byte
			copy(hash[:], b.Hash)
			if err := w.forget(source, e, ledger.Rank{Hash: hash}); err != nil {
				return err
			}
			continue
		}
		if err := w.exec(`UPDATE claim SET current = 0 WHERE source = $1 AND kind = $2 AND key = $3 AND hash = $4`, source, e.Record.Kind, e.Record.Key, b.Hash); err != nil {
			return err
		}
	}
	return nil
}

// forget takes out what this very version said under an earlier map and says no more.
func (w *work) forget(source string, e ledger.Entry, rank ledger.Rank) error {
	var subject string
	found, err := w.get(&subject, `SELECT subject FROM claim WHERE source = $1 AND kind = $2 AND key = $3 AND hash = $4`, source, e.Record.Kind, e.Record.Key, rank.Hash[:])
	if err != nil || !found {
		return err
	}
	w.touch(source, subject)
	if _, err := w.claimNumbers(source, ledger.Entry{Record: e.Record}, rank, false); err != nil {
		return err
	}
	return w.exec(`DELETE FROM claim WHERE source = $1 AND kind = $2 AND key = $3 AND hash = $4`, source, e.Record.Kind, e.Record.Key, rank.Hash[:])
}

// claimNumbers writes the stated numbers of one version and tells whether they changed.
func (w *work) claimNumbers(source string, e ledger.Entry, rank ledger.Rank, first bool) (bool, error) {
	r := e.Record
	type stated struct {
		Number  string `db:"number"`
		Subject string `db:"subject"`
		Old     bool   `db:"old"`
	}
	var held []stated
	if !first {
		if err := w.list(&held, `SELECT number, subject, old FROM claim_number WHERE source = $1 AND kind = $2 AND key = $3 AND hash = $4 ORDER BY number`, source, r.Kind, r.Key, rank.Hash[:]); err != nil {
			return false, err
		}
	}
	var want []stated
	add := func(ns []identity.Number, old bool) error {
		for _, n := range ns {
			id := w.s.numberID(n)
			if slices.ContainsFunc(want, func(s stated) bool { return s.Number == id }) {
				continue
			}
			if err := w.number(id, n, source); err != nil {
				return err
			}
			want = append(want, stated{id, e.Subject.Key, old})
		}
		return nil
	}
	if err := errors.Join(add(e.Subject.Numbers, false), add(e.Subject.Old, true)); err != nil {
		return false, err
	}
	slices.SortFunc(want, func(a, b stated) int { return cmp.Compare(a.Number, b.Number) })
	if slices.Equal(held, want) {
		return false, nil
	}
	if len(held) > 0 {
		if err := w.exec(`DELETE FROM claim_number WHERE source = $1 AND kind = $2 AND key = $3 AND hash = $4`, source, r.Kind, r.Key, rank.Hash[:]); err != nil {
			return false, err
		}
	}
	for _, h := range held {
		w.touch(source, h.Subject)
		w.loosened(h.Number)
	}
	for _, n := range want {
		if err := w.exec(`INSERT INTO claim_number (source, subject, number, kind, key, hash, old) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			source, n.Subject, n.Number, r.Kind, r.Key, rank.Hash[:], flag(n.Old)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// loosened remembers a number that a claim states no more, so that those who share it
// are looked at again.
func (w *work) loosened(number string) { w.loose = append(w.loose, identity.NumberID(number)) }

// number writes a number the first time that it is seen, with a person of its own.
func (w *work) number(id string, n identity.Number, source string) error {
	if w.met[id] {
		return nil
	}
	w.met[id] = true
	var have string
	found, err := w.get(&have, `SELECT person FROM number WHERE number = $1`, id)
	if err != nil || found {
		return err
	}
	person, err := w.s.randomID()
	if err != nil {
		return err
	}
	err = w.exec(`INSERT INTO person (id, seq, created) SELECT $1, coalesce(max(seq), 0) + 1, $2 FROM person`, person, micros(w.at))
	if err != nil {
		return err
	}
	return w.exec(`INSERT INTO number (number, system, kind, born, sex, person, first_seen, first_source) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		id, n.Kind.System(), string(n.Kind), n.Born.String(), string(n.Sex), person, micros(w.at), source)
}

func (w *work) ensureSubject(source, subject string) error {
	known := "subject " + subject // a page is one source's
	if w.met[known] {
		return nil
	}
	w.met[known] = true
	n, err := w.execCount(`INSERT INTO subject (source, subject, person, reason) VALUES ($1, $2, NULL, $3) ON CONFLICT DO NOTHING`, source, subject, string(identity.NoNumber))
	if n > 0 {
		w.touch(source, subject)
	}
	return err
}

// numberID stands for a number wherever one would otherwise be a key.
func (s *Store) numberID(n identity.Number) string {
	const hexDigits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range s.keyed("numbers", []byte(n.Kind.System()+"\x00"+n.Digits()))[:20] {
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// Refused numbers are kept as the words for why, never as digits.
var refusals = map[string]error{"pseudo": identity.ErrPseudo, "synthetic": identity.ErrSynthetic, "invalid": identity.ErrInvalid}

func refusedText(errs []error) string {
	var out []string
	for word, kind := range refusals {
		for _, err := range errs {
			if errors.Is(err, kind) {
				out = append(out, word)
				break
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func refusedOf(text string) []error {
	var out []error
	for _, word := range strings.Fields(text) {
		out = append(out, refusals[word])
	}
	return out
}

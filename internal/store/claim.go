package store

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
)

// claimRow is what one version of a record says about who its subject is.
type claimRow struct {
	Kind      string `db:"kind"`
	Key       string `db:"key"`
	Hash      []byte `db:"hash"`
	Subject   string `db:"subject"`
	Service   string `db:"service"`
	Current   bool   `db:"current"`
	BirthDate string `db:"birth_date"`
	Name      string `db:"name"`
	Refused   string `db:"refused"`
	Numbers   []statedRow
}

func (c claimRow) same(o claimRow) bool {
	return c.Subject == o.Subject && c.Service == o.Service && c.Current == o.Current && c.BirthDate == o.BirthDate && c.Name == o.Name && c.Refused == o.Refused
}

// statedRow is a number that a claim states.
type statedRow struct {
	Kind    string `db:"kind"`
	Key     string `db:"key"`
	Hash    []byte `db:"hash"`
	Number  string `db:"number"`
	Subject string `db:"subject"`
	Old     bool   `db:"old"`
}

func (s statedRow) same(o statedRow) bool {
	return s.Number == o.Number && s.Subject == o.Subject && s.Old == o.Old
}

func (s statedRow) compare(o statedRow) int { return cmp.Compare(s.Number, o.Number) }

var (
	askClaims = say(`SELECT c.kind, c.key, c.hash, c.subject, c.service, c.current, c.birth_date, c.name, c.refused FROM {rows}
		JOIN claim c ON c.source = k.source AND c.kind = k.kind AND c.key = k.key WHERE c.current = 1 OR c.hash = k.hash`, "source kind key hash:bytes")
	askStated = say(`SELECT n.kind, n.key, n.hash, n.number, n.subject, n.old FROM {rows}
		JOIN claim_number n ON n.source = k.source AND n.kind = k.kind AND n.key = k.key AND n.hash = k.hash`, "source kind key hash:bytes")
	setClaims  = say(`UPDATE contribution SET claims = 1 FROM {rows} WHERE contribution.id = k.id`, "id:int")
	putSubject = say(`INSERT INTO subject (source, subject, person, reason) SELECT k.source, k.subject, NULL, k.reason FROM {rows} WHERE true ON CONFLICT DO NOTHING`,
		"source subject reason")
	dropNumbers = say(`DELETE FROM claim_number WHERE (source, kind, key, hash) IN (SELECT k.source, k.kind, k.key, k.hash FROM {rows})`, "source kind key hash:bytes")
	dropClaim   = say(`DELETE FROM claim WHERE (source, kind, key, hash) IN (SELECT k.source, k.kind, k.key, k.hash FROM {rows})`, "source kind key hash:bytes")
	retireClaim = say(`UPDATE claim SET current = 0 FROM {rows} WHERE claim.source = k.source AND claim.kind = k.kind AND claim.key = k.key AND claim.hash = k.hash`,
		"source kind key hash:bytes")
	putClaim = say(`INSERT INTO claim (source, kind, key, hash, subject, service, current, birth_date, name, refused, recorded)
		SELECT k.source, k.kind, k.key, k.hash, k.subject, k.service, k.current, k.birth_date, k.name, k.refused, k.recorded FROM {rows} WHERE true
		ON CONFLICT (source, kind, key, hash) DO UPDATE SET subject = excluded.subject, service = excluded.service, current = excluded.current,
		birth_date = excluded.birth_date, name = excluded.name, refused = excluded.refused, recorded = excluded.recorded`,
		"source kind key hash:bytes subject service current:int birth_date name refused recorded:int")
	putNumbers = say(`INSERT INTO claim_number (source, subject, number, kind, key, hash, old)
		SELECT k.source, k.subject, k.number, k.kind, k.key, k.hash, k.old FROM {rows}`, "source subject number kind key hash:bytes old:int")
)

// loadClaims reads what is held of records that claimed something before: what they claim
// at present, and what the very versions on the page claimed.
func (w *work) loadClaims(entries []ledger.Entry) error {
	var rows [][]any
	for _, e := range entries {
		if h := w.of(e); h != nil && h.Claims && !e.Part && !e.Fault {
			hash := e.Hash()
			rows = append(rows, []any{w.source, e.Record.Kind, e.Record.Key, hash[:]})
		}
	}
	claims, err := ask[claimRow](w, &askClaims, rows)
	if err != nil {
		return err
	}
	rows = rows[:0]
	for _, c := range claims {
		rows = append(rows, []any{w.source, c.Kind, c.Key, c.Hash})
	}
	stated, err := ask[statedRow](w, &askStated, rows)
	if err != nil {
		return err
	}
	numbers := map[string][]statedRow{}
	for _, s := range stated {
		id := s.Kind + "\x00" + s.Key + "\x00" + string(s.Hash)
		numbers[id] = append(numbers[id], s)
	}
	for _, c := range claims {
		if c.Name, err = w.s.openedText(w.ctx, atClaim(w.source, c.Kind, c.Key, c.Hash), c.Name); err != nil {
			return err
		}
		c.Numbers = numbers[c.Kind+"\x00"+c.Key+"\x00"+string(c.Hash)]
		slices.SortFunc(c.Numbers, statedRow.compare)
		k := ledger.Key{Kind: c.Kind, Key: c.Key}
		w.page.claims[k] = append(w.page.claims[k], c)
	}
	return nil
}

// claim writes what one version of a record says about who its subject is. Earlier
// versions' claims stay: the numbers in them are the person's history.
// It tells whether the record has claimed anything, now or before.
func (w *work) claim(e ledger.Entry, rank ledger.Rank, current bool) (claims bool) {
	s, held := e.Subject, w.of(e)
	var before *claimRow
	for i, c := range w.page.claims[at(e)] {
		if string(c.Hash) == string(rank.Hash[:]) {
			before = &w.page.claims[at(e)][i]
		}
	}
	if current && w.retire(e, rank) {
		before = nil
	}
	w.ensureSubject(s.Key)
	if s.Key == "" || len(s.Numbers)+len(s.Old)+len(s.Refused) == 0 && s.BirthDate == "" && s.Name == "" {
		if before != nil { // said by this very version under an earlier map, and no more
			w.forget(*before)
		}
		return held.Claims
	}
	if held.ID != 0 && !held.Claims {
		w.say(&setClaims, held.ID)
	}
	now := claimRow{Kind: e.Record.Kind, Key: e.Record.Key, Hash: rank.Hash[:], Subject: s.Key, Service: string(e.Service), Current: current,
		BirthDate: s.BirthDate, Name: storable(s.Name), Refused: refusedText(s.Refused)}
	changed := before == nil || !before.same(now)
	if changed {
		w.say(&putClaim, w.source, now.Kind, now.Key, now.Hash, now.Subject, now.Service, flag(current), now.BirthDate,
			w.sealedText(w.partition(e), atClaim(w.source, now.Kind, now.Key, now.Hash), now.Name), now.Refused, micros(w.at))
	}
	if w.claimNumbers(e, now, before) || changed {
		w.touch(w.source, s.Key)
	}
	return true
}

// retire ends what other versions of the record said as its present word, and what
// this version said of another subject under an earlier map. Other states of a whole
// that is assembled are forgotten: which of them there were depends on the order of
// its parts, and the parts are its history. It tells whether this version was forgotten.
func (w *work) retire(e ledger.Entry, rank ledger.Rank) (forgotten bool) {
	for _, b := range w.page.claims[at(e)] {
		own := string(b.Hash) == string(rank.Hash[:])
		if !b.Current || own && b.Subject == e.Subject.Key {
			continue
		}
		if e.Derived {
			w.forget(b)
			forgotten = forgotten || own
			continue
		}
		w.touch(w.source, b.Subject)
		w.say(&retireClaim, w.source, b.Kind, b.Key, b.Hash)
	}
	return forgotten
}

// forget takes out what a version said.
func (w *work) forget(c claimRow) {
	w.touch(w.source, c.Subject)
	w.loosen(c)
	w.say(&dropClaim, w.source, c.Kind, c.Key, c.Hash)
}

// loosen takes out the numbers that a version stated, and remembers them, so that those
// who share them are looked at again.
func (w *work) loosen(c claimRow) {
	if len(c.Numbers) == 0 {
		return
	}
	w.say(&dropNumbers, w.source, c.Kind, c.Key, c.Hash)
	for _, n := range c.Numbers {
		w.touch(w.source, n.Subject)
		w.loose = append(w.loose, identity.NumberID(n.Number))
	}
}

// claimNumbers writes the stated numbers of one version and tells whether they changed.
func (w *work) claimNumbers(e ledger.Entry, now claimRow, before *claimRow) bool {
	var want []statedRow
	numbers := map[string]identity.Number{}
	var met []string
	add := func(ns []identity.Number, old bool) {
		for _, n := range ns {
			id := w.s.numberID(n)
			if _, stated := numbers[id]; stated {
				continue
			}
			numbers[id] = n
			met = append(met, id)
			want = append(want, statedRow{Number: id, Subject: now.Subject, Old: old})
		}
	}
	add(e.Subject.Numbers, false)
	add(e.Subject.Old, true)
	slices.SortFunc(want, statedRow.compare)
	if before != nil {
		if slices.EqualFunc(before.Numbers, want, statedRow.same) {
			return false
		}
		w.loosen(*before)
	}
	for _, id := range met {
		if _, known := w.page.numbers[id]; !known {
			w.page.numbers[id] = numbers[id]
			w.page.order = append(w.page.order, id)
		}
	}
	for _, n := range want {
		w.say(&putNumbers, w.source, n.Subject, n.Number, now.Kind, now.Key, now.Hash, flag(n.Old))
	}
	return len(want) > 0 || before != nil
}

// ensureSubject writes the source's key for a person the first time that it is seen.
func (w *work) ensureSubject(subject string) {
	if subject == "" || w.page.subjects[subject] {
		return
	}
	w.page.subjects[subject] = true
	w.say(&putSubject, w.source, subject, string(identity.NoNumber))
	w.touch(w.source, subject)
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

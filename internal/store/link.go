package store

import (
	"cmp"
	"maps"
	"slices"

	"samsyn/internal/care"
	"samsyn/internal/identity"
)

// link asks identity.Resolve again about everybody who is connected with what changed,
// and writes who is who now. No body is rewritten: a contribution stays with its
// source's own subject, and only the subject points to the person.
func (w *work) link() error {
	if len(w.touched) == 0 && len(w.loose) == 0 {
		return nil
	}
	if err := w.lockWhose(); err != nil {
		return err
	}
	n, err := w.neighbourhood()
	if err != nil {
		return err
	}
	res := identity.Resolve(n.claims, n.rulings)
	into := map[care.PersonID]care.PersonID{} // persons of the neighbourhood's numbers → survivor
	for _, p := range n.persons {
		into[p.ID] = ""
	}
	var points [][]any
	point := func(s identity.Subject, person care.PersonID, why identity.Reason) {
		if now := n.subjects[s]; now.Person != string(person) || now.Reason != string(why) {
			points = append(points, []any{s.Source, s.Key, string(person), string(why)})
			w.move(care.PersonID(now.Person))
			w.stir(s.Source, s.Key)
		}
	}
	for _, g := range res.Groups {
		survivor := n.oldest(g.Numbers)
		for _, id := range g.Numbers {
			if p := n.persons[id].ID; p != survivor {
				into[p] = survivor
			}
		}
		for _, s := range g.Subjects {
			point(s, survivor, "")
		}
	}
	for _, s := range slices.SortedFunc(maps.Keys(n.subjects), identity.Subject.Compare) {
		why, waits := res.Waiting[s]
		if !waits && !n.claimed[s] { // nothing is said of it but its key
			why, waits = identity.NoNumber, true
			if n.rulings[s] == identity.Apart {
				why = identity.DecidedByHuman
			}
		}
		if waits {
			point(s, "", why)
		}
	}
	if err := w.tell(&pointSubject, points); err != nil {
		return err
	}
	return w.mergePersons(n, into)
}

// neighbourhood is what identity has to see: every subject that shares a number with
// a touched one, directly or through others, and what they claim.
type neighbourhood struct {
	subjects map[identity.Subject]subjectRow
	claimed  map[identity.Subject]bool
	claims   []identity.Claim
	rulings  map[identity.Subject]identity.Ruling
	persons  map[identity.NumberID]personRow
}

type subjectRow struct {
	Source string `db:"source"`
	Key    string `db:"subject"`
	Person string `db:"person"`
	Reason string `db:"reason"`
	Ruling string `db:"ruling"`
}

type personRow struct {
	Number     string        `db:"number"`
	ID         care.PersonID `db:"id"`
	Seq        int64         `db:"seq"`
	MergedInto *string       `db:"merged_into"`
}

func (n neighbourhood) oldest(numbers []identity.NumberID) care.PersonID {
	first := slices.MinFunc(numbers, func(a, b identity.NumberID) int { return cmp.Compare(n.persons[a].Seq, n.persons[b].Seq) })
	return n.persons[first].ID
}

// spokenRow is a number in a claim about a subject; a claim without numbers has one row without.
type spokenRow struct {
	Source    string `db:"source"`
	Subject   string `db:"subject"`
	Kind      string `db:"kind"`
	Key       string `db:"key"`
	Hash      []byte `db:"hash"`
	Current   bool   `db:"current"`
	BirthDate string `db:"birth_date"`
	Refused   string `db:"refused"`
	Number    string `db:"number"`
	Of        string `db:"of_kind"`
	Born      string `db:"born"`
}

var (
	askSubject = say(`SELECT k.source, k.subject, coalesce(u.person, '') AS person, coalesce(u.reason, '') AS reason, coalesce((SELECT g.ruling FROM ruling g
		WHERE g.source = k.source AND g.subject = k.subject AND g.withdrawn IS NULL ORDER BY g.id DESC LIMIT 1), '') AS ruling
		FROM {rows} LEFT JOIN subject u ON u.source = k.source AND u.subject = k.subject`, "source subject")
	askSpoken = say(`SELECT c.source, c.subject, c.kind, c.key, c.hash, c.current, c.birth_date, c.refused, coalesce(m.number, '') AS number,
		coalesce(n.kind, '') AS of_kind, coalesce(n.born, '') AS born FROM {rows}
		JOIN claim c ON c.source = k.source AND c.subject = k.subject
		LEFT JOIN claim_number m ON m.source = c.source AND m.kind = c.kind AND m.key = c.key AND m.hash = c.hash
		LEFT JOIN number n ON n.number = m.number ORDER BY c.source, c.subject, c.kind, c.key, c.hash, m.number`, "source subject")
	askPerson = say(`SELECT n.number, p.id, p.seq, p.merged_into FROM {rows} JOIN number n ON n.number = k.number JOIN person p ON p.id = n.person`, "number")
	askShared = say(`SELECT DISTINCT m.source, m.subject FROM {rows} JOIN claim_number m ON m.number = k.number`, "number")
)

// neighbourhood widens from what changed, ring by ring: from subjects to the numbers that
// they claim, and from those to the subjects that claim them too.
func (w *work) neighbourhood() (neighbourhood, error) {
	n := neighbourhood{map[identity.Subject]subjectRow{}, map[identity.Subject]bool{}, nil, map[identity.Subject]identity.Ruling{}, map[identity.NumberID]personRow{}}
	ring := slices.SortedFunc(maps.Keys(w.touched), identity.Subject.Compare)
	numbers := map[identity.NumberID]bool{}
	for _, id := range w.loose {
		numbers[id] = true
	}
	for len(ring) > 0 || len(numbers) > 0 {
		var rows [][]any
		for _, s := range ring {
			rows = append(rows, []any{s.Source, s.Key})
		}
		if err := w.meetSubjects(&n, rows, numbers); err != nil {
			return n, err
		}
		rows = nil
		for _, id := range slices.Sorted(maps.Keys(numbers)) {
			if _, met := n.persons[id]; !met {
				rows = append(rows, []any{string(id)})
			}
		}
		clear(numbers)
		persons, err := ask[personRow](w, &askPerson, rows)
		if err != nil {
			return n, err
		}
		for _, p := range persons {
			n.persons[identity.NumberID(p.Number)] = p
		}
		shared, err := ask[struct {
			Source  string `db:"source"`
			Subject string `db:"subject"`
		}](w, &askShared, rows)
		if err != nil {
			return n, err
		}
		ring = nil
		for _, u := range shared {
			if s := (identity.Subject{Source: u.Source, Key: u.Subject}); n.subjects[s].Source == "" {
				ring = append(ring, s)
			}
		}
		slices.SortFunc(ring, identity.Subject.Compare)
		ring = slices.Compact(ring)
	}
	return n, nil
}

// meetSubjects reads subjects and all that was ever said of them, and adds the numbers in it.
func (w *work) meetSubjects(n *neighbourhood, rows [][]any, numbers map[identity.NumberID]bool) error {
	subjects, err := ask[subjectRow](w, &askSubject, rows)
	if err != nil {
		return err
	}
	for _, u := range subjects {
		s := identity.Subject{Source: u.Source, Key: u.Key}
		n.subjects[s], n.rulings[s] = u, identity.Ruling(u.Ruling)
	}
	spoken, err := ask[spokenRow](w, &askSpoken, rows)
	if err != nil {
		return err
	}
	for i, r := range spoken {
		s := identity.Subject{Source: r.Source, Key: r.Subject}
		n.claimed[s] = true
		if b := i - 1; b < 0 || spoken[b].Source != r.Source || spoken[b].Kind != r.Kind || spoken[b].Key != r.Key || string(spoken[b].Hash) != string(r.Hash) {
			c := identity.Claim{Subject: s, Current: r.Current, Refused: refusedOf(r.Refused)}
			c.Born, _ = identity.ParseBorn(r.BirthDate) // what is no date contradicts nothing
			n.claims = append(n.claims, c)
		}
		if r.Number == "" {
			continue
		}
		born, err := identity.ParseBorn(r.Born)
		if err != nil {
			return err
		}
		c := &n.claims[len(n.claims)-1]
		c.Numbers = append(c.Numbers, identity.StatedNumber{ID: identity.NumberID(r.Number), Kind: identity.Kind(r.Of), Born: born})
		numbers[identity.NumberID(r.Number)] = true
	}
	return nil
}

// pointSubject writes who a subject is, or why nobody knows.
var pointSubject = say(`INSERT INTO subject (source, subject, person, reason) SELECT k.source, k.subject, nullif(k.person, ''), k.reason FROM {rows} WHERE true
	ON CONFLICT (source, subject) DO UPDATE SET person = excluded.person, reason = excluded.reason`, "source subject person reason")

// mergePersons lets each number's person point to the survivor, and journals each
// change. Where the tie is gone the person stands for herself again.
func (w *work) mergePersons(n neighbourhood, into map[care.PersonID]care.PersonID) error {
	rows := slices.SortedFunc(maps.Values(n.persons), func(a, b personRow) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, p := range rows {
		var before, after string
		if p.MergedInto != nil {
			before = *p.MergedInto
		}
		after = string(into[p.ID])
		if before == after {
			continue
		}
		if before != "" {
			if err := w.exec(`UPDATE person_merge SET undone = $3 WHERE survivor = $1 AND merged = $2 AND undone IS NULL`, before, string(p.ID), micros(w.at)); err != nil {
				return err
			}
			if err := w.partDenials(care.PersonID(before), p.ID); err != nil {
				return err
			}
			if err := w.exec(`DELETE FROM merge_confirmed WHERE survivor = $1 AND merged = $2`, before, string(p.ID)); err != nil {
				return err
			}
		}
		w.move(p.ID, care.PersonID(before), care.PersonID(after))
		var to *string
		if after != "" {
			to = &after
			if err := w.exec(`INSERT INTO person_merge (survivor, merged, at) VALUES ($1, $2, $3)`, after, string(p.ID), micros(w.at)); err != nil {
				return err
			}
		}
		if err := w.exec(`UPDATE person SET merged_into = $2 WHERE id = $1`, string(p.ID), to); err != nil {
			return err
		}
	}
	return nil
}

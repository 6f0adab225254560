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
	n, err := w.neighbourhood()
	if err != nil {
		return err
	}
	res := identity.Resolve(n.claims, n.rulings)
	into := map[care.PersonID]care.PersonID{} // persons of the neighbourhood's numbers → survivor
	for _, p := range n.persons {
		into[p.ID] = ""
	}
	for _, g := range res.Groups {
		survivor := n.oldest(g.Numbers)
		for _, id := range g.Numbers {
			if p := n.persons[id].ID; p != survivor {
				into[p] = survivor
			}
		}
		for _, s := range g.Subjects {
			if err := w.pointSubject(s, survivor, ""); err != nil {
				return err
			}
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
			if err := w.pointSubject(s, "", why); err != nil {
				return err
			}
		}
	}
	return w.mergePersons(n, into)
}

// neighbourhood is what identity has to see: every subject that shares a number with
// a touched one, directly or through others, and what they claim.
type neighbourhood struct {
	subjects map[identity.Subject]bool
	claimed  map[identity.Subject]bool
	claims   []identity.Claim
	rulings  map[identity.Subject]identity.Ruling
	persons  map[identity.NumberID]personRow
}

type personRow struct {
	ID         care.PersonID `db:"id"`
	Seq        int64         `db:"seq"`
	MergedInto *string       `db:"merged_into"`
}

func (n neighbourhood) oldest(numbers []identity.NumberID) care.PersonID {
	first := slices.MinFunc(numbers, func(a, b identity.NumberID) int { return cmp.Compare(n.persons[a].Seq, n.persons[b].Seq) })
	return n.persons[first].ID
}

func (w *work) neighbourhood() (neighbourhood, error) {
	n := neighbourhood{map[identity.Subject]bool{}, map[identity.Subject]bool{}, nil, map[identity.Subject]identity.Ruling{}, map[identity.NumberID]personRow{}}
	queue := slices.SortedFunc(maps.Keys(w.touched), identity.Subject.Compare)
	meet := func(id identity.NumberID) error {
		if _, met := n.persons[id]; met {
			return nil
		}
		var p personRow
		if err := w.get1(&p, `SELECT p.id, p.seq, p.merged_into FROM number n JOIN person p ON p.id = n.person WHERE n.number = $1`, string(id)); err != nil {
			return err
		}
		n.persons[id] = p
		var more []struct {
			Source  string `db:"source"`
			Subject string `db:"subject"`
		}
		if err := w.list(&more, `SELECT DISTINCT source, subject FROM claim_number WHERE number = $1`, string(id)); err != nil {
			return err
		}
		for _, m := range more {
			queue = append(queue, identity.Subject{Source: m.Source, Key: m.Subject})
		}
		return nil
	}
	for _, id := range w.loose {
		if err := meet(id); err != nil {
			return n, err
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		if n.subjects[s] {
			continue
		}
		n.subjects[s] = true
		claims, err := w.claims(s)
		if err != nil {
			return n, err
		}
		n.claimed[s] = len(claims) > 0
		n.claims = append(n.claims, claims...)
		if n.rulings[s], err = w.ruling(s); err != nil {
			return n, err
		}
		for _, c := range claims {
			for _, num := range c.Numbers {
				if err := meet(num.ID); err != nil {
					return n, err
				}
			}
		}
	}
	return n, nil
}

// claims is all that was ever said of a subject.
func (w *work) claims(s identity.Subject) ([]identity.Claim, error) {
	var rows []struct {
		Kind      string `db:"kind"`
		Key       string `db:"key"`
		Hash      []byte `db:"hash"`
		Current   bool   `db:"current"`
		BirthDate string `db:"birth_date"`
		Refused   string `db:"refused"`
	}
	if err := w.list(&rows, `SELECT kind, key, hash, current, birth_date, refused FROM claim WHERE source = $1 AND subject = $2`, s.Source, s.Key); err != nil {
		return nil, err
	}
	out := make([]identity.Claim, 0, len(rows))
	for _, r := range rows {
		c := identity.Claim{Subject: s, Current: r.Current, Refused: refusedOf(r.Refused)}
		c.Born, _ = identity.ParseBorn(r.BirthDate) // what is no date contradicts nothing
		var nums []struct {
			Number string `db:"number"`
			Kind   string `db:"kind"`
			Born   string `db:"born"`
		}
		err := w.list(&nums, `SELECT c.number, n.kind, n.born FROM claim_number c JOIN number n ON n.number = c.number
			WHERE c.source = $1 AND c.kind = $2 AND c.key = $3 AND c.hash = $4`, s.Source, r.Kind, r.Key, r.Hash)
		if err != nil {
			return nil, err
		}
		for _, n := range nums {
			born, err := identity.ParseBorn(n.Born)
			if err != nil {
				return nil, err
			}
			c.Numbers = append(c.Numbers, identity.StatedNumber{ID: identity.NumberID(n.Number), Kind: identity.Kind(n.Kind), Born: born})
		}
		out = append(out, c)
	}
	return out, nil
}

func (w *work) ruling(s identity.Subject) (identity.Ruling, error) {
	var r string
	_, err := w.get(&r, `SELECT ruling FROM ruling WHERE source = $1 AND subject = $2 AND withdrawn IS NULL ORDER BY id DESC LIMIT 1`, s.Source, s.Key)
	return identity.Ruling(r), err
}

// pointSubject writes who a subject is, or why nobody knows, where that differs.
func (w *work) pointSubject(s identity.Subject, person care.PersonID, why identity.Reason) error {
	var p *string
	if person != "" {
		id := string(person)
		p = &id
	}
	return w.exec(`INSERT INTO subject (source, subject, person, reason) VALUES ($1, $2, $3, $4)
		ON CONFLICT (source, subject) DO UPDATE SET person = excluded.person, reason = excluded.reason
		WHERE coalesce(subject.person, '') <> coalesce(excluded.person, '') OR subject.reason <> excluded.reason`, s.Source, s.Key, p, string(why))
}

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
		}
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

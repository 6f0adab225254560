package store

import (
	"cmp"
	"maps"
	"slices"

	"samsyn/internal/care"
	"samsyn/internal/identity"
)

// What a decision rests on is partly what sources say: how protected an address is, who
// is in a team, who is who. Where that changes, the person's epoch grows in the same
// transaction, so that no answer is released that was decided on what was before.

// stir notes that such a thing changed of a subject; move, of persons.
func (w *work) stir(source, subject string) {
	if subject != "" {
		w.stirred[identity.Subject{Source: source, Key: subject}] = true
	}
}

func (w *work) move(persons ...care.PersonID) {
	for _, p := range persons {
		if p != "" {
			w.moved[p] = true
		}
	}
}

var (
	// The highest level that a subject's records give now; held levels never sink by themselves.
	stirEpochs = say(`INSERT INTO rights_epoch (person, n, address)
		SELECT u.person, 1, coalesce(max((SELECT max(c.marks & 3) FROM contribution c WHERE c.source = u.source AND c.subject = u.subject AND c.deleted = 0 AND (c.marks & 3) <> 0)), 0)
		FROM {rows} JOIN subject u ON u.source = k.source AND u.subject = k.subject WHERE u.person IS NOT NULL GROUP BY u.person
		ON CONFLICT (person) DO UPDATE SET n = rights_epoch.n + 1,
		address = CASE WHEN excluded.address > rights_epoch.address THEN excluded.address ELSE rights_epoch.address END`, "source subject")
	moveEpochs = say(`INSERT INTO rights_epoch (person, n, address) SELECT k.person, 1, 0 FROM {rows} WHERE true
		ON CONFLICT (person) DO UPDATE SET n = rights_epoch.n + 1`, "person")
)

// tellStirred lets the epochs grow, as the last thing in the transaction: the lock that
// answers wait for is held no longer than its end.
func (w *work) tellStirred() error {
	if len(w.stirred)+len(w.moved) == 0 {
		return nil
	}
	if err := w.lock(rightsLock); err != nil {
		return err
	}
	var subjects, persons [][]any
	for _, s := range slices.SortedFunc(maps.Keys(w.stirred), identity.Subject.Compare) {
		subjects = append(subjects, []any{s.Source, s.Key})
	}
	if err := w.tell(&stirEpochs, subjects); err != nil {
		return err
	}
	for _, p := range slices.SortedFunc(maps.Keys(w.moved), cmp.Compare[care.PersonID]) {
		persons = append(persons, []any{string(p)})
	}
	return w.tell(&moveEpochs, persons)
}

// marksOf is every mark of what a contribution says.
func marksOf(made []care.Made) care.Marks {
	var m care.Marks
	for _, one := range made {
		m = m.With(care.MarksOf(one.Resource))
	}
	return m
}

package mapkit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"samsyn/adapters"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
)

// Kinds of change of one resource.
const (
	Created = "created"
	Changed = "changed"
	Removed = "removed"
	// Moved: the resource says the same, of another subject or for another service.
	Moved = "moved"
)

// Change is what happens to one resource. It holds no content.
type Change struct {
	// Person is whose overview it changes: of whom the record spoke until now, or, where it
	// said nothing yet, who is known by the subject's numbers. "" while nobody knows.
	Person care.PersonID `json:"person,omitempty"`
	// To is who is known by the numbers of another subject, where the record gets one.
	To   care.PersonID `json:"to,omitempty"`
	Type string        `json:"type"`
	ID   string        `json:"id"`
	What string        `json:"what"`
	Kind string        `json:"kind"` // of the record that says it
	Key  string        `json:"key"`
}

// Changes is what another version of the maps would do to what is held of a source.
type Changes struct {
	Source   string           `json:"source"`
	Records  int              `json:"records"` // looked at
	Changes  []Change         `json:"changes"` // by person, type and id
	Refused  []ledger.Refusal `json:"refused"` // what would come into quarantine or wait for another reason
	Released []ledger.Key     `json:"released,omitempty"`
}

// Store is what foretelling reads. Nothing is written.
type Store interface {
	ingest.Store
	Said(ctx context.Context, source string, keys []ledger.Key) (map[ledger.Key]ledger.Said, error)
	PersonOf(ctx context.Context, source, subject string) (care.PersonID, error)
	PersonByIdentifier(ctx context.Context, n identity.Number) (care.PersonID, error)
}

// Foretell maps everything that is held of a source with the pipeline's maps and tells
// what would come of it. The pipeline's own Remap does the same afterwards and writes it.
// Who a subject is, is decided when it is done; until then a change names whom it concerns now.
func Foretell(ctx context.Context, p ingest.Pipeline, s Store, src ingest.Source, a adapters.Adapter) (Changes, error) {
	dry := &dryStore{Store: s, changes: Changes{Source: src.Name}}
	waiting, err := s.Refusals(ctx, src.Name)
	if err != nil {
		return Changes{}, err
	}
	dry.waiting = map[ledger.Key]ledger.Refusal{}
	for _, q := range waiting {
		dry.waiting[ledger.Key{Kind: q.Kind, Key: q.Key}] = q
	}
	p.Store, p.Log = dry, nil
	if _, err := p.Remap(ctx, src, a); err != nil {
		return Changes{}, err
	}
	c := dry.changes
	SortChanges(c.Changes)
	return c, nil
}

// SortChanges puts changes in the order in which they are shown.
func SortChanges(all []Change) {
	slices.SortFunc(all, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Person, b.Person), cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
	})
}

// dryStore reads as the store does and compares where the store would write.
type dryStore struct {
	Store
	changes Changes
	waiting map[ledger.Key]ledger.Refusal
}

func (d *dryStore) Begin(context.Context, ledger.Source, string) (int64, adapters.Cursor, error) {
	return 0, "", nil
}

func (d *dryStore) End(context.Context, int64, string) error { return nil }

func (d *dryStore) Acknowledged(context.Context, string, []ledger.Key) error {
	return errors.New("nothing is told to a source while foretelling")
}

func (d *dryStore) Save(ctx context.Context, b ledger.Batch) (ledger.Saved, error) {
	saved := ledger.Saved{Counts: b.Counts, Outcomes: make([]ledger.Outcome, len(b.Entries))}
	keys := make([]ledger.Key, len(b.Entries))
	for i, e := range b.Entries {
		keys[i] = ledger.Key{Kind: e.Record.Kind, Key: e.Record.Key}
	}
	said, err := d.Said(ctx, b.Source, keys)
	if err != nil {
		return saved, err
	}
	for i, e := range b.Entries {
		saved.Outcomes[i] = ledger.Unchanged
		if e.Refused != nil {
			saved.Outcomes[i] = ledger.Quarantined
		}
		if !e.Uncounted && !e.Derived {
			saved.Counts.Add(saved.Outcomes[i], 1)
		}
		if !e.Derived {
			d.changes.Records++
			d.waits(b.Source, keys[i], e.Refused)
		}
		if e.Refused == nil && !e.Part {
			if err := d.compare(ctx, b.Source, keys[i], said[keys[i]], e); err != nil {
				return saved, err
			}
		}
	}
	return saved, nil
}

// waits notes what would come into quarantine, wait for another reason, or leave it.
func (d *dryStore) waits(source string, k ledger.Key, r *ledger.Refusal) {
	before, was := d.waiting[k]
	switch {
	case r == nil && was:
		d.changes.Released = append(d.changes.Released, k)
	case r != nil && (!was || before.Code != r.Code || before.Text != r.Text || before.Where != r.Where):
		now := *r
		now.Source, now.Kind, now.Key = source, k.Kind, k.Key
		d.changes.Refused = append(d.changes.Refused, now)
	}
}

func (d *dryStore) compare(ctx context.Context, source string, k ledger.Key, before ledger.Said, e ledger.Entry) error {
	after := ledger.Said{Key: k, Service: e.Service, Subject: e.Subject.Key, Made: e.Made}
	if len(after.Made) > 0 {
		var err error
		if after.Person, err = d.person(ctx, source, e.Subject); err != nil {
			return err
		}
	}
	d.changes.Changes = append(d.changes.Changes, Compare(before, after)...)
	return nil
}

// person is who the subject will be, as far as that is known now.
func (d *dryStore) person(ctx context.Context, source string, s ledger.Subject) (care.PersonID, error) {
	if s.Key == "" {
		return "", nil
	}
	p, err := d.PersonOf(ctx, source, s.Key)
	if err != nil || p != "" {
		return p, err
	}
	var found care.PersonID
	for _, n := range s.Numbers {
		p, err := d.PersonByIdentifier(ctx, n)
		if errors.Is(err, care.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		if found != "" && found != p {
			return "", nil
		}
		found = p
	}
	return found, nil
}

type resourceKey struct{ typ, id string }

// Compare tells how what a record says differs from what it said. Both have its key.
func Compare(before, after ledger.Said) []Change {
	was, is := byKey(before.Made), byKey(after.Made)
	moved := before.Subject != after.Subject || before.Service != after.Service
	var out []Change
	person, to := before.Person, care.PersonID("")
	if len(before.Made) == 0 {
		person = after.Person
	} else if before.Subject != after.Subject {
		to = after.Person
	}
	add := func(k resourceKey, what string) {
		out = append(out, Change{Person: person, To: to, Type: k.typ, ID: k.id, What: what, Kind: after.Kind, Key: after.Key.Key})
	}
	for _, k := range slices.SortedFunc(maps.Keys(is), compareKeys) {
		old, had := was[k]
		switch {
		case !had:
			add(k, Created)
		case !bytes.Equal(old, is[k]):
			add(k, Changed)
		case moved:
			add(k, Moved)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(was), compareKeys) {
		if _, still := is[k]; !still {
			add(k, Removed)
		}
	}
	return out
}

func compareKeys(a, b resourceKey) int {
	return cmp.Or(cmp.Compare(a.typ, b.typ), cmp.Compare(a.id, b.id))
}

func byKey(made []care.Made) map[resourceKey][]byte {
	out := make(map[resourceKey][]byte, len(made))
	for _, m := range made {
		out[resourceKey{m.Resource.Type, m.Resource.ID}] = m.Resource.Body
	}
	return out
}

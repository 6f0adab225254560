package store

import (
	"cmp"
	"errors"
	"slices"

	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
)

// page is what a transaction knows of the entries that it keeps now, read for all of
// them at once, and what it will write about them, told for all of them at once.
// No key stands twice among them: a page that has one twice is kept in several goes.
type page struct {
	held     map[ledger.Key]*heldRow
	parts    map[string]bool // parts whose very bytes are held
	subjects map[string]bool // the source's keys for persons that are held
	claims   map[ledger.Key][]claimRow
	numbers  map[string]identity.Number // numbers that claims will state, by id
	order    []string                   // their ids as they were met
	shapes   map[shape][]care.Lineage   // what is told of resources, as lineage
	room     []byte                     // to make shapes in
	rules    map[string]int64
	said     map[*sentence][][]any
	ids      []int64 // for new contributions
}

// heldRow is what is held under one key: the record, its ledger line, what it says.
type heldRow struct {
	Kind    string `db:"kind"`
	Key     string `db:"key"`
	Hash    []byte `db:"hash"` // of the record; nil where there is none
	Version string `db:"version"`
	Changed int64  `db:"changed"`
	Deleted bool   `db:"deleted"`

	Stamp    []byte `db:"stamp"` // of the ledger; nil where there is no line
	Seen     string `db:"seen"`
	Outcome  string `db:"outcome"`
	LineHash []byte `db:"line_hash"`

	Quarantined bool   `db:"quarantined"`
	WaitHash    []byte `db:"wait_hash"`
	WaitCode    string `db:"wait_code"`
	WaitReason  string `db:"wait_reason"`
	WaitPlace   string `db:"wait_place"`

	ID           int64  `db:"id"` // of the contribution; 0 where there is none
	Said         int64  `db:"said"`
	Revision     string `db:"revision"`
	Service      string `db:"service"`
	Subject      string `db:"subject"`
	Gone         bool   `db:"gone"`
	Made         []byte `db:"made"`
	Marks        int64  `db:"marks"`
	Places       int64  `db:"places"`
	Claims       bool   `db:"claims"` // some version of the record claims or claimed something; so too where it is not known
	BasisVersion string `db:"basis_version"`
	BasisChanged int64  `db:"basis_changed"`
	BasisDeleted bool   `db:"basis_deleted"`
	BasisHash    []byte `db:"basis_hash"`
}

var askHeld = say(`SELECT k.kind, k.key, r.hash, coalesce(r.version, '') AS version, coalesce(r.changed, 0) AS changed, coalesce(r.deleted, 0) AS deleted,
	l.stamp, coalesce(l.revision, '') AS seen, coalesce(l.outcome, '') AS outcome, l.hash AS line_hash, CASE WHEN q.key IS NULL THEN 0 ELSE 1 END AS quarantined,
	q.hash AS wait_hash, coalesce(q.code, '') AS wait_code, coalesce(q.reason, '') AS wait_reason, coalesce(q.place, '') AS wait_place,
	coalesce(c.id, 0) AS id, coalesce(c.version, 0) AS said, coalesce(c.revision, '') AS revision, coalesce(c.service, '') AS service,
	coalesce(c.subject, '') AS subject, coalesce(c.deleted, 0) AS gone, c.made, coalesce(c.marks, 0) AS marks, coalesce(c.places, 0) AS places, coalesce(c.claims, 0) AS claims, coalesce(c.basis_version, '') AS basis_version,
	coalesce(c.basis_changed, 0) AS basis_changed, coalesce(c.basis_deleted, 0) AS basis_deleted, c.basis_hash
	FROM {rows} LEFT JOIN record r ON r.source = k.source AND r.kind = k.kind AND r.key = k.key
	LEFT JOIN ledger l ON l.source = k.source AND l.kind = k.kind AND l.key = k.key
	LEFT JOIN contribution c ON c.source = k.source AND c.kind = k.kind AND c.key = k.key
	LEFT JOIN quarantine q ON q.source = k.source AND q.kind = k.kind AND q.key = k.key`, "source kind key")

func (h *heldRow) rank() *ledger.Rank {
	if h.Hash == nil {
		return nil
	}
	r := rankRow{h.Version, h.Changed, h.Deleted, h.Hash}.rank()
	return &r
}

func (h *heldRow) basis() ledger.Rank {
	return rankRow{h.BasisVersion, h.BasisChanged, h.BasisDeleted, h.BasisHash}.rank()
}

// at is where an entry stands.
func at(e ledger.Entry) ledger.Key { return ledger.Key{Kind: e.Record.Kind, Key: e.Record.Key} }

// distinct is how many entries from the first on have keys of their own.
func distinct(entries []ledger.Entry) int {
	met := make(map[ledger.Key]bool, len(entries))
	for i, e := range entries {
		if met[at(e)] {
			return i
		}
		met[at(e)] = true
	}
	return len(entries)
}

// load reads what is held about entries.
func (w *work) load(entries []ledger.Entry) error {
	w.page = page{held: make(map[ledger.Key]*heldRow, len(entries)), parts: map[string]bool{}, subjects: map[string]bool{}, claims: map[ledger.Key][]claimRow{},
		numbers: map[string]identity.Number{}, rules: w.page.rules, shapes: map[shape][]care.Lineage{}, room: w.page.room, said: map[*sentence][][]any{}}
	rows := make([][]any, len(entries))
	for i, e := range entries {
		rows[i] = []any{w.source, e.Record.Kind, e.Record.Key}
	}
	held, err := ask[heldRow](w, &askHeld, rows)
	if err != nil {
		return err
	}
	for i := range held {
		w.page.held[ledger.Key{Kind: held[i].Kind, Key: held[i].Key}] = &held[i]
	}
	return errors.Join(w.loadParts(entries), w.loadSubjects(entries), w.loadClaims(entries), w.newIDs(entries))
}

// of is what is held about an entry.
func (w *work) of(e ledger.Entry) *heldRow { return w.page.held[at(e)] }

var askParts = say(`SELECT p.grp, p.kind, p.key, p.hash FROM {rows} JOIN part p ON p.source = k.source AND p.grp = k.grp AND p.kind = k.kind
	AND p.key = k.key AND p.hash = k.hash`, "source grp kind key hash:bytes")

func (w *work) loadParts(entries []ledger.Entry) error {
	var rows [][]any
	for _, e := range entries {
		if e.Part {
			hash := e.Hash()
			rows = append(rows, []any{w.source, e.Record.Group, e.Record.Kind, e.Record.Key, hash[:]})
		}
	}
	held, err := ask[struct {
		Grp  string `db:"grp"`
		Kind string `db:"kind"`
		Key  string `db:"key"`
		Hash []byte `db:"hash"`
	}](w, &askParts, rows)
	for _, p := range held {
		w.page.parts[p.Grp+"\x00"+p.Kind+"\x00"+p.Key+"\x00"+string(p.Hash)] = true
	}
	return err
}

var askSubjects = say(`SELECT u.subject FROM {rows} JOIN subject u ON u.source = k.source AND u.subject = k.subject`, "source subject")

func (w *work) loadSubjects(entries []ledger.Entry) error {
	var keys []string
	for _, e := range entries {
		if e.Subject.Key != "" {
			keys = append(keys, e.Subject.Key)
		}
	}
	slices.Sort(keys)
	var rows [][]any
	for _, key := range slices.Compact(keys) {
		rows = append(rows, []any{w.source, key})
	}
	held, err := ask[string](w, &askSubjects, rows)
	for _, key := range held {
		w.page.subjects[key] = true
	}
	return err
}

// newIDs takes numbers for the contributions that will be new.
func (w *work) newIDs(entries []ledger.Entry) error {
	n := 0
	for _, e := range entries {
		if h := w.of(e); h != nil && h.ID == 0 && !e.Part && !e.Fault && e.Refused == nil {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	if w.s.postgres {
		return w.list(&w.page.ids, `SELECT nextval('contribution_id_seq') FROM generate_series(1, $1::bigint)`, n)
	}
	var last int64
	if err := w.get1(&last, `SELECT coalesce(max(id), 0) FROM contribution`); err != nil {
		return err
	}
	for i := range n {
		w.page.ids = append(w.page.ids, last+1+int64(i))
	}
	return nil
}

// say notes a row of a sentence that is told when the page is flushed.
func (w *work) say(s *sentence, row ...any) {
	for i, v := range row {
		if text, ok := v.(string); ok {
			row[i] = storable(text) // the same on either database
		}
	}
	w.page.said[s] = append(w.page.said[s], row)
}

// order is how the sentences of a page follow each other: each finds what those before
// it leave. Those about who is who come last, under their lock.
var order = []*sentence{
	&putBody, &putLateBody, &putRecord, &setRecord, &laterRecord, &putPart,
	&newContribution, &setContribution, &setBasis, &setClaims, &putVersion, &putResource, &setLineage, &dropPlaces, &putPlaces,
	&putLedger, &setLedger, &putQuarantine, &dropQuarantine, &putPending,
}

var orderWhose = []*sentence{&putSubject, &dropNumbers, &dropClaim, &retireClaim, &putClaim, &putNumbers}

// flush tells everything that was noted.
func (w *work) flush() error {
	if err := w.numberShapes(); err != nil {
		return err
	}
	for _, s := range order {
		if err := w.tell(s, w.page.said[s]); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(orderWhose, func(s *sentence) bool { return len(w.page.said[s]) > 0 }) {
		return nil
	}
	if err := w.lockWhose(); err != nil {
		return err
	}
	if err := w.newNumbers(); err != nil {
		return err
	}
	for _, s := range orderWhose {
		if err := w.tell(s, w.page.said[s]); err != nil {
			return err
		}
	}
	return nil
}

var (
	askNumbers = say(`SELECT n.number FROM {rows} JOIN number n ON n.number = k.number`, "number")
	putPerson  = say(`INSERT INTO person (id, seq, created) SELECT k.id, k.seq, k.created FROM {rows}`, "id seq:int created:int")
	putNumber  = say(`INSERT INTO number (number, system, kind, born, sex, person, first_seen, first_source)
		SELECT k.number, k.system, k.kind, k.born, k.sex, k.person, k.seen, k.source FROM {rows}`, "number system kind born sex person seen:int source")
)

// newNumbers writes the numbers that are stated for the first time, each with a person of its own.
func (w *work) newNumbers() error {
	var rows [][]any
	for _, id := range w.page.order {
		rows = append(rows, []any{id})
	}
	held, err := ask[string](w, &askNumbers, rows)
	if err != nil || len(held) == len(rows) {
		return err
	}
	var last int64
	if err := w.get1(&last, `SELECT coalesce(max(seq), 0) FROM person`); err != nil {
		return err
	}
	slices.Sort(held)
	var persons, numbers [][]any
	for _, id := range w.page.order {
		if _, known := slices.BinarySearchFunc(held, id, cmp.Compare[string]); known {
			continue
		}
		person, err := w.s.randomID()
		if err != nil {
			return err
		}
		last++
		n := w.page.numbers[id]
		persons = append(persons, []any{person, last, micros(w.at)})
		numbers = append(numbers, []any{id, n.Kind.System(), string(n.Kind), n.Born.String(), string(n.Sex), person, micros(w.at), w.source})
	}
	return errors.Join(w.tell(&putPerson, persons), w.tell(&putNumber, numbers))
}

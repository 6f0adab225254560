package store

import (
	"crypto/sha256"
	"strconv"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

var (
	newContribution = say(`INSERT INTO contribution (id, source, kind, key, version, revision, service, subject, deleted, made, recorded, basis_version, basis_changed, basis_deleted, basis_hash, marks, places, claims)
		SELECT k.id, k.source, k.kind, k.key, k.version, k.revision, k.service, k.subject, k.deleted, k.made, k.recorded, k.basis_version, k.basis_changed, k.basis_deleted, k.basis_hash, k.marks, k.places, k.claims FROM {rows}`,
		"id:int source kind key version:int revision service subject deleted:int made:bytes recorded:int basis_version basis_changed:int basis_deleted:int basis_hash:bytes marks:int places:int claims:int")
	setContribution = say(`UPDATE contribution SET version = k.version, revision = k.revision, service = k.service, subject = k.subject, deleted = k.deleted, made = k.made,
		recorded = k.recorded, basis_version = k.basis_version, basis_changed = k.basis_changed, basis_deleted = k.basis_deleted, basis_hash = k.basis_hash,
		marks = k.marks, places = k.places FROM {rows} WHERE contribution.id = k.id`,
		"id:int version:int revision service subject deleted:int made:bytes recorded:int basis_version basis_changed:int basis_deleted:int basis_hash:bytes marks:int places:int")
	setBasis = say(`UPDATE contribution SET revision = k.revision, basis_version = k.basis_version, basis_changed = k.basis_changed, basis_deleted = k.basis_deleted,
		basis_hash = k.basis_hash FROM {rows} WHERE contribution.id = k.id`, "id:int revision basis_version basis_changed:int basis_deleted:int basis_hash:bytes")
	putVersion = say(`INSERT INTO contribution_version (contribution, version, revision, service, subject, deleted, recorded, source_version, changed, hash)
		SELECT k.contribution, k.version, k.revision, k.service, k.subject, k.deleted, k.recorded, k.source_version, k.changed, k.hash FROM {rows}`,
		"contribution:int version:int revision service subject deleted:int recorded:int source_version changed:int hash:bytes")
	putResource = say(`INSERT INTO resource (contribution, version, seq, type, id, body, marks, lineage, lineage_shape)
		SELECT k.contribution, k.version, k.seq, k.type, k.id, k.body, k.marks, '', k.shape FROM {rows}`, "contribution:int version:int seq:int type id body:bytes marks:int shape:int")
	// A row that has the shape already is left alone: to write it anew would write its body too.
	setLineage = say(`UPDATE resource SET lineage = '', lineage_shape = k.shape FROM {rows} WHERE resource.contribution = k.contribution AND resource.version = k.version AND resource.seq = k.seq
		AND (resource.lineage_shape IS NULL OR resource.lineage_shape <> k.shape)`,
		"contribution:int version:int seq:int shape:int")
)

// contribute writes what a record says now, as a new version where it differs from
// what it said before. A version older than the one that is said changes nothing.
// It tells whether the saying changed.
func (w *work) contribute(e ledger.Entry, rank ledger.Rank) bool {
	held := w.of(e)
	found := held.ID != 0
	use := !found || e.Derived || !w.older(e, rank, held.basis())
	if !use && rank.Hash == held.basis().Hash {
		return false // what it says now, listed once more from before
	}
	claims := w.claim(e, rank, use)
	if !use {
		return false
	}
	made := digest(e)
	if found && string(made) == string(held.Made) {
		w.sameAgain(held, e, rank)
		return false
	}
	next, id := held.Said, held.ID
	gone := len(e.Made) == 0
	service, subject := string(e.Service), e.Subject.Key
	if gone { // nothing is said, so of nobody
		service, subject = "", ""
	}
	if !gone || held.Said > 0 && !held.Gone {
		next++
	}
	marks, places := marksOf(e.Made), w.s.placesOf(e.Made)
	said := []any{next, e.Revision, service, subject, flag(gone), made, micros(w.at), rank.Version, micros(rank.Changed), flag(rank.Deleted), rank.Hash[:], int64(marks), int64(len(places))}
	if found {
		w.say(&setContribution, append([]any{id}, said...)...)
	} else {
		id, w.page.ids = w.page.ids[0], w.page.ids[1:]
		w.say(&newContribution, append(append([]any{id, w.source, e.Record.Kind, e.Record.Key}, said...), flag(claims))...)
	}
	w.place(id, held, places)
	if marks.Address() != care.Marks(held.Marks).Address() || len(places) > 0 || held.Places > 0 {
		w.stir(w.source, subject)
		w.stir(w.source, held.Subject)
	}
	if next == held.Said {
		return false
	}
	w.version(held, id, next, e, rank)
	return true
}

// version writes the version next of a contribution with its resources. A removal keeps
// service and subject of what was removed, so that its history stays readable to the same.
func (w *work) version(held *heldRow, id, next int64, e ledger.Entry, rank ledger.Rank) {
	service, subject := string(e.Service), e.Subject.Key
	if len(e.Made) == 0 {
		service, subject = held.Service, held.Subject
	}
	w.say(&putVersion, id, next, e.Revision, service, subject, flag(len(e.Made) == 0), micros(w.at), rank.Version, micros(rank.Changed), rank.Hash[:])
	for i, m := range e.Made {
		w.say(&putResource, id, next, int64(i), m.Resource.Type, m.Resource.ID,
			w.sealed(w.partition(e), atResource(id, next, int64(i)), bytesOf(m.Resource.Body)), int64(care.MarksOf(m.Resource)), w.shape(m.Lineage))
	}
}

// sameAgain notes that another version of the record, or another revision of the map,
// says the same. It is no new version; where the map is another, the lineage is its.
func (w *work) sameAgain(held *heldRow, e ledger.Entry, rank ledger.Rank) {
	if held.Revision == e.Revision && held.basis().Equal(rank) {
		return
	}
	w.say(&setBasis, held.ID, e.Revision, rank.Version, micros(rank.Changed), flag(rank.Deleted), rank.Hash[:])
	if held.Revision == e.Revision {
		return
	}
	for i, m := range e.Made {
		w.say(&setLineage, held.ID, held.Said, int64(i), w.shape(m.Lineage))
	}
}

// digest is the hash of all that a contribution says.
func digest(e ledger.Entry) []byte {
	h := sha256.New()
	var line []byte
	if len(e.Made) > 0 {
		line = strconv.AppendQuote(line, string(e.Service))
		line = strconv.AppendQuote(append(line, ' '), e.Subject.Key)
		line = append(line, '\n')
	}
	for _, m := range e.Made {
		line = strconv.AppendQuote(line, m.Resource.Type)
		line = strconv.AppendQuote(append(line, ' '), m.Resource.ID)
		line = strconv.AppendInt(append(line, ' '), int64(len(m.Resource.Body)), 10)
		h.Write(append(line, '\n'))
		h.Write(m.Resource.Body)
		line = line[:0]
	}
	return h.Sum(nil)
}

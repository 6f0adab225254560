package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/journal"
)

// ending is what the journal needs to know of a kind of right: whether it denies, since when it
// has ended (zero: it has not), and how it ends.
type ending struct {
	denies bool
	ended  func(body []byte) (time.Time, error)
	end    func(body []byte, at time.Time) (any, error)
}

// ends makes an ending of a right's type.
func ends[T any](denies bool, ended func(T) time.Time, end func(*T, time.Time)) ending {
	read := func(body []byte) (f T, err error) { return f, json.Unmarshal(body, &f) }
	return ending{denies,
		func(body []byte) (time.Time, error) {
			f, err := read(body)
			return ended(f), err
		},
		func(body []byte, at time.Time) (any, error) {
			f, err := read(body)
			end(&f, at)
			return f, err
		}}
}

// journaled marks what was ended by the journal: whoever ended it is not said there.
const journaled = "journal"

var endings = map[string]ending{
	kindAppointment: ends(false, func(a care.Appointment) time.Time { return a.Ended }, func(a *care.Appointment, at time.Time) { a.Ended, a.EndedBy = at, journaled }),
	kindBasis:       ends(false, func(b care.Basis) time.Time { return b.Ended }, func(b *care.Basis, at time.Time) { b.Ended, b.EndedBy = at, journaled }),
	kindConsent:     ends(false, refusedAt, refuse),
	kindBlock:       ends(true, func(b care.Block) time.Time { return b.Lifted }, func(b *care.Block, at time.Time) { b.Lifted = at }),
	kindWithheld:    ends(true, func(w care.Withheld) time.Time { return w.Lifted }, func(w *care.Withheld, at time.Time) { w.Lifted = at }),
	kindBreakGlass:  ends(false, func(b care.BreakGlass) time.Time { return b.Ended }, func(b *care.BreakGlass, at time.Time) { b.Ended = at }),
	kindGuardian:    ends(false, func(g guardianOf) time.Time { return g.Until }, func(g *guardianOf, at time.Time) { g.Until = at }),
}

func refusedAt(c care.Consent) time.Time {
	switch c.Status {
	case care.ConsentRejected, care.ConsentWithdrawn, care.ConsentInError:
		return c.Changed
	}
	return time.Time{}
}

func refuse(c *care.Consent, at time.Time) {
	c.Version, c.Status, c.Changed, c.ChangedBy = c.Version+1, care.ConsentWithdrawn, at, journaled
}

// endRight notes for the journal that a new version of a right ends it, or denies what was not denied.
func (w *work) endRight(r rightRow, before *rightRow) error {
	of := endings[r.Kind]
	now, err := of.ended(r.Body)
	if err != nil {
		return err
	}
	var was time.Time
	if before != nil {
		if was, err = of.ended(before.Body); err != nil {
			return err
		}
	}
	p := journal.Payload{"kind": r.Kind, "person": r.Person, "from": journal.Moment(now)}
	if of.denies && (before == nil || !was.IsZero()) && now.IsZero() {
		p["from"] = journal.Moment(w.at)
		w.end(journal.RightDenied, w.s.rightID(r), p)
	}
	if !now.IsZero() && (was.IsZero() || now.Before(was)) {
		w.end(journal.RightEnded, w.s.rightID(r), p)
	}
	return nil
}

// rightID stands for a right in the journal.
func (s *Store) rightID(r rightRow) string { return s.keyedID("right", r.Kind, r.ID) }

// rightsOf gives the rights that an entry is about, as they are held: one, or what took its
// place when it was denied again.
func (w *work) rightsOf(e journal.Entry) ([]rightRow, error) {
	var rows, out []rightRow
	err := w.list(&rows, `SELECT kind, id, version, person, viewer, other, body FROM rights WHERE person = $1 AND kind = $2 AND current = 1 ORDER BY seq`, e.Payload["person"], e.Payload["kind"])
	for _, r := range rows {
		if r.Body, err = w.s.opened(w.ctx, atRight(r.Kind, r.ID, r.Version), r.Body); err != nil {
			return nil, err
		}
		if w.s.rightID(r) == e.Subject || strings.HasPrefix(r.ID, journaled+"-"+e.Subject) {
			out = append(out, r)
		}
	}
	return out, err
}

// rightEnded ends the right, where it is held and has not ended by then. What came after the
// backup was taken is not held, and needs no ending.
func (*replay) rightEnded(w *work, e journal.Entry) error {
	rows, err := w.rightsOf(e)
	if err != nil {
		return err
	}
	for _, r := range rows {
		of, known := endings[r.Kind]
		if !known {
			return fmt.Errorf("right of kind %q: %w", r.Kind, care.ErrConflict)
		}
		from := e.Payload.Time("from")
		was, err := of.ended(r.Body)
		if err != nil {
			return err
		}
		if !was.IsZero() && !from.Before(was) {
			continue
		}
		f, err := of.end(r.Body, from)
		if err != nil {
			return err
		}
		if r.Body, err = json.Marshal(f); err != nil {
			return err
		}
		if err := w.keepRights(care.PersonID(r.Person), []rightRow{r}); err != nil {
			return err
		}
	}
	return nil
}

// rightDenied denies what was denied. The journal does not say how much, nor to whom: it is
// everything, to everybody, or to every guardian, until somebody looks.
func (*replay) rightDenied(w *work, e journal.Entry) error {
	held, err := w.rightsOf(e)
	if err != nil || len(held) > 0 {
		return err
	}
	id := journaled + "-" + e.Subject
	person, from := care.PersonID(e.Payload["person"]), e.Payload.Time("from")
	var r care.Rights
	switch e.Payload["kind"] {
	case kindBlock:
		r.Blocks = []care.Block{{ID: id, Person: person, All: true, Extent: care.BlockAll, From: from, By: journaled}}
	case kindWithheld:
		for _, s := range care.Services() {
			r.Withheld = append(r.Withheld, care.Withheld{ID: id + "/" + string(s), Person: person, Service: s, From: from, By: journaled})
		}
	}
	rows, err := w.s.rowsOf(person, r)
	if err != nil {
		return err
	}
	return w.keepRights(person, rows)
}

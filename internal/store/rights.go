package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/vault"
)

// The kinds of rights. Those that tie one viewer to the person are hers alone; those that
// deny hold also for the person that she was united with, and those that permit do not,
// until koordinerende enhet lets them (access.md, T11).
const (
	kindAppointment = "appointment"
	kindBasis       = "basis"
	kindConsent     = "consent"
	kindBlock       = "block"
	kindWithheld    = "withheld"
	kindGuardian    = "guardian"
	kindBreakGlass  = "break-glass"
)

// rightRow is one version of a right.
type rightRow struct {
	Seq     int64  `db:"seq"`
	Kind    string `db:"kind"`
	ID      string `db:"id"`
	Version int64  `db:"version"`
	Person  string `db:"person"`
	Viewer  string `db:"viewer"`
	Other   string `db:"other"`
	Body    []byte `db:"body"`
}

// guardianOf is a guardian with the child, as she is kept.
type guardianOf struct {
	Child care.PersonID `json:"child"`
	care.Guardian
}

// rowsOf are rights as they are kept. The error is care.ErrInvalid where one has no id or is
// another person's.
func (s *Store) rowsOf(person care.PersonID, r care.Rights) ([]rightRow, error) {
	var rows []rightRow
	var fault error
	add := func(kind, id string, of care.PersonID, viewer string, other care.PersonID, fact any) {
		b, err := json.Marshal(fact)
		if err == nil && (id == "" || of != person || person == "") {
			err = fmt.Errorf("%s: %w", kind, care.ErrInvalid)
		}
		fault = cmp.Or(fault, err)
		rows = append(rows, rightRow{Kind: kind, ID: id, Person: string(of), Viewer: viewer, Other: string(other), Body: b})
	}
	for _, f := range r.Appointments {
		add(kindAppointment, f.ID, f.Person, f.Viewer, "", f)
	}
	for _, f := range r.Bases {
		add(kindBasis, f.ID, f.Person, "", "", f)
	}
	for _, f := range r.Consents {
		add(kindConsent, f.ID, f.Person, "", "", f)
	}
	for _, f := range r.Blocks {
		add(kindBlock, f.ID, f.Person, "", "", f)
	}
	for _, f := range r.Withheld {
		add(kindWithheld, f.ID, f.Person, "", "", f)
	}
	for _, f := range r.BreakGlass {
		add(kindBreakGlass, f.ID, f.Person, f.Viewer, "", f)
	}
	for _, f := range r.Guardians {
		id := cmp.Or(f.Viewer, string(f.Person))
		if id != "" {
			id = s.keyedID("guardian", string(person), id)
		}
		add(kindGuardian, id, person, f.Viewer, f.Person, guardianOf{person, f})
	}
	return rows, fault
}

// put adds what rows hold to rights.
func (s *Store) put(ctx context.Context, r *care.Rights, rows []rightRow) error {
	for _, row := range rows {
		var err error
		if row.Body, err = s.opened(ctx, atRight(row.Kind, row.ID, row.Version), row.Body); err != nil {
			return fmt.Errorf("%s %s: %w", row.Kind, row.ID, err)
		}
		switch row.Kind {
		case kindAppointment:
			r.Appointments, err = more(r.Appointments, row)
		case kindBasis:
			r.Bases, err = more(r.Bases, row)
		case kindConsent:
			r.Consents, err = more(r.Consents, row)
		case kindBlock:
			r.Blocks, err = more(r.Blocks, row)
		case kindWithheld:
			r.Withheld, err = more(r.Withheld, row)
		case kindBreakGlass:
			r.BreakGlass, err = more(r.BreakGlass, row)
		case kindGuardian:
			var g guardianOf
			err = json.Unmarshal(row.Body, &g)
			r.Guardians = append(r.Guardians, g.Guardian)
		default: // kept by a newer program: nobody knows what it denies
			err = care.ErrUnavailable
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", row.Kind, row.ID, err)
		}
	}
	return nil
}

func more[T any](list []T, row rightRow) ([]T, error) {
	var f T
	err := json.Unmarshal(row.Body, &f)
	return append(list, f), err
}

var (
	askRight = say(`SELECT r.kind, r.id, r.version, r.person, r.body FROM {rows} JOIN rights r ON r.kind = k.kind AND r.id = k.id AND r.current = 1`, "kind id")
	oldRight = say(`UPDATE rights SET current = 0 FROM {rows} WHERE rights.kind = k.kind AND rights.id = k.id AND rights.current = 1`, "kind id")
	putRight = say(`INSERT INTO rights (kind, id, version, current, person, viewer, other, at, body)
		SELECT k.kind, k.id, k.version, 1, k.person, k.viewer, k.other, k.at, k.body FROM {rows}`, "kind id version:int person viewer other at:int body:bytes")
)

// keepRights writes new versions of what differs from what is held, and lets the person's
// epoch grow where anything does.
func (w *work) keepRights(person care.PersonID, rows []rightRow) error {
	var keys [][]any
	for _, r := range rows {
		keys = append(keys, []any{r.Kind, r.ID})
	}
	held, err := ask[rightRow](w, &askRight, keys)
	if err != nil {
		return err
	}
	var old, fresh [][]any
	for i, h := range held {
		if held[i].Body, err = w.s.opened(w.ctx, atRight(h.Kind, h.ID, h.Version), h.Body); err != nil {
			return err
		}
	}
	for _, r := range rows {
		version, before := int64(1), (*rightRow)(nil)
		if i := slices.IndexFunc(held, func(h rightRow) bool { return h.Kind == r.Kind && h.ID == r.ID }); i >= 0 {
			if string(held[i].Body) == string(r.Body) {
				continue
			}
			if err := w.sameRight(held[i], &r); err != nil {
				return err
			}
			version, before = held[i].Version+1, &held[i]
			old = append(old, []any{r.Kind, r.ID})
		}
		if err := w.endRight(r, before); err != nil {
			return err
		}
		fresh = append(fresh, []any{r.Kind, r.ID, version, r.Person, r.Viewer, r.Other, micros(w.at), w.sealed(vault.Coordination, atRight(r.Kind, r.ID, version), r.Body)})
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := w.tell(&oldRight, old); err != nil {
		return err
	}
	w.move(person)
	return w.tell(&putRight, fresh)
}

// sameRight lets a right of one who was united with the person be changed by way of her: it
// stays the other's, should they be parted.
func (w *work) sameRight(held rightRow, r *rightRow) error {
	if held.Person == r.Person {
		return nil
	}
	var united int
	if err := w.get1(&united, `SELECT count(*) FROM person WHERE id = $1 AND merged_into = $2`, held.Person, r.Person); err != nil {
		return err
	}
	if united == 0 {
		return fmt.Errorf("%s %s is another person's: %w", r.Kind, r.ID, care.ErrConflict)
	}
	w.move(care.PersonID(held.Person))
	r.Person = held.Person
	return nil
}

// partDenials gives a person who is parted from another what was denied about both of them while
// they were one: nobody can tell whom it was meant for, and so it holds for each.
func (w *work) partDenials(survivor, parted care.PersonID) error {
	var rows []rightRow
	err := w.list(&rows, `SELECT kind, id, version, person, viewer, other, body FROM rights WHERE person = $1 AND current = 1 AND kind IN ('block', 'withheld')
		AND at >= (SELECT max(at) FROM person_merge WHERE survivor = $1 AND merged = $2) ORDER BY seq`, string(survivor), string(parted))
	if err != nil || len(rows) == 0 {
		return err
	}
	var held care.Rights
	if err := w.s.put(w.ctx, &held, rows); err != nil {
		return err
	}
	become(&held, parted)
	for i := range held.Blocks {
		held.Blocks[i].ID += "/" + string(parted)
	}
	for i := range held.Withheld {
		held.Withheld[i].ID += "/" + string(parted)
	}
	kept, err := w.s.rowsOf(parted, held)
	if err != nil {
		return err
	}
	return w.keepRights(parted, kept)
}

// factRow is a row of facts: a right, or what else stands for the person.
type factRow struct {
	What   string `db:"what"`
	ID     string `db:"id"`
	Person string `db:"person"`
	Text   string `db:"text"`
	A      int64  `db:"a"`
	B      int64  `db:"b"`
	Body   []byte `db:"body"`
}

// me is the person as she is now, us with those that were united with her.
const meAndUs = `WITH me AS (SELECT coalesce(merged_into, id) AS id FROM person WHERE id = $1),
	us AS (SELECT id FROM me UNION SELECT p.id FROM me JOIN person p ON p.merged_into = me.id) `

// rightsOfUs are the rights of all of us. text says whether one holds for me: those of the others
// do where koordinerende enhet let them; what of them denies is read all the same.
const holds = `(r.person = me.id OR EXISTS (SELECT 1 FROM merge_confirmed m WHERE m.survivor = me.id AND m.merged = r.person AND m.second <> ''))`

const rightsOfUs = `SELECT r.kind AS what, r.id, r.person, CASE WHEN ` + holds + ` THEN 'holds' ELSE '' END AS text, r.seq AS a, r.version AS b, r.body FROM me, us JOIN rights r ON r.person = us.id
	WHERE r.current = 1 AND (r.kind IN ('block', 'withheld', 'consent') OR ` + holds + `)`

const epochAndAddress = `coalesce((SELECT e.n FROM rights_epoch e WHERE e.person = me.id), 0) AS a,
	(SELECT coalesce(max(l.level), 0) FROM (SELECT e.address AS level FROM us JOIN rights_epoch e ON e.person = us.id
		UNION ALL SELECT c.marks & 3 FROM subject u JOIN contribution c ON c.source = u.source AND c.subject = u.subject
		WHERE u.person = me.id AND c.deleted = 0 AND (c.marks & 3) <> 0) l) AS b`

const factsQuery = meAndUs + rightsOfUs + ` AND (r.kind NOT IN ('appointment', 'break-glass') OR r.viewer = $2 OR r.kind = 'appointment' AND $4 = 1)
	UNION ALL SELECT '', '', me.id, coalesce(
		(SELECT min(n.born) FROM us JOIN number n ON n.person = us.id WHERE n.born <> ''),
		(SELECT min(c.birth_date) FROM subject u JOIN claim c ON c.source = u.source AND c.subject = u.subject WHERE u.person = me.id AND c.current = 1 AND c.birth_date <> ''), ''),
	` + epochAndAddress + `, NULL FROM me
	UNION ALL SELECT 'place', '', me.id, c.service, t.starts, t.ends, NULL FROM me, team_place t JOIN contribution c ON c.id = t.contribution
	JOIN subject u ON u.source = c.source AND u.subject = c.subject WHERE t.hpr = $3 AND u.person = me.id AND c.deleted = 0`

// Facts gives all that a decision about a viewer and a person rests on, as it is held now,
// in one question. Known is false, and nothing else is told, where there is no such
// person. Tenant is left to whoever asks. Appointments are the viewer's own, and for
// koordinerende enhet, which makes them, everybody's.
func (s *Store) Facts(ctx context.Context, viewer care.Viewer, person care.PersonID) (care.Facts, error) {
	f := care.Facts{Viewer: viewer, Person: person}
	var rows []factRow
	if err := s.read.SelectContext(ctx, &rows, factsQuery, storable(string(person)), viewer.ID, s.hprID(viewer.HPR), flag(viewer.Role == care.RoleKoordinerendeEnhet)); err != nil {
		return care.Facts{}, fmt.Errorf("read facts: %w", err)
	}
	var r care.Rights
	err := s.gatherRights(ctx, rows, &r, func(row factRow) {
		switch row.What {
		case "":
			f.Known, f.Person, f.Born, f.Epoch, f.Address = true, care.PersonID(row.Person), row.Text, row.A, care.AddressLevel(row.B)
		case "place":
			f.Team = append(f.Team, care.TeamPeriod{Service: care.Service(row.Text), From: timeOf(row.A), Until: timeOf(row.B)})
		}
	})
	if err != nil {
		return care.Facts{}, fmt.Errorf("read facts: %w", err)
	}
	f.Guardians, f.Appointments, f.Bases, f.Consents = r.Guardians, r.Appointments, r.Bases, r.Consents
	f.Blocks, f.Withheld, f.BreakGlass = r.Blocks, r.Withheld, r.BreakGlass
	slices.SortFunc(f.Team, func(a, b care.TeamPeriod) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), a.From.Compare(b.From), a.Until.Compare(b.Until))
	})
	return f, nil
}

// gatherRights reads the rights among rows, in the order in which they were kept, and
// gives the other rows to other.
func (s *Store) gatherRights(ctx context.Context, rows []factRow, r *care.Rights, other func(factRow)) error {
	var hold, deny []rightRow
	var who care.PersonID
	for _, row := range rows {
		if row.What == "" || row.What == "place" {
			who = care.PersonID(row.Person)
			other(row)
			continue
		}
		to := &deny
		if row.Text != "" {
			to = &hold
		}
		*to = append(*to, rightRow{Seq: row.A, Kind: row.What, ID: row.ID, Version: row.B, Body: row.Body})
	}
	var denied care.Rights
	for _, part := range []struct {
		rows []rightRow
		to   *care.Rights
	}{{hold, r}, {deny, &denied}} {
		slices.SortFunc(part.rows, func(a, b rightRow) int { return cmp.Compare(a.Seq, b.Seq) })
		if err := s.put(ctx, part.to, part.rows); err != nil {
			return err
		}
	}
	r.Blocks, r.Withheld = append(r.Blocks, denied.Blocks...), append(r.Withheld, denied.Withheld...)
	for _, c := range denied.Consents { // a no is a no of both, and a yes is not
		if c.Status == care.ConsentRejected || c.Status == care.ConsentWithdrawn {
			r.Consents = append(r.Consents, c)
		}
	}
	become(r, who)
	return nil
}

// become lets rights of those who were united with a person be hers.
func become(r *care.Rights, who care.PersonID) {
	for i := range r.Appointments {
		r.Appointments[i].Person = who
	}
	for i := range r.Bases {
		r.Bases[i].Person = who
	}
	for i := range r.Consents {
		c := &r.Consents[i]
		for j := range c.Signatures {
			if g := &c.Signatures[j]; g.Party == care.PartyChild && g.Signer == string(c.Person) {
				g.Signer = string(who)
			}
		}
		c.Person = who
	}
	for i := range r.Blocks {
		r.Blocks[i].Person = who
	}
	for i := range r.Withheld {
		r.Withheld[i].Person = who
	}
	for i := range r.BreakGlass {
		r.BreakGlass[i].Person = who
	}
}

// Rights gives everything that is registered about a person for any viewer, newest
// versions, and the epoch that it was read at. It is for those who register, never for
// a decision about one viewer. The error is care.ErrNotFound where there is no such person.
func (s *Store) Rights(ctx context.Context, person care.PersonID) (held care.Rights, who care.PersonID, epoch int64, err error) {
	var rows []factRow
	err = s.read.SelectContext(ctx, &rows, meAndUs+rightsOfUs+` UNION ALL SELECT '', '', me.id, '', `+epochAndAddress+`, NULL FROM me`, storable(string(person)))
	if err == nil {
		err = s.gatherRights(ctx, rows, &held, func(row factRow) { who, epoch = care.PersonID(row.Person), row.A })
	}
	if err == nil && who == "" {
		err = errNone("person")
	}
	if err != nil {
		return care.Rights{}, "", 0, fmt.Errorf("read rights: %w", err)
	}
	return held, who, epoch, nil
}

// ConsentVersions gives every version of a consent, the oldest first. The error is
// care.ErrNotFound where there is none.
func (s *Store) ConsentVersions(ctx context.Context, id string) ([]care.Consent, error) {
	var rows []rightRow
	if err := s.read.SelectContext(ctx, &rows, `SELECT kind, id, version, body FROM rights WHERE kind = 'consent' AND id = $1 ORDER BY version`, id); err != nil {
		return nil, fmt.Errorf("read consent: %w", err)
	}
	var r care.Rights
	if err := s.put(ctx, &r, rows); err != nil {
		return nil, fmt.Errorf("read consent: %w", err)
	}
	if len(r.Consents) == 0 {
		return nil, errNone("consent")
	}
	return r.Consents, nil
}

// Broken gives every opened emergency session that nobody has reviewed, the oldest first.
func (s *Store) Broken(ctx context.Context) ([]care.BreakGlass, error) {
	var rows []rightRow
	if err := s.read.SelectContext(ctx, &rows, `SELECT kind, id, version, body FROM rights WHERE kind = 'break-glass' AND current = 1 ORDER BY seq`); err != nil {
		return nil, fmt.Errorf("read emergency sessions: %w", err)
	}
	var r care.Rights
	if err := s.put(ctx, &r, rows); err != nil {
		return nil, fmt.Errorf("read emergency sessions: %w", err)
	}
	return slices.DeleteFunc(r.BreakGlass, func(b care.BreakGlass) bool { return !b.Reviewed.IsZero() }), nil
}

// Persons gives those to whom anything ties the viewer, by id: an appointment, a place in
// a team, a broken glass, a guardian's registration, or that she is the one. Whether it gives anything is not said.
func (s *Store) Persons(ctx context.Context, viewer care.Viewer) ([]care.PersonID, error) {
	var out []care.PersonID
	err := s.read.SelectContext(ctx, &out, `SELECT DISTINCT coalesce(p.merged_into, p.id) AS id FROM (
		SELECT person FROM rights WHERE viewer = $1 AND current = 1 AND viewer <> ''
		UNION SELECT person FROM rights WHERE other = $2 AND current = 1 AND other <> ''
		UNION SELECT CAST($2 AS TEXT)
		UNION SELECT u.person FROM team_place t JOIN contribution c ON c.id = t.contribution JOIN subject u ON u.source = c.source AND u.subject = c.subject
			WHERE t.hpr = $3 AND c.deleted = 0) x JOIN person p ON p.id = x.person ORDER BY 1`, viewer.ID, string(viewer.Person), s.hprID(viewer.HPR))
	if err != nil {
		return nil, fmt.Errorf("list persons: %w", err)
	}
	return out, nil
}

// Appointed gives everybody whom an appointment is about, by id, over or not.
func (s *Store) Appointed(ctx context.Context) ([]care.PersonID, error) {
	var out []care.PersonID
	err := s.read.SelectContext(ctx, &out, `SELECT DISTINCT coalesce(p.merged_into, p.id) AS id FROM rights r JOIN person p ON p.id = r.person
		WHERE r.kind = 'appointment' AND r.current = 1 ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list appointed: %w", err)
	}
	return out, nil
}

// Whose gives the person whom a resource is about now, "" for nobody. It says nothing of
// whether anybody may see it, and must not be shown.
func (s *Store) Whose(ctx context.Context, typ, id string) (care.PersonID, error) {
	var out []care.PersonID
	err := s.read.SelectContext(ctx, &out, `SELECT DISTINCT u.person FROM resource r JOIN contribution c ON c.id = r.contribution
		JOIN subject u ON u.source = c.source AND u.subject = c.subject
		WHERE r.type = $1 AND r.id = $2 AND u.person IS NOT NULL ORDER BY u.person LIMIT 2`, storable(typ), storable(id))
	if err != nil {
		return "", fmt.Errorf("find whose it is: %w", err)
	}
	if len(out) != 1 { // two would each be asked for what is the other's
		return "", nil
	}
	return out[0], nil
}

// Notices gives what an office must hear of, the oldest first; those that somebody has seen are left out.
func (s *Store) Notices(ctx context.Context, role care.Role) ([]care.Notice, error) {
	var rows []struct {
		ID     int64  `db:"id"`
		At     int64  `db:"at"`
		What   string `db:"what"`
		Person string `db:"person"`
		Ref    string `db:"ref"`
	}
	if err := s.read.SelectContext(ctx, &rows, `SELECT id, at, what, person, ref FROM notice WHERE role = $1 AND seen = 0 ORDER BY id`, string(role)); err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	out := make([]care.Notice, len(rows))
	for i, r := range rows {
		out[i] = care.Notice{ID: r.ID, At: timeOf(r.At), Role: role, What: r.What, Person: care.PersonID(r.Person), Ref: r.Ref}
	}
	return out, nil
}

// SawNotice notes that somebody of the office has seen a notice.
func (s *Store) SawNotice(ctx context.Context, role care.Role, id int64, who string, at time.Time) error {
	err := s.transaction(ctx, func(w *work) error {
		n, err := w.execCount(`UPDATE notice SET seen = $3, who = $4 WHERE id = $1 AND role = $2 AND seen = 0`, id, string(role), micros(at), who)
		if err == nil && n == 0 {
			err = errNone("notice")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("note that a notice was seen: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// tables are all tables but run, access_log, audit_event, notice, lease, session, used and the job queue: a run's report is the one thing that
// a second identical run may write, and who looked is no content.
var tables = []string{"meta", "source", "shard", "ledger", "record", "record_version", "part", "contribution", "contribution_version", "resource", "rule", "lineage_shape",
	"claim", "claim_number", "person", "number", "person_merge", "subject", "ruling", "quarantine", "pending", "map_revision", "rights", "rights_epoch", "merge_confirmed", "team_place"}

// Dump writes every row of every table but run and the access log, in a stable order. It is for tests
// and for proving that a run wrote nothing; it contains everything that is kept.
func (s *Store) Dump(ctx context.Context, out io.Writer) error {
	for _, t := range tables {
		if err := s.dumpQuery(ctx, out, t, `SELECT * FROM `+t, nil); err != nil {
			return fmt.Errorf("dump %s: %w", t, err)
		}
	}
	return nil
}

// canonical are the questions whose answers must not depend on the order in which
// records arrived, nor on when, nor on the instance's keys: a person stands as the
// first of her subjects, a number as the first record that states it.
var canonical = []struct {
	name, query string
	sealed      unsealer // nil where nothing is
}{
	{"ledger", `SELECT source, kind, key, stamp, revision, outcome FROM ledger`, nil},
	{"record", `SELECT source, kind, key, version, changed, deleted, derived, media, hash FROM record`, nil},
	{"version", `SELECT v.source, v.kind, v.key, v.hash, v.body FROM record_version v WHERE NOT EXISTS
		(SELECT 1 FROM record d WHERE d.source = v.source AND d.kind = v.kind AND d.key = v.key AND d.derived = 1 AND d.hash <> v.hash)`, func(c cells) { c.open(4, atRecord(c.text(0), c.text(1), c.text(2), c.bytes(3))) }},
	{"part", `SELECT source, grp, kind, key, hash, version, changed, deleted, media, body FROM part`, func(c cells) { c.open(9, atPart(c.text(0), c.text(1), c.text(2), c.text(3), c.bytes(4))) }},
	{"said", `SELECT c.source, c.kind, c.key, c.revision, c.service, c.subject, c.deleted, c.basis_hash, r.seq, r.type, r.id, r.body, c.id AS own_id, c.version AS own_version FROM contribution c
		LEFT JOIN resource r ON r.contribution = c.id AND r.version = c.version`, func(c cells) {
		if c.row[8] != nil {
			c.open(11, atResource(c.int(12), c.int(13), c.int(8)))
		}
		c.hide(12, 13)
	}},
	{"claim", `SELECT source, kind, key, hash, subject, service, current, birth_date, name, refused FROM claim`, func(c cells) { c.openText(8, atClaim(c.text(0), c.text(1), c.text(2), c.bytes(3))) }},
	{"number", `SELECT c.source, c.subject, n.system, n.born, n.sex, c.kind, c.key, c.hash, c.old,
		(SELECT min(o.source || '/' || o.kind || '/' || o.key || '/' || o.subject) FROM claim_number o WHERE o.number = c.number) AS met
		FROM claim_number c JOIN number n ON n.number = c.number`, nil},
	{"subject", `SELECT u.source, u.subject, u.reason,
		(SELECT min(o.source || '/' || o.subject) FROM subject o WHERE o.person = u.person) AS person FROM subject u
		WHERE EXISTS (SELECT 1 FROM claim c WHERE c.source = u.source AND c.subject = u.subject)
		OR EXISTS (SELECT 1 FROM contribution c WHERE c.source = u.source AND c.subject = u.subject)`, nil},
	{"quarantine", `SELECT source, kind, key, hash, code, reason, place FROM quarantine`, func(c cells) {
		c.openText(5, atQuarantine("reason", c.text(0), c.text(1), c.text(2)))
		c.openText(6, atQuarantine("place", c.text(0), c.text(1), c.text(2)))
	}},
	{"rights", `SELECT kind, id, version, current, viewer, at, body FROM rights`, func(c cells) { c.open(6, atRight(c.text(0), c.text(1), c.int(2))) }},
	{"place", `SELECT c.source, c.kind, c.key, t.place, t.starts, t.ends FROM team_place t JOIN contribution c ON c.id = t.contribution`, nil},
}

// Canonical writes what the store says, so that two stores that were told the same in
// any order write the same.
func (s *Store) Canonical(ctx context.Context, out io.Writer) error {
	for _, c := range canonical {
		if err := s.dumpQuery(ctx, out, c.name, c.query, c.sealed); err != nil {
			return fmt.Errorf("dump %s: %w", c.name, err)
		}
	}
	return nil
}

// dumpQuery writes the rows as lines, sorted as text: the same rows give the same lines.
func (s *Store) dumpQuery(ctx context.Context, out io.Writer, name, query string, sealed unsealer) error {
	rows, err := s.read.QueryxContext(ctx, query)
	if err != nil {
		return err
	}
	var lines []string
	for rows.Next() {
		row, err := rows.SliceScan()
		if err == nil && sealed != nil {
			sealed(cells{ctx, s, row, &err})
		}
		if err != nil {
			return errors.Join(err, rows.Close())
		}
		line := name
		for _, c := range row {
			if b, ok := c.([]byte); ok {
				c = fmt.Sprintf("x%x", b)
			}
			line += fmt.Sprintf("\t%v", c)
		}
		lines = append(lines, line+"\n")
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	slices.Sort(lines)
	_, err = io.WriteString(out, strings.Join(lines, ""))
	return err
}

// unsealer opens what is sealed of a row.
type unsealer func(cells)

// cells are a row's, as the database gave them. The first error is kept.
type cells struct {
	ctx context.Context
	s   *Store
	row []any
	err *error
}

func (c cells) bytes(i int) []byte {
	switch v := c.row[i].(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	}
	return nil
}

func (c cells) text(i int) string { return string(c.bytes(i)) }

func (c cells) int(i int) int64 {
	n, _ := c.row[i].(int64) // both databases give their integers as such
	return n
}

func (c cells) open(i int, at []byte) {
	text, err := c.s.opened(c.ctx, at, c.bytes(i))
	*c.err, c.row[i] = errors.Join(*c.err, err), text
}

func (c cells) openText(i int, at []byte) {
	text, err := c.s.openedText(c.ctx, at, c.text(i))
	*c.err, c.row[i] = errors.Join(*c.err, err), text
}

// hide takes out columns that were only asked for to find the place.
func (c cells) hide(is ...int) {
	for _, i := range is {
		c.row[i] = ""
	}
}

package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/vault"
)

// sealedTable is where sealed texts lie. The audit log is not among them: it is never changed.
type sealedTable struct {
	name string
	// id are the columns that name a row, in the order of an index; postgres where that is another there.
	id, postgres []string
	more         []string // that places are made of
	service      string   // SQL for the service that a row t is of; '' is coordination's
	columns      []sealedColumn
}

type sealedColumn struct {
	name string
	text bool
	at   func(named) []byte
}

// named are a row's cells by column.
type named map[string]any

func (r named) text(name string) string {
	switch v := r[name].(type) {
	case []byte:
		return string(v)
	case string:
		return v
	}
	return ""
}

func (r named) bytes(name string) []byte { return []byte(r.text(name)) }

func (r named) int(name string) int64 {
	n, _ := r[name].(int64) // both databases give their integers as such
	return n
}

const (
	ofSource = `(SELECT o.service FROM source o WHERE o.source = t.source)`
	ofNobody = `''`
)

var sealedTables = []sealedTable{
	{name: "record_version", id: []string{"key", "hash", "kind", "source"}, service: ofSource, columns: []sealedColumn{
		{"body", false, func(r named) []byte {
			return atRecord(r.text("source"), r.text("kind"), r.text("key"), r.bytes("hash"))
		}}}},
	{name: "part", id: []string{"source", "grp", "kind", "key", "hash"}, service: ofSource, columns: []sealedColumn{
		{"body", false, func(r named) []byte {
			return atPart(r.text("source"), r.text("grp"), r.text("kind"), r.text("key"), r.bytes("hash"))
		}}}},
	{name: "resource", id: []string{"contribution", "version", "seq"},
		service: `(SELECT v.service FROM contribution_version v WHERE v.contribution = t.contribution AND v.version = t.version)`, columns: []sealedColumn{
			{"body", false, func(r named) []byte { return atResource(r.int("contribution"), r.int("version"), r.int("seq")) }}}},
	{name: "claim", id: []string{"source", "kind", "key", "hash"}, postgres: []string{"key", "kind", "source", "hash"}, service: `t.service`, columns: []sealedColumn{
		{"name", true, func(r named) []byte {
			return atClaim(r.text("source"), r.text("kind"), r.text("key"), r.bytes("hash"))
		}}}},
	{name: "quarantine", id: []string{"source", "kind", "key"}, more: []string{"hash"}, service: ofSource, columns: []sealedColumn{
		{"body", false, func(r named) []byte {
			return atQuarantine("body", r.text("source"), r.text("kind"), r.text("key")+r.text("hash"))
		}},
		{"reason", true, func(r named) []byte {
			return atQuarantine("reason", r.text("source"), r.text("kind"), r.text("key"))
		}},
		{"place", true, func(r named) []byte {
			return atQuarantine("place", r.text("source"), r.text("kind"), r.text("key"))
		}}}},
	{name: "pending", id: []string{"source", "kind", "key"}, service: ofSource, columns: []sealedColumn{
		{"reason", true, func(r named) []byte { return atPending(r.text("source"), r.text("kind"), r.text("key")) }}}},
	{name: "source", id: []string{"source"}, service: `t.service`, columns: []sealedColumn{
		{"cursor", true, func(r named) []byte { return atCursor(r.text("source"), "") }}}},
	{name: "shard", id: []string{"source", "shard"}, service: ofSource, columns: []sealedColumn{
		{"cursor", true, func(r named) []byte { return atCursor(r.text("source"), r.text("shard")) }}}},
	{name: "reconciliation_line", id: []string{"reconciliation", "seq"},
		service: `(SELECT o.service FROM reconciliation n JOIN source o ON o.source = n.source WHERE n.id = t.reconciliation)`, columns: []sealedColumn{
			{"reason", true, func(r named) []byte { return atLine(r.int("reconciliation"), r.int("seq")) }}}},
	{name: "ruling", id: []string{"id"}, more: []string{"source", "subject", "at"}, service: ofNobody, columns: []sealedColumn{
		{"why", true, func(r named) []byte { return atRuling(r.text("source"), r.text("subject"), r.int("at")) }}}},
	{name: "rights", id: []string{"seq"}, more: []string{"kind", "id", "version"}, service: ofNobody, columns: []sealedColumn{
		{"body", false, func(r named) []byte { return atRight(r.text("kind"), r.text("id"), r.int("version")) }}}},
	{name: "meta", id: []string{"name"}, service: ofNobody, columns: []sealedColumn{
		{"value", false, func(named) []byte { return atSecret }}}},
}

// skips tells that a row holds nothing sealed: all of meta but the secret.
func (t sealedTable) skips(r named) bool { return t.name == "meta" && r.text("name") != "secret" }

func (t sealedTable) order(postgres bool) []string {
	if postgres && t.postgres != nil {
		return t.postgres
	}
	return t.id
}

// page reads some rows after one (nil: the first).
func (t sealedTable) page(w *work, after []any, most int) ([]named, error) {
	order := t.order(w.s.postgres)
	var names []string
	for _, c := range append(append([]string{}, order...), t.more...) {
		names = append(names, "t."+c)
	}
	names = append(names, "coalesce("+t.service+", '') AS its_service")
	for _, c := range t.columns {
		names = append(names, "t."+c.name)
	}
	where, ids := "", "t."+strings.Join(order, ", t.")
	if after != nil {
		where = ` WHERE (` + ids + `) > (` + params(1, len(order)) + `)`
	}
	rows, err := w.tx.QueryxContext(w.ctx, `SELECT `+strings.Join(names, ", ")+` FROM `+t.name+` t`+where+` ORDER BY `+ids+` LIMIT `+strconv.Itoa(most), after...)
	if err != nil {
		return nil, err
	}
	var out []named
	for rows.Next() {
		r := named{}
		if err := rows.MapScan(r); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		out = append(out, r)
	}
	return out, errors.Join(rows.Err(), rows.Close())
}

// set replaces what one column of a row holds, where nobody else has done so meanwhile.
func (t sealedTable) set(w *work, r named, column string, value any) error {
	args := []any{value, r[column]}
	query := `UPDATE ` + t.name + ` SET ` + column + ` = $1 WHERE ` + column + ` = $2`
	for _, c := range t.id {
		args = append(args, r[c])
		query += fmt.Sprintf(" AND %s = $%d", c, len(args))
	}
	return w.exec(query, args...)
}

func (t sealedTable) after(r named, postgres bool) []any {
	var out []any
	for _, c := range t.order(postgres) {
		out = append(out, r[c])
	}
	return out
}

const sealAtOnce = 500

// sealAll seals what an older program kept as it was, some rows in a transaction that
// also notes how far it came: it goes on where it was stopped.
func (s *Store) sealAll(ctx context.Context) error {
	if s.vault == nil {
		return nil
	}
	sealed := 0
	for done := false; !done; {
		n := 0
		err := s.transaction(ctx, func(w *work) (err error) {
			n, done, err = w.sealSome()
			return err
		}, lock{class: keyLock})
		if err != nil {
			return fmt.Errorf("seal what was kept before: %w", err)
		}
		sealed += n
	}
	if sealed == 0 {
		return nil
	}
	return s.tidy(ctx)
}

// progress is how far the sealing came: the tables before Table are sealed, and of it the rows up to After.
type progress struct {
	Table int
	After []any
}

func (w *work) sealSome() (sealed int, done bool, err error) {
	var held []byte
	if _, err := w.get(&held, `SELECT value FROM meta WHERE name = 'sealed'`); err != nil || string(held) == "all" {
		return 0, true, err
	}
	var p progress
	if held != nil {
		if err := gob.NewDecoder(bytes.NewReader(held)).Decode(&p); err != nil {
			return 0, false, fmt.Errorf("how far it came: %w", errDamaged)
		}
	}
	for ; p.Table < len(sealedTables); p.Table, p.After = p.Table+1, nil {
		t := sealedTables[p.Table]
		rows, err := t.page(w, p.After, sealAtOnce)
		if err != nil {
			return 0, false, err
		}
		for _, r := range rows {
			if err := t.seal(w, r); err != nil {
				return 0, false, fmt.Errorf("%s: %w", t.name, err)
			}
		}
		if sealed += len(rows); len(rows) == sealAtOnce {
			p.After = t.after(rows[len(rows)-1], w.s.postgres)
			var b bytes.Buffer
			if err := gob.NewEncoder(&b).Encode(p); err != nil {
				return 0, false, err
			}
			return sealed, false, w.setMeta(sealedName, b.Bytes())
		}
	}
	return sealed, true, w.setMeta(sealedName, []byte("all"))
}

// seal seals a row that is as it was.
func (t sealedTable) seal(w *work, r named) error {
	if t.skips(r) {
		return nil
	}
	p := vault.Of(care.Service(r.text("its_service")))
	if t.name == "meta" {
		p = vault.Instance
	}
	for _, c := range t.columns {
		if r[c.name] == nil || c.text && r.text(c.name) == "" {
			continue
		}
		var value any
		if c.text {
			value = w.sealedText(p, c.at(r), r.text(c.name))
		} else {
			value = w.sealed(p, c.at(r), r.bytes(c.name))
		}
		if err := t.set(w, r, c.name, value); err != nil {
			return err
		}
	}
	return nil
}

// Reseal seals anew, some rows in a transaction, what was sealed with keys that their
// partitions seal with no more, while the store is in use. When it has been stopped it may
// be called again. Then the old keys are retired, but coordination's: the audit log is never
// sealed anew. tell, where there is one, hears how many rows were looked at so far.
func (s *Store) Reseal(ctx context.Context, tell func(rows int)) (resealed int, err error) {
	if s.vault == nil {
		return 0, fmt.Errorf("seal again: the store is not sealed: %w", care.ErrInvalid)
	}
	var asked []byte
	if err := s.transaction(ctx, func(w *work) (err error) {
		asked = nil
		_, err = w.get(&asked, `SELECT value FROM meta WHERE name = $1`, resealName)
		return err
	}); err != nil {
		return 0, fmt.Errorf("seal again: %w", err)
	}
	looked := 0
	for _, t := range sealedTables {
		var after []any
		for more := true; more; {
			n := 0
			var rows []named
			err := s.transaction(ctx, func(w *work) (err error) {
				n = 0
				if rows, err = t.page(w, after, sealAtOnce); err != nil {
					return err
				}
				for _, r := range rows {
					done, err := t.reseal(w, r)
					if err != nil {
						return fmt.Errorf("%s: %w", t.name, err)
					}
					n += done
				}
				return nil
			})
			if err != nil {
				return resealed, fmt.Errorf("seal again: %w", err)
			}
			if more = len(rows) == sealAtOnce; more {
				after = t.after(rows[len(rows)-1], s.postgres)
			}
			resealed, looked = resealed+n, looked+len(rows)
			if tell != nil {
				tell(looked)
			}
		}
	}
	for _, p := range vault.Partitions() {
		if p == vault.Coordination {
			continue
		}
		if _, err := s.vault.Retire(ctx, p); err != nil {
			return resealed, fmt.Errorf("seal again: %w", err)
		}
	}
	if asked == nil {
		return resealed, nil
	}
	// Where another rotation has begun meanwhile, it is not done.
	return resealed, s.transaction(ctx, func(w *work) error {
		return w.exec(`DELETE FROM meta WHERE name = $1 AND value = $2`, resealName, asked)
	})
}

// resealName is in meta while what was sealed with older keys may have to be sealed anew.
const resealName = "reseal"

// Resealing tells whether a rotation of keys has begun of which not everything is sealed anew.
func (s *Store) Resealing(ctx context.Context) (bool, error) {
	var n int
	if err := s.read.GetContext(ctx, &n, `SELECT count(*) FROM meta WHERE name = $1`, resealName); err != nil {
		return false, fmt.Errorf("see whether a rotation of keys was stopped: %w", err)
	}
	return n > 0 && s.vault != nil, nil
}

func (t sealedTable) reseal(w *work, r named) (n int, err error) {
	if t.skips(r) {
		return 0, nil
	}
	for _, c := range t.columns {
		held := r.bytes(c.name)
		if c.text {
			if held, err = base64.RawStdEncoding.DecodeString(r.text(c.name)); err != nil {
				return n, fmt.Errorf("%w: it is not sealed", errDamaged)
			}
		}
		if !w.s.vault.Stale(held) {
			continue
		}
		text, err := w.s.opened(w.ctx, c.at(r), held)
		if err != nil {
			return n, err
		}
		sealed := w.sealed(w.s.vault.PartitionOf(held), c.at(r), text)
		var value any = sealed
		if c.text {
			value = base64.RawStdEncoding.EncodeToString(sealed)
		}
		if err := t.set(w, r, c.name, value); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// tidy lets the database give back what is free, so that nothing of what was taken out or
// sealed is left in its files. It needs the room of the largest table, and nobody may
// write meanwhile on PostgreSQL.
func (s *Store) tidy(ctx context.Context) error {
	statements := []string{`VACUUM`, `PRAGMA wal_checkpoint(TRUNCATE)`}
	if s.postgres {
		statements = nil
		for _, t := range sealedTables {
			statements = append(statements, `VACUUM FULL `+t.name)
		}
	}
	for _, q := range statements {
		if _, err := s.write.DB.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("tidy the store (%s): %w", q, told(err))
		}
	}
	return nil
}

// RotateKeys lets the partitions seal with new keys from now on. What is held is sealed
// anew by Reseal.
func (s *Store) RotateKeys(ctx context.Context, ps ...vault.Partition) error {
	if s.vault == nil {
		return fmt.Errorf("rotate keys: the store is not sealed: %w", care.ErrInvalid)
	}
	if err := s.transaction(ctx, func(w *work) error { return w.setMeta(resealName, []byte(w.at.UTC().Format(time.RFC3339Nano))) }); err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	for _, p := range ps {
		if err := s.vault.Rotate(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// Keys lists the store's keys, none where it is not sealed. Nothing of it is secret.
func (s *Store) Keys() []vault.Key {
	if s.vault == nil {
		return nil
	}
	return s.vault.List()
}

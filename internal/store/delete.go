package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/journal"
	"samsyn/internal/vault"
)

// Deletion is the proof that something was deleted.
type Deletion struct {
	ID     int64     `json:"id,omitempty"`
	At     time.Time `json:"at"`
	Why    string    `json:"why"` // retention, erasure, key
	Who    string    `json:"who"`
	Source string    `json:"source,omitempty"` // "" where it is not of one source
	What   string    `json:"what"`             // the table
	N      int       `json:"n"`
	// Hash is a keyed hash over the names of the rows, in order.
	Hash []byte `json:"hash"`
}

// Why something was deleted.
const (
	byRetention = "retention"
	byErasure   = "erasure"
	byKey       = "key"
)

// Retention says how long of a source is kept what is not said any more; 0 for ever.
type Retention struct {
	// History is how long earlier versions of what a record said are kept after they were replaced.
	History time.Duration
	// Raw is how long earlier versions of records, as they were received, are kept after that.
	Raw time.Duration
	// Removed is how long what the source removed is kept, with all its versions.
	Removed time.Duration
	// Quarantine is how long what could not be read is kept.
	Quarantine time.Duration
}

// goner deletes rows of a table and gives their names.
type goner struct {
	what   string
	delete string // with RETURNING the columns that name a row, as one text
	args   []any
}

// deleting is what a transaction deletes, and the proof of it.
type deleting struct {
	w                *work
	why, who, source string
	order            []string
	names            map[string][]string // of the rows, by table
}

func (w *work) deleting(why, who, source string) *deleting {
	return &deleting{w: w, why: why, who: who, source: source, names: map[string][]string{}}
}

func (d *deleting) delete(goners ...goner) error {
	for _, g := range goners {
		var names []string
		if err := d.w.tx.SelectContext(d.w.ctx, &names, g.delete, g.args...); err != nil {
			return fmt.Errorf("%s: %w", g.what, err)
		}
		if d.names[g.what] == nil {
			d.order = append(d.order, g.what)
		}
		d.names[g.what] = append(d.names[g.what], names...)
	}
	return nil
}

// contributions deletes those that a condition on c picks, with all that stands under their records' keys.
func (d *deleting) contributions(condition string, args ...any) error {
	var ids []int64
	if err := d.w.tx.SelectContext(d.w.ctx, &ids, `SELECT c.id FROM contribution c WHERE `+condition, args...); err != nil {
		return err
	}
	for some := range slices.Chunk(ids, keysAtOnce) {
		list := make([]any, len(some))
		for i, id := range some {
			list[i] = id
		}
		list = filled(list)
		if err := d.delete(ofContributions(`c.id IN (`+params(1, len(list))+`)`, list)...); err != nil {
			return err
		}
	}
	return nil
}

// prove writes what was deleted, where there was anything.
func (d *deleting) prove() (out []Deletion, err error) {
	for _, what := range d.order {
		names := d.names[what]
		if len(names) == 0 {
			continue
		}
		slices.Sort(names)
		p := Deletion{At: timeOf(micros(d.w.at)), Why: d.why, Who: d.who, Source: d.source, What: what, N: len(names), Hash: d.w.s.keyed("deletions", []byte(strings.Join(names, "\n")))}
		if err := d.w.get1(&p.ID, `INSERT INTO deletion (at, why, who, source, what, n, hash) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
			micros(p.At), p.Why, p.Who, p.Source, p.What, p.N, p.Hash); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

const (
	namesRecord       = ` RETURNING source || '/' || kind || '/' || key`
	namesContribution = ` RETURNING source || '/' || kind || '/' || key`
	namesVersion      = ` RETURNING CAST(contribution AS TEXT) || '/' || CAST(version AS TEXT)`
)

// ofContributions deletes contributions that a condition on c picks, and everything that
// stands under their records' keys. The ledger's lines stay: they tell that the keys were seen.
func ofContributions(condition string, args []any) []goner {
	which := `SELECT c.id FROM contribution c WHERE ` + condition
	same := func(t string) string {
		return `EXISTS (SELECT 1 FROM contribution c WHERE c.source = ` + t + `.source AND c.kind = ` + t + `.kind AND c.key = ` + t + `.key AND ` + condition + `)`
	}
	return []goner{
		{"resource", `DELETE FROM resource WHERE contribution IN (` + which + `)` + namesVersion, args},
		{"contribution_version", `DELETE FROM contribution_version WHERE contribution IN (` + which + `)` + namesVersion, args},
		{"team_place", `DELETE FROM team_place WHERE contribution IN (` + which + `) RETURNING CAST(contribution AS TEXT)`, args},
		{"record", `DELETE FROM record WHERE ` + same("record") + namesRecord, args},
		{"record_version", `DELETE FROM record_version WHERE ` + same("record_version") + namesRecord, args},
		// What a whole was assembled of has the whole's key as its group.
		{"part", `DELETE FROM part WHERE EXISTS (SELECT 1 FROM contribution c WHERE c.source = part.source AND c.key = part.grp AND ` + condition + `)` + namesRecord, args},
		{"claim_number", `DELETE FROM claim_number WHERE ` + same("claim_number") + namesRecord, args},
		{"claim", `DELETE FROM claim WHERE ` + same("claim") + namesRecord, args},
		{"quarantine", `DELETE FROM quarantine WHERE ` + same("quarantine") + namesRecord, args},
		{"pending", `DELETE FROM pending WHERE ` + same("pending") + namesRecord, args},
		{"contribution", `DELETE FROM contribution AS c WHERE ` + condition + namesContribution, args},
	}
}

// retainedName begins the names of meta rows that say when a source's retention was looked at.
const retainedName = "retained:"

// Retain deletes what a source's retention lets go, and proves it. With dry nothing is
// deleted, and what would be is told.
func (s *Store) Retain(ctx context.Context, source string, r Retention, who string, dry bool) (out []Deletion, err error) {
	var goners []goner
	now := s.now()
	before := func(d time.Duration) int64 { return micros(now.Add(-d)) }
	if r.History > 0 {
		// Replaced: there is a later version, and it is older than that.
		const old = ` WHERE EXISTS (SELECT 1 FROM contribution c JOIN contribution_version n ON n.contribution = c.id
			WHERE c.id = {t}.contribution AND c.source = $1 AND {t}.version < c.version AND n.version = {t}.version + 1 AND n.recorded < $2)`
		for _, t := range []string{"resource", "contribution_version"} {
			goners = append(goners, goner{t, `DELETE FROM ` + t + strings.ReplaceAll(old, "{t}", t) + namesVersion, []any{source, before(r.History)}})
		}
	}
	if r.Raw > 0 {
		// What is held now stays.
		goners = append(goners, goner{"record_version", `DELETE FROM record_version WHERE source = $1 AND recorded < $2 AND NOT EXISTS (SELECT 1 FROM record r
			WHERE r.source = record_version.source AND r.kind = record_version.kind AND r.key = record_version.key AND r.hash = record_version.hash)` + namesRecord, []any{source, before(r.Raw)}})
	}
	if r.Quarantine > 0 {
		goners = append(goners, goner{"quarantine", `DELETE FROM quarantine WHERE source = $1 AND first_seen < $2 AND body IS NOT NULL` + namesRecord, []any{source, before(r.Quarantine)}})
	}
	err = s.transaction(ctx, func(w *work) (err error) {
		d := w.deleting(byRetention, who, source)
		if r.Removed > 0 {
			if err := d.contributions(`c.source = $1 AND c.deleted = 1 AND c.recorded < $2`, source, before(r.Removed)); err != nil {
				return err
			}
		}
		if err := d.delete(goners...); err != nil {
			return err
		}
		if out, err = d.prove(); err != nil {
			return err
		}
		if dry {
			return errDry
		}
		return w.setMeta(retainedName+source, strconv.AppendInt(nil, micros(now), 10))
	}, pageLocks(source, "")...)
	if dry && err == errDry {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("retention of %s: %w", source, err)
	}
	if len(out) > 0 && !dry {
		err = s.settle(ctx)
	}
	return out, err
}

var errDry = fmt.Errorf("nothing is to be deleted: %w", care.ErrConflict)

// settle lets a file forget what was deleted: it lies in no free page and in no log. On
// PostgreSQL the room is free for other rows at the next vacuum; until it is used, sealed bytes lie in it.
func (s *Store) settle(ctx context.Context) error {
	statements := []string{`PRAGMA wal_checkpoint(TRUNCATE)`}
	if s.postgres {
		statements = nil
		for _, t := range sealedTables {
			statements = append(statements, `VACUUM `+t.name)
		}
	}
	for _, q := range statements {
		if _, err := s.write.DB.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("settle the store (%s): %w", q, told(err))
		}
	}
	return nil
}

// Erase deletes everything that is held about a person and those that were united with
// her, but the audit log, and proves it. What a source still gives comes again when the source changes
// it: the source is told to stop first. The error is care.ErrNotFound where there is no such person.
func (s *Store) Erase(ctx context.Context, person care.PersonID, who string) (out []Deletion, err error) {
	err = s.transaction(ctx, func(w *work) error {
		var ids []string
		if err := w.list(&ids, `SELECT id FROM person WHERE id = $1 AND merged_into IS NULL OR merged_into = $1 ORDER BY id`, string(person)); err != nil {
			return err
		}
		if !slices.Contains(ids, string(person)) {
			return errNone("person")
		}
		for _, id := range ids {
			w.end(journal.PersonErased, id, journal.Payload{})
		}
		out, err = w.erase(string(person), who)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("erase a person: %w", err)
	}
	return out, s.settle(ctx)
}

// erase deletes what is held about a person and those that were united with her, and proves it.
func (w *work) erase(me, who string) ([]Deletion, error) {
	const mine = `(SELECT u.source || '/' || u.subject FROM subject u JOIN person p ON p.id = u.person WHERE p.id = $1 OR p.merged_into = $1)`
	const us = `(SELECT id FROM person WHERE id = $1 OR merged_into = $1)`
	if err := w.lockWhose(); err != nil {
		return nil, err
	}
	// Also what once was hers: by the versions, and by what was claimed.
	ever := `(c.source || '/' || c.subject IN ` + mine + ` OR EXISTS (SELECT 1 FROM contribution_version v WHERE v.contribution = c.id AND c.source || '/' || v.subject IN ` + mine + `)
		OR EXISTS (SELECT 1 FROM claim m WHERE m.source = c.source AND m.kind = c.kind AND m.key = c.key AND m.source || '/' || m.subject IN ` + mine + `))`
	d := w.deleting(byErasure, who, "")
	if err := d.contributions(ever, me); err != nil {
		return nil, err
	}
	err := d.delete([]goner{
		{"claim_number", `DELETE FROM claim_number WHERE source || '/' || subject IN ` + mine + namesRecord, []any{me}},
		{"claim", `DELETE FROM claim WHERE source || '/' || subject IN ` + mine + namesRecord, []any{me}},
		{"ruling", `DELETE FROM ruling WHERE source || '/' || subject IN ` + mine + ` RETURNING CAST(id AS TEXT)`, []any{me}},
		{"reconciliation_line", `DELETE FROM reconciliation_line WHERE person IN ` + us + ` RETURNING CAST(reconciliation AS TEXT) || '/' || CAST(seq AS TEXT)`, []any{me}},
		{"rights", `DELETE FROM rights WHERE person IN ` + us + ` OR other IN ` + us + ` RETURNING kind || '/' || id`, []any{me}},
		{"notice", `DELETE FROM notice WHERE person IN ` + us + ` RETURNING CAST(id AS TEXT)`, []any{me}},
		{"subject", `DELETE FROM subject WHERE person IN ` + us + ` RETURNING source || '/' || subject`, []any{me}},
		{"number", `DELETE FROM number WHERE person IN ` + us + ` RETURNING number`, []any{me}},
		{"person_merge", `DELETE FROM person_merge WHERE survivor IN ` + us + ` OR merged IN ` + us + ` RETURNING CAST(id AS TEXT)`, []any{me}},
		{"merge_confirmed", `DELETE FROM merge_confirmed WHERE survivor IN ` + us + ` OR merged IN ` + us + ` RETURNING survivor`, []any{me}},
		{"person", `DELETE FROM person WHERE merged_into = $1 RETURNING id`, []any{me}},
		{"person", `DELETE FROM person WHERE id = $1 RETURNING id`, []any{me}},
	}...)
	if err != nil {
		return nil, err
	}
	out, err := d.prove()
	if err != nil {
		return nil, err
	}
	// Whatever was decided on her is decided no more.
	return out, w.exec(`UPDATE rights_epoch SET n = n + 1 WHERE person = $1`, me)
}

// DestroyKeys destroys the keys of a service: what it said opens no more, here and in every
// copy of the store. Then it takes out what lies here. It may be called again where it was stopped.
func (s *Store) DestroyKeys(ctx context.Context, service care.Service, who string) (rows int, err error) {
	if s.vault == nil {
		return 0, fmt.Errorf("destroy keys: the store is not sealed: %w", care.ErrInvalid)
	}
	if err := s.vault.Destroy(ctx, vault.Of(service)); err != nil {
		return 0, err
	}
	const ofService = `(SELECT source FROM source WHERE service = $1)`
	err = s.transaction(ctx, func(w *work) error {
		rows = 0
		d := w.deleting(byKey, who, "")
		if err := d.contributions(`c.service = $1 OR c.source IN `+ofService+` OR EXISTS (SELECT 1 FROM contribution_version v WHERE v.contribution = c.id AND v.service = $1)`, string(service)); err != nil {
			return err
		}
		for _, t := range []string{"record", "record_version", "part", "quarantine", "pending", "claim_number", "claim"} {
			if err := d.delete(goner{t, `DELETE FROM ` + t + ` WHERE source IN ` + ofService + namesRecord, []any{string(service)}}); err != nil {
				return err
			}
		}
		for _, t := range []string{"source", "shard"} {
			if err := w.exec(`UPDATE `+t+` SET cursor = '' WHERE source IN `+ofService, string(service)); err != nil {
				return err
			}
		}
		if err := w.exec(`UPDATE reconciliation_line SET reason = '' WHERE reconciliation IN (SELECT id FROM reconciliation WHERE source IN `+ofService+`)`, string(service)); err != nil {
			return err
		}
		proofs, err := d.prove()
		for _, p := range proofs {
			rows += p.N
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take out what %s said: %w", service, err)
	}
	return rows, s.settle(ctx)
}

// Deletions gives the proofs of what was deleted, newest first, at most limit of them (0: all).
func (s *Store) Deletions(ctx context.Context, limit int) ([]Deletion, error) {
	if limit <= 0 {
		limit = 1 << 31
	}
	var rows []struct {
		ID     int64  `db:"id"`
		At     int64  `db:"at"`
		Why    string `db:"why"`
		Who    string `db:"who"`
		Source string `db:"source"`
		What   string `db:"what"`
		N      int    `db:"n"`
		Hash   []byte `db:"hash"`
	}
	if err := s.read.SelectContext(ctx, &rows, `SELECT id, at, why, who, source, what, n, hash FROM deletion ORDER BY id DESC LIMIT $1`, limit); err != nil {
		return nil, fmt.Errorf("list deletions: %w", err)
	}
	out := make([]Deletion, len(rows))
	for i, r := range rows {
		out[i] = Deletion{ID: r.ID, At: timeOf(r.At), Why: r.Why, Who: r.Who, Source: r.Source, What: r.What, N: r.N, Hash: r.Hash}
	}
	return out, nil
}

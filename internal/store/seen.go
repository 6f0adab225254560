package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"samsyn/internal/ingest/ledger"
)

// Ledger reads the ledger's lines about the keys; a key that was never seen is absent.
func (s *Store) Ledger(ctx context.Context, source string, keys []ledger.Key) (map[ledger.Key]ledger.Seen, error) {
	out := make(map[ledger.Key]ledger.Seen, len(keys))
	var err error
	if s.postgres {
		err = s.seenAtOnce(ctx, out, source, keys)
	} else {
		err = eachKind(keys, func(kind string, ks []string) error {
			query, args := keysOf(`SELECT kind, key, stamp, revision, outcome FROM ledger WHERE source = $1 AND kind = $2 AND key {keys}`, source, kind, ks)
			rows, err := s.read.QueryRows(ctx, query, args...)
			if err != nil {
				return err
			}
			return readSeen(rows, out)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read ledger of %s: %w", source, err)
	}
	unstorable(out, keys)
	return out, nil
}

// askSeen looks each key up in the index by itself (OFFSET 0 keeps the planner from anything
// else), so that it costs the same whatever the planner knows of the table.
const askSeen = `SELECT l.kind, l.key, l.stamp, l.revision, l.outcome FROM unnest($2::text[], $3::text[]) AS k (kind, key)
	CROSS JOIN LATERAL (SELECT kind, key, stamp, revision, outcome FROM ledger WHERE source = $1 AND kind = k.kind AND key = k.key OFFSET 0) l`

func (s *Store) seenAtOnce(ctx context.Context, out map[ledger.Key]ledger.Seen, source string, keys []ledger.Key) error {
	table := make([][]any, len(keys))
	for i, k := range keys {
		table[i] = []any{k.Kind, k.Key}
	}
	for some := range slices.Chunk(table, rowsAtOnce) {
		rows, err := s.read.QueryContext(ctx, askSeen, source, array{text, 0, some}, array{text, 1, some})
		if err != nil {
			return told(err)
		}
		if err := readSeen(rows, out); err != nil {
			return err
		}
	}
	return nil
}

// readSeen reads lines of the ledger. Kinds, revisions and outcomes are few, so their
// texts are shared.
func readSeen(rows *sql.Rows, out map[ledger.Key]ledger.Seen) error {
	var kind, key, stamp, revision, outcome sql.RawBytes // valid until the next row
	into := []any{&kind, &key, &stamp, &revision, &outcome}
	texts := map[string]string{}
	shared := func(b []byte) string {
		s, met := texts[string(b)]
		if !met {
			s = string(b)
			texts[s] = s
		}
		return s
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return told(errors.Join(err, rows.Close()))
		}
		seen := ledger.Seen{Revision: shared(revision), Outcome: ledger.Outcome(shared(outcome))}
		copy(seen.Stamp[:], stamp)
		out[ledger.Key{Kind: shared(kind), Key: string(key)}] = seen
	}
	return told(errors.Join(rows.Err(), rows.Close()))
}

// eachKind gives the keys of each kind, some at a time.
func eachKind(keys []ledger.Key, f func(kind string, ks []string) error) error {
	byKind := map[string][]string{}
	for _, k := range keys {
		byKind[storable(k.Kind)] = append(byKind[storable(k.Kind)], storable(k.Key))
	}
	for kind, ks := range byKind {
		for some := range slices.Chunk(ks, keysAtOnce) {
			if err := f(kind, some); err != nil {
				return err
			}
		}
	}
	return nil
}

// unstorable answers for keys that are held under another name.
func unstorable[V any](out map[ledger.Key]V, keys []ledger.Key) {
	for _, k := range keys {
		if v, held := out[ledger.Key{Kind: storable(k.Kind), Key: storable(k.Key)}]; held {
			out[k] = v
		}
	}
}

const keysAtOnce = 500

// selectKeys reads the rows of a query whose {keys} is the keys of a kind. On SQLite the
// list is filled up to one of a few lengths, so that there are as few texts to prepare.
func (s *Store) selectKeys(ctx context.Context, dest any, query, source, kind string, keys []string) error {
	if s.postgres {
		rows := make([][]any, len(keys))
		for i, k := range keys {
			rows[i] = []any{k}
		}
		return s.read.SelectOnce(ctx, dest, strings.Replace(query, "{keys}", "= ANY ($3::text[])", 1), source, kind, array{text, 0, rows})
	}
	query, args := keysOf(query, source, kind, keys)
	return s.read.SelectContext(ctx, dest, query, args...)
}

// keysOf is a query of SQLite's whose {keys} is a list of keys, and what to ask it with.
func keysOf(query, source, kind string, keys []string) (string, []any) {
	list := make([]any, len(keys))
	for i, k := range keys {
		list[i] = k
	}
	list = filled(list)
	return strings.Replace(query, "{keys}", "IN ("+params(3, len(list))+")", 1), append([]any{source, kind}, list...)
}

// filled fills a list up to one of a few lengths with its first, so that there are as few texts to prepare.
func filled(list []any) []any {
	n := 1
	for n < len(list) {
		n *= 8
	}
	n = min(n, keysAtOnce)
	out := slices.Grow(slices.Clone(list), n)
	for len(out) < n {
		out = append(out, list[0])
	}
	return out
}

// params is "$from,$from+1,…", n of them.
func params(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "$%d", from+i)
	}
	return b.String()
}

package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/vault"
)

// What can be read of a person is sealed before it is written: bodies, names, reasons,
// cursors, rights, the audit log, the instance's secret. What a question asks about stays as
// it is: keys that sources give (which are no names and no numbers, adapters.Record), services, types,
// times, birth dates, and numbers as keyed hashes. A store without a vault seals nothing.
//
// Each sealed text is bound to the row and column where it lies.

const (
	ringName       = "ring:"  // in meta, then the partition
	generationName = "rings"  // how often they were changed
	sealedName     = "sealed" // how far what was kept before has been sealed; "all"
)

var errRings = errors.New("the rings were changed")

// openVault reads the rings and sees that store and vault belong together.
func (s *Store) openVault(ctx context.Context, keys vault.Keys) error {
	rings, _, err := (shelf{s}).Rings(ctx)
	if err != nil {
		return err
	}
	if keys == nil {
		if len(rings) > 0 {
			return fmt.Errorf("the store is sealed, and no keys were given: name its key file (store.keys): %w", care.ErrUnavailable)
		}
		return nil
	}
	s.vault, err = vault.Open(ctx, keys, shelf{s}, s.now)
	return err
}

// shelf keeps rings in meta.
type shelf struct{ s *Store }

func (h shelf) Rings(ctx context.Context) (map[vault.Partition][]byte, int64, error) {
	var rows []struct {
		Name  string `db:"name"`
		Value []byte `db:"value"`
	}
	if err := h.s.read.SelectOnce(ctx, &rows, `SELECT name, value FROM meta WHERE name = 'rings' OR name LIKE 'ring:%'`); err != nil {
		return nil, 0, err
	}
	out, generation := map[vault.Partition][]byte{}, int64(0)
	for _, r := range rows {
		if p, ok := strings.CutPrefix(r.Name, ringName); ok {
			out[vault.Partition(p)] = r.Value
			continue
		}
		var err error
		if generation, err = strconv.ParseInt(string(r.Value), 10, 64); err != nil {
			return nil, 0, fmt.Errorf("number of the rings: %w", errDamaged)
		}
	}
	return out, generation, nil
}

func (h shelf) PutRings(ctx context.Context, changes []vault.Change) error {
	return h.s.transaction(ctx, func(w *work) error {
		for _, c := range changes {
			var held []byte
			if _, err := w.get(&held, `SELECT value FROM meta WHERE name = $1`, ringName+string(c.Partition)); err != nil {
				return err
			}
			if !bytes.Equal(held, c.Before) {
				return fmt.Errorf("another instance changed the ring of %s: %w", c.Partition, care.ErrConflict)
			}
			if err := w.setMeta(ringName+string(c.Partition), c.After); err != nil {
				return err
			}
		}
		generation, err := w.generation()
		if err != nil {
			return err
		}
		return w.setMeta(generationName, strconv.AppendInt(nil, generation+1, 10))
	}, lock{class: keyLock})
}

func (w *work) setMeta(name string, value []byte) error {
	return w.exec(`INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
}

func (w *work) generation() (int64, error) {
	var now []byte
	found, err := w.get(&now, `SELECT value FROM meta WHERE name = 'rings'`)
	if err != nil || !found {
		return 0, err
	}
	return strconv.ParseInt(string(now), 10, 64)
}

// sameRings refuses a transaction that would seal with keys that another instance has
// replaced: it is done again when they are read. The lock on them is held, shared.
func (w *work) sameRings() error {
	if w.s.vault == nil {
		return nil
	}
	now, err := w.generation()
	if err == nil && now != w.s.vault.Generation() {
		err = errRings
	}
	return err
}

// sealed is a text that cannot be read, as it is where there is no vault. What goes wrong
// stops the transaction when it is flushed.
func (w *work) sealed(p vault.Partition, place, text []byte) []byte {
	out, err := w.s.seal(p, place, text)
	if err != nil {
		w.fault = errors.Join(w.fault, err)
	}
	return out
}

// sealedText is the same for a column that holds text; nothing stays nothing.
func (w *work) sealedText(p vault.Partition, place []byte, text string) string {
	if text == "" || w.s.vault == nil {
		return text
	}
	return base64.RawStdEncoding.EncodeToString(w.sealed(p, place, []byte(storable(text))))
}

func (s *Store) seal(p vault.Partition, place, text []byte) ([]byte, error) {
	if s.vault == nil {
		return text, nil
	}
	return s.vault.Seal(p, place, text)
}

// opened gives back what was sealed. A text whose key was destroyed is care.ErrNotFound
// (vault.ErrDestroyed), one that was changed or moved is damaged.
func (s *Store) opened(ctx context.Context, place, sealed []byte) ([]byte, error) {
	if s.vault == nil {
		return sealed, nil
	}
	text, err := s.vault.Open(ctx, place, sealed)
	if errors.Is(err, vault.ErrDamaged) {
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	return text, err
}

func (s *Store) openedText(ctx context.Context, place []byte, text string) (string, error) {
	if text == "" || s.vault == nil {
		return text, nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("%w: it is not sealed", errDamaged)
	}
	out, err := s.opened(ctx, place, raw)
	return string(out), err
}

// of is the partition of an entry: its service's, or its source's where it has none.
func (w *work) partition(e ledger.Entry) vault.Partition {
	if e.Service.Valid() {
		return vault.Of(e.Service)
	}
	return w.home
}

// findHome reads the partition of the source whose page is saved.
func (w *work) findHome() error {
	if w.s.vault == nil {
		return nil
	}
	var service string
	if _, err := w.get(&service, `SELECT service FROM source WHERE source = $1`, w.source); err != nil {
		return err
	}
	w.home = vault.Of(care.Service(service))
	return nil
}

// The places of what is sealed.
func atRecord(source, kind, key string, hash []byte) []byte {
	return vault.Place("record", source, kind, key, string(hash)) // and in its history
}
func atPart(source, grp, kind, key string, hash []byte) []byte {
	return vault.Place("part", source, grp, kind, key, string(hash))
}
func atResource(contribution, version, seq int64) []byte {
	return vault.Place("resource", strconv.FormatInt(contribution, 36), strconv.FormatInt(version, 36), strconv.FormatInt(seq, 36))
}
func atClaim(source, kind, key string, hash []byte) []byte {
	return vault.Place("claim.name", source, kind, key, string(hash))
}
func atQuarantine(column, source, kind, key string) []byte {
	return vault.Place("quarantine."+column, source, kind, key)
}
func atPending(source, kind, key string) []byte {
	return vault.Place("pending.reason", source, kind, key)
}
func atCursor(source, shard string) []byte { return vault.Place("cursor", source, shard) }
func atLine(reconciliation, seq int64) []byte {
	return vault.Place("reconciliation_line.reason", strconv.FormatInt(reconciliation, 10), strconv.FormatInt(seq, 10))
}
func atRuling(source, subject string, at int64) []byte {
	return vault.Place("ruling.why", source, subject, strconv.FormatInt(at, 10))
}
func atRight(kind, id string, version int64) []byte {
	return vault.Place("rights", kind, id, strconv.FormatInt(version, 10))
}
func atAudit(seq int64) []byte { return vault.Place("audit_event", strconv.FormatInt(seq, 10)) }

var atSecret = vault.Place("meta", "secret")

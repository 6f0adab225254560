package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ring is the keys of one partition.
type ring struct {
	of        Partition
	held      shelved
	raw       []byte // as it lies on the shelf
	handle    *keyset.Handle
	seal      tink.AEAD // of the primary; nil where the keys were destroyed
	openers   map[uint32]opener
	destroyed bool
}

// shelved is a ring on the shelf. What stands beside the wrapped keyset is no secret.
type shelved struct {
	Wrapped   []byte    `json:"wrapped,omitempty"`
	Keys      []made    `json:"keys"`
	Destroyed time.Time `json:"destroyed,omitzero"`
}

type made struct {
	ID      uint32    `json:"id"`
	At      time.Time `json:"at"`
	Retired bool      `json:"retired,omitempty"`
}

func readRing(ctx context.Context, keys Keys, p Partition, raw []byte) (*ring, error) {
	r := &ring{of: p, raw: raw, openers: map[uint32]opener{}}
	if err := json.Unmarshal(raw, &r.held); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if !r.held.Destroyed.IsZero() {
		r.destroyed = true
		return r, nil
	}
	plain, err := keys.Unwrap(ctx, p, r.held.Wrapped)
	if errors.Is(err, ErrDestroyed) { // a copy of the data from before
		r.destroyed = true
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	if r.handle, err = insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(plain))); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return r, r.ready()
}

// ready makes what seals and opens of the handle.
func (r *ring) ready() (err error) {
	if r.seal, err = aead.New(r.handle); err != nil {
		return fmt.Errorf("keys of %s: %w", r.of, err)
	}
	primary, err := r.handle.Primary()
	if err != nil {
		return fmt.Errorf("keys of %s: %w", r.of, err)
	}
	r.openers = map[uint32]opener{}
	for _, k := range r.held.Keys {
		if !k.Retired {
			r.openers[k.ID] = opener{AEAD: r.seal, of: r.of, primary: k.ID == primary.KeyID()}
		}
	}
	return nil
}

// clone is the same ring to be changed; an empty one of a nil ring.
func (r *ring) clone(p Partition) *ring {
	if r == nil {
		return &ring{of: p}
	}
	out := *r
	out.held.Keys = slices.Clone(r.held.Keys)
	return &out
}

// add puts a new key in the ring and lets it seal. Its id is nobody else's.
func (r *ring) add(now time.Time, taken map[uint32]opener) error {
	m := keyset.NewManager()
	if r.handle != nil {
		m = keyset.NewManagerFromHandle(r.handle)
	}
	for {
		id, err := m.Add(aead.AES256GCMKeyTemplate())
		if err != nil {
			return fmt.Errorf("make a key: %w", err)
		}
		if err := m.SetPrimary(id); err != nil {
			return fmt.Errorf("make a key: %w", err)
		}
		if _, met := taken[id]; met {
			continue // the one before goes unused
		}
		if r.handle, err = m.Handle(); err != nil {
			return fmt.Errorf("make a key: %w", err)
		}
		r.held.Keys = append(r.held.Keys, made{ID: id, At: now.UTC().Truncate(time.Second)})
		return nil
	}
}

// retire takes out every key but the primary.
func (r *ring) retire() (n int, err error) {
	m := keyset.NewManagerFromHandle(r.handle)
	primary, err := r.handle.Primary()
	if err != nil {
		return 0, err
	}
	for i, k := range r.held.Keys {
		if k.Retired || k.ID == primary.KeyID() {
			continue
		}
		if err := m.Delete(k.ID); err != nil {
			return 0, err
		}
		r.held.Keys[i].Retired = true
		n++
	}
	r.handle, err = m.Handle()
	return n, err
}

func (r *ring) destroy(now time.Time) {
	r.handle, r.held.Wrapped, r.held.Destroyed = nil, nil, now.UTC().Truncate(time.Second)
}

// gone are the ids of keys that were destroyed with the partition.
func (r *ring) gone() []uint32 {
	if !r.destroyed {
		return nil
	}
	var out []uint32
	for _, k := range r.held.Keys {
		out = append(out, k.ID)
	}
	return out
}

// wrap is the ring as it lies on the shelf.
func (r *ring) wrap(ctx context.Context, keys Keys) ([]byte, error) {
	if r.handle != nil {
		var plain bytes.Buffer
		if err := insecurecleartextkeyset.Write(r.handle, keyset.NewBinaryWriter(&plain)); err != nil {
			return nil, fmt.Errorf("wrap the ring of %s: %w", r.of, err)
		}
		defer clear(plain.Bytes())
		var err error
		if r.held.Wrapped, err = keys.Wrap(ctx, r.of, plain.Bytes()); err != nil {
			return nil, fmt.Errorf("wrap the ring of %s: %w", r.of, err)
		}
		// Nothing is sealed with a key that cannot be had back.
		back, err := keys.Unwrap(ctx, r.of, r.held.Wrapped)
		if err == nil && !bytes.Equal(back, plain.Bytes()) {
			err = fmt.Errorf("%w: what was wrapped comes back as something else", ErrNoKeys)
		}
		clear(back)
		if err != nil {
			return nil, fmt.Errorf("wrap the ring of %s: %w", r.of, err)
		}
	}
	return json.Marshal(r.held)
}

func (r *ring) list() []Key {
	if r.destroyed {
		return []Key{{Partition: r.of, Destroyed: r.held.Destroyed}}
	}
	var out []Key
	for _, k := range r.held.Keys {
		if !k.Retired {
			out = append(out, Key{Partition: r.of, ID: k.ID, Made: k.At, Primary: r.openers[k.ID].primary})
		}
	}
	return out
}

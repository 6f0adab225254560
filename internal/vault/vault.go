// Package vault owns sealing: how a text about a person becomes bytes that say nothing
// without a key, and the keys for it. It knows no SQL and no files but the one with the
// key-encryption keys; what is sealed and where it lies is the store's affair.
//
// Each partition (the service that something originates from, and two of Samsyn's own)
// has a ring of AEAD keys, AES-256-GCM through Tink. The rings lie with the data, each
// wrapped by the partition's key-encryption key, which never does (Keys). Whoever destroys that
// one has deleted the partition, also in every copy of the data.
package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"

	"samsyn/internal/care"
)

// Partition is what has keys of its own: a care.Service, or one of those below.
type Partition string

const (
	// Coordination is what Samsyn itself keeps: rights, consents, audit, rulings.
	Coordination Partition = "coordination"
	// Instance is the secret of which keyed hashes are made.
	Instance Partition = "instance"
)

// Partitions are all of them: one a service, then Samsyn's own.
func Partitions() []Partition {
	var out []Partition
	for _, s := range care.Services() {
		out = append(out, Partition(s))
	}
	return append(out, Coordination, Instance)
}

// Of is the partition of what originates from a service. What has no service is coordination's.
func Of(s care.Service) Partition {
	if !s.Valid() {
		return Coordination
	}
	return Partition(s)
}

var (
	// ErrDestroyed is for what was sealed with a key that was destroyed on purpose.
	ErrDestroyed = fmt.Errorf("its key was destroyed: %w", care.ErrNotFound)
	// ErrDamaged is for what was not sealed here: another key, another place, or changed bytes.
	ErrDamaged = errors.New("it does not open: it was changed, moved, or sealed elsewhere")
	// ErrNoKeys is for keys that cannot be had now. Nothing is read or written without them.
	ErrNoKeys = fmt.Errorf("the keys cannot be had: %w", care.ErrUnavailable)
)

// Keys are the key-encryption keys, one a partition. They wrap rings and stay where they
// are: in a file (File), or in a service that keeps keys. Errors are ErrNoKeys or
// ErrDestroyed, wrapped.
type Keys interface {
	Wrap(ctx context.Context, p Partition, ring []byte) ([]byte, error)
	Unwrap(ctx context.Context, p Partition, wrapped []byte) ([]byte, error)
	// Destroy makes everything that was wrapped for the partition unreadable for good.
	Destroy(ctx context.Context, p Partition) error
}

// Shelf keeps wrapped rings with the data.
type Shelf interface {
	// Rings gives every ring, and a number that changes with each PutRings.
	Rings(ctx context.Context) (rings map[Partition][]byte, generation int64, err error)
	// PutRings replaces rings, all or none. The error is care.ErrConflict where one is not
	// what lay there before.
	PutRings(ctx context.Context, changes []Change) error
}

// Change is a ring as it lies on the shelf, and as it is to be. Before is nil where there was none.
type Change struct {
	Partition     Partition
	Before, After []byte
}

// Vault seals and opens. It is safe for concurrent use.
type Vault struct {
	keys  Keys
	shelf Shelf
	now   func() time.Time

	state atomic.Pointer[state]
	mu    sync.Mutex          // over changes of state
	asked map[uint32]struct{} // key ids that were looked for on the shelf and are not there
}

// state is the rings as they were read last. It is not changed.
type state struct {
	generation int64
	rings      map[Partition]*ring
	openers    map[uint32]opener
}

type opener struct {
	tink.AEAD
	of      Partition
	primary bool
}

// askedMost bounds how many unknown key ids are remembered: damaged bytes may name any.
const askedMost = 1024

// Open reads the rings of all partitions, and makes those that were never made. It fails
// where a ring is there and its key-encryption key cannot be had.
func Open(ctx context.Context, keys Keys, shelf Shelf, now func() time.Time) (*Vault, error) {
	v := &Vault{keys: keys, shelf: shelf, now: now, asked: map[uint32]struct{}{}}
	if err := v.Refresh(ctx); err != nil {
		return nil, err
	}
	var missing []Partition
	for _, p := range Partitions() {
		if r := v.state.Load().rings[p]; r == nil || r.destroyed && r.held.Destroyed.IsZero() {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return v, nil
	}
	err := v.change(ctx, missing, func(r *ring) error {
		if r.destroyed { // noted in the key file, and not yet here
			r.destroy(v.now())
			return nil
		}
		return r.add(v.now(), v.state.Load().openers)
	})
	if errors.Is(err, care.ErrConflict) { // another made them at the same time: his are ours
		err = v.Refresh(ctx)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Refresh reads the rings anew.
func (v *Vault) Refresh(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	wrapped, generation, err := v.shelf.Rings(ctx)
	if err != nil {
		return fmt.Errorf("read rings: %w", err)
	}
	next := &state{generation: generation, rings: map[Partition]*ring{}, openers: map[uint32]opener{}}
	for _, p := range slices.Sorted(maps.Keys(wrapped)) {
		r, err := readRing(ctx, v.keys, p, wrapped[p])
		if err != nil {
			return fmt.Errorf("ring of %s: %w", p, err)
		}
		next.rings[p] = r
		maps.Copy(next.openers, r.openers)
	}
	v.state.Store(next)
	clear(v.asked)
	return nil
}

// Generation is the number of the rings that are used now.
func (v *Vault) Generation() int64 { return v.state.Load().generation }

// change changes rings and puts them on the shelf.
func (v *Vault) change(ctx context.Context, ps []Partition, f func(*ring) error) error {
	changes := make([]Change, len(ps))
	for i, p := range ps {
		before := v.state.Load().rings[p]
		next := before.clone(p)
		if err := f(next); err != nil {
			return err
		}
		after, err := next.wrap(ctx, v.keys)
		if before == nil && errors.Is(err, ErrDestroyed) { // and its ring is nowhere
			next.destroy(v.now())
			after, err = next.wrap(ctx, v.keys)
		}
		if err != nil {
			return err
		}
		changes[i] = Change{Partition: p, After: after}
		if before != nil {
			changes[i].Before = before.raw
		}
	}
	if err := v.shelf.PutRings(ctx, changes); err != nil {
		return fmt.Errorf("keep rings: %w", err)
	}
	return v.Refresh(ctx)
}

// Seal makes bytes that open only with the partition's keys and at the same place.
// They begin with a version and the key's id (five bytes), and are 34 bytes longer than
// the packed text. The error is ErrDestroyed where the partition's keys are.
func (v *Vault) Seal(p Partition, place, text []byte) ([]byte, error) {
	r := v.state.Load().rings[p]
	if r == nil || r.seal == nil {
		return nil, fmt.Errorf("seal for %s: %w", p, ErrDestroyed)
	}
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	packed := pack((*room)[:0], text)
	*room = packed
	sealed, err := r.seal.Encrypt(packed, place)
	clear(packed) // it is a text about a person
	if err != nil {
		return nil, fmt.Errorf("seal for %s: %w", p, err)
	}
	return sealed, nil
}

// Open gives back what was sealed at the place. The error is ErrDamaged, or ErrDestroyed.
func (v *Vault) Open(ctx context.Context, place, sealed []byte) ([]byte, error) {
	id, ok := keyID(sealed)
	if !ok {
		return nil, ErrDamaged
	}
	o, err := v.opener(ctx, id)
	if err != nil {
		return nil, err
	}
	packed, err := o.Decrypt(sealed, place)
	if err != nil {
		return nil, ErrDamaged
	}
	return unpack(packed)
}

// opener finds a key. One that is not known may have been made by another instance.
func (v *Vault) opener(ctx context.Context, id uint32) (opener, error) {
	if o, ok := v.state.Load().openers[id]; ok {
		return o, nil
	}
	v.mu.Lock()
	_, met := v.asked[id]
	v.mu.Unlock()
	if !met {
		if err := v.Refresh(ctx); err != nil {
			return opener{}, err
		}
		if o, ok := v.state.Load().openers[id]; ok {
			return o, nil
		}
		v.mu.Lock()
		if len(v.asked) < askedMost {
			v.asked[id] = struct{}{}
		}
		v.mu.Unlock()
	}
	for _, r := range v.state.Load().rings {
		if slices.Contains(r.gone(), id) {
			return opener{}, ErrDestroyed
		}
	}
	return opener{}, ErrDamaged
}

// Stale tells whether bytes were sealed with another key than the one that its
// partition seals with now: they are to be sealed again.
func (v *Vault) Stale(sealed []byte) bool {
	id, ok := keyID(sealed)
	if !ok {
		return false
	}
	o, known := v.state.Load().openers[id]
	return known && !o.primary
}

// PartitionOf is the partition whose key sealed the bytes, "" where no key of ours did.
func (v *Vault) PartitionOf(sealed []byte) Partition {
	id, _ := keyID(sealed)
	return v.state.Load().openers[id].of
}

// Rotate lets the partition seal with a new key from now on. What was sealed before opens still.
func (v *Vault) Rotate(ctx context.Context, p Partition) error {
	if r := v.state.Load().rings[p]; r == nil || r.seal == nil {
		return fmt.Errorf("rotate the key of %s: %w", p, ErrDestroyed)
	}
	if err := v.change(ctx, []Partition{p}, func(r *ring) error { return r.add(v.now(), v.state.Load().openers) }); err != nil {
		return fmt.Errorf("rotate the key of %s: %w", p, err)
	}
	return nil
}

// Retire takes out all keys of a partition but the one that it seals with. What was
// sealed with them opens no more: the caller has seen that there is nothing.
func (v *Vault) Retire(ctx context.Context, p Partition) (retired int, err error) {
	r := v.state.Load().rings[p]
	if r == nil || r.seal == nil || len(r.openers) < 2 {
		return 0, nil
	}
	if err := v.change(ctx, []Partition{p}, func(r *ring) (err error) { retired, err = r.retire(); return err }); err != nil {
		return 0, fmt.Errorf("retire keys of %s: %w", p, err)
	}
	return retired, nil
}

// Destroy makes everything of a partition unreadable for good, also in copies of the
// data: its key-encryption key goes first, then the ring. It may be done again.
func (v *Vault) Destroy(ctx context.Context, p Partition) error {
	if p == Instance || p == Coordination {
		return fmt.Errorf("destroy the keys of %s: they hold the whole store: %w", p, care.ErrInvalid)
	}
	if v.state.Load().rings[p] == nil {
		return fmt.Errorf("destroy the keys of %s: there is no such partition: %w", p, care.ErrInvalid)
	}
	if err := v.keys.Destroy(ctx, p); err != nil {
		return fmt.Errorf("destroy the keys of %s: %w", p, err)
	}
	if err := v.change(ctx, []Partition{p}, func(r *ring) error { r.destroy(v.now()); return nil }); err != nil {
		return fmt.Errorf("destroy the keys of %s: %w", p, err)
	}
	return nil
}

// Key is what may be told of a key.
type Key struct {
	Partition Partition `json:"partition"`
	ID        uint32    `json:"id,omitempty"`
	Made      time.Time `json:"made,omitzero"`
	Primary   bool      `json:"primary"`
	Destroyed time.Time `json:"destroyed,omitzero"` // with the partition
}

// List gives every key, by partition in the order of Partitions, the oldest first.
func (v *Vault) List() []Key {
	var out []Key
	for _, p := range Partitions() {
		if r := v.state.Load().rings[p]; r != nil {
			out = append(out, r.list()...)
		}
	}
	return out
}

// Place is what a sealed text is bound to: where it lies and whose row that is. No two
// lists of parts give the same place.
func Place(parts ...string) []byte {
	size := 0
	for _, p := range parts {
		size += len(p) + 2
	}
	out := make([]byte, 0, size)
	for _, p := range parts {
		out = binary.AppendUvarint(out, uint64(len(p)))
		out = append(out, p...)
	}
	return out
}

// keyID reads the beginning of sealed bytes: Tink's version 1, then the key's id.
func keyID(sealed []byte) (uint32, bool) {
	if len(sealed) < 5 || sealed[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:]), true
}

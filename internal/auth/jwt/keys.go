package jwt

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"samsyn/internal/care"
)

// Keys gives the key that a token's header names.
type Keys interface {
	Key(ctx context.Context, kid, alg string) (jose.JSONWebKey, error)
}

// Fixed are keys that never change by themselves.
type Fixed []jose.JSONWebKey

// Key gives the one key of this name; without a name there must be one key only.
func (f Fixed) Key(_ context.Context, kid, alg string) (jose.JSONWebKey, error) {
	var found []jose.JSONWebKey
	for _, k := range f {
		if (kid == "" || k.KeyID == kid) && fits(k, alg) {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return jose.JSONWebKey{}, refuse("no single key is meant")
	}
	return found[0], nil
}

// ParseSet reads a JWK set. Keys that are not public signing keys are left out; the error
// is care.ErrInvalid where none is left, or where one holds a private part.
func ParseSet(b []byte) (Fixed, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if _, err := object(b); err != nil {
		return nil, fmt.Errorf("read keys: %w: %w", care.ErrInvalid, err)
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, fmt.Errorf("read keys: %w", care.ErrInvalid)
	}
	var out Fixed
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) != nil || !k.Valid() {
			continue // of a kind that we do not know
		}
		if !k.IsPublic() {
			return nil, fmt.Errorf("read keys: a key that is not public stands among them: %w", care.ErrInvalid)
		}
		if k.Use == "" || k.Use == "sig" {
			out = append(out, k)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("read keys: there is none: %w", care.ErrInvalid)
	}
	return out, nil
}

// How long fetched keys are used without asking again, how long they may be used where
// their owner does not answer, and how often a name that we do not know may make us ask.
const (
	keysFresh = time.Hour
	keysStale = 24 * time.Hour
	keysAgain = time.Minute
	maxKeys   = 256 << 10
)

// Remote are the keys at an address. They are fetched when first needed, each hour after,
// and once a minute at the most for a key that is not among them.
type Remote struct {
	URL    string
	Client *http.Client
	Now    func() time.Time

	mu      sync.Mutex
	held    Fixed
	fetched time.Time // when held was fetched
	asked   time.Time // when it was last tried
}

// Key gives the key of this name. The error is care.ErrUnavailable where keys are needed
// and cannot be had.
func (r *Remote) Key(ctx context.Context, kid, alg string) (jose.JSONWebKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	var fault error
	if age := now.Sub(r.fetched); r.held == nil || age >= keysFresh {
		if r.asked.IsZero() || now.Sub(r.asked) >= keysAgain || r.held == nil && now.Sub(r.asked) >= time.Second {
			fault = r.fetch(ctx, now)
		}
		if r.held == nil || now.Sub(r.fetched) >= keysStale {
			return jose.JSONWebKey{}, fmt.Errorf("fetch keys: %w: %w", care.ErrUnavailable, orUnknown(fault))
		}
	}
	key, err := r.held.Key(ctx, kid, alg)
	if err != nil && now.Sub(r.asked) >= keysAgain {
		if r.fetch(ctx, now) == nil {
			key, err = r.held.Key(ctx, kid, alg)
		}
	}
	return key, err
}

var errAskedLately = fmt.Errorf("it was tried a moment ago")

func orUnknown(err error) error {
	if err == nil {
		return errAskedLately
	}
	return err
}

func (r *Remote) fetch(ctx context.Context, now time.Time) error {
	r.asked = now
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return err
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxKeys+1))
	if err != nil {
		return err
	}
	if len(b) > maxKeys {
		return fmt.Errorf("longer than %d bytes", maxKeys)
	}
	keys, err := ParseSet(b)
	if err != nil {
		return err
	}
	r.held, r.fetched = keys, now
	return nil
}

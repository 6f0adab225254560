package jwt_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"samsyn/internal/auth/jwt"
	"samsyn/internal/care"
)

// owner publishes keys and counts who asks.
type owner struct {
	body   string
	status int
	asked  int
}

func (o *owner) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	o.asked++
	w.WriteHeader(o.status)
	_, _ = w.Write([]byte(o.body)) // the asker may be gone
}

func set(keys ...jose.JSONWebKey) string {
	return string(must(json.Marshal(jose.JSONWebKeySet{Keys: keys})))
}

func TestKeysAreFetchedSeldom(t *testing.T) {
	o := &owner{status: 200, body: set(jose.JSONWebKey{KeyID: "one", Key: &ec().PublicKey})}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	at := now
	r := &jwt.Remote{URL: server.URL, Client: server.Client(), Now: func() time.Time { return at }}
	ask := func(kid string, asked int, kind error) {
		t.Helper()
		_, err := r.Key(t.Context(), kid, "ES256")
		if !errors.Is(err, kind) || (kind == nil) != (err == nil) || o.asked != asked {
			t.Errorf("%s: %v, want %v; asked %d times, want %d", kid, err, kind, o.asked, asked)
		}
	}
	ask("one", 1, nil)
	for range 100 {
		ask("one", 1, nil)
	}
	for range 100 {
		ask("unknown", 1, jwt.ErrRefused) // it was asked within the minute
	}
	at = at.Add(time.Minute)
	ask("unknown", 2, jwt.ErrRefused)
	ask("other unknown", 2, jwt.ErrRefused)
	o.body = set(jose.JSONWebKey{KeyID: "two", Key: &ec().PublicKey})
	at = at.Add(time.Minute)
	ask("two", 3, nil) // rotated
	ask("one", 3, jwt.ErrRefused)
	at = at.Add(time.Hour)
	o.status = 500
	ask("two", 4, nil) // the owner is away: what we have is used
	ask("two", 4, nil)
	at = at.Add(24 * time.Hour)
	ask("two", 5, care.ErrUnavailable)
	ask("two", 5, care.ErrUnavailable)
	o.status = 200
	at = at.Add(time.Minute)
	ask("two", 6, nil)
}

func TestKeySetsAreReadStrictly(t *testing.T) {
	good := jose.JSONWebKey{KeyID: "one", Key: &ec().PublicKey}
	for name, c := range map[string]struct {
		body string
		good bool
	}{
		"good": {set(good), true}, "with one of an unknown kind": {strings.Replace(set(good), "[", `[{"kty":"new"},`, 1), true},
		"empty": {`{"keys":[]}`, false}, "no object": {`[]`, false}, "nothing": {``, false}, "keys twice": {`{"keys":[],"keys":[]}`, false},
		"private": {set(good, jose.JSONWebKey{KeyID: "two", Key: ec()}), false}, "symmetric": {set(jose.JSONWebKey{KeyID: "two", Key: []byte("secret")}), false}, "to encrypt": {set(jose.JSONWebKey{KeyID: "one", Key: &ec().PublicKey, Use: "enc"}), false},
		"too long": {set(good) + strings.Repeat(" ", 300<<10), false},
	} {
		o := &owner{status: 200, body: c.body}
		server := httptest.NewServer(o)
		r := &jwt.Remote{URL: server.URL, Client: server.Client(), Now: func() time.Time { return now }}
		if _, err := r.Key(t.Context(), "one", "ES256"); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}

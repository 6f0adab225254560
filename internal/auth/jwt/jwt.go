// Package jwt reads what others signed: JSON Web Tokens and proofs of possession
// (DPoP, RFC 9449), each only in the one form that is expected. It owns how bytes
// become claims that can be believed, and the keys of those who sign. It knows no
// viewer, no session and no rule of access; replay is its caller's to remember.
package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ErrRefused is what every token that is not believed wraps. The text beside it says
// why, and holds nothing of the token.
var ErrRefused = errors.New("token refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// MaxSize is how many bytes a token may have: HelseID's have up to six thousand.
const MaxSize = 16 << 10

// headers are the parameters that a header may have; jwk is for proofs alone. What could
// name a key elsewhere, change how bytes are read or pack them (crit, b64, jku, x5u, x5c,
// zip, enc) is none of them. The thumbprints name no key to us and are not looked at.
var headers = []string{"alg", "kid", "typ", "x5t", "x5t#S256"}

// Asymmetric are the algorithms that anybody here may be allowed to sign with.
var asymmetric = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

// Algorithms gives those of the names that are signatures with a private key; none and
// the symmetric ones are never among them.
func Algorithms(names ...string) []jose.SignatureAlgorithm {
	var out []jose.SignatureAlgorithm
	for _, n := range names {
		if a := jose.SignatureAlgorithm(n); slices.Contains(asymmetric, a) {
			out = append(out, a)
		}
	}
	return out
}

// header is a JOSE header that was read strictly.
type header struct {
	alg, kid, typ string
	jwk           json.RawMessage
}

// split takes a compact JWS apart and reads its header. Nothing is believed yet.
func split(raw string, algs []jose.SignatureAlgorithm, types []string, embedded bool) (header, error) {
	var h header
	if len(raw) > MaxSize {
		return h, refuse("longer than %d bytes", MaxSize)
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 { // five would be encrypted
		return h, refuse("not a signed token of three parts")
	}
	for _, p := range parts {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(p); err != nil || p == "" || strings.ContainsAny(p, "\r\n") {
			return h, refuse("a part is not base64url")
		}
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[0]) // it was read above
	fields, err := object(text)
	if err != nil {
		return h, refuse("header: %v", err)
	}
	for name, value := range fields {
		switch {
		case name == "jwk" && embedded:
			h.jwk = value
			continue
		case !slices.Contains(headers, name):
			return h, refuse("header has a parameter that is not allowed")
		}
		s, ok := text1(value)
		if !ok {
			return h, refuse("header: %s is no text", name)
		}
		switch name {
		case "alg":
			h.alg = s
		case "kid":
			h.kid = s
		case "typ":
			h.typ = s
		}
	}
	if !slices.Contains(algs, jose.SignatureAlgorithm(h.alg)) || !slices.Contains(asymmetric, jose.SignatureAlgorithm(h.alg)) {
		return h, refuse("signed in a way that is not allowed")
	}
	typ := strings.TrimPrefix(strings.ToLower(h.typ), "application/")
	if !slices.Contains(types, typ) {
		return h, refuse("is of another type")
	}
	return h, nil
}

// verify checks the signature with one key and gives the payload.
func verify(raw string, h header, key jose.JSONWebKey) ([]byte, error) {
	if !fits(key, h.alg) {
		return nil, refuse("the key does not fit the way it is signed")
	}
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(h.alg)})
	if err != nil {
		return nil, refuse("cannot be read")
	}
	payload, err := jws.Verify(key.Key)
	if err != nil {
		return nil, refuse("the signature is not the key's")
	}
	return payload, nil
}

// fits tells whether a public key is strong enough and made for the algorithm.
func fits(k jose.JSONWebKey, alg string) bool {
	if k.Algorithm != "" && k.Algorithm != alg || k.Use != "" && k.Use != "sig" {
		return false
	}
	curves := map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return (strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")) && key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192
	case *ecdsa.PublicKey:
		return curves[alg] == key.Params().Name
	case ed25519.PublicKey:
		return alg == string(jose.EdDSA)
	}
	return false
}

// Expect is the one form in which a token is taken. Every field but those that are said
// to be optional must be given.
type Expect struct {
	Types      []string // of the header's typ, in small letters and without "application/"; "" allows none at all
	Algorithms []jose.SignatureAlgorithm
	Issuer     string
	Audience   string // the token must be for exactly this
	Now        time.Time
	// Skew is how far the signer's clock may be ahead.
	Skew time.Duration
	// MaxLife bounds exp − iat, MaxLeft exp − now; 0 does not.
	MaxLife, MaxLeft time.Duration
	// MaxAge bounds now − iat; 0 does not.
	MaxAge time.Duration
	// IssuedOptional lets a token say nothing of when it was issued (SMART's assertions).
	IssuedOptional bool
}

// Token is a token that was believed.
type Token struct {
	Claims
	Issued, Expires time.Time
}

// Read believes a token or gives an error that wraps ErrRefused; errors of keys come as they are.
func Read(raw string, want Expect, keys func(kid, alg string) (jose.JSONWebKey, error)) (Token, error) {
	h, err := split(raw, want.Algorithms, want.Types, false)
	if err != nil {
		return Token{}, err
	}
	key, err := keys(h.kid, h.alg)
	if err != nil {
		return Token{}, err
	}
	payload, err := verify(raw, h, key)
	if err != nil {
		return Token{}, err
	}
	fields, err := object(payload)
	if err != nil {
		return Token{}, refuse("claims: %v", err)
	}
	t := Token{Claims: fields}
	return t, t.check(want)
}

func (t *Token) check(want Expect) error {
	if want.Issuer == "" || want.Audience == "" {
		return refuse("nothing says who may issue it and for whom")
	}
	if iss, err := t.Text("iss"); err != nil || iss != want.Issuer {
		return refuse("another issuer")
	}
	if aud, err := t.List("aud"); err != nil || len(aud) != 1 || aud[0] != want.Audience {
		return refuse("not for us alone")
	}
	var err error
	if t.Expires, err = t.Time("exp"); err != nil {
		return err
	}
	if !want.Now.Before(t.Expires) {
		return refuse("has expired")
	}
	if want.MaxLeft > 0 && t.Expires.Sub(want.Now) > want.MaxLeft {
		return refuse("is valid for too long")
	}
	if t.Has("nbf") {
		nbf, err := t.Time("nbf")
		if err != nil {
			return err
		}
		if nbf.After(want.Now.Add(want.Skew)) {
			return refuse("is not valid yet")
		}
	}
	if !t.Has("iat") {
		if !want.IssuedOptional {
			return refuse("iat is missing")
		}
		return nil
	}
	if t.Issued, err = t.Time("iat"); err != nil {
		return err
	}
	switch {
	case t.Issued.After(want.Now.Add(want.Skew)):
		return refuse("is issued in the future")
	case t.Issued.After(t.Expires):
		return refuse("expires before it is issued")
	case want.MaxLife > 0 && t.Expires.Sub(t.Issued) > want.MaxLife:
		return refuse("lives for too long")
	case want.MaxAge > 0 && want.Now.Sub(t.Issued) > want.MaxAge:
		return refuse("is too old")
	}
	return nil
}

// Claims are what a token says. A claim that is there in another shape than is asked for
// is an error, never a claim that is not there.
type Claims map[string]json.RawMessage

// Has tells whether the claim is there, in whatever shape.
func (c Claims) Has(name string) bool { _, ok := c[name]; return ok }

// Text gives a claim that must be there, as a text that is not empty.
func (c Claims) Text(name string) (string, error) {
	raw, ok := c[name]
	if !ok {
		return "", refuse("%s is missing", name)
	}
	s, ok := text1(raw)
	if !ok || s == "" {
		return "", refuse("%s is no text", name)
	}
	return s, nil
}

// List gives a claim that must be there: a text, or a list of texts of which none is empty
// and none stands twice.
func (c Claims) List(name string) ([]string, error) {
	raw, ok := c[name]
	if !ok {
		return nil, refuse("%s is missing", name)
	}
	if s, ok := text1(raw); ok && s != "" {
		return []string{s}, nil
	}
	var all []string
	if raw[0] != '[' || json.Unmarshal(raw, &all) != nil || len(all) == 0 || slices.Contains(all, "") {
		return nil, refuse("%s is no list of texts", name)
	}
	for i, s := range all {
		if slices.Contains(all[:i], s) {
			return nil, refuse("%s says the same twice", name)
		}
	}
	return all, nil
}

// Time gives a claim that must be there, in seconds since 1970.
func (c Claims) Time(name string) (time.Time, error) {
	raw, ok := c[name]
	if !ok {
		return time.Time{}, refuse("%s is missing", name)
	}
	n := int64(0)
	if len(raw) > 11 || json.Unmarshal(raw, &n) != nil || n <= 0 {
		return time.Time{}, refuse("%s is no time in seconds", name)
	}
	return time.Unix(n, 0), nil
}

// Object gives the fields of a claim that must be an object.
func (c Claims) Object(name string) (Claims, error) {
	raw, ok := c[name]
	if !ok {
		return nil, refuse("%s is missing", name)
	}
	fields, err := object(raw)
	if err != nil {
		return nil, refuse("%s: %v", name, err)
	}
	return fields, nil
}

// text1 reads a JSON text; a null, a number and a list are none.
func text1(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil && !strings.ContainsRune(s, 0)
}

// maxDepth is how deep claims may be nested.
const maxDepth = 16

// object reads one JSON object strictly: nothing after it, no key twice at any depth, not
// even in another case: the library that reads objects would let the last one win.
func object(b []byte) (Claims, error) {
	if !json.Valid(b) {
		return nil, errors.New("is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := walk(d, 0); err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil || fields == nil {
		return nil, errors.New("is no JSON object")
	}
	for name, v := range fields {
		fields[name] = bytes.TrimSpace(v)
	}
	return fields, nil
}

func walk(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return errors.New("is nested too deep")
	}
	t, err := d.Token()
	if err != nil {
		return errors.New("is not JSON")
	}
	switch t {
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return errors.New("is not JSON")
			}
			name := strings.ToLower(key.(string)) // a key of an object is a text
			if seen[name] {
				return errors.New("says something twice")
			}
			seen[name] = true
			if err := walk(d, depth+1); err != nil {
				return err
			}
		}
		_, err = d.Token()
	case json.Delim('['):
		for d.More() {
			if err := walk(d, depth+1); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

// Thumbprint is the RFC 7638 thumbprint of a public key, as in cnf.jkt.
func Thumbprint(k jose.JSONWebKey) (string, error) {
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", refuse("the key has no thumbprint")
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// Peek tells which issuer a token claims to be of, so that the issuer's rules can be found.
// Nothing of it is believed; "" where it cannot be read.
func Peek(raw string) string {
	parts := strings.Split(raw, ".")
	if len(raw) > MaxSize || len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	fields, err := object(payload)
	if err != nil {
		return ""
	}
	iss, _ := Claims(fields).Text("iss")
	return iss
}

package jwt

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Proof is a DPoP proof that was believed: whoever sent it has the key.
type Proof struct {
	JKT string // thumbprint of the key
	// ID names the proof: a second with the same before Until is a replay.
	ID    string
	Until time.Time
}

// ProofWindow is how long before now a proof may have been made, and ProofSkew how far
// the maker's clock may be ahead: NHN's sample API takes one second and five of skew.
const (
	ProofWindow = 6 * time.Second
	ProofSkew   = 5 * time.Second
)

// maxID bounds a jti.
const maxID = 256

// ReadProof believes the proof of a request (RFC 9449 § 4.3): method and address are the
// request's, as we know ourselves by; token is the access token that came with it, "" at
// the token endpoint.
func ReadProof(head http.Header, method, address, token string, now time.Time) (Proof, error) {
	all := head.Values("DPoP")
	if len(all) != 1 {
		return Proof{}, refuse("there must be one proof")
	}
	raw := all[0]
	h, err := split(raw, asymmetric, []string{"dpop+jwt"}, true)
	if err != nil {
		return Proof{}, err
	}
	if len(h.jwk) == 0 {
		return Proof{}, refuse("the proof must hold its key")
	}
	key, err := publicKey(h.jwk)
	if err != nil {
		return Proof{}, err
	}
	payload, err := verify(raw, h, key)
	if err != nil {
		return Proof{}, err
	}
	claims, err := object(payload)
	if err != nil {
		return Proof{}, refuse("claims: %v", err)
	}
	return proofOf(claims, key, method, address, token, now)
}

func proofOf(c Claims, key jose.JSONWebKey, method, address, token string, now time.Time) (Proof, error) {
	jti, err := c.Text("jti")
	if err != nil || len(jti) > maxID {
		return Proof{}, refuse("jti is missing or too long")
	}
	if htm, err := c.Text("htm"); err != nil || htm != method {
		return Proof{}, refuse("made for another method")
	}
	htu, err := c.Text("htu")
	if err != nil {
		return Proof{}, err
	}
	if got, ok := place(htu); !ok {
		return Proof{}, refuse("htu is no address")
	} else if want, ok := place(address); !ok || got != want {
		return Proof{}, refuse("made for another address")
	}
	iat, err := c.Time("iat")
	if err != nil {
		return Proof{}, err
	}
	if age := now.Sub(iat); age > ProofWindow || age < -ProofSkew {
		return Proof{}, refuse("made too long ago or in the future")
	}
	for _, bound := range []string{"exp", "nbf"} { // need not be there, but hold where they are
		if !c.Has(bound) {
			continue
		}
		at, err := c.Time(bound)
		if err != nil {
			return Proof{}, err
		}
		if bound == "exp" && !now.Before(at.Add(ProofSkew)) || bound == "nbf" && at.After(now.Add(ProofSkew)) {
			return Proof{}, refuse("not valid now")
		}
	}
	switch {
	case token != "":
		ath, err := c.Text("ath")
		if err != nil {
			return Proof{}, err
		}
		sum := sha256.Sum256([]byte(token))
		if subtle.ConstantTimeCompare([]byte(ath), []byte(base64.RawURLEncoding.EncodeToString(sum[:]))) != 1 {
			return Proof{}, refuse("made for another token")
		}
	case c.Has("ath"):
		return Proof{}, refuse("made for a token")
	}
	jkt, err := Thumbprint(key)
	if err != nil {
		return Proof{}, err
	}
	return Proof{JKT: jkt, ID: jkt + " " + jti, Until: iat.Add(ProofWindow + ProofSkew)}, nil
}

// publicKey reads the key in a proof's header: public, and with no part of a private one.
func publicKey(raw json.RawMessage) (jose.JSONWebKey, error) {
	fields, err := object(raw)
	if err != nil {
		return jose.JSONWebKey{}, refuse("jwk: %v", err)
	}
	allowed := []string{"kty", "crv", "x", "y", "n", "e", "alg", "use", "kid", "key_ops"}
	for name := range fields {
		if !slices.Contains(allowed, name) {
			return jose.JSONWebKey{}, refuse("jwk has a part that is not a public key's")
		}
	}
	var k jose.JSONWebKey
	if err := json.Unmarshal(raw, &k); err != nil || !k.Valid() || !k.IsPublic() {
		return jose.JSONWebKey{}, refuse("jwk is no public key")
	}
	return k, nil
}

// place is an address without query and fragment, in the one way of writing it that two
// equal ones share (RFC 3986 § 6.2.2 and § 6.2.3).
func place(raw string) (string, bool) {
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == '\\' || r > 0x7e }) {
		return "", false
	}
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if scheme != "https" && scheme != "http" || host == "" {
		return "", false
	}
	if port == map[string]string{"https": "443", "http": "80"}[scheme] {
		port = ""
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + ":" + port + path, true
}

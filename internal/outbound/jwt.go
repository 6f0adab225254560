package outbound

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// signingKey is a private key with the algorithm that it signs with.
type signingKey struct {
	jwk jose.JSONWebKey
	alg jose.SignatureAlgorithm
}

func parseKey(raw string) (signingKey, error) {
	var k jose.JSONWebKey
	if err := json.Unmarshal([]byte(raw), &k); err != nil || !k.Valid() || k.IsPublic() {
		return signingKey{}, errors.New("the signing key is not a valid private JWK")
	}
	switch key := k.Key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < 2048 {
			return signingKey{}, errors.New("the signing key is shorter than 2048 bits")
		}
		return signingKey{jwk: k, alg: jose.RS256}, nil
	case *ecdsa.PrivateKey:
		return signingKey{jwk: k, alg: map[string]jose.SignatureAlgorithm{"P-256": jose.ES256, "P-384": jose.ES384, "P-521": jose.ES512}[key.Params().Name]}, nil
	}
	return signingKey{}, errors.New("the signing key is neither RSA nor EC")
}

func (k signingKey) sign(claims map[string]any, opts *jose.SignerOptions) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.alg, Key: k.jwk}, opts)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return jws.CompactSerialize()
}

func newID(random io.Reader) (string, error) {
	if random == nil {
		random = rand.Reader
	}
	b := make([]byte, 18)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("make a token id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Scheme + "://" + u.Host
}

func audience(a Auth) string {
	if a.Audience != "" {
		return a.Audience
	}
	return origin(a.TokenURL)
}

// clientSecret is OAuth2 client credentials with a shared secret (RFC 6749 § 4.4).
func clientSecret(a Auth, secret string) form {
	return func() (url.Values, error) {
		v := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.ClientID}, "client_secret": {secret}}
		if len(a.Scopes) > 0 {
			v.Set("scope", strings.Join(a.Scopes, " "))
		}
		return v, nil
	}
}

// jwtGrant is Maskinporten's JWT grant (RFC 7523 § 2.1): at most 120 s from iat to exp, jti used once.
func jwtGrant(a Auth, key signingKey, o Options) form {
	return func() (url.Values, error) {
		jti, err := newID(o.Random)
		if err != nil {
			return nil, err
		}
		now := o.Now()
		claims := map[string]any{"iss": a.ClientID, "aud": audience(a), "scope": strings.Join(a.Scopes, " "),
			"iat": now.Unix(), "exp": now.Add(100 * time.Second).Unix(), "jti": jti}
		if a.Resource != "" {
			claims["resource"] = a.Resource
		}
		assertion, err := key.sign(claims, (&jose.SignerOptions{}).WithType("JWT"))
		if err != nil {
			return nil, err
		}
		return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}, nil
	}
}

// clientAssertion is HelseID's private_key_jwt (RFC 7523 § 2.2): at most 60 s, jti used once, iss = sub = client id.
func clientAssertion(a Auth, key signingKey, o Options) form {
	return func() (url.Values, error) {
		assertion, err := Key{key}.Assertion(a.ClientID, audience(a), o.Now(), o.Random)
		if err != nil {
			return nil, err
		}
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {a.ClientID}, "scope": {strings.Join(a.Scopes, " ")},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}}, nil
	}
}

// Key is a private key with which this instance proves who it is.
type Key struct{ key signingKey }

// ParseKey reads a private JWK, RSA or EC. Errors hold nothing of it.
func ParseKey(raw string) (Key, error) {
	k, err := parseKey(raw)
	return Key{k}, err
}

// Assertion proves that we are the client (private_key_jwt, RFC 7523 § 2.2): it lives for
// half a minute, of the minute that HelseID allows, and is used once.
func (k Key) Assertion(client, audience string, now time.Time, random io.Reader) (string, error) {
	jti, err := newID(random)
	if err != nil {
		return "", err
	}
	return k.key.sign(map[string]any{"iss": client, "sub": client, "aud": audience, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(30 * time.Second).Unix(), "jti": jti},
		(&jose.SignerOptions{}).WithType("client-authentication+jwt"))
}

// Prover makes DPoP proofs with one key for the requests of one client.
type Prover struct{ p prover }

// NewProver makes a prover.
func NewProver(k Key, now func() time.Time, random io.Reader) *Prover {
	return &Prover{prover{key: k.key, now: now, random: random}}
}

// Attach puts a proof on a request; token is "" at the token endpoint.
func (p *Prover) Attach(r *http.Request, token string) error { return p.p.attach(r, token) }

// Learn keeps a nonce that the server gave and tells whether to ask again with it.
func (p *Prover) Learn(resp *http.Response) bool { return p.p.learn(resp) }

// prover makes DPoP proofs (RFC 9449) and remembers each server's nonce.
type prover struct {
	key    signingKey
	now    func() time.Time
	random io.Reader

	mu     sync.Mutex
	nonces map[string]string // by origin
}

// attach puts a proof for this request on it; token is "" at the token endpoint.
func (p *prover) attach(r *http.Request, token string) error {
	jti, err := newID(p.random)
	if err != nil {
		return err
	}
	u := *r.URL
	u.RawQuery, u.Fragment = "", ""
	claims := map[string]any{"jti": jti, "htm": r.Method, "htu": u.String(), "iat": p.now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	p.mu.Lock()
	if n := p.nonces[origin(u.String())]; n != "" {
		claims["nonce"] = n
	}
	p.mu.Unlock()
	public := p.key.jwk.Public()
	proof, err := p.key.sign(claims, (&jose.SignerOptions{}).WithType("dpop+jwt").WithHeader("jwk", jose.JSONWebKey{Key: public.Key, Algorithm: string(p.key.alg), Use: "sig"}))
	if err != nil {
		return err
	}
	r.Header.Set("DPoP", proof)
	return nil
}

// learn keeps a nonce that the server gave and tells whether it refused for want of it.
func (p *prover) learn(resp *http.Response) bool {
	nonce := resp.Header.Get("DPoP-Nonce")
	if nonce == "" || resp.Request == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nonces == nil {
		p.nonces = map[string]string{}
	}
	at := origin(resp.Request.URL.String())
	fresh := p.nonces[at] != nonce
	p.nonces[at] = nonce
	return fresh && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusBadRequest)
}

// Thumbprint is the RFC 7638 thumbprint of a public key, as in a token's cnf.jkt.
func Thumbprint(k jose.JSONWebKey) (string, error) {
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// dpop binds each request to the key that the token was issued to.
type dpop struct {
	next   http.RoundTripper
	proofs *prover
	tokens *tokens
}

func (d *dpop) RoundTrip(r *http.Request) (*http.Response, error) {
	return withToken(r, d.tokens, d.next, func(r *http.Request, token string) error {
		r.Header.Set("Authorization", "DPoP "+token)
		return d.proofs.attach(r, token)
	}, d.proofs.learn)
}

package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"samsyn/internal/auth/jwt"
	"samsyn/internal/outbound"
)

// metadataFresh is how long a provider's metadata is used without asking again.
const metadataFresh = 24 * time.Hour

// assertionType is RFC 7523's name for a client that proves itself with its key.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// provider is one provider with what was learnt of it.
type provider struct {
	name string
	Provider
	kind kind
	key  outbound.Key
	deps Deps

	mu      sync.Mutex
	meta    metadata
	fetched time.Time
	keys    *jwt.Remote
}

// metadata is what we need of a provider's discovery document.
type metadata struct {
	Authorize  string `json:"authorization_endpoint"`
	Token      string `json:"token_endpoint"`
	Pushed     string `json:"pushed_authorization_request_endpoint"`
	EndSession string `json:"end_session_endpoint"`
	JWKS       string `json:"jwks_uri"`
}

// discover gives the provider's metadata, fetched once a day. What is held is used where
// the provider does not answer.
func (p *provider) discover(ctx context.Context) (metadata, *jwt.Remote, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.deps.Now()
	if p.keys != nil && now.Sub(p.fetched) < metadataFresh {
		return p.meta, p.keys, nil
	}
	meta, err := discover(ctx, p.deps.Client, p.Issuer)
	if err == nil {
		err = meta.check(p.Issuer)
	}
	if err != nil {
		if p.keys != nil {
			return p.meta, p.keys, nil
		}
		return metadata{}, nil, away(fmt.Errorf("metadata of %s: %w", p.name, err))
	}
	if p.keys == nil || p.meta.JWKS != meta.JWKS {
		p.keys = &jwt.Remote{URL: meta.JWKS, Client: p.deps.Client, Now: p.deps.Now}
	}
	p.meta, p.fetched = meta, now
	return p.meta, p.keys, nil
}

func discover(ctx context.Context, client *http.Client, issuer string) (metadata, error) {
	var meta metadata
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, client), issuer) // it checks that the issuer is the one
	if err != nil {
		return meta, errors.New("the discovery document cannot be had or is another's")
	}
	return meta, found.Claims(&meta)
}

// check refuses metadata with which we would speak in the open, or not safely at all.
func (m metadata) check(issuer string) error {
	open := strings.HasPrefix(issuer, "http://")
	for name, address := range map[string]string{"authorization_endpoint": m.Authorize, "token_endpoint": m.Token, "pushed_authorization_request_endpoint": m.Pushed, "jwks_uri": m.JWKS} {
		if !secure(address, open) {
			return fmt.Errorf("%s is missing or not https", name)
		}
	}
	if m.EndSession != "" && !secure(m.EndSession, open) {
		return errors.New("end_session_endpoint is not https")
	}
	return nil
}

// push tells the provider what we ask for, over our own line (PAR, RFC 9126), and gives
// where the browser is to be sent.
func (p *provider) push(ctx context.Context, f flow, redirect string) (string, error) {
	meta, _, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	form := url.Values{
		"client_id": {p.ClientID}, "response_type": {"code"}, "redirect_uri": {redirect}, "scope": {strings.Join(p.Scopes, " ")},
		"state": {f.State}, "nonce": {f.Nonce}, "code_challenge": {oauth2.S256ChallengeFromVerifier(f.Verifier)}, "code_challenge_method": {"S256"},
		"acr_values": {p.kind.acr}, "prompt": {"login"}, // it is always she who sits there now
	}
	if p.kind.details {
		form.Set("authorization_details", `[{"type":"ansattporten:orgno"}]`)
	}
	var answer struct {
		RequestURI string `json:"request_uri"`
	}
	if err := p.post(ctx, meta.Pushed, form, http.StatusCreated, &answer); err != nil {
		return "", err
	}
	if answer.RequestURI == "" {
		return "", away(fmt.Errorf("%s gave no request_uri", p.name))
	}
	to, err := url.Parse(meta.Authorize)
	if err != nil {
		return "", away(err)
	}
	to.RawQuery = url.Values{"client_id": {p.ClientID}, "request_uri": {answer.RequestURI}}.Encode()
	return to.String(), nil
}

// post sends a form as the client that we are, with a proof where the provider wants one.
// A provider that says no refuses; one that does not answer is away.
func (p *provider) post(ctx context.Context, address string, form url.Values, want int, answer any) error {
	proofs := outbound.NewProver(p.key, p.deps.Now, p.deps.Random)
	for try := 0; ; try++ {
		assertion, err := p.key.Assertion(p.ClientID, p.Issuer, p.deps.Now(), p.deps.Random)
		if err != nil {
			return err
		}
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", assertion)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", "application/json")
		if p.DPoP {
			if err := proofs.Attach(req, ""); err != nil {
				return err
			}
		}
		resp, err := p.deps.Client.Do(req)
		if err != nil {
			return away(fmt.Errorf("%s does not answer", p.name)) // the library's text holds the address with what was asked
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return away(fmt.Errorf("%s breaks off", p.name))
		}
		switch {
		case p.DPoP && proofs.Learn(resp) && try == 0:
			continue
		case resp.StatusCode >= 500:
			return away(fmt.Errorf("%s answers %d", p.name, resp.StatusCode))
		case resp.StatusCode != want:
			return no(ReasonAnswer, "%s answers %d", p.name, resp.StatusCode)
		}
		if err := json.Unmarshal(body.Bytes(), answer); err != nil {
			return no(ReasonAnswer, "%s answers what cannot be read", p.name)
		}
		return nil
	}
}

// idTypes are the types of an ID token: many providers name none.
var idTypes = []string{"", "jwt", "id_token+jwt"}

// redeem gives what the provider vouches for, in exchange for the code.
func (p *provider) redeem(ctx context.Context, f flow, code, redirect string) (proved, error) {
	meta, keys, err := p.discover(ctx)
	if err != nil {
		return proved{}, err
	}
	var answer struct {
		IDToken string `json:"id_token"`
		Access  string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {p.ClientID}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {f.Verifier}}
	if err := p.post(ctx, meta.Token, form, http.StatusOK, &answer); err != nil {
		return proved{}, err
	}
	c, err := p.believe(ctx, keys, answer.IDToken, answer.Access, f.Nonce)
	if err != nil {
		return proved{}, err
	}
	return p.prove(c)
}

// prove reads the claims of a token that is believed.
func (p *provider) prove(c jwt.Claims) (proved, error) {
	v, err := people(p.kind, c, p.deps.Rules, p.deps.Now())
	if err != nil {
		return v, err
	}
	v.Provider, v.Kind, v.Issuer = p.name, p.Kind, p.Issuer
	if v.Level < p.Level {
		return v, no(ReasonLevel, "level %d, and %d is needed", v.Level, p.Level)
	}
	return v, require(v, p.Require)
}

// maxSignIn is how old an ID token may be when it comes.
const maxSignIn = 5 * time.Minute

// skew is how far a provider's clock may be ahead of ours.
const skew = 10 * time.Second

// believe checks an ID token twice over: by our own strict reading, and by the library's.
func (p *provider) believe(ctx context.Context, keys jwt.Keys, raw, access, nonce string) (jwt.Claims, error) {
	want := jwt.Expect{Types: idTypes, Algorithms: jwt.Algorithms(p.Algorithm), Issuer: p.Issuer, Audience: p.ClientID, Now: p.deps.Now(), Skew: skew, MaxAge: maxSignIn}
	c, err := p.read(ctx, keys, raw, want)
	if err != nil {
		return nil, err
	}
	if got, err := c.Text("nonce"); err != nil || nonce == "" || got != nonce {
		return nil, no(ReasonAnswer, "the ID token is of another sign-in")
	}
	if c.Has("azp") {
		if azp, err := c.Text("azp"); err != nil || azp != p.ClientID {
			return nil, no(ReasonAnswer, "the ID token was made for another client")
		}
	}
	verifier := oidc.NewVerifier(p.Issuer, keySet{keys}, &oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: []string{p.Algorithm}, Now: p.deps.Now})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, no(ReasonAnswer, "the ID token is not believed by the library")
	}
	if c.Has("at_hash") && token.VerifyAccessToken(access) != nil {
		return nil, no(ReasonAnswer, "the ID token belongs to another access token")
	}
	return c, nil
}

func (p *provider) read(ctx context.Context, keys jwt.Keys, raw string, want jwt.Expect) (jwt.Claims, error) {
	t, err := jwt.Read(raw, want, func(kid, alg string) (jose.JSONWebKey, error) { return keys.Key(ctx, kid, alg) })
	if errors.Is(err, jwt.ErrRefused) {
		return nil, no(ReasonAnswer, "token of %s: %w", p.name, err)
	}
	return t.Claims, refusalOf(err)
}

// keySet lets the library use our keys.
type keySet struct{ keys jwt.Keys }

func (k keySet) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(raw, jwt.Algorithms("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"))
	if err != nil {
		return nil, err
	}
	h := jws.Signatures[0].Protected
	key, err := k.keys.Key(ctx, h.KeyID, h.Algorithm)
	if err != nil {
		return nil, err
	}
	return jws.Verify(key.Key)
}

// logout reads a logout token (OpenID Connect Back-Channel Logout 1.0 § 2.6).
func (p *provider) logout(ctx context.Context, raw string) (sub, sid, jti string, expires time.Time, err error) {
	_, keys, err := p.discover(ctx)
	if err != nil {
		return "", "", "", expires, err
	}
	want := jwt.Expect{Types: []string{"logout+jwt", "jwt", ""}, Algorithms: jwt.Algorithms(p.Algorithm), Issuer: p.Issuer, Audience: p.ClientID, Now: p.deps.Now(), Skew: skew, MaxAge: maxSignIn}
	c, err := p.read(ctx, keys, raw, want)
	if err != nil {
		return "", "", "", expires, err
	}
	events, err := c.Object("events")
	if err != nil || !events.Has("http://schemas.openid.net/event/backchannel-logout") || c.Has("nonce") {
		return "", "", "", expires, no(ReasonAnswer, "no logout token")
	}
	for name, to := range map[string]*string{"sub": &sub, "sid": &sid} {
		if c.Has(name) {
			if *to, err = c.Text(name); err != nil {
				return "", "", "", expires, no(ReasonAnswer, "%w", err)
			}
		}
	}
	if jti, err = c.Text("jti"); err != nil || sub == "" && sid == "" {
		return "", "", "", expires, no(ReasonAnswer, "a logout token that says not who")
	}
	expires, err = c.Time("exp")
	return sub, sid, jti, expires, err
}

// single gives the values of parameters that must stand exactly once.
func single(q url.Values, names ...string) ([]string, error) {
	out := make([]string, len(names))
	for i, n := range names {
		if len(q[n]) != 1 || q[n][0] == "" {
			return nil, no(ReasonAnswer, "%s must stand once", n)
		}
		out[i] = q[n][0]
	}
	return out, nil
}

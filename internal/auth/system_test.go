package auth_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"samsyn/internal/auth"
	"samsyn/internal/auth/jwt"
	"samsyn/internal/care"
	"samsyn/internal/outbound"
	"samsyn/internal/sim/idp"
	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
)

// machine is a system with its key.
type machine struct {
	key *ecdsa.PrivateKey
	alg jose.SignatureAlgorithm
}

func newMachine(t testing.TB, curve elliptic.Curve, alg jose.SignatureAlgorithm) machine {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return machine{k, alg}
}

func (m machine) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: &m.key.PublicKey, KeyID: "m", Algorithm: string(m.alg), Use: "sig"}
}

func (m machine) jkt(t testing.TB) string {
	t.Helper()
	s, err := jwt.Thumbprint(m.public())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (m machine) sign(t testing.TB, typ string, embed bool, c claims) string {
	t.Helper()
	o := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
	var key any = jose.JSONWebKey{Key: m.key, KeyID: "m"}
	if embed {
		o.EmbedJWK, key = true, m.key
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: m.alg, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// plant is a municipality that systems call.
type plant struct {
	*house
	systems *auth.Systems
	m       machine // the system's key for proofs
	client  machine // the key of the clients of our own endpoint
	helseid string  // address of the issuer
	maskin  string
	count   int
}

const fhirPath = "/fhir/Patient/a/$overview"

func build(t testing.TB, change ...func(*house)) *plant {
	t.Helper()
	p := &plant{m: newMachine(t, elliptic.P256(), jose.ES256)}
	client := newMachine(t, elliptic.P384(), jose.ES384)
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{client.public()}})
	if err != nil {
		t.Fatal(err)
	}
	p.house = open(t, append([]func(*house){func(h *house) {
		p.helseid = h.config.Providers["helseid"].Issuer
		p.maskin = serve(t, func(address string) http.Handler {
			s, err := idp.New(idp.Options{Synthetic: true, Issuer: address, Now: h.clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			h.providers["maskinporten"] = s
			return s
		})
		h.config.Issuers = map[string]auth.Issuer{
			"helseid":      {Kind: "helseid", Issuer: p.helseid, Audience: "fjordvik:samsyn", ScopePrefix: "fjordvik:samsyn/"},
			"maskinporten": {Kind: "maskinporten", Issuer: p.maskin, Audience: "https://samsyn", ScopePrefix: "fjordvik:samsyn/", Bearer: true},
		}
		h.config.Systems = map[string]auth.System{
			"epj":    {Title: "Journalen", Issuer: "helseid", ClientID: "epj", Organisation: municipality, Unit: unit, Scopes: []string{"system/*.rs", "user/*.rs", "push"}, Sources: []string{"fhir-sykehus"}},
			"arkiv":  {Issuer: "maskinporten", ClientID: "arkiv", Organisation: other, Scopes: []string{"system/CarePlan.rs", "push"}, Sources: []string{"fiksinnsyn"}},
			"smart":  {ClientID: "smart-client", Keys: outbound.Secret{Value: string(keys)}, Scopes: []string{"system/CarePlan.rs", "system/Patient.r", "push"}, Sources: []string{"fhir-sykehus"}},
			"bearer": {ClientID: "bearer-client", Keys: outbound.Secret{Value: string(keys)}, Scopes: []string{"system/CarePlan.rs"}, Bearer: true},
		}
	}}, change...)...)
	if p.systems, err = p.service.Systems(); err != nil {
		t.Fatal(err)
	}
	p.client = client
	return p
}

func changed(c claims, change ...any) claims {
	c = maps.Clone(c)
	for i := 0; i+1 < len(change); i += 2 {
		if name := change[i].(string); change[i+1] == nil {
			delete(c, name)
		} else {
			c[name] = change[i+1]
		}
	}
	return c
}

// machineClaims are those of a token that HelseID gave a system.
func (p *plant) machineClaims() claims {
	now := p.clock.Now().Unix()
	return claims{"iss": p.helseid, "aud": "fjordvik:samsyn", "client_id": "epj", "iat": now, "nbf": now, "exp": now + 600, "jti": "t", "scope": []string{"fjordvik:samsyn/system/CarePlan.rs", "fjordvik:samsyn/push", "other:api/read"},
		"cnf": claims{"jkt": p.m.jkt(p.t)}, "helseid://claims/client/claims/orgnr_parent": municipality, "helseid://claims/client/claims/orgnr_child": unit, "helseid://claims/client/client_name": "Revisor"}
}

func (p *plant) personClaims() claims {
	return changed(p.machineClaims(), "sub", "h-kari", "scope", "fjordvik:samsyn/user/CarePlan.rs fjordvik:samsyn/system/Patient.rs", "helseid://claims/identity/pid", p.numbers["kari"],
		"helseid://claims/identity/security_level", "4", "helseid://claims/identity/assurance_level", "high", "helseid://claims/hpr/hpr_number", hpr)
}

func (p *plant) maskinClaims() claims {
	now := p.clock.Now().Unix()
	return claims{"iss": p.maskin, "aud": "https://samsyn", "client_id": "arkiv", "iat": now, "exp": now + 120, "jti": "t", "scope": "fjordvik:samsyn/system/CarePlan.rs fjordvik:samsyn/push", "consumer": claims{"authority": "iso6523-actorid-upis", "ID": "0192:" + other}}
}

func (p *plant) issue(issuer, typ string, c claims) string {
	p.t.Helper()
	payload, err := json.Marshal(c)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.issueRaw(issuer, typ, payload)
}

func (p *plant) issueRaw(issuer, typ string, payload []byte) string {
	p.t.Helper()
	raw, err := p.providers[issuer].Sign(typ, payload)
	if err != nil {
		p.t.Fatal(err)
	}
	return raw
}

// proof is a fresh proof for a request with the token.
func (p *plant) proof(m machine, method, path, token string) string {
	p.t.Helper()
	p.count++
	c := claims{"jti": fmt.Sprint(p.count), "htm": method, "htu": p.deps.Public + path, "iat": p.clock.Now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		c["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return m.sign(p.t, "dpop+jwt", true, c)
}

// unread fails the test when a byte of it is read.
type unread struct{ t testing.TB }

func (u unread) Read([]byte) (int, error) { u.t.Error("the body was read"); return 0, io.EOF }

func (p *plant) request(method, path, kind, token, proof string) *http.Request {
	r := httptest.NewRequest(method, path, unread{p.t})
	if token != "" {
		r.Header.Set("Authorization", kind+" "+token)
	}
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	return r
}

// ask asks as a system, with a proof that fits.
func (p *plant) ask(token string) (care.Viewer, error) {
	return p.systems.Viewer(p.request("GET", fhirPath, "DPoP", token, p.proof(p.m, "GET", fhirPath, token)))
}

func refused(t testing.TB, name string, err error, want int) {
	t.Helper()
	var r *auth.Refusal
	if !errors.As(err, &r) || !errors.Is(err, care.ErrDenied) {
		t.Errorf("%s: %v", name, err)
		return
	}
	if status, header := r.Challenge(); status != want && want != 0 || header == "" || status != 401 && status != 403 {
		t.Errorf("%s: %d %s (%v), want %d", name, status, header, err, want)
	}
}

func TestSystemsAreKnownByTheirTokens(t *testing.T) {
	p := build(t)
	v, err := p.ask(p.issue("helseid", "at+jwt", p.machineClaims()))
	want := care.Viewer{ID: "system:epj", Name: "Journalen", Role: care.RoleIntegrator, Tenant: municipality, Unit: unit, Level: 4, Purpose: care.PurposeCOC, Scopes: []string{"system/CarePlan.rs"}}
	if err != nil || fmt.Sprintf("%+v", v) != fmt.Sprintf("%+v", want) {
		t.Errorf("a system: %+v, %v", v, err)
	}
	v, err = p.ask(p.issue("helseid", "at+jwt", p.personClaims()))
	want = care.Viewer{ID: "kari", Name: "Kari", Role: care.RoleTjenesteyter, Service: care.Helsestasjon, Tenant: municipality, Unit: unit, HPR: hpr, Level: 4, Purpose: care.PurposeTREAT, Scopes: []string{"user/CarePlan.rs"}}
	if err != nil || fmt.Sprintf("%+v", v) != fmt.Sprintf("%+v", want) {
		t.Errorf("a person: %+v, %v", v, err)
	}
	token := p.issue("maskinporten", "JWT", p.maskinClaims())
	v, err = p.systems.Viewer(p.request("GET", fhirPath, "Bearer", token, ""))
	if err != nil || v.ID != "system:arkiv" || v.Tenant != other || !slices.Equal(v.Scopes, []string{"system/CarePlan.rs"}) {
		t.Errorf("through Maskinporten: %+v, %v", v, err)
	}
	p.clean()
}

// TestEachClaimOfATokenCounts: missing, wrong, of another shape or said twice, it is 401 or
// 403, and never a token that counts for less.
func TestEachClaimOfATokenCounts(t *testing.T) {
	p := build(t)
	tried := 0
	try := func(issuer, name, what string, payload []byte) {
		t.Helper()
		tried++
		token := p.issueRaw(issuer, "at+jwt", payload)
		kind, proof := "DPoP", p.proof(p.m, "GET", fhirPath, token)
		if issuer == "maskinporten" {
			kind, proof = "Bearer", ""
		}
		_, err := p.systems.Viewer(p.request("GET", fhirPath, kind, token, proof))
		refused(t, issuer+" "+name+" "+what, err, 0)
	}
	helseid := map[string][]any{"iss": {"https://other.example", 1, ""}, "aud": {"other", []string{"fjordvik:samsyn", "other"}, 1, ""}, "exp": {1, "x", 9999999999}, "iat": {"x", 9999999999, 1}, "nbf": {9999999999, "x"}, "client_id": {"arkiv", "smart-client", "", 1, []string{"epj"}},
		"jti": {"", 1}, "scope": {"", 1, []string{}, []any{1}, "fjordvik:samsyn/system/CarePlan.sr", "other:api/read", "system/CarePlan.rs", "fjordvik:samsyn/push", []string{"fjordvik:samsyn/system/CarePlan.rs", "fjordvik:samsyn/system/CarePlan.rs"}},
		"cnf": {claims{"jkt": "x"}, claims{}, "x", claims{"jkt": 1}, claims{"x5t#S256": "x"}, claims{"jkt": p.m.jkt(t), "jwk": claims{}}}, "helseid://claims/client/claims/orgnr_parent": {other, "", 974760673, []string{municipality, other}}, "helseid://claims/client/claims/orgnr_child": {other, "", 1}}
	person := map[string][]any{"sub": {"", 1}, "helseid://claims/identity/pid": {p.numbers["ola"][:10] + "x", "", 1}, "helseid://claims/identity/security_level": {"3", "", 4, "5"}, "helseid://claims/identity/assurance_level": {"substantial", "low", 1, ""}, "helseid://claims/hpr/hpr_number": {"9144898", "", 1}}
	maps.Copy(person, helseid)
	delete(person, "scope")
	optional := []string{"nbf", "helseid://claims/identity/assurance_level"}
	for issuer, rows := range map[string][]struct {
		base  claims
		wrong map[string][]any
	}{
		"helseid":      {{p.machineClaims(), helseid}, {p.personClaims(), person}},
		"maskinporten": {{p.maskinClaims(), map[string][]any{"iss": {p.helseid}, "aud": {"other", 1}, "exp": {1}, "iat": {9999999999}, "client_id": {"epj", "x"}, "jti": {""}, "scope": {"", "x"}, "consumer": {"0192:" + other, claims{"authority": "iso6523-actorid-upis", "ID": "0192:" + municipality}, claims{"authority": "x", "ID": "0192:" + other}, claims{"ID": "0192:" + other}, claims{"authority": "iso6523-actorid-upis", "ID": other}}}}},
	} {
		for _, row := range rows {
			for name, wrong := range row.wrong {
				if !slices.Contains(optional, name) {
					b, _ := json.Marshal(changed(row.base, name, nil))
					try(issuer, name, "missing", b)
				}
				whole, _ := json.Marshal(row.base)
				value, _ := json.Marshal(row.base[name])
				for _, key := range []string{name, strings.ToUpper(name)} {
					if row.base[name] == nil {
						continue
					}
					try(issuer, name, "twice as "+key, append(bytes.TrimSuffix(whole, []byte("}")), fmt.Sprintf(",%q:%s}", key, value)...))
				}
				null, _ := json.Marshal(changed(row.base, name, json.RawMessage("null")))
				try(issuer, name, "null", null)
				for _, v := range wrong {
					b, _ := json.Marshal(changed(row.base, name, v))
					try(issuer, name, fmt.Sprint(v), b)
				}
			}
		}
	}
	if tried < 150 {
		t.Errorf("only %d were tried", tried)
	}
	p.clean()
}

func TestHowATokenIsSent(t *testing.T) {
	p := build(t)
	token := p.issue("helseid", "at+jwt", p.machineClaims())
	free := p.issue("helseid", "at+jwt", changed(p.machineClaims(), "cnf", nil))
	maskin := p.issue("maskinporten", "JWT", p.maskinClaims())
	boundMaskin := p.issue("maskinporten", "JWT", changed(p.maskinClaims(), "cnf", claims{"jkt": p.m.jkt(t)}))
	thief := newMachine(t, elliptic.P256(), jose.ES256)
	good := func(token string) string { return p.proof(p.m, "GET", fhirPath, token) }
	for _, c := range []struct{ name, kind, token, proof string }{
		{"none", "", "", ""}, {"bound, without proof", "DPoP", token, ""}, {"bound, as bearer", "Bearer", token, ""}, {"bound, as bearer with proof", "Bearer", token, good(token)}, {"another's proof", "DPoP", token, p.proof(thief, "GET", fhirPath, token)},
		{"a proof for another path", "DPoP", token, p.proof(p.m, "GET", "/fhir/Patient/b/$overview", token)}, {"a proof for another method", "DPoP", token, p.proof(p.m, "POST", fhirPath, token)}, {"a proof for another token", "DPoP", token, good(free)}, {"a proof for the token endpoint", "DPoP", token, good("")},
		{"bound to nothing, HelseID", "Bearer", free, ""}, {"bound to nothing, with a proof", "DPoP", free, good(free)}, {"Maskinporten as DPoP", "DPoP", maskin, good(maskin)}, {"Maskinporten bound, sent as bearer", "Bearer", boundMaskin, ""},
		{"another scheme", "Basic", token, good(token)}, {"an ID token", "DPoP", p.issue("helseid", "JWT", p.machineClaims()), good(token)}, {"no type", "Bearer", p.issue("helseid", "", p.maskinClaims()), ""}, {"rubbish", "Bearer", "abc", ""}, {"space in it", "DPoP", token + " x", good(token)},
		{"a proof as token", "DPoP", good(token), good(good(token))},
	} {
		_, err := p.systems.Viewer(p.request("GET", fhirPath, c.kind, c.token, c.proof))
		refused(t, c.name, err, http.StatusUnauthorized)
	}
	r := p.request("GET", fhirPath, "DPoP", token, good(token))
	r.Header.Add("Authorization", "Bearer "+maskin)
	_, err := p.systems.Viewer(r)
	refused(t, "two tokens", err, http.StatusUnauthorized)
	r = p.request("GET", fhirPath, "DPoP", token, good(token))
	r.Header.Add("DPoP", good(token))
	_, err = p.systems.Viewer(r)
	refused(t, "two proofs", err, http.StatusUnauthorized)
	if _, err := p.ask(token); err != nil {
		t.Errorf("after all that, a good one: %v", err)
	}
	if _, err := p.systems.Viewer(p.request("GET", fhirPath, "DPoP", boundMaskin, good(boundMaskin))); err != nil {
		t.Errorf("Maskinporten bound: %v", err)
	}
	closed := build(t, func(h *house) {
		i := h.config.Issuers["maskinporten"]
		i.Bearer = false
		h.config.Issuers["maskinporten"] = i
	})
	_, err = closed.systems.Viewer(closed.request("GET", fhirPath, "Bearer", closed.issue("maskinporten", "JWT", closed.maskinClaims()), ""))
	refused(t, "bearer where it is not configured", err, http.StatusUnauthorized)
	p.clean()
}

func TestMaskinportensBounds(t *testing.T) {
	p := build(t)
	for _, c := range []struct {
		iat, exp int64
		good     bool
	}{{0, 119, true}, {0, 120, true}, {0, 121, false}, {-119, 1, true}, {-120, 1, false}, {10, 120, true}, {11, 120, false}, {-120, 0, false}} {
		now := p.clock.Now().Unix()
		token := p.issue("maskinporten", "JWT", changed(p.maskinClaims(), "iat", now+c.iat, "exp", now+c.exp))
		if _, err := p.systems.Viewer(p.request("GET", fhirPath, "Bearer", token, "")); (err == nil) != c.good {
			t.Errorf("iat %d exp %d: %v", c.iat, c.exp, err)
		}
	}
}

// TestReplays: a proof is taken once, by whichever node it reaches, also after a restart.
func TestReplays(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			dsn := t.TempDir() + "/shared.db"
			if database == "postgres" {
				pgtest.Available(t)
				dsn = pgtest.URL(t, nil)
			}
			p := build(t)
			node := func() (*store.Store, *auth.Systems) {
				s, err := store.Open(t.Context(), dsn, store.Options{Now: p.clock.Now})
				if err != nil {
					t.Fatal(err)
				}
				deps := p.deps
				deps.Store = s
				service, err := auth.New(p.config, deps)
				if err != nil {
					t.Fatal(err)
				}
				systems, err := service.Systems()
				if err != nil {
					t.Fatal(err)
				}
				return s, systems
			}
			one, first := node()
			two, second := node()
			defer two.Close()
			token := p.issue("helseid", "at+jwt", p.machineClaims())
			var used []*http.Request
			for i := range 40 {
				r := p.request("GET", fhirPath, "DPoP", token, p.proof(p.m, "GET", fhirPath, token))
				if _, err := []*auth.Systems{first, second}[i%2].Viewer(r); err != nil {
					t.Fatalf("the first time: %v", err)
				}
				used = append(used, r)
			}
			again := func(name string, nodes ...*auth.Systems) {
				t.Helper()
				for _, r := range used {
					for _, n := range nodes {
						_, err := n.Viewer(r)
						refused(t, name, err, http.StatusUnauthorized)
					}
				}
			}
			again("a replay", first, second)
			if err := one.Close(); err != nil {
				t.Fatal(err)
			}
			fresh, third := node()
			defer fresh.Close()
			again("a replay after a restart", second, third)

			// Our own endpoint gives every node's tokens the same key, and takes an assertion once.
			form := p.form(nil)
			if status, body := p.token(third, form, ""); status != http.StatusOK {
				t.Errorf("token: %d %s", status, body)
			}
			if status, body := p.token(second, form, ""); status != http.StatusUnauthorized {
				t.Errorf("the same assertion at another node: %d %s", status, body)
			}
			var answer struct {
				AccessToken string `json:"access_token"`
			}
			if _, body := p.token(third, p.form(nil), ""); json.Unmarshal([]byte(body), &answer) != nil {
				t.Fatal(body)
			}
			if _, err := second.Viewer(p.request("GET", fhirPath, "DPoP", answer.AccessToken, p.proof(p.m, "GET", fhirPath, answer.AccessToken))); err != nil {
				t.Errorf("another node's token: %v", err)
			}
		})
	}
}

// form is a request for a token by the client smart-client, changed by change.
func (p *plant) form(change func(f url.Values, c claims)) url.Values {
	p.t.Helper()
	p.count++
	c := claims{"iss": "smart-client", "sub": "smart-client", "aud": p.deps.Public + auth.TokenPath, "exp": p.clock.Now().Unix() + 300, "jti": fmt.Sprint("a", p.count)}
	f := url.Values{"grant_type": {"client_credentials"}, "scope": {"system/CarePlan.rs"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	if change != nil {
		change(f, c)
	}
	if !f.Has("client_assertion") {
		f.Set("client_assertion", p.client.sign(p.t, "JWT", false, c))
	}
	return f
}

// token asks our endpoint; proof "" is a fresh one, "none" none.
func (p *plant) token(systems *auth.Systems, f url.Values, proof string) (int, string) {
	p.t.Helper()
	r := httptest.NewRequest(http.MethodPost, auth.TokenPath, strings.NewReader(f.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if proof == "" {
		proof = p.proof(p.m, "POST", auth.TokenPath, "")
	}
	if proof != "none" {
		r.Header.Set("DPoP", proof)
	}
	w := httptest.NewRecorder()
	systems.ServeToken(w, r)
	if w.Header().Get("Cache-Control") != "no-store" {
		p.t.Error("the answer may be kept")
	}
	return w.Code, w.Body.String()
}

func TestOwnTokenEndpoint(t *testing.T) {
	p := build(t)
	type answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
		Scope       string
	}
	get := func(f url.Values, proof string) answer {
		t.Helper()
		status, body := p.token(p.systems, f, proof)
		var a answer
		if err := json.Unmarshal([]byte(body), &a); status != http.StatusOK || err != nil {
			t.Fatalf("%d %s", status, body)
		}
		return a
	}
	a := get(p.form(func(f url.Values, _ claims) {
		f.Set("scope", "system/CarePlan.cruds system/Observation.rs system/*.r push user/Patient.r")
	}), "")
	if a.TokenType != "DPoP" || a.ExpiresIn != 300 || a.Scope != "system/CarePlan.rs system/CarePlan.r system/Patient.r push" {
		t.Errorf("%+v", a)
	}
	v, err := p.ask(a.AccessToken)
	if err != nil || v.ID != "system:smart" || !slices.Equal(v.Scopes, []string{"system/CarePlan.rs", "system/CarePlan.r", "system/Patient.r"}) {
		t.Errorf("%+v, %v", v, err)
	}
	pushing := func(token, source string) error {
		path := "/adapters/" + source + "/x"
		return p.systems.MayPush(p.request("POST", path, "DPoP", token, p.proof(p.m, "POST", path, token)), source)
	}
	if err := pushing(a.AccessToken, "fhir-sykehus"); err != nil {
		t.Errorf("push: %v", err)
	}
	refused(t, "push to another source", pushing(a.AccessToken, "fiksinnsyn"), http.StatusForbidden)
	narrow := get(p.form(nil), "")
	refused(t, "push without the scope", pushing(narrow.AccessToken, "fhir-sykehus"), http.StatusForbidden)
	only := get(p.form(func(f url.Values, _ claims) { f.Set("scope", "push") }), "")
	_, err = p.ask(only.AccessToken)
	refused(t, "reading with push alone", err, http.StatusForbidden)

	free := get(p.form(func(_ url.Values, c claims) { c["iss"], c["sub"] = "bearer-client", "bearer-client" }), "none")
	if _, err := p.systems.Viewer(p.request("GET", fhirPath, "Bearer", free.AccessToken, "")); err != nil || free.TokenType != "Bearer" {
		t.Errorf("bearer where it is configured: %v", err)
	}
	p.clock.pass(299 * time.Second)
	if _, err := p.ask(narrow.AccessToken); err != nil {
		t.Errorf("after 299 s: %v", err)
	}
	p.clock.pass(time.Second)
	_, err = p.ask(narrow.AccessToken)
	refused(t, "after 300 s", err, http.StatusUnauthorized)
	p.clean()
}

func TestOwnTokenEndpointRefuses(t *testing.T) {
	p := build(t)
	now := p.clock.Now().Unix()
	stranger := newMachine(t, elliptic.P384(), jose.ES384)
	weaker := newMachine(t, elliptic.P256(), jose.ES256)
	with := func(name string, v any) func(url.Values, claims) {
		return func(_ url.Values, c claims) {
			if c[name] = v; v == nil {
				delete(c, name)
			}
		}
	}
	field := func(name string, v ...string) func(url.Values, claims) {
		return func(f url.Values, _ claims) { f[name] = v }
	}
	signed := func(m machine, typ string) func(url.Values, claims) {
		return func(f url.Values, c claims) { f.Set("client_assertion", m.sign(t, typ, false, c)) }
	}
	for name, c := range map[string]struct {
		change func(url.Values, claims)
		code   string
	}{
		"no iss": {with("iss", nil), "invalid_client"}, "another iss": {with("iss", "bearer-client"), "invalid_client"}, "iss of nobody": {with("iss", "x"), "invalid_client"}, "no sub": {with("sub", nil), "invalid_client"}, "another sub": {with("sub", "x"), "invalid_client"}, "a client of HelseID": {func(_ url.Values, c claims) { c["iss"], c["sub"] = "epj", "epj" }, "invalid_client"},
		"no aud": {with("aud", nil), "invalid_client"}, "another aud": {with("aud", p.deps.Public), "invalid_client"}, "two aud": {with("aud", []string{p.deps.Public + auth.TokenPath, "x"}), "invalid_client"}, "no exp": {with("exp", nil), "invalid_client"}, "expired": {with("exp", now), "invalid_client"}, "301 s": {with("exp", now+301), "invalid_client"},
		"lives long": {with("iat", now-1), "invalid_client"}, "iat in the future": {with("iat", now+60), "invalid_client"}, "nbf in the future": {with("nbf", now+60), "invalid_client"}, "no jti": {with("jti", nil), "invalid_client"}, "jti a number": {with("jti", 1), "invalid_client"},
		"another's key": {signed(stranger, "JWT"), "invalid_client"}, "ES256": {signed(weaker, "JWT"), "invalid_client"}, "an access token": {signed(p.client, "at+jwt"), "invalid_client"}, "no assertion": {field("client_assertion", ""), "invalid_client"}, "rubbish": {field("client_assertion", "a.b.c"), "invalid_client"}, "another assertion type": {field("client_assertion_type", "x"), "invalid_client"}, "another client id": {field("client_id", "bearer-client"), "invalid_client"},
		"no grant": {field("grant_type"), "unsupported_grant_type"}, "another grant": {field("grant_type", "password"), "unsupported_grant_type"}, "scope twice": {field("scope", "push", "push"), "invalid_request"},
		"no scope": {field("scope", ""), "invalid_scope"}, "out of order": {field("scope", "system/CarePlan.sr"), "invalid_scope"}, "with a parameter": {field("scope", "system/CarePlan.rs?category=x"), "invalid_scope"}, "not its own": {field("scope", "system/Observation.rs"), "invalid_scope"}, "one bad among good": {field("scope", "system/CarePlan.rs system/CarePlan.dus"), "invalid_scope"},
	} {
		status, body := p.token(p.systems, p.form(c.change), "")
		if status == http.StatusOK || !strings.Contains(body, fmt.Sprintf("%q", c.code)) || strings.Contains(body, "eyJ") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	for name, proof := range map[string]string{"none": "none", "for another path": p.proof(p.m, "POST", "/auth/other", ""), "for a token": p.proof(p.m, "POST", auth.TokenPath, "x"), "rubbish": "x"} {
		if status, body := p.token(p.systems, p.form(nil), proof); status != http.StatusBadRequest || !strings.Contains(body, "invalid_dpop_proof") {
			t.Errorf("proof %s: %d %s", name, status, body)
		}
	}
	used := p.form(nil)
	proof := p.proof(p.m, "POST", auth.TokenPath, "")
	if status, _ := p.token(p.systems, used, proof); status != http.StatusOK {
		t.Error("a good one is refused")
	}
	if status, body := p.token(p.systems, used, ""); status != http.StatusUnauthorized {
		t.Errorf("the assertion again: %d %s", status, body)
	}
	if status, body := p.token(p.systems, p.form(nil), proof); status != http.StatusBadRequest {
		t.Errorf("the proof again: %d %s", status, body)
	}
	for name, r := range map[string]*http.Request{
		"GET": httptest.NewRequest(http.MethodGet, auth.TokenPath, nil), "JSON": httptest.NewRequest(http.MethodPost, auth.TokenPath, unread{t}), "too long": httptest.NewRequest(http.MethodPost, auth.TokenPath, strings.NewReader(strings.Repeat("a=b&", 40<<10))), "in the address": httptest.NewRequest(http.MethodPost, auth.TokenPath+"?grant_type=client_credentials", strings.NewReader("")),
	} {
		if name != "JSON" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := httptest.NewRecorder()
		p.systems.ServeToken(w, r)
		if w.Code < 400 || w.Code > 405 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	p.clean()
}

// TestTokensNeedTheStore: where a replay cannot be looked up, nobody gets in.
func TestTokensNeedTheStore(t *testing.T) {
	p := build(t)
	token := p.issue("helseid", "at+jwt", p.machineClaims())
	if _, err := p.ask(token); err != nil {
		t.Fatal(err)
	}
	if err := p.store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ask(token); !errors.Is(err, care.ErrUnavailable) || errors.Is(err, care.ErrDenied) {
		t.Errorf("without the store: %v", err)
	}
	if status, body := p.token(p.systems, p.form(nil), ""); status != http.StatusServiceUnavailable {
		t.Errorf("a token without the store: %d %s", status, body)
	}
}

func TestSmartConfiguration(t *testing.T) {
	p := build(t)
	w := httptest.NewRecorder()
	p.systems.ServeConfiguration(w, httptest.NewRequest(http.MethodGet, "/.well-known/smart-configuration", nil))
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got["token_endpoint"] != p.deps.Public+auth.TokenPath || fmt.Sprint(got["token_endpoint_auth_signing_alg_values_supported"]) != "[RS384 ES384]" {
		t.Errorf("%v: %v", err, got)
	}
}

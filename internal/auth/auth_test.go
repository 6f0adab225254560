package auth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"samsyn/internal/auth"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/outbound"
	"samsyn/internal/sim/idp"
	"samsyn/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

const (
	municipality = "974760673"
	unit         = "889640782"
	other        = "991825827"
	hpr          = "9144897"
)

// number is a synthetic national number of somebody born that day (DDMMYY, month + 80).
func number(t testing.TB, born string, from int) string {
	t.Helper()
	for i := from; i < 1000; i++ {
		for c := range 100 {
			raw := fmt.Sprintf("%s%03d%02d", born, i, c)
			if n, err := identity.Parse(raw, identity.Rules{Test: true}); err == nil && n.Synthetic {
				return raw
			}
		}
	}
	t.Fatalf("no number for %s", born)
	return ""
}

// clock is set by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// people is who has which number.
type people map[string]care.PersonID

func (p people) PersonByIdentifier(_ context.Context, n identity.Number) (care.PersonID, error) {
	if id, ok := p[n.Digits()]; ok {
		return id, nil
	}
	return "", care.ErrNotFound
}

func private(t testing.TB) (secret string, public jose.JSONWebKey) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	j := jose.JSONWebKey{Key: k, KeyID: "client", Algorithm: "ES256", Use: "sig"}
	b, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), j.Public()
}

// house is our site and a provider of each kind, all over HTTP.
type house struct {
	t         testing.TB
	clock     *clock
	store     *store.Store
	service   *auth.Service
	deps      auth.Deps
	config    auth.Config
	providers map[string]*idp.Server
	logged    *bytes.Buffer
	numbers   map[string]string
	persons   people
}

// serve starts a server whose address is known before its handler.
func serve(t testing.TB, handler func(address string) http.Handler) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	address = "http://" + s.Listener.Addr().String()
	s.Config.Handler = handler(address)
	s.Start()
	t.Cleanup(s.Close)
	return address
}

func open(t testing.TB, change ...func(h *house)) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{now: start}, providers: map[string]*idp.Server{}, logged: &bytes.Buffer{}, persons: people{}}
	var err error
	if h.store, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"), store.Options{Now: h.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.store.Close() }) // a test that closes it itself says so
	h.numbers = map[string]string{"kari": number(t, "128385", 100), "ola": number(t, "018375", 100), "child": number(t, "039114", 900), "mother": number(t, "049080", 200), "stranger": number(t, "059170", 300)}
	h.persons[h.numbers["child"]], h.persons[h.numbers["mother"]] = "child-id", "mother-id"
	h.config = auth.Config{Providers: map[string]auth.Provider{}}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	h.deps = auth.Deps{Store: h.store, Persons: h.persons, Client: auth.Outgoing(transport), Now: h.clock.Now, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(h.logged, nil)),
		Organisation: municipality, Rules: identity.Rules{Test: true}}
	h.deps.Public = serve(t, func(string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) })
	})
	users := map[string][]idp.User{
		"helseid": {
			{Sub: "h-kari", Name: "Kari", Claims: claims{"helseid://claims/identity/pid": h.numbers["kari"], "helseid://claims/identity/security_level": "4", "helseid://claims/identity/assurance_level": "high", "helseid://claims/hpr/hpr_number": hpr, "helseid://claims/client/claims/orgnr_parent": municipality, "helseid://claims/client/claims/orgnr_child": unit}},
			{Sub: "h-stranger", Name: "Fremmed", Claims: claims{"helseid://claims/identity/pid": h.numbers["stranger"], "helseid://claims/identity/security_level": "4"}},
		},
		"ansattporten": {{Sub: "a-ola", Name: "Ola", Claims: claims{"pid": h.numbers["ola"], "acr": "high", "authorization_details": []any{claims{"type": "ansattporten:orgno", "orgno": claims{"authority": "iso6523-actorid-upis", "ID": "0192:" + municipality}}}}}},
		"idporten": {
			{Sub: "i-child", Name: "Barnet", Claims: claims{"pid": h.numbers["child"], "acr": "idporten-loa-high"}}, {Sub: "i-mother", Name: "Mor", Claims: claims{"pid": h.numbers["mother"], "acr": "idporten-loa-high"}},
			{Sub: "i-stranger", Name: "Fremmed", Claims: claims{"pid": h.numbers["stranger"], "acr": "idporten-loa-high"}},
		},
	}
	for kind, who := range users {
		secret, public := private(t)
		client := idp.Client{ID: "samsyn-" + kind, Key: public, Redirects: []string{h.deps.Public + "/auth/callback"}, AfterLogout: []string{h.deps.Public + "/logginn"}, DPoP: kind == "helseid"}
		issuer := serve(t, func(address string) http.Handler {
			p, err := idp.New(idp.Options{Synthetic: true, Issuer: address, Now: h.clock.Now, Clients: []idp.Client{client}, Users: who})
			if err != nil {
				t.Fatal(err)
			}
			h.providers[kind] = p
			return p
		})
		h.config.Providers[kind] = auth.Provider{Kind: kind, Issuer: issuer, ClientID: client.ID, Key: outbound.Secret{Value: secret}, Algorithm: "ES256", DPoP: client.DPoP}
	}
	ola, err := identity.Parse(h.numbers["ola"], h.deps.Rules)
	if err != nil {
		t.Fatal(err)
	}
	h.deps.Directory = []auth.Person{
		{Viewer: care.Viewer{ID: "kari", Name: "Kari", Role: care.RoleTjenesteyter, Service: care.Helsestasjon, HPR: hpr, Unit: unit}, Subjects: []auth.Subject{{Issuer: h.config.Providers["helseid"].Issuer, Sub: "h-kari"}}},
		{Viewer: care.Viewer{ID: "ola", Name: "Ola", Role: care.RoleKoordinator, Service: care.Koordinering}, Subjects: []auth.Subject{{Number: auth.NumberHash(h.store.SignInKey(), ola)}}},
	}
	for _, c := range change {
		c(h)
	}
	h.config.SetDefaults()
	if faults := h.config.Validate(true); len(faults) > 0 {
		t.Fatalf("configuration: %v", faults)
	}
	h.restart()
	return h
}

type claims = map[string]any

// restart makes the service anew from what is configured, as another instance would.
func (h *house) restart() {
	h.t.Helper()
	var err error
	if h.service, err = auth.New(h.config, h.deps); err != nil {
		h.t.Fatal(err)
	}
}

// ServeHTTP is a site with nothing but sign-in.
func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := func(text string, err error) {
		var refused *auth.Refusal
		if errors.As(err, &refused) {
			status, _ := refused.Challenge()
			w.WriteHeader(status)
			text = "refused: " + string(refused.Reason)
		} else if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			text = err.Error()
		}
		fmt.Fprint(w, text)
	}
	if strings.HasPrefix(r.URL.Path, "/auth/backchannel/") {
		h.service.ServeBackchannel(w, r)
		return
	}
	if r.URL.Path == "/auth/start" { // it uses nobody's rights
		if auth.Foreign(r) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
	} else if err := h.service.Guard(r); err != nil {
		answer("", err)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /auth/start":
		answer(h.service.Start(w, r, r.FormValue("provider"), r.FormValue("as"), r.FormValue("retur")))
	case "GET /auth/callback":
		answer(h.service.Finish(w, r))
	case "POST /auth/logout":
		answer(h.service.End(w, r))
	case "POST /change":
		answer("changed", nil)
	case "GET /form":
		answer(h.service.FormToken(r), nil)
	case "GET /me":
		v, err := h.service.Viewer(r)
		text, _ := json.Marshal(v)
		answer(string(text), err)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// browser is a headless one, with cookies of its own; it follows redirects.
type browser struct {
	h *house
	*http.Client
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	transport := &http.Transport{}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &browser{h, &http.Client{Jar: jar, Transport: transport}}
}

func (b *browser) read(resp *http.Response, err error) (int, string) {
	b.h.t.Helper()
	if err != nil {
		b.h.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (b *browser) get(address string) (int, string) { b.h.t.Helper(); return b.read(b.Get(address)) }
func (b *browser) post(address string, f url.Values) (int, string) {
	b.h.t.Helper()
	return b.read(b.PostForm(address, f))
}

var hidden = regexp.MustCompile(`name="request_uri" value="([^"]*)"`)

// toProvider begins a sign-in and gives the page on which somebody is chosen.
func (b *browser) toProvider(provider, as string) (request string) {
	b.h.t.Helper()
	status, to := b.post(b.h.deps.Public+"/auth/start", url.Values{"provider": {provider}, "as": {as}, "retur": {"/barn/ella"}})
	if status != http.StatusOK {
		b.h.t.Fatalf("start: %d %s", status, to)
	}
	status, page := b.get(to)
	found := hidden.FindStringSubmatch(page)
	if status != http.StatusOK || found == nil {
		b.h.t.Fatalf("at the provider: %d %s", status, page)
	}
	return html.UnescapeString(found[1])
}

// signIn goes all the way and gives what our site answered to the callback.
func (b *browser) signIn(provider, as, user string) (int, string) {
	b.h.t.Helper()
	request := b.toProvider(provider, as)
	return b.post(b.h.config.Providers[provider].Issuer+"/authorize", url.Values{"request_uri": {request}, "user": {user}})
}

// me is who is signed in; the status where nobody is.
func (b *browser) me() (care.Viewer, int) {
	b.h.t.Helper()
	status, body := b.get(b.h.deps.Public + "/me")
	var v care.Viewer
	if status == http.StatusOK {
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			b.h.t.Fatal(err)
		}
	}
	return v, status
}

func (b *browser) cookies() map[string]string {
	u, err := url.Parse(b.h.deps.Public)
	if err != nil {
		b.h.t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range b.Jar.Cookies(u) {
		out[c.Name] = c.Value
	}
	return out
}

func TestPeopleSignInThroughEachProvider(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		provider, as, user string
		want               care.Viewer
	}{
		{"helseid", "", "h-kari", care.Viewer{ID: "kari", Name: "Kari", Role: care.RoleTjenesteyter, Service: care.Helsestasjon, Tenant: municipality, Unit: unit, HPR: hpr, Level: 4, Purpose: care.PurposeTREAT}},
		{"ansattporten", "", "a-ola", care.Viewer{ID: "ola", Name: "Ola", Role: care.RoleKoordinator, Service: care.Koordinering, Tenant: municipality, Level: 4, Purpose: care.PurposeCOC}},
		{"idporten", auth.AsSelf, "i-child", care.Viewer{ID: "person:child-id", Name: "Barnet", Role: care.RoleBarn, Person: "child-id", Tenant: municipality, Level: 4, Purpose: care.PurposePATRQT}},
		{"idporten", auth.AsGuardian, "i-mother", care.Viewer{ID: "person:mother-id", Name: "Mor", Role: care.RoleForesatt, Person: "mother-id", Tenant: municipality, Level: 4, Purpose: care.PurposeFAMRQT}},
	} {
		b := h.browser()
		if _, status := b.me(); status != http.StatusUnauthorized {
			t.Errorf("before sign-in: %d", status)
		}
		if status, back := b.signIn(c.provider, c.as, c.user); status != http.StatusOK || back != "/barn/ella" {
			t.Errorf("%s: %d %s\n%s", c.user, status, back, h.logged)
		}
		got, _ := b.me()
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) {
			t.Errorf("%s is %+v, want %+v", c.user, got, c.want)
		}
	}
	h.clean()
}

// clean fails where a number, token or key stands in the log or in readable form in the store.
func (h *house) clean() {
	h.t.Helper()
	var dump bytes.Buffer
	if err := h.store.Dump(context.Background(), &dump); err != nil {
		h.t.Fatal(err)
	}
	for name, n := range h.numbers {
		if strings.Contains(h.logged.String(), n) || strings.Contains(dump.String(), n) {
			h.t.Errorf("the number of %s was logged or kept", name)
		}
	}
	if regexp.MustCompile(`eyJ|urn:ietf|code=|[A-Za-z0-9_-]{40}`).MatchString(h.logged.String()) {
		h.t.Errorf("the log holds a token: %s", h.logged)
	}
}

func TestWhoIsRefused(t *testing.T) {
	h := open(t)
	for _, c := range []struct{ provider, as, user, reason string }{
		{"helseid", "", "h-stranger", "unknown"}, {"helseid", "", "", "cancelled"}, {"idporten", auth.AsSelf, "i-stranger", "unknown"}, {"idporten", auth.AsGuardian, "i-stranger", "unknown"},
		{"idporten", auth.AsGuardian, "i-child", "unknown"}, // a child is no guardian
	} {
		b := h.browser()
		if status, body := b.signIn(c.provider, c.as, c.user); status != http.StatusForbidden || body != "refused: "+c.reason {
			t.Errorf("%s: %d %s", c.user, status, body)
		}
		if _, status := b.me(); status != http.StatusUnauthorized || b.cookies()["samsyn"] != "" {
			t.Errorf("%s is signed in all the same", c.user)
		}
	}
	for _, f := range []url.Values{{"provider": {"nobody"}}, {}, {"provider": {"idporten"}}, {"provider": {"idporten"}, "as": {"revisor"}}, {"provider": {"helseid"}, "as": {"barn"}}} {
		if status, body := h.browser().post(h.deps.Public+"/auth/start", f); status != http.StatusForbidden {
			t.Errorf("%v: %d %s", f, status, body)
		}
	}
	h.clean()
}

// TestEachClaim: each claim that something rests on, missing, wrong, of another shape and
// said twice, is a refusal. None lets somebody in with less to go by.
func TestEachClaim(t *testing.T) {
	h := open(t, func(h *house) {
		p := h.config.Providers["helseid"]
		p.Require = auth.Requirable
		h.config.Providers["helseid"] = p
	})
	tried := 0
	for provider, c := range map[string]struct {
		user, as string
		claims   map[string][]string // JSON values that are wrong
		optional []string
	}{
		"helseid": {"h-kari", "", map[string][]string{
			"iss": {`"https://other.example"`, `""`, `1`}, "aud": {`"other"`, `["samsyn-helseid","other"]`, `[]`, `1`}, "exp": {`1`, `"9999999999"`, `9999999999999`}, "iat": {`1`, `"x"`, `9999999999`}, "nonce": {`"other"`, `""`, `1`}, "sub": {`""`, `1`, `["h-kari"]`},
			"helseid://claims/identity/pid": {`"00000000000"`, `""`, `12345678901`, `["` + h.numbers["kari"] + `"]`}, "helseid://claims/identity/security_level": {`"3"`, `"2"`, `4`, `""`, `["4"]`, `"5"`}, "helseid://claims/identity/assurance_level": {`"low"`, `"substantial"`, `"HIGH"`, `4`},
			"helseid://claims/hpr/hpr_number": {`"9144898"`, `""`, `"x"`, `["` + hpr + `","9144898"]`, `9144897`}, "helseid://claims/client/claims/orgnr_parent": {`"` + other + `"`, `""`, `"12345"`, `974760673`}, "helseid://claims/client/claims/orgnr_child": {`"` + other + `"`, `""`, `"12345"`},
			"azp": {`"other"`, `1`, `["samsyn-helseid"]`}, "nbf": {`9999999999`, `"x"`}, "at_hash": {`"AAAAAAAAAAAAAAAAAAAAAA"`}, "sid": {`["a","b"]`, `1`}, "name": {`["a","b"]`, `1`},
		}, []string{"azp", "nbf", "at_hash", "sid", "name", "helseid://claims/identity/assurance_level"}},
		"ansattporten": {"a-ola", "", map[string][]string{
			"pid": {`"00000000000"`, `1`}, "acr": {`"substantial"`, `"entraid"`, `"Level4"`, `4`, `["high"]`},
			"authorization_details": {`[]`, `"x"`, `[{"type":"ansattporten:orgno"}]`, `[{"type":"ansattporten:orgno","orgno":{"authority":"iso6523-actorid-upis","ID":"0192:` + other + `"}}]`, `[{"type":"x","orgno":{"authority":"other","ID":"0192:` + municipality + `"}}]`,
				`[{"type":"ansattporten:orgno","authorized_parties":[{"orgno":{"authority":"iso6523-actorid-upis","ID":"0192:` + municipality + `"}},{"orgno":{"authority":"iso6523-actorid-upis","ID":"0192:` + other + `"}}]}]`, `[{"type":"x","orgno":{"authority":"iso6523-actorid-upis","ID":"` + municipality + `"}}]`},
		}, nil},
		"idporten": {"i-child", auth.AsSelf, map[string][]string{"pid": {`"` + h.numbers["stranger"] + `"`, `1`}, "acr": {`"idporten-loa-substantial"`, `"Level3"`, `"high"`, `""`}}, nil},
	} {
		for name, wrong := range c.claims {
			changes := map[string]func(m map[string]json.RawMessage) []byte{}
			if !has(c.optional, name) {
				changes["missing"] = func(m map[string]json.RawMessage) []byte { delete(m, name); b, _ := json.Marshal(m); return b }
			}
			changes["null"] = func(m map[string]json.RawMessage) []byte {
				m[name] = json.RawMessage("null")
				b, _ := json.Marshal(m)
				return b
			}
			for _, key := range []string{name, strings.ToUpper(name)} {
				changes["twice as "+key] = func(m map[string]json.RawMessage) []byte {
					b, _ := json.Marshal(m)
					value := m[name]
					if value == nil {
						value = json.RawMessage(`"x"`)
						b = append(bytes.TrimSuffix(b, []byte("}")), fmt.Sprintf(`,%q:"y"}`, name)...)
					}
					return append(bytes.TrimSuffix(b, []byte("}")), fmt.Sprintf(",%q:%s}", key, value)...)
				}
			}
			for _, v := range wrong {
				changes[v] = func(m map[string]json.RawMessage) []byte {
					m[name] = json.RawMessage(v)
					b, _ := json.Marshal(m)
					return b
				}
			}
			for what, change := range changes {
				tried++
				h.providers[provider].Change = func(payload []byte) []byte {
					var m map[string]json.RawMessage
					if err := json.Unmarshal(payload, &m); err != nil {
						t.Error(err)
					}
					return change(m)
				}
				b := h.browser()
				if status, body := b.signIn(provider, c.as, c.user); status != http.StatusForbidden {
					t.Errorf("%s: %s %s: %d %s", provider, name, what, status, body)
				}
				if _, status := b.me(); status != http.StatusUnauthorized {
					t.Errorf("%s: %s %s: signed in", provider, name, what)
				}
			}
		}
		h.providers[provider].Change = nil
		if status, body := h.browser().signIn(provider, c.as, c.user); status != http.StatusOK {
			t.Errorf("%s with nothing changed: %d %s", provider, status, body)
		}
	}
	if tried < 100 {
		t.Errorf("only %d changes were tried", tried)
	}
	h.clean()
}

func has(all []string, s string) bool {
	for _, v := range all {
		if v == s {
			return true
		}
	}
	return false
}

// TestAnswersThatAreNotOurs: what the browser brings back must belong to the sign-in that
// it began, come from the provider that was asked, and be used once.
func TestAnswersThatAreNotOurs(t *testing.T) {
	h := open(t)
	p := h.providers["helseid"]
	for name, answer := range map[string]func(url.Values){
		"no state": func(q url.Values) { q.Del("state") }, "another state": func(q url.Values) { q.Set("state", "x") }, "state twice": func(q url.Values) { q.Add("state", q.Get("state")) }, "state empty": func(q url.Values) { q.Set("state", "") },
		"no iss": func(q url.Values) { q.Del("iss") }, "another provider's iss": func(q url.Values) { q.Set("iss", h.config.Providers["idporten"].Issuer) }, "iss twice": func(q url.Values) { q.Add("iss", "https://other.example") },
		"no code": func(q url.Values) { q.Del("code") }, "another code": func(q url.Values) { q.Set("code", "x") }, "code twice": func(q url.Values) { q.Add("code", "x") }, "an error and a code": func(q url.Values) { q.Set("error", "server_error") }, "a strange error": func(q url.Values) { q.Del("code"); q.Set("error", "x") },
	} {
		p.Answer = answer
		b := h.browser()
		if status, body := b.signIn("helseid", "", "h-kari"); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if _, status := b.me(); status != http.StatusUnauthorized {
			t.Errorf("%s: signed in", name)
		}
	}
	var brought url.Values
	p.Answer = func(q url.Values) { brought = url.Values{"code": q["code"], "state": q["state"], "iss": q["iss"]} }
	victim, thief := h.browser(), h.browser()
	thief.toProvider("helseid", "") // she has a sign-in of her own under way
	if status, _ := victim.signIn("helseid", "", "h-kari"); status != http.StatusOK {
		t.Fatal("no sign-in")
	}
	for who, b := range map[string]*browser{"the same browser again": victim, "another browser": thief, "a fresh browser": h.browser()} {
		before := b.cookies()["samsyn"]
		if status, body := b.get(h.deps.Public + "/auth/callback?" + brought.Encode()); status != http.StatusForbidden || body != "refused: expired" {
			t.Errorf("%s: %d %s", who, status, body)
		}
		if b.cookies()["samsyn"] != before {
			t.Errorf("%s: the session changed", who)
		}
	}
	p.Answer = nil
	b := h.browser()
	request := b.toProvider("helseid", "")
	h.clock.pass(10 * time.Minute)
	if status, _ := b.post(h.config.Providers["helseid"].Issuer+"/authorize", url.Values{"request_uri": {request}, "user": {"h-kari"}}); status == http.StatusOK {
		t.Error("a sign-in that took too long")
	}
}

// TestFixation: nobody can know or choose the key of somebody else's session, and a
// sign-in ends what the browser had before.
func TestFixation(t *testing.T) {
	h := open(t)
	b := h.browser()
	u, err := url.Parse(h.deps.Public)
	if err != nil {
		t.Fatal(err)
	}
	b.Jar.SetCookies(u, []*http.Cookie{{Name: "samsyn", Value: "chosen-by-an-attacker", Path: "/"}})
	if _, status := b.me(); status != http.StatusUnauthorized {
		t.Errorf("a key that nobody drew: %d", status)
	}
	if status, body := b.signIn("helseid", "", "h-kari"); status != http.StatusOK {
		t.Fatal(status, body)
	}
	first := b.cookies()["samsyn"]
	if first == "chosen-by-an-attacker" || len(first) != 43 {
		t.Errorf("the key is %q", first)
	}
	attacker := h.browser()
	attacker.Jar.SetCookies(u, []*http.Cookie{{Name: "samsyn", Value: "chosen-by-an-attacker", Path: "/"}})
	if _, status := attacker.me(); status != http.StatusUnauthorized {
		t.Error("the attacker's key became a session")
	}
	if status, _ := b.signIn("ansattporten", "", "a-ola"); status != http.StatusOK {
		t.Fatal("no second sign-in")
	}
	second := b.cookies()["samsyn"]
	if v, _ := b.me(); second == first || v.ID != "ola" {
		t.Errorf("after the second sign-in: %q, %+v", second, v)
	}
	attacker.Jar.SetCookies(u, []*http.Cookie{{Name: "samsyn", Value: first, Path: "/"}})
	if _, status := attacker.me(); status != http.StatusUnauthorized {
		t.Error("the session before sign-in lives on")
	}
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	r.Header.Set("Cookie", "samsyn="+second+"; samsyn="+first)
	if _, err := h.service.Viewer(r); !errors.Is(err, care.ErrDenied) {
		t.Errorf("two keys: %v", err)
	}
}

func TestSessionsEnd(t *testing.T) {
	signed := func(h *house) *browser {
		t := h.t
		t.Helper()
		b := h.browser()
		if status, body := b.signIn("helseid", "", "h-kari"); status != http.StatusOK {
			t.Fatal(status, body)
		}
		return b
	}
	is := func(b *browser, want int, when string) {
		t := b.h.t
		t.Helper()
		if _, status := b.me(); status != want {
			t.Errorf("%s: %d, want %d", when, status, want)
		}
	}
	t.Run("idle", func(t *testing.T) {
		h := open(t)
		b := signed(h)
		for range 5 {
			h.clock.pass(29 * time.Minute)
			is(b, 200, "used in time")
		}
		h.clock.pass(30 * time.Minute)
		is(b, 401, "not used")
		h.clock.pass(-29 * time.Minute)
		is(b, 401, "it is gone for good")
	})
	t.Run("absolute", func(t *testing.T) {
		h := open(t)
		b := signed(h)
		for range 24 {
			h.clock.pass(19 * time.Minute)
			is(b, 200, "in use")
		}
		h.clock.pass(8*time.Hour - 24*19*time.Minute)
		is(b, 401, "after eight hours")
	})
	t.Run("logout", func(t *testing.T) {
		h := open(t)
		b := signed(h)
		key := b.cookies()["samsyn"]
		if status, body := b.post(h.deps.Public+"/auth/logout", nil); status != 403 || body != "refused: form" {
			t.Errorf("logout without the form's token: %d %s", status, body)
		}
		is(b, 200, "after a foreign logout")
		_, token := b.get(h.deps.Public + "/form")
		status, to := b.post(h.deps.Public+"/auth/logout", url.Values{"csrf": {token}})
		if want := h.config.Providers["helseid"].Issuer + "/endsession?"; status != 200 || !strings.HasPrefix(to, want) {
			t.Errorf("logout: %d %s", status, to)
		}
		is(b, 401, "after logout")
		resp, err := (&http.Client{Transport: b.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get(to)
		if err != nil || resp.Header.Get("Location") != h.deps.Public+"/logginn" {
			t.Errorf("the provider's logout leads to %q, %v", resp.Header.Get("Location"), err)
		}
		resp.Body.Close()
		r := httptest.NewRequest(http.MethodGet, "/me", nil)
		r.AddCookie(&http.Cookie{Name: "samsyn", Value: key})
		if _, err := h.service.Viewer(r); !errors.Is(err, care.ErrDenied) {
			t.Errorf("the old key: %v", err)
		}
	})
	t.Run("the directory", func(t *testing.T) {
		h := open(t)
		b := signed(h)
		was := h.deps.Directory
		for name, change := range map[string]func(p *auth.Person){"gone": func(p *auth.Person) { p.Viewer.ID = "other" }, "no role": func(p *auth.Person) { p.Viewer.Role = "" }, "another HPR number": func(p *auth.Person) { p.Viewer.HPR = "1234567" }, "another unit": func(p *auth.Person) { p.Viewer.Unit = other }, "another municipality": func(p *auth.Person) { p.Viewer.Tenant = other }} {
			p := was[0]
			change(&p)
			h.deps.Directory = []auth.Person{p}
			h.restart()
			is(b, 401, name)
		}
		p := was[0]
		p.Viewer.Role = care.RoleKoordinator
		h.deps.Directory = []auth.Person{p}
		h.restart()
		if v, _ := b.me(); v.Role != care.RoleKoordinator {
			t.Errorf("the new role does not count: %+v", v)
		}
		h.deps.Directory = was
		delete(h.config.Providers, "helseid")
		h.restart()
		is(b, 401, "the provider is gone")
	})
	t.Run("the provider says so", func(t *testing.T) {
		h := open(t)
		sid := ""
		h.providers["helseid"].Change = func(payload []byte) []byte {
			var c struct{ SID string }
			if err := json.Unmarshal(payload, &c); err != nil {
				t.Error(err)
			}
			sid = c.SID
			return payload
		}
		b, again := signed(h), signed(h)
		good := claims{"iss": h.config.Providers["helseid"].Issuer, "aud": "samsyn-helseid", "iat": h.clock.Now().Unix(), "exp": h.clock.Now().Unix() + 60, "jti": "1", "sid": sid, "events": claims{"http://schemas.openid.net/event/backchannel-logout": claims{}}}
		send := func(provider, typ string, change ...any) int {
			t.Helper()
			c := claims{}
			for k, v := range good {
				c[k] = v
			}
			for i := 0; i+1 < len(change); i += 2 {
				if c[change[i].(string)] = change[i+1]; change[i+1] == nil {
					delete(c, change[i].(string))
				}
			}
			payload, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := h.providers["helseid"].Sign(typ, payload)
			if err != nil {
				t.Fatal(err)
			}
			status, _ := h.browser().post(h.deps.Public+"/auth/backchannel/"+provider, url.Values{"logout_token": {raw}})
			return status
		}
		for name, got := range map[string]int{"no events": send("helseid", "logout+jwt", "events", nil), "another event": send("helseid", "logout+jwt", "events", claims{"x": 1}), "with nonce": send("helseid", "logout+jwt", "nonce", "n"), "no one": send("helseid", "logout+jwt", "sid", nil),
			"expired": send("helseid", "logout+jwt", "exp", h.clock.Now().Unix()), "another audience": send("helseid", "logout+jwt", "aud", "x"), "at another provider": send("idporten", "logout+jwt"), "at none": send("nobody", "logout+jwt"), "an access token": send("helseid", "at+jwt"), "no jti": send("helseid", "logout+jwt", "jti", nil)} {
			if got != http.StatusBadRequest {
				t.Errorf("%s: %d", name, got)
			}
		}
		is(again, 200, "after refused logouts")
		if got := send("helseid", "logout+jwt"); got != 200 {
			t.Errorf("logout: %d", got)
		}
		is(again, 401, "whose session at the provider ended")
		is(b, 200, "with another session there")
		if got := send("helseid", "logout+jwt"); got != http.StatusBadRequest {
			t.Errorf("the same logout again: %d", got)
		}
		if got := send("helseid", "logout+jwt", "jti", "2", "sid", nil, "sub", "h-kari"); got != 200 {
			t.Errorf("logout of the person: %d", got)
		}
		is(b, 401, "who is signed out everywhere")
	})
}

func TestFormsOfOthers(t *testing.T) {
	h := open(t)
	b := h.browser()
	if status, _ := b.signIn("helseid", "", "h-kari"); status != http.StatusOK {
		t.Fatal("no sign-in")
	}
	_, token := b.get(h.deps.Public + "/form")
	another := h.browser()
	if status, _ := another.signIn("ansattporten", "", "a-ola"); status != http.StatusOK {
		t.Fatal("no sign-in")
	}
	_, anothers := another.get(h.deps.Public + "/form")
	if token == "" || token == anothers {
		t.Fatalf("tokens %q and %q", token, anothers)
	}
	for _, c := range []struct {
		name, header, value string
		form                url.Values
		status              int
	}{
		{"ours", "Sec-Fetch-Site", "same-origin", url.Values{"csrf": {token}}, 200}, {"ours, typed", "Sec-Fetch-Site", "none", url.Values{"csrf": {token}}, 200}, {"ours, old browser", "Origin", h.deps.Public, url.Values{"csrf": {token}}, 200}, {"ours, no headers", "", "", url.Values{"csrf": {token}}, 200},
		{"cross-site", "Sec-Fetch-Site", "cross-site", url.Values{"csrf": {token}}, 403}, {"same-site", "Sec-Fetch-Site", "same-site", url.Values{"csrf": {token}}, 403}, {"odd", "Sec-Fetch-Site", "x", url.Values{"csrf": {token}}, 403}, {"null", "Origin", "null", url.Values{"csrf": {token}}, 403}, {"another origin", "Origin", "https://evil.example", url.Values{"csrf": {token}}, 403},
		{"no token", "Sec-Fetch-Site", "same-origin", nil, 403}, {"empty", "Sec-Fetch-Site", "same-origin", url.Values{"csrf": {""}}, 403}, {"another's", "Sec-Fetch-Site", "same-origin", url.Values{"csrf": {anothers}}, 403}, {"twice", "Sec-Fetch-Site", "same-origin", url.Values{"csrf": {token, token}}, 403},
		{"too much", "Sec-Fetch-Site", "same-origin", url.Values{"csrf": {token}, "x": {strings.Repeat("x", 70<<10)}}, 403},
	} {
		r, err := http.NewRequest(http.MethodPost, h.deps.Public+"/change", strings.NewReader(c.form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		if status, body := b.read(b.Do(r)); status != c.status {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post"} {
		r := httptest.NewRequest(method, "/change?csrf="+token, nil)
		r.AddCookie(&http.Cookie{Name: "samsyn", Value: b.cookies()["samsyn"]})
		if err := h.service.Guard(r); err == nil {
			t.Errorf("%s with the token in the address passes", method)
		}
	}
}

// TestCookies: with TLS they are bound to this host, and none can be read by a page.
func TestCookies(t *testing.T) {
	h := open(t)
	for public, prefix := range map[string]string{"https://samsyn.example.no": "__Host-", h.deps.Public: ""} {
		deps := h.deps
		deps.Public = public
		s, err := auth.New(h.config, deps)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		if _, err := s.End(w, httptest.NewRequest(http.MethodPost, "/", nil)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Finish(w, httptest.NewRequest(http.MethodGet, "/", nil)); err == nil {
			t.Error("finished without a start")
		}
		for i, c := range w.Result().Cookies() {
			want := []http.SameSite{http.SameSiteStrictMode, http.SameSiteLaxMode}[i]
			if !strings.HasPrefix(c.Name, prefix+"samsyn") || c.Secure != (prefix != "") || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != want {
				t.Errorf("%s: %+v", public, c)
			}
		}
	}
}

// TestProvidersAreAskedSeldom: metadata once a day, keys once an hour, and a provider that
// is away is said to be.
func TestProvidersAreAskedSeldom(t *testing.T) {
	h := open(t)
	p := h.providers["ansattporten"]
	for range 3 {
		if status, body := h.browser().signIn("ansattporten", "", "a-ola"); status != http.StatusOK {
			t.Fatal(status, body)
		}
	}
	if got := []int{p.Asked("/.well-known/openid-configuration"), p.Asked("/jwks"), p.Asked("/par"), p.Asked("/token")}; fmt.Sprint(got) != "[1 1 3 3]" {
		t.Errorf("asked %v", got)
	}
	h.clock.pass(24*time.Hour - time.Second)
	if status, _ := h.browser().signIn("ansattporten", "", "a-ola"); status != http.StatusOK || p.Asked("/.well-known/openid-configuration") != 1 {
		t.Error("metadata are asked for again within the day")
	}
	h.clock.pass(time.Second)
	if err := p.Rotate(); err != nil {
		t.Fatal(err)
	}
	h.clock.pass(time.Minute)
	if status, body := h.browser().signIn("ansattporten", "", "a-ola"); status != http.StatusOK || p.Asked("/.well-known/openid-configuration") != 2 {
		t.Errorf("after a day and a new key: %d %s", status, body)
	}
	gone := h.config.Providers["helseid"]
	gone.Issuer = "http://127.0.0.1:1"
	h.config.Providers["helseid"] = gone
	h.restart()
	if status, body := h.browser().post(h.deps.Public+"/auth/start", url.Values{"provider": {"helseid"}}); status != http.StatusServiceUnavailable || body != "refused: away" {
		t.Errorf("a provider that is away: %d %s", status, body)
	}
	wrong := h.config.Providers["ansattporten"]
	wrong.Issuer += "/"
	h.config.Providers["ansattporten"] = wrong
	h.restart()
	if status, _ := h.browser().post(h.deps.Public+"/auth/start", url.Values{"provider": {"ansattporten"}}); status != http.StatusServiceUnavailable {
		t.Errorf("metadata of another issuer: %d", status)
	}
}

// TestStoreThatFailsLetsNobodyIn: what cannot be looked up is no.
func TestStoreThatFailsLetsNobodyIn(t *testing.T) {
	h := open(t)
	b := h.browser()
	if status, _ := b.signIn("helseid", "", "h-kari"); status != http.StatusOK {
		t.Fatal("no sign-in")
	}
	waiting := h.browser()
	request := waiting.toProvider("helseid", "")
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, status := b.me(); status != http.StatusServiceUnavailable {
		t.Errorf("a session that cannot be looked up: %d", status)
	}
	if status, _ := waiting.post(h.config.Providers["helseid"].Issuer+"/authorize", url.Values{"request_uri": {request}, "user": {"h-kari"}}); status != http.StatusServiceUnavailable {
		t.Errorf("a sign-in that cannot be remembered: %d", status)
	}
}

func TestTheSimulatedProviderIsForSyntheticPeopleAlone(t *testing.T) {
	if _, err := idp.New(idp.Options{Issuer: "http://127.0.0.1:1", Now: time.Now}); err == nil {
		t.Error("it was made for real people")
	}
}

package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"samsyn/internal/app"
)

// configured is an instance of the configuration.
func configured(t *testing.T, yaml string) *app.App {
	t.Helper()
	c, err := app.ParseConfig("", []byte("store: {path: "+filepath.Join(t.TempDir(), "s.db")+"}\n"+yaml), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(context.Background(), c, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func bare(t *testing.T) *app.App { t.Helper(); return configured(t, "instance: {test: true}\n") }

// TestOtherNamesAreRefused: a page on another name that resolves to this machine gets nothing.
func TestOtherNamesAreRefused(t *testing.T) {
	h, err := bare(t).Handler()
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{"localhost": 200, "localhost:8080": 200, "127.0.0.1:1": 200, "[::1]:80": 200,
		"evil.example": 421, "127.0.0.1.evil.example:80": 421, "10.0.0.1": 421, "": 421} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: status %d, want %d", host, w.Code, want)
		}
	}
}

// TestServeRefusesTheNetwork also where the configuration was passed by.
func TestServeRefusesTheNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := bare(t).Serve(context.Background(), l); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("got %v", err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("the listener is still open")
	}
}

// TestRealPeopleAndNoSignIn: nothing is served but health, whatever is sent along.
func TestRealPeopleAndNoSignIn(t *testing.T) {
	h, err := configured(t, "server: {push_secret: {env: PATH}}\nviewers: {kari: {role: koordinator}}\n").Handler()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/health/live": 204, "/health/ready": 200, "/": 404, "/logginn": 404, "/barn/x": 404, "/kilder": 404, "/kjoringer": 404, "/som": 404, "/adapters": 404, "/adapters/x/y": 404,
		"/fhir/Patient/x/$overview": 404, "/api/barn/x": 404, "/auth/token": 404, "/auth/start": 404, "/.well-known/smart-configuration": 404} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, path, nil)
			r.Host = "localhost"
			r.Header.Set("X-Samsyn-Viewer", "kari")
			r.Header.Set("Authorization", "Bearer "+os.Getenv("PATH"))
			r.AddCookie(&http.Cookie{Name: "som", Value: "kari"})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want && (method == http.MethodGet || w.Code != http.StatusMethodNotAllowed) {
				t.Errorf("%s %s: %d, want %d", method, path, w.Code, want)
			}
		}
	}
}

// behind is a configuration for real people behind a proxy at 10.1.2.0/24.
func behind(t *testing.T) string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key.json")
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(jose.JSONWebKey{Key: private, Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return `instance: {organisation: "974760673"}
server: {address: "0.0.0.0:0", public: "https://samsyn.example.no", trusted_proxies: [10.1.2.0/24]}
auth:
  providers:
    helseid: {kind: helseid, issuer: https://helseid.example.no, client_id: samsyn, key: {file: ` + key + `}}
viewers:
  kari: {role: koordinator, subjects: [{issuer: https://helseid.example.no, sub: abc}]}
`
}

// TestOnlyWhatWasSealedOnTheWayIsServed: where we are known by an https address, a request
// came over TLS, or a trusted proxy says so; nobody else's word counts.
func TestOnlyWhatWasSealedOnTheWayIsServed(t *testing.T) {
	h, err := configured(t, behind(t)).Handler()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, from, proto, host, path string
		tls                           bool
		want                          int
	}{
		{"proxy", "10.1.2.3:1", "https", "samsyn.example.no", "/logginn", false, 200}, {"own TLS", "203.0.113.1:1", "", "samsyn.example.no", "/logginn", true, 200},
		{"proxy, in the open", "10.1.2.3:1", "http", "samsyn.example.no", "/logginn", false, 421}, {"proxy, says nothing", "10.1.2.3:1", "", "samsyn.example.no", "/logginn", false, 421},
		{"another says that it is a proxy", "203.0.113.1:1", "https", "samsyn.example.no", "/logginn", false, 421}, {"another network", "10.1.3.3:1", "https", "samsyn.example.no", "/logginn", false, 421}, {"this machine", "127.0.0.1:1", "", "samsyn.example.no", "/logginn", false, 421},
		{"another name", "10.1.2.3:1", "https", "evil.example", "/logginn", false, 421}, {"no name", "10.1.2.3:1", "https", "", "/logginn", false, 421}, {"health from this machine", "127.0.0.1:1", "", "localhost", "/health/live", false, 204}, {"health from another", "203.0.113.1:1", "", "localhost", "/health/live", false, 421},
		{"not signed in", "10.1.2.3:1", "https", "samsyn.example.no", "/barn/x", false, 303}, {"not signed in, API", "10.1.2.3:1", "https", "samsyn.example.no", "/fhir/Patient/x/$overview", false, 401}, {"states", "10.1.2.3:1", "https", "samsyn.example.no", "/adapters", false, 401}, {"the choice of tests", "10.1.2.3:1", "https", "samsyn.example.no", "/som", false, 404},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, nil)
		r.RemoteAddr, r.Host = c.from, c.host
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		r.Header.Set("X-Samsyn-Viewer", "kari")
		r.AddCookie(&http.Cookie{Name: "som", Value: "kari"})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.want)
		}
		if c.want != 421 && c.from != "127.0.0.1:1" && w.Header().Get("Strict-Transport-Security") == "" && c.proto != "" {
			t.Errorf("%s: no HSTS", c.name)
		}
	}
}

// TestServeCannotEnableTheSimulatedProvider: the commands that serve real people know
// neither simulators nor the demo, and no configuration for real people can name a provider
// on this machine, as the simulated one is.
func TestServeCannotEnableTheSimulatedProvider(t *testing.T) {
	for pkg, files := range sources(t) {
		for _, f := range files {
			for _, i := range f.Imports {
				if strings.Contains(i.Path.Value, "internal/sim/idp") && pkg != "internal/demo" {
					t.Errorf("%s knows the simulated provider", pkg)
				}
			}
		}
	}
	for _, file := range []string{"serve.go", "root.go", "main.go", "sync.go"} {
		b, err := os.ReadFile(filepath.Join(root(t), "cmd", "samsyn", file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "internal/demo") || strings.Contains(string(b), "internal/sim") || strings.Contains(string(b), "demo.") {
			t.Errorf("%s knows the demo", file)
		}
	}
	for _, issuer := range []string{"http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000", "http://idp.example.no", "ftp://x", "https://a:b@x", ""} {
		c := strings.ReplaceAll(behind(t), "https://helseid.example.no", issuer)
		if _, err := app.ParseConfig("", []byte(c), nil); err == nil {
			t.Errorf("issuer %q is taken for real people", issuer)
		}
	}
}

// TestSignInIsConfiguredWhole: what is missing or cannot be is said.
func TestSignInIsConfiguredWhole(t *testing.T) {
	good := behind(t)
	if _, err := app.ParseConfig("", []byte(good), nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{
		"no proxy and no TLS": {", trusted_proxies: [10.1.2.0/24]", ""}, "everybody is a proxy": {"10.1.2.0/24", "0.0.0.0/0"}, "no network": {"10.1.2.0/24", "10.1.2"}, "half of TLS": {"trusted_proxies", "tls: {key: x}, trusted_proxies"},
		"no organisation": {`organisation: "974760673"`, ""}, "odd organisation": {"974760673", "974760674"}, "public in the open": {"https://samsyn", "http://samsyn"}, "public with a path": {"samsyn.example.no", "samsyn.example.no/x"}, "no public": {`public: "https://samsyn.example.no", `, ""},
		"another kind": {"kind: helseid", "kind: feide"}, "no client": {"client_id: samsyn, ", ""}, "level too low": {"client_id", "level: 2, client_id"}, "a symmetric algorithm": {"client_id", "algorithm: HS256, client_id"}, "no algorithm": {"client_id", "algorithm: none, client_id"}, "unknown claim": {"client_id", "require: [pid], client_id"},
		"no role": {"role: koordinator, ", ""}, "odd role": {"role: koordinator", "role: admin"}, "half a subject": {", sub: abc", ""}, "a number": {"issuer: https://helseid.example.no, sub: abc", "number: 12838510068"}, "unknown setting": {"client_id", "secret: x, client_id"}, "idporten at level 3": {"kind: helseid", "kind: idporten, level: 3"},
	} {
		text := strings.Replace(good, c[0], c[1], 1)
		if text == good {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := app.ParseConfig("", []byte(text), nil); err == nil {
			t.Errorf("%s: nothing is wrong", name)
		}
	}
}

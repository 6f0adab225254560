package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"samsyn/internal/limits"
)

func served(t *testing.T) http.Handler {
	t.Helper()
	return servedAs(t, "instance: {test: true}\nserver: {pprof: true}\n")
}

// servedAs is what is served with a configuration.
func servedAs(t *testing.T, config string) http.Handler {
	t.Helper()
	c, err := ParseConfig("", []byte("store: {path: "+filepath.Join(t.TempDir(), "s.db")+"}\n"+config), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(context.Background(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	h, err := a.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, path string, head map[string]string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, body)
	r.Host = "localhost"
	r.RemoteAddr = "127.0.0.1:1"
	for k, v := range head {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHeadersStandOnEveryAnswer(t *testing.T) {
	h := served(t)
	for _, path := range []string{"/", "/kilder", "/nowhere", "/fhir/Patient/x/$overview", "/fhir/x", "/api/barn/x", "/adapters", "/adapters/x", "/health/live", "/health/ready", "/metrics", "/debug/pprof/cmdline", "/static/samsyn.css", "/%2e%2e/etc"} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "PATCH"} {
			w := ask(h, method, path, nil, nil)
			head := w.Header()
			if csp := head.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; ") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") {
				t.Errorf("%s %s (%d): policy %q", method, path, w.Code, csp)
			}
			for key, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
				"Cross-Origin-Opener-Policy": "same-origin", "Server": "", "X-Powered-By": "", "Access-Control-Allow-Origin": "", "Etag": ""} {
				if got := head.Get(key); got != want {
					t.Errorf("%s %s (%d): %s is %q, want %q", method, path, w.Code, key, got, want)
				}
			}
			if method == "TRACE" && w.Code < 400 {
				t.Errorf("TRACE %s answers %d", path, w.Code)
			}
		}
	}
}

func TestOtherSitesGetAPageByALinkAndNothingElse(t *testing.T) {
	h := served(t)
	for _, c := range []struct {
		site, mode, dest, path string
		refused                bool
	}{
		{"cross-site", "navigate", "document", "/", false},
		{"same-site", "navigate", "document", "/kilder", false},
		{"cross-site", "navigate", "iframe", "/", true},
		{"cross-site", "no-cors", "image", "/", true},
		{"cross-site", "cors", "empty", "/kilder", true},
		{"cross-site", "navigate", "document", "/health/live", true},
		{"cross-site", "navigate", "document", "/fhir/Patient/x/$overview", true},
		{"same-site", "cors", "empty", "/adapters", true},
		{"nonsense", "", "", "/", true},
		{"same-origin", "cors", "empty", "/adapters", false},
		{"none", "navigate", "document", "/", false},
		{"", "", "", "/health/live", false},
	} {
		w := ask(h, http.MethodGet, c.path, map[string]string{"Sec-Fetch-Site": c.site, "Sec-Fetch-Mode": c.mode, "Sec-Fetch-Dest": c.dest}, nil)
		if (w.Code == http.StatusForbidden) != c.refused {
			t.Errorf("%+v: status %d", c, w.Code)
		}
	}
}

func TestBodiesAreBoundedAndNotPacked(t *testing.T) {
	h := served(t)
	large := strings.Repeat("x", 1<<20+1)
	if w := ask(h, http.MethodPost, "/sprak", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, strings.NewReader("sprak="+large)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a megabyte of form: status %d", w.Code)
	}
	for _, packing := range []string{"gzip", "br", "deflate", "gzip, gzip", "zstd"} {
		if w := ask(h, http.MethodPost, "/adapters/x/y", map[string]string{"Content-Encoding": packing}, strings.NewReader("x")); w.Code != http.StatusUnsupportedMediaType {
			t.Errorf("%s: status %d", packing, w.Code)
		}
	}
	// Who may not push has no byte of the body read.
	body := &untouched{}
	if w := ask(h, http.MethodPut, "/adapters/x/y", nil, body); w.Code != http.StatusUnauthorized || body.read > 0 {
		t.Errorf("status %d after %d reads", w.Code, body.read)
	}
}

type untouched struct{ read int }

func (u *untouched) Read([]byte) (int, error) { u.read++; return 0, io.EOF }

func TestTooManyRequestsAreToldWhenToComeBack(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	var logged strings.Builder
	counted := 0
	h := rated(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		limits.NewRate(0.5, 2, func() time.Time { return now }), echo.ExtractIPDirect(), slog.New(slog.NewTextHandler(&logged, nil)), func(string) { counted++ })
	var codes []int
	var last *httptest.ResponseRecorder
	for range 4 {
		last = ask(h, http.MethodGet, "/barn/ella", nil, nil)
		codes = append(codes, last.Code)
	}
	if codes[1] != 204 || codes[2] != 429 || codes[3] != 429 || last.Header().Get("Retry-After") != "2" || counted != 2 {
		t.Errorf("%v, retry after %q, counted %d", codes, last.Header().Get("Retry-After"), counted)
	}
	if strings.Contains(logged.String(), "ella") || strings.Contains(logged.String(), "127.0.0.1") {
		t.Errorf("the log tells who or what: %s", logged.String())
	}
}

// TestCallersBehindAProxyAreToldApart: by the address that the nearest trusted proxy tells, and nobody else's word.
func TestCallersBehindAProxyAreToldApart(t *testing.T) {
	c := Config{Server: ServerConfig{TrustedProxies: []string{"10.1.2.0/24"}}}
	for _, w := range []struct {
		name, peer, said, peer2, said2 string
		same                           bool
	}{
		{"two behind a proxy", "10.1.2.3:1", "203.0.113.1", "10.1.2.3:2", "203.0.113.2", false},
		{"one behind two proxies", "10.1.2.3:1", "203.0.113.1", "10.1.2.4:2", "203.0.113.1", true},
		{"one who says that she is another", "203.0.113.9:1", "203.0.113.1", "203.0.113.9:2", "203.0.113.2", true},
		{"one who says so through a proxy", "10.1.2.3:1", "1.1.1.1, 203.0.113.1", "10.1.2.3:1", "2.2.2.2, 203.0.113.1", true},
	} {
		h := rated(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
			limits.NewRate(0.001, 1, time.Now), c.clientAddress(), slog.New(slog.DiscardHandler), func(string) {})
		var codes []int
		for _, who := range [][2]string{{w.peer, w.said}, {w.peer2, w.said2}} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = who[0]
			r.Header.Set("X-Forwarded-For", who[1])
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			codes = append(codes, rec.Code)
		}
		if codes[0] != 204 || (codes[1] == 429) != w.same {
			t.Errorf("%s: %v", w.name, codes)
		}
	}
}

func TestLogLinesCannotBeForged(t *testing.T) {
	var b strings.Builder
	log := Logger(&b, slog.LevelInfo)
	for _, text := range []string{"a\nlevel=ERROR msg=forged", "a\r\nx", "a\u2028b", "\x1b[2Jgone", "a\x00b", "a\tb", `a" level=ERROR msg="forged`} {
		b.Reset()
		log.Info(text, "error", text, text, "x")
		if lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n"); len(lines) != 1 || strings.ContainsAny(b.String()[:b.Len()-1], "\r\x00\x1b\u2028") {
			t.Errorf("%q is logged as %q", text, b.String())
		}
	}
}

package mapkit_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"samsyn/internal/mapkit"
)

func watched(t *testing.T, save func(string) error) *httptest.Server {
	t.Helper()
	w := &mapkit.Watch{Tables: files(), File: "maps/x/y.yaml", Map: smallMap, Name: "r.json", Save: save,
		Record: mapkit.Record{Key: "r", Media: "application/json", Body: []byte(`{"child":"</textarea><script>1</script>"}`)}}
	h, err := w.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// ask sends a request and gives status and body.
func ask(t *testing.T, s *httptest.Server, method, path, body string, edit func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", s.URL)
	}
	if edit != nil {
		edit(r)
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

func asked(t *testing.T, text, record string) string {
	t.Helper()
	b, err := json.Marshal(map[string]string{"map": text, "record": record})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWatchPage(t *testing.T) {
	s := watched(t, nil)
	status, h, body := ask(t, s, http.MethodGet, "/", "", nil)
	if status != http.StatusOK || !strings.Contains(body, "&lt;/textarea&gt;&lt;script&gt;") || !strings.Contains(body, "maps/x/y.yaml") || strings.Contains(body, `id="save"`) {
		t.Errorf("status %d: %s", status, body)
	}
	policy := h.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("policy %q", policy)
	}
	for _, path := range []string{"/watch.js", "/watch.css"} {
		if status, _, body := ask(t, s, http.MethodGet, path, "", nil); status != http.StatusOK || strings.Contains(body, "://") {
			t.Errorf("%s: status %d, or it loads something from elsewhere", path, status)
		}
	}
	if strings.Contains(body, " onclick=") || strings.Contains(body, "<style") || strings.Contains(body, "style=") {
		t.Error("the page has something inline")
	}
}

func TestWatchApplies(t *testing.T) {
	s := watched(t, nil)
	for _, c := range []struct{ name, text, record, want string }{
		{"resources", smallMap, `{"child":"c","nr":"1","code":"a"}`, `"resourceType":"Basic"`},
		{"the exact fault", smallMap, `{"child":"c","nr":"1","code":"q"}`, `"line":13`},
		{"a fault of the map", strings.Replace(smallMap, "resourceType: Basic", "resourceType: Basik", 1), `{}`, `"refused":true`},
		{"what was not meant", strings.Replace(smallMap, "state = 'draft'", "1 = 2", 1), `{"child":"c","nr":"1","code":"a"}`, `"refused":false`},
		{"no YAML", "{", `{}`, `"refused":true`},
		{"no JSON", smallMap, `{`, `"fault":{"file":"maps/x/y.yaml"`},
	} {
		status, _, body := ask(t, s, http.MethodPost, "/apply", asked(t, c.text, c.record), nil)
		if status != http.StatusOK || !strings.Contains(body, c.want) {
			t.Errorf("%s: status %d, %s, want %s", c.name, status, body, c.want)
		}
	}
	if status, _, _ := ask(t, s, http.MethodPost, "/save", asked(t, "x", ""), nil); status == http.StatusNoContent {
		t.Error("it saves without being asked to offer it")
	}
	if status, _, _ := ask(t, s, http.MethodPost, "/apply", "not JSON", nil); status != http.StatusBadRequest {
		t.Errorf("status %d", status)
	}
}

// A page elsewhere cannot use this one, neither by its address nor by a name pointed here.
func TestWatchIsThisMachinesOwn(t *testing.T) {
	s := watched(t, nil)
	for name, edit := range map[string]func(*http.Request){
		"another origin":       func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		"no origin":            func(r *http.Request) { r.Header.Del("Origin") },
		"a form":               func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"a name pointed here":  func(r *http.Request) { r.Host = "evil.example"; r.Header.Set("Origin", "http://evil.example") },
		"an address elsewhere": func(r *http.Request) { r.Host = "10.0.0.1:80"; r.Header.Set("Origin", "http://10.0.0.1:80") },
	} {
		if status, _, _ := ask(t, s, http.MethodPost, "/apply", asked(t, smallMap, "{}"), edit); status != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", name, status)
		}
	}
}

func TestWatchSaves(t *testing.T) {
	var saved string
	s := watched(t, func(text string) error {
		saved = text
		if text == "bad" {
			return errors.New("disk full")
		}
		return nil
	})
	if status, _, body := ask(t, s, http.MethodGet, "/", "", nil); status != http.StatusOK || !strings.Contains(body, `id="save"`) {
		t.Errorf("status %d: no button", status)
	}
	if status, _, _ := ask(t, s, http.MethodPost, "/save", asked(t, "new text", ""), nil); status != http.StatusNoContent || saved != "new text" {
		t.Errorf("status %d, saved %q", status, saved)
	}
	if status, _, body := ask(t, s, http.MethodPost, "/save", asked(t, "bad", ""), nil); status != http.StatusInternalServerError || !strings.Contains(body, "disk full") {
		t.Errorf("status %d %s", status, body)
	}
}

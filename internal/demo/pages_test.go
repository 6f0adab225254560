package demo_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"samsyn/internal/demo"
	"samsyn/testdata"
)

// post sends a form as a viewer, as a page of ours would, and gives status and body after the redirect.
func (w *world) post(t *testing.T, viewer, path string, form url.Values) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, w.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	client := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		r.AddCookie(&http.Cookie{Name: "som", Value: viewer})
		return nil
	}}
	req.AddCookie(&http.Cookie{Name: "som", Value: viewer})
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func registered(t *testing.T) *world {
	t.Helper()
	return registeredOf(t, testdata.Families())
}

func registeredOf(t *testing.T, data fs.FS) *world {
	t.Helper()
	w := newWorld(t, data)
	if err := demo.Register(context.Background(), w.app); err != nil {
		t.Fatal(err)
	}
	// Those who are children are known only now.
	h, err := w.app.Handler()
	if err != nil {
		t.Fatal(err)
	}
	w.server.Close()
	w.server = httptest.NewServer(h)
	t.Cleanup(w.server.Close)
	return w
}

var lacking = regexp.MustCompile(`\[[a-z]+\.[a-z.-]+\]`)

// TestPagesOfRights walks through what a coordinator, a guardian, a youth and koordinerende
// enhet do about who sees what, on the pages, against the real store.
func TestPagesOfRights(t *testing.T) {
	w := registered(t)
	ella, jonas, teo := "/barn/"+string(w.people["ella"]), "/barn/"+string(w.people["jonas"]), "/barn/"+string(w.people["teo"])
	has := func(viewer, path string, words ...string) string {
		t.Helper()
		page := w.get(t, viewer, path)
		if m := lacking.FindString(page); m != "" {
			t.Errorf("%s %s: no words for %s", viewer, path, m)
		}
		for _, word := range words {
			if not, ok := strings.CutPrefix(word, "!"); ok == strings.Contains(page, not) && (ok || !strings.Contains(page, word)) {
				t.Errorf("%s %s: %q", viewer, path, word)
			}
		}
		return page
	}
	for _, lang := range []string{"nb", "nn", "en"} {
		for viewer, paths := range map[string][]string{"anders": {ella + "/tilgang", ella + "/tilgang?for=mette", "/nod"}, "hanne": {ella + "/tilgang", ella + "/innsyn"},
			"teo": {teo + "/tilgang", teo + "/innsyn"}, "kari": {"/kontor", ella + "/tilgang"}, "randi": {"/kontor"}, "siv": {teo + "/tilgang"}} {
			for _, p := range paths {
				req, err := http.NewRequest(http.MethodGet, w.server.URL+p, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.AddCookie(&http.Cookie{Name: "som", Value: viewer})
				req.AddCookie(&http.Cookie{Name: "sprak", Value: lang})
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK || lacking.Match(body) {
					t.Errorf("%s %s %s: %d, lacks %q, %v", lang, viewer, p, resp.StatusCode, lacking.Find(body), err)
				}
			}
		}
	}

	// Before a consent is saved the page shows what it would open; nothing is kept until it is confirmed.
	proposal := url.Values{"fra": {"bup"}, "til": {"mette"}, "formal": {"TREAT"}, "til_og_med": {"2027-06-30"}, "frivillig": {"ja"}}
	status, page := w.post(t, "anders", jonas+"/samtykke", proposal)
	if status != http.StatusOK || !strings.Contains(page, "Mette Skår") || !strings.Contains(page, `name="bekreftet"`) {
		t.Errorf("preview: %d %.300s", status, page)
	}
	before := has("anders", jonas+"/tilgang")
	if strings.Contains(before, "venter på underskrift") {
		t.Error("a consent was kept before it was confirmed")
	}
	proposal.Set("bekreftet", "ja")
	if status, page = w.post(t, "anders", jonas+"/samtykke", proposal); status != http.StatusOK || !strings.Contains(page, "venter på underskrift") {
		t.Fatalf("propose: %d", status)
	}
	id := regexp.MustCompile(`/samtykke/([a-z0-9-]+)/signer`).FindStringSubmatch(page)
	if id == nil {
		t.Fatal("there is nothing to sign")
	}
	sees := func() bool { return strings.Contains(has("mette", jonas), "Kystsykehuset") }
	if sees() {
		t.Error("an unsigned consent opens")
	}
	if status, _ = w.post(t, "anders", jonas+"/samtykke/"+id[1]+"/signer", url.Values{"part": {"guardian"}, "hvem": {"mor-myrvang"}, "hvordan": {"oral"}}); status != http.StatusOK {
		t.Errorf("sign: %d", status)
	}
	if !sees() {
		t.Error("a signed consent does not open")
	}
	if status, _ = w.post(t, "anders", jonas+"/samtykke/"+id[1]+"/trekk", url.Values{"part": {"guardian"}, "hvem": {"mor-myrvang"}}); status != http.StatusOK {
		t.Errorf("withdraw: %d", status)
	}
	if sees() {
		t.Error("a consent that was taken back still opens")
	}

	// A form that lacks something is shown again, and says what.
	proposal.Del("til")
	if status, page = w.post(t, "anders", jonas+"/samtykke", proposal); status != http.StatusUnprocessableEntity || !strings.Contains(page, `role="alert"`) {
		t.Errorf("a consent for nobody: %d", status)
	}

	// A youth keeps something from her guardians; they do not learn of it, from the list or the log.
	if status, _ = w.post(t, "teo", teo+"/holdtilbake", url.Values{"tjeneste": {"bup"}}); status != http.StatusOK {
		t.Errorf("withhold: %d", status)
	}
	has("teo", teo+"/tilgang", "Del igjen")
	// Who has nothing to do with the child has no page of her, and gets the same answer as for nobody.
	for _, p := range []string{"/tilgang", "/innsyn"} {
		for _, viewer := range []string{"mette", "dag", "hanne"} {
			nobody := strings.Repeat("0", len(w.people["teo"]))
			a := strings.ReplaceAll(w.get(t, viewer, teo+p), "<teo>", "X")
			b := strings.ReplaceAll(w.get(t, viewer, "/barn/"+nobody+p), nobody, "X")
			if a != b || !strings.HasPrefix(a, "404") {
				t.Errorf("%s asks for %s: %.80s\nfor nobody: %.80s", viewer, teo+p, a, b)
			}
		}
	}

	// The readable log tells the guardian who has looked.
	has("hanne", ella+"/innsyn", "Anders Viken")

	// Koordinerende enhet appoints by the whole number, and ends it.
	status, page = w.post(t, "kari", "/kontor/oppnevn", url.Values{"nummer": {testdata.Children()["ella"]}, "hvem": {"liv"}, "begrunnelse": {"vikar"}})
	if status != http.StatusOK || !strings.Contains(page, "Liv Tangen") {
		t.Errorf("appoint: %d", status)
	}
	has("liv", ella+"/tilgang")
	if status, page = w.post(t, "kari", "/kontor/oppnevn", url.Values{"nummer": {"13914212345"}, "hvem": {"liv"}, "begrunnelse": {"vikar"}}); status != http.StatusUnprocessableEntity || strings.Contains(page, "13914212345") {
		t.Errorf("appointing for a number that nobody has: %d", status)
	}
	if status, _ = w.post(t, "anders", "/kontor/oppnevn", url.Values{"barn": {string(w.people["teo"])}, "hvem": {"anders"}, "begrunnelse": {"nysgjerrig"}}); status != http.StatusNotFound {
		t.Errorf("a coordinator appoints: %d", status)
	}
}

// TestGlassOnThePages: who is no checked health personnel does not open it, and learns
// nothing of whether the number is somebody's.
func TestGlassOnThePages(t *testing.T) {
	w := registered(t)
	ask := func(viewer, number string) string {
		status, page := w.post(t, viewer, "/nod", url.Values{"nummer": {number}, "kode": {"AKUTT"}, "begrunnelse": {"Funnet bevisstløs ved skolen, må vite om medisiner"}, "forstatt": {"ja"}})
		return fmt.Sprint(status, page)
	}
	known, unknown := ask("mette", testdata.Children()["teo"]), ask("mette", "13914212345")
	if known != unknown || !strings.HasPrefix(known, "422") || strings.Contains(known, testdata.Children()["teo"]) {
		t.Errorf("known %.80s\nunknown %.80s", known, unknown)
	}
	if got := ask("hanne", testdata.Children()["ella"]); !strings.HasPrefix(got, "404") {
		t.Errorf("a guardian asks: %.60s", got)
	}
}

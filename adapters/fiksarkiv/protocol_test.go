package fiksarkiv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/adapters/fiksarkiv"
)

const (
	messageType = "Fiks-Meldingstype"
	prefix      = "no.ks.fiks.arkiv.v2."
	resultNS    = "https://ks-no.github.io/standarder/fiks-protokoll/fiks-arkiv/sokeresultat/utvidet/v2"
)

// scripted answers every message with the same status, type and body.
func scripted(status int, kind, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(messageType, kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func result(take, skip int, kind, results string) string {
	return fmt.Sprintf(`<sokeresultat xmlns="%s"><system>a</system><take>%d</take><skip>%d</skip><count>0</count><resultattype>%s</resultattype><resultatListe>%s</resultatListe></sokeresultat>`,
		resultNS, take, skip, kind, results)
}

func TestAnswersThatAreErrors(t *testing.T) {
	const found = prefix + "innsyn.sok.resultat.utvidet"
	fault := func(id string) string {
		return `<serverfeil xmlns="urn:x"><feilId>` + id + `</feilId><feilmelding>Søk på part feilet</feilmelding></serverfeil>`
	}
	for _, c := range []struct {
		name    string
		handler http.Handler
		want    error
		says    string
	}{
		{"not signed in", scripted(401, "", ""), adapters.ErrRefused, "401"},
		{"not allowed", scripted(403, "", ""), adapters.ErrRefused, "403"},
		{"too many", scripted(429, "", ""), adapters.ErrUnavailable, "429"},
		{"gateway down", scripted(502, "", ""), adapters.ErrUnavailable, "502"},
		{"redirect", http.RedirectHandler("http://elsewhere.invalid/", http.StatusTemporaryRedirect), adapters.ErrProtocol, "307"},
		{"not found", scripted(404, "", ""), adapters.ErrProtocol, "404"},
		{"timeout receipt", scripted(200, "no.ks.fiks.kvittering.tidsavbrudd", ""), adapters.ErrUnavailable, "in time"},
		{"server fault", scripted(200, prefix+"feilmelding.serverfeil", fault("abc-1")), adapters.ErrUnavailable, "abc-1"},
		{"our fault", scripted(200, prefix+"feilmelding.ugyldigforespoersel", fault("abc-2")), adapters.ErrProtocol, "abc-2"},
		{"not there", scripted(200, prefix+"feilmelding.ikkefunnet", fault("abc-3")), adapters.ErrProtocol, "abc-3"},
		{"new fault", scripted(200, prefix+"feilmelding.streik", fault("abc-4")), adapters.ErrProtocol, "abc-4"},
		{"fault id that may be a number", scripted(200, prefix+"feilmelding.serverfeil", fault(strings.Repeat("1", 11))), adapters.ErrUnavailable, "without"},
		{"other type", scripted(200, prefix+"innsyn.mappe.hent.resultat", "<x/>"), adapters.ErrProtocol, "another type"},
		{"doctype", scripted(200, found, "<!DOCTYPE x><x/>"), adapters.ErrProtocol, "DOCTYPE"},
		{"cut", scripted(200, found, result(5, 0, "saksmappe", "")[:60]), adapters.ErrProtocol, "well-formed"},
		{"other root", scripted(200, found, "<sokeresultat/>"), adapters.ErrProtocol, "no sokeresultat"},
		{"other kind", scripted(200, found, result(5, 0, "mappe", "")), adapters.ErrProtocol, "resultattype"},
		{"other skip", scripted(200, found, result(5, 3, "saksmappe", "")), adapters.ErrProtocol, "skip"},
		{"take of nothing", scripted(200, found, result(0, 0, "saksmappe", "")), adapters.ErrProtocol, "take"},
		{"more than asked", scripted(200, found, result(5, 0, "saksmappe", strings.Repeat("<resultat/>", 6))), adapters.ErrProtocol, "asked for 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var end error
			for _, err := range open(t, c.handler, nil).Fetch(context.Background(), "") {
				end = err
			}
			if !errors.Is(end, c.want) || !strings.Contains(end.Error(), c.says) {
				t.Errorf("error %v, want %v with %q", end, c.want, c.says)
			}
			if end != nil && strings.Contains(end.Error(), "Søk på part") {
				t.Error("the error repeats the archive's own text")
			}
		})
	}
}

func TestACursorThatCannotBeRead(t *testing.T) {
	for _, c := range []adapters.Cursor{"x", `{"pass":{"step":"mappe","skip":0,"began":"2026-01-01T00:00:00Z"}}`, `{"pass":{"step":"saksmappe","skip":-1,"began":"2026-01-01T00:00:00Z"}}`} {
		var end error
		for _, err := range open(t, archive(t), nil).Fetch(context.Background(), c) {
			end = err
		}
		if !errors.Is(end, adapters.ErrConfig) {
			t.Errorf("cursor %s: error %v, want ErrConfig", c, end)
		}
	}
}

// TestNothingAboutAPersonStandsInAnAddress watches what goes over the wire.
func TestNothingAboutAPersonStandsInAnAddress(t *testing.T) {
	inner := archive(t)
	number := strings.Repeat("4", 11)
	seen := false
	a := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = seen || bytes.Contains(body, []byte(number))
		if r.URL.RequestURI() != "/meldinger" || strings.Contains(fmt.Sprint(r.Header), number) {
			t.Errorf("%s with %v", r.URL, r.Header)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		inner.ServeHTTP(w, r)
	}), nil)
	for _, err := range a.(fiksarkiv.PersonSearcher).SearchPerson(context.Background(), number) {
		if err != nil {
			t.Error(err)
		}
	}
	if !seen {
		t.Error("the search did not ask for the number at all")
	}
}

// recording keeps what goes both ways.
type recording struct {
	inner    fiksarkiv.Transport
	sent     [][]byte
	answered [][]byte
}

func (r *recording) Send(ctx context.Context, kind string, payload []byte) (string, []byte, error) {
	t, answer, err := r.inner.Send(ctx, kind, payload)
	if strings.HasSuffix(kind, "innsyn.sok") {
		r.sent, r.answered = append(r.sent, payload), append(r.answered, answer)
	}
	return t, answer, err
}

// TestEverythingIsValidBySchema holds the fixtures, our searches and the simulator's
// answers to the published schemas.
func TestEverythingIsValidBySchema(t *testing.T) {
	schemas := sharedDir(t, "formats/fiks-arkiv/V2")
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		absent(t, "xmllint is not installed (libxml2-utils)")
	}
	server := httptest.NewServer(archive(t))
	defer server.Close()
	r := &recording{inner: fiksarkiv.HTTP(http.DefaultClient, server.URL, account)}
	a, err := config("").OpenOver(r, deps())
	if err != nil {
		t.Fatal(err)
	}
	_, _, cursor := all(t, a, "")
	all(t, a, cursor)
	for _, err := range a.(fiksarkiv.PersonSearcher).SearchPerson(context.Background(), "0 < & >") {
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	byScheme := map[string][]string{"no.ks.fiks.arkiv.v2.innsyn.sok.xsd": nil, "no.ks.fiks.arkiv.v2.innsyn.sok.resultat.utvidet.xsd": nil}
	keep := func(schema, name string, body []byte) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		byScheme[schema] = append(byScheme[schema], path)
	}
	for i := range r.sent {
		keep("no.ks.fiks.arkiv.v2.innsyn.sok.xsd", fmt.Sprintf("sok-%d.xml", i), r.sent[i])
		keep("no.ks.fiks.arkiv.v2.innsyn.sok.resultat.utvidet.xsd", fmt.Sprintf("resultat-%d.xml", i), r.answered[i])
	}
	for _, name := range []string{"saksmapper.xml", "journalposter.xml"} {
		body, err := os.ReadFile(filepath.Join("../../testdata/families/fiksarkiv", name))
		if err != nil {
			t.Fatal(err)
		}
		keep("no.ks.fiks.arkiv.v2.innsyn.sok.resultat.utvidet.xsd", name, body)
	}
	for schema, files := range byScheme {
		args := append([]string{"--noout", "--nonet", "--schema", filepath.Join(schemas, schema)}, files...)
		if out, err := exec.Command(xmllint, args...).CombinedOutput(); err != nil {
			t.Errorf("by %s: %v\n%s", schema, err, out)
		}
	}
}

// sharedDir finds a folder of ../shared, beside the repository.
func sharedDir(t *testing.T, name string) string {
	t.Helper()
	shared := os.Getenv("SAMSYN_SHARED")
	if shared == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for ; ; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			if dir == filepath.Dir(dir) {
				t.Fatal("no go.mod above the test")
			}
		}
		shared = filepath.Join(dir, "..", "shared")
	}
	path := filepath.Join(shared, name)
	if _, err := os.Stat(path); err != nil {
		absent(t, path+" is not here")
	}
	return path
}

func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip("NOT VALIDATED: " + what)
}

// fixedTransport gives the same bytes as the answer to every search.
type fixedTransport []byte

func (f fixedTransport) Send(context.Context, string, []byte) (string, []byte, error) {
	return prefix + "innsyn.sok.resultat.utvidet", f, nil
}

func FuzzAnswer(f *testing.F) {
	const id = "<systemID>1a24a26a-d781-51bc-9b41-8fdfda41e43a</systemID>"
	const number = "<saksaar>2026</saksaar><sakssekvensnummer>4</sakssekvensnummer>"
	for _, content := range []string{"", "<saksmappe/>", "<saksmappe>" + id + number + "</saksmappe>", "<saksmappe>" + id + "</saksmappe><saksmappe/>"} {
		f.Add([]byte(result(5, 0, "saksmappe", "<resultat>"+content+"</resultat>")))
	}
	f.Add([]byte(result(5, 0, "journalpostMedSaksmappe", "<resultat><journalpostMedSaksmappe>"+id+number+"</journalpostMedSaksmappe></resultat>")))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := config("").OpenOver(fixedTransport(body), deps())
		if err != nil {
			t.Fatal(err)
		}
		pages := 0
		for page, err := range a.Fetch(context.Background(), "") {
			if err != nil {
				if !errors.Is(err, adapters.ErrProtocol) && !errors.Is(err, adapters.ErrUnavailable) {
					t.Errorf("error of no kind: %v", err)
				}
				return
			}
			for _, r := range page.Records {
				if r.Key == "" || len(r.Body) == 0 {
					t.Error("a record without key or body")
				}
			}
			if pages++; pages > 100 {
				t.Fatal("no end")
			}
		}
	})
}

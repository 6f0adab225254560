package nhnmsh_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/nhnmsh"
	"samsyn/mapping"
)

// shared finds ../shared beside the repository, or skips; in CI its absence is a failure.
func shared(t *testing.T, path string) string {
	t.Helper()
	dir := os.Getenv("SAMSYN_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	file := filepath.Join(dir, path)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		missing(t, file+" is not there: the published schema was not checked")
	}
	return file
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip("SKIPPED: " + what)
}

func TestMessagesAreValid(t *testing.T) {
	bin, err := exec.LookPath("xmllint")
	if err != nil {
		missing(t, "xmllint is not installed (libxml2-utils): the published schema was not checked")
	}
	dir := shared(t, "formats/nhn-meldinger/xsd")
	var names []string
	for _, pattern := range []string{families + "/*.xml", "../../testdata/records/nhnmsh/*/*.input.xml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		names = append(names, found...)
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		schema := "wrapper-msghead-all.xsd"
		if bytes.Contains(body, []byte("<AppRec")) {
			schema = "apprec-v1.1.xsd"
		}
		if filepath.Base(name) == "formatert-tekst.input.xml" {
			// Formatted text is XHTML, whose schema is not among those that a strict wildcard finds.
			continue
		}
		out, err := exec.CommandContext(t.Context(), bin, "--noout", "--nonet", "--schema", filepath.Join(dir, schema), name).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// api gives the published schema of one object of the API. Formats are not asserted: the
// published samples themselves have times without zone.
func api(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(shared(t, "formats/nhn-meldinger/msh-api-v2.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("https://msh/api.json", withNull(doc)); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("https://msh/api.json#/components/schemas/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// withNull says in JSON Schema what OpenAPI 3.0 says with nullable.
func withNull(doc any) any {
	switch v := doc.(type) {
	case map[string]any:
		for key, child := range v {
			v[key] = withNull(child)
		}
		if v["nullable"] == true {
			delete(v, "nullable")
			return map[string]any{"anyOf": []any{v, map[string]any{"type": "null"}}}
		}
	case []any:
		for i, child := range v {
			v[i] = withNull(child)
		}
	}
	return doc
}

// TestAdapterAndSimulatorSpeakThePublishedAPI holds everything that passes between
// them to the OpenAPI description.
func TestAdapterAndSimulatorSpeakThePublishedAPI(t *testing.T) {
	schemas := map[string]*jsonschema.Schema{}
	for _, name := range []string{"Message", "GetBusinessDocumentResponse", "PostAppRecRequest", "ApprecInfo", "ErrorMessage"} {
		schemas[name] = api(t, name)
	}
	sim := server(t, files(t, true))
	checked := map[string]int{}
	check := func(name string, body []byte) {
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, item := range list {
			checked[name]++
			if err := schemas[name].Validate(item); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	failed := false
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && !failed {
			// So that the receipt is sent once more, refused, and asked after.
			failed = true
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var sent bytes.Buffer
		if r.Method == http.MethodPost {
			_, _ = sent.ReadFrom(r.Body)
			check("PostAppRecRequest", sent.Bytes())
			r.Body = http.NoBody
			r = r.Clone(r.Context())
			r.Body = readCloser{&sent}
		}
		rec := httptest.NewRecorder()
		sim.ServeHTTP(rec, r)
		switch {
		case rec.Code >= 400:
			check("ErrorMessage", rec.Body.Bytes())
		case strings.HasSuffix(r.URL.Path, "/business-document"):
			check("GetBusinessDocumentResponse", rec.Body.Bytes())
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/apprec"):
			check("ApprecInfo", rec.Body.Bytes())
		case r.Method == http.MethodGet:
			check("Message", rec.Body.Bytes())
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
	a := open(t, spy, nil)
	for i, p := range adapterstest.Pass(t, a, "") {
		if i == 0 {
			first := []adapters.Outcome{{Kind: p.Records[0].Kind, Key: p.Records[0].Key, Stored: true}}
			if err := a.(adapters.Acknowledger).Acknowledge(t.Context(), first); !errors.Is(err, adapters.ErrUnavailable) {
				t.Errorf("the read mark that failed gives %v", err)
			}
		}
		acknowledgeAll(t, a, p)
	}
	for name := range schemas {
		if checked[name] == 0 {
			t.Errorf("no %s was seen", name)
		}
	}
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

// TestEveryMessageIsMapped applies the shipped maps to everything in the family's inbox.
func TestEveryMessageIsMapped(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if set == nil {
		t.Fatal(err)
	}
	sim := server(t, files(t, true))
	services, texts, faults := map[string]int{}, map[string]bool{}, 0
	for _, p := range adapterstest.Pass(t, open(t, sim, nil), "") {
		for _, f := range p.Faults {
			faults++
			if f.Key != key(named(t, sim, poison)) {
				t.Errorf("an unplanned fault: %v", f)
			}
		}
		for _, r := range p.Records {
			m, ok := set.Map("nhnmsh", r.Kind)
			if !ok {
				t.Fatalf("no map for %s", r.Kind)
			}
			result, err := m.Apply(mapping.Input{
				Source: "msh-helsestasjon", Kind: r.Kind, Key: r.Key, Media: r.Media, Body: r.Body,
				Now: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC), IDKey: []byte("k"),
			})
			if err != nil {
				t.Errorf("%s %s: %v", r.Kind, r.Key, err)
				continue
			}
			if r.Kind == nhnmsh.KindAppRec {
				if !result.Skipped {
					t.Error("a receipt became something")
				}
				continue
			}
			services[result.Service]++
			if result.Subject == nil || len(result.Subject.Identifiers) != 1 {
				t.Errorf("%s: nobody knows whom it is about", r.Key)
			}
			for _, made := range result.Made {
				texts[string(made.Resource.Type)] = true
			}
		}
	}
	if faults != 1 {
		t.Errorf("%d faults, want the poisoned message alone", faults)
	}
	for service, n := range map[string]int{"bup": 2, "spesialist": 3, "helsestasjon": 1, "fastlege": 1} {
		if services[service] != n {
			t.Errorf("%d messages from %s, want %d (%v)", services[service], service, n, services)
		}
	}
	for _, typ := range []string{"Communication", "CareTeam", "DocumentReference"} {
		if !texts[typ] {
			t.Errorf("no %s was made", typ)
		}
	}
}

// TestPublishedSamplesAreRead reads KS' own samples through adapter and maps.
func TestPublishedSamplesAreRead(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if set == nil {
		t.Fatal(err)
	}
	dir := shared(t, "formats/nhn-meldinger")
	for _, pattern := range []string{"samples/dialogmelding-1.0/*.xml", "samples/dialogmelding-1.1/*.xml", "composed/*.xml"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		for _, name := range names {
			body, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sim := server(t, fstest.MapFS{"sample.xml": {Data: body}})
			a := open(t, sim, func(c *nhnmsh.Config) { c.HerIDs = []int{sim.Messages()[0].Receiver} })
			for _, p := range adapterstest.Pass(t, a, "") {
				for _, f := range p.Faults {
					t.Errorf("%s: %v", filepath.Base(name), f)
				}
				for _, r := range p.Records {
					m, _ := set.Map("nhnmsh", r.Kind)
					result, err := m.Apply(mapping.Input{Source: "s", Kind: r.Kind, Key: r.Key, Media: r.Media, Body: r.Body, Now: time.Unix(0, 0), IDKey: []byte("k")})
					if err != nil || len(result.Made) == 0 || result.Subject == nil {
						t.Errorf("%s: %d resources, %v", filepath.Base(name), len(result.Made), err)
					}
				}
			}
		}
	}
}

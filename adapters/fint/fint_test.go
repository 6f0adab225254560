package fint_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/internal/connector"
	"samsyn/internal/sim/fint"
	"samsyn/mapping"
	"samsyn/testdata"
)

// day is a moment on the demo's day; the simulator's lists were filled days before.
var day = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

func county(t testing.TB) *fintsim.Server {
	t.Helper()
	data, err := fs.Sub(testdata.Families(), "fint")
	if err != nil {
		t.Fatal(err)
	}
	s, err := fintsim.New(data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// young is a resource about one of the families' children.
func young(child, id, status string) json.RawMessage {
	const at = "https://api.felleskomponent.no/utdanning/"
	return json.RawMessage(fmt.Sprintf(`{"systemId":{"identifikatorverdi":%q},"_links":{"self":[{"href":"%sot/otungdom/systemid/%s"}],"person":[{"href":"%sot/person/fodselsnummer/%s"}],"status":[{"href":"%skodeverk/otstatus/systemid/%s"}]}}`,
		id, at, id, at, testdata.Children()[child], at, status))
}

// crowd is a county with four on its list.
func crowd(t *testing.T) *fintsim.Server {
	s := county(t)
	for i, child := range []string{"ella", "jonas", "selma"} {
		if err := s.Put("otungdom", young(child, fmt.Sprintf("OT-%d", i), "OTUK"), day.AddDate(0, 0, -2)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func open(t *testing.T, h http.Handler) adapters.Adapter {
	t.Helper()
	all, err := connector.Load(adapters.Connectors)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	a, err := all["fint"].Open(map[string]any{"url": server.URL, "size": 2}, adapters.Deps{HTTP: &http.Client{}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestContract(t *testing.T) {
	adapterstest.Run(t, adapterstest.Fixture{
		Paged: true,
		Open:  func(t *testing.T) adapters.Adapter { return open(t, crowd(t)) },
		Change: func(t *testing.T) (adapters.Adapter, func()) {
			s := crowd(t)
			return open(t, s), func() {
				if err := s.Put("otungdom", young("ella", "OT-0", "OTAR"), day); err != nil {
					t.Error(err)
				}
			}
		},
		Poisoned: func(t *testing.T) (adapters.Adapter, string) {
			s := crowd(t)
			if err := s.Put("otungdom", json.RawMessage(`{"systemId":{},"_links":{}}`), day); err != nil {
				t.Fatal(err)
			}
			return open(t, s), "otungdom, page 3"
		},
		Down: func(t *testing.T) adapters.Adapter {
			return open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
		},
	})
}

// TestOnlyWhatIsNewIsAskedFor follows three passes of one day.
func TestOnlyWhatIsNewIsAskedFor(t *testing.T) {
	s := crowd(t)
	a := open(t, s)
	first := adapterstest.Pass(t, a, "")
	cursor := first[len(first)-1].Next
	again := adapterstest.Pass(t, a, cursor)
	listed := 0
	for _, p := range again {
		listed += p.Listed()
	}
	if last := s.Asked(); last[len(last)-1].Query().Get("sinceTimeStamp") == "" {
		t.Error("the second pass does not say since when")
	}
	// The three were put in at the list's last change; the overlap gives them again.
	if listed != 3 {
		t.Errorf("%d listed the second time, want the three within the overlap", listed)
	}
	for _, u := range s.Asked() {
		if elevenDigits.MatchString(u.Path + "?" + u.RawQuery) {
			t.Errorf("an address may hold a national number: %s", u.Path)
		}
	}
}

var elevenDigits = regexp.MustCompile(`(^|\D)\d{11}(\D|$)`)

// TestWhoIsTakenOffTheListIsListedNoMore: FINT does not tell what was deleted, so a
// pass from the cursor says nothing of it, and a full listing leaves it out.
func TestWhoIsTakenOffTheListIsListedNoMore(t *testing.T) {
	s := crowd(t)
	a := open(t, s)
	pages := adapterstest.Pass(t, a, "")
	s.Remove("otungdom", "OT-1", day)
	for _, p := range adapterstest.Pass(t, a, pages[len(pages)-1].Next) {
		for _, r := range p.Records {
			if r.Deleted || r.Key == "OT-1" {
				t.Errorf("the pass tells of %s, deleted %t", r.Key, r.Deleted)
			}
		}
	}
	var keys, complete []string
	for page, err := range a.(adapters.Lister).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range page.Heads {
			keys = append(keys, h.Key)
		}
		complete = append(complete, page.Complete...)
	}
	if !slices.Equal(keys, []string{"OT-2026-0417", "OT-0", "OT-2"}) || !slices.Equal(complete, []string{"otungdom"}) {
		t.Errorf("listed %v, complete %v", keys, complete)
	}
}

// TestTheStoryComesOut applies the shipped map to everything that the simulator gives.
func TestTheStoryComesOut(t *testing.T) {
	set, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, p := range adapterstest.Pass(t, open(t, county(t)), "") {
		for _, r := range p.Records {
			m, ok := set.Map("fint", r.Kind)
			if !ok {
				t.Fatalf("no map for %s", r.Kind)
			}
			result, err := m.Apply(mapping.Input{Source: "fint", Kind: r.Kind, Key: r.Key, Media: r.Media, Body: r.Body, Now: day, IDKey: []byte("test")})
			if err != nil {
				t.Fatal(err)
			}
			if result.Service != "skole" || !slices.Equal(result.Subject.Identifiers, []string{testdata.Children()["teo"]}) || len(result.Misses) > 0 {
				t.Errorf("service %q, misses %v, or another subject", result.Service, result.Misses)
			}
			for _, x := range result.Made {
				made++
				for _, want := range []string{"Oppfølgingstjenesten (OT): Arbeidspraksis eller annet tiltak i regi av NAV", "Oppfølgingstjenesten i Fjordvik"} {
					if !bytes.Contains(x.Resource.Body, []byte(want)) {
						t.Errorf("%q is not told", want)
					}
				}
			}
		}
	}
	if made != 1 {
		t.Errorf("%d resources, want Teo's one", made)
	}
}

// TestFixturesFollowTheModel holds the families' resources to FINT's information model:
// attributes, and links that are relations of the class or the resource's own.
func TestFixturesFollowTheModel(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(shared(), "formats", "fint", "fint-model-utdanning-felles.json"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("THE MODEL IS NOT HERE, the fixtures are not validated: %v", err)
	}
	var model struct {
		Packages map[string][]struct {
			Name                  string
			Attributes, Relations []struct {
				Name, Min, Multiplicity string
			}
		}
	}
	if err := json.Unmarshal(raw, &model); err != nil {
		t.Fatal(err)
	}
	fields, links, required := map[string]bool{"_links": true}, map[string]bool{"self": true}, []string{"self"}
	ascii := strings.NewReplacer("ø", "o", "å", "a", "æ", "a").Replace // as on the wire
	for _, class := range model.Packages["Model/FINT/Utdanning/OT"] {
		if class.Name != "OtUngdom" {
			continue
		}
		for _, a := range class.Attributes {
			fields[ascii(a.Name)] = true
		}
		for _, r := range class.Relations {
			links[ascii(r.Name)] = true
			if strings.HasPrefix(r.Multiplicity, "1") {
				required = append(required, ascii(r.Name))
			}
		}
	}
	if len(links) < 4 {
		t.Fatal("the model holds no OtUngdom")
	}
	body, err := fs.ReadFile(testdata.Families(), "fint/otungdom.json")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Embedded struct {
			Entries []map[string]json.RawMessage `json:"_entries"`
		} `json:"_embedded"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	for i, e := range answer.Embedded.Entries {
		for name := range e {
			if !fields[name] {
				t.Errorf("entry %d: the model has no attribute %s", i, name)
			}
		}
		var own map[string][]struct{ Href string }
		if err := json.Unmarshal(e["_links"], &own); err != nil {
			t.Fatal(err)
		}
		for name, to := range own {
			if !links[name] || len(to) != 1 || !strings.HasPrefix(to[0].Href, "https://") {
				t.Errorf("entry %d: %s is no relation of the model, or no single link", i, name)
			}
		}
		for _, name := range required {
			if own[name] == nil {
				t.Errorf("entry %d: %s is required", i, name)
			}
		}
	}
}

// shared finds the folder of published formats beside the repository.
func shared() string {
	if dir := os.Getenv("SAMSYN_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared")
		}
		dir = filepath.Dir(dir)
	}
	return "../shared"
}

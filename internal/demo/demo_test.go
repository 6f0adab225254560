package demo_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"samsyn/internal/app"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/demo"
	"samsyn/internal/gate"
	"samsyn/internal/sim"
	"samsyn/testdata"
)

// without hides some of the data's folders' contents.
type without struct {
	fs.FS
	folders []string
}

func (w without) ReadDir(name string) ([]fs.DirEntry, error) {
	for _, f := range w.folders {
		if name == f {
			return nil, nil
		}
	}
	return fs.ReadDir(w.FS, name)
}

// world is a municipality that was read, with its server.
type world struct {
	app    *app.App
	server *httptest.Server
	people map[string]care.PersonID // child's first name → id
}

func newWorld(t *testing.T, data fs.FS) *world {
	t.Helper()
	dir := t.TempDir()
	now := func() time.Time { return demo.Day }
	town, err := sim.Start(sim.Options{Data: data, Dir: filepath.Join(dir, "sources"), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := town.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	c, err := demo.Config(town, filepath.Join(dir, "samsyn.db"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(context.Background(), c, app.Options{Now: now, Random: rand.NewChaCha8([32]byte{1})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	reports, err := a.Sync(context.Background(), nil, true, func(string, int) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if r.Error != "" {
			t.Fatalf("%s: %s", r.Source, r.Error)
		}
	}
	h, err := a.Handler()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{app: a, server: httptest.NewServer(h), people: map[string]care.PersonID{}}
	t.Cleanup(w.server.Close)
	for name, number := range testdata.Children() {
		if id, err := a.Find(context.Background(), number); err == nil {
			w.people[name] = id
		}
	}
	return w
}

// coordinates lets a viewer coordinate for a child as well, with everybody's consent to
// everything but what barnevern says.
func (w *world) coordinates(t *testing.T, viewer, child string) {
	t.Helper()
	ctx := context.Background()
	as := map[string]gate.Request{}
	for _, v := range w.app.Config.People() {
		v.Level = 4
		as[v.ID] = gate.Request{Viewer: v, Door: audit.DoorCLI}
	}
	person := w.people[child]
	from := demo.Day.AddDate(0, -1, 0)
	_, err := w.app.Rights.Appoint(ctx, as["kari"], care.Appointment{ID: "coordinates-" + child, Viewer: viewer, Person: person, Role: care.RoleKoordinator, From: from})
	if err != nil {
		t.Fatal(err)
	}
	but := slices.DeleteFunc(care.Services(), func(s care.Service) bool { return s == care.Barnevern })
	c, err := w.app.Rights.Propose(ctx, as[viewer], care.Consent{ID: "coordinates-" + child, Person: person, Origins: but, Receivers: []care.Receiver{{Viewer: viewer}}, From: from, Until: from.AddDate(1, 0, 0),
		TextVersion: "samtykke-2026-1", Language: "nb", Voluntary: true})
	for _, s := range []care.Signature{{Party: care.PartyChild, How: "paper", At: from}, {Party: care.PartyGuardian, Signer: "mor-sandvik", How: "paper", At: from}} {
		if err == nil {
			c, err = w.app.Rights.Sign(ctx, as[viewer], person, c.ID, s)
		}
	}
	if err != nil || c.Status != care.ConsentActive {
		t.Fatal(c.Status, err)
	}
}

// get asks as a viewer and gives status, headers and body with what is random in the
// world (ids, address) replaced.
func (w *world) get(t *testing.T, viewer, path string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Samsyn-Viewer", viewer)
	req.AddCookie(&http.Cookie{Name: "som", Value: viewer})
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var heads []string
	for name, values := range resp.Header {
		if name != "Date" {
			heads = append(heads, name+": "+strings.Join(values, ","))
		}
	}
	sort.Strings(heads)
	text := fmt.Sprint(resp.StatusCode, "\n", strings.Join(heads, "\n"), "\n\n", string(body))
	for name, id := range w.people {
		text = strings.ReplaceAll(text, string(id), "<"+name+">")
	}
	// A version is of what is served, and so of the random ids in it.
	return versionID.ReplaceAllString(strings.ReplaceAll(text, w.server.URL, "<server>"), "<version>")
}

var versionID = regexp.MustCompile(`"versionId": ?"[0-9a-f]{32}"`)

// TestHiddenChangesNothing (I9): two municipalities that differ only in what barnevern
// holds answer everybody who may not see barnevern alike, over every door.
func TestHiddenChangesNothing(t *testing.T) {
	full := newWorld(t, testdata.Families())
	bare := newWorld(t, without{testdata.Families(), []string{sim.Barnevernsregister, sim.FiksInnsyn}})
	for _, w := range []*world{full, bare} {
		if err := demo.Register(context.Background(), w.app); err != nil {
			t.Fatal(err)
		}
		w.coordinates(t, "anders", "teo")
	}
	paths := []string{"/", "/kilder", "/barn/nobody", "/fhir/Patient/nobody/$overview", "/api/barn/nobody", "/adapters/nosuch", "/nosuch"}
	for _, viewer := range []string{"anders", "mette", "nobody", ""} {
		for _, path := range paths {
			if viewer == "" && path == "/" {
				continue // asked as anders below
			}
			same(t, viewer, path, full.get(t, viewer, path), bare.get(t, viewer, path))
		}
		for _, form := range []string{"/barn/%s", "/barn/%s/tilgang", "/barn/%s/tilgang?for=siv", "/barn/%s/innsyn", "/fhir/Patient/%s/$overview", "/fhir/Patient/%s/$everything",
			"/fhir/CarePlan?patient=%s&_include=CarePlan:goal", "/fhir/Encounter?patient=%s&_summary=count", "/api/barn/%s"} {
			for _, child := range []string{"ella", "jonas", "selma", "teo"} {
				a := full.get(t, viewer, fmt.Sprintf(form, full.people[child]))
				b := bare.get(t, viewer, fmt.Sprintf(form, bare.people[child]))
				same(t, viewer, fmt.Sprintf(form, child), a, b)
			}
			// Amina is known to barnevern alone: asking for her is asking for nobody.
			if full.people["amina"] == "" || bare.people["amina"] != "" {
				t.Fatal("the worlds do not differ in Amina")
			}
			a := full.get(t, viewer, fmt.Sprintf(form, full.people["amina"]))
			nobody := strings.Repeat("x", len(full.people["amina"]))
			b := strings.ReplaceAll(full.get(t, viewer, fmt.Sprintf(form, nobody)), nobody, "<amina>")
			same(t, viewer, fmt.Sprintf(form, "amina"), a, b)
		}
	}
	if !strings.Contains(full.get(t, "anders", fmt.Sprintf("/barn/%s", full.people["teo"])), "Ruskontrakt") {
		t.Error("nothing was shown, so nothing was compared")
	}
}

func same(t *testing.T, viewer, path, a, b string) {
	t.Helper()
	if a == b {
		return
	}
	one, two := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(one), len(two)) {
		if one[i] != two[i] {
			at := 0
			for at < min(len(one[i]), len(two[i])) && one[i][at] == two[i][at] {
				at++
			}
			t.Errorf("%q sees a difference at %s, line %d:\n…%.200s\n…%.200s", viewer, path, i+1, one[i][max(0, at-80):], two[i][max(0, at-80):])
			return
		}
	}
	t.Errorf("%q sees a difference in length at %s", viewer, path)
}

// TestEveryPlantIsFound: what testdata/README.md plants comes out where it should.
func TestEveryPlantIsFound(t *testing.T) {
	w := newWorld(t, testdata.Families())
	if err := demo.Register(context.Background(), w.app); err != nil {
		t.Fatal(err)
	}
	people := map[string]care.Viewer{}
	for _, v := range w.app.Config.People() {
		v.Level = 4
		people[v.ID] = v
	}
	findings := func(viewer, child string) []string {
		a, err := w.app.Overviews.Overview(context.Background(), gate.Request{Viewer: people[viewer], Door: audit.DoorPage}, w.people[child])
		if err != nil {
			t.Fatal(err)
		}
		var rules []string
		for _, f := range a.Findings {
			rules = append(rules, f.Rule)
		}
		for _, d := range a.Overview.Disagreements {
			rules = append(rules, d.About)
		}
		return rules
	}
	for _, plant := range []struct{ viewer, child, rule string }{
		{"anders", "ella", "no-coordinator"},
		{"anders", "ella", "not-started"},
		{"anders", "ella", "activity-status"},
		{"anders", "ella", "meeting-time"},
		{"anders", "jonas", "double-service"},
		{"anders", "jonas", "iop-missing"},
		{"liv", "teo", "never-evaluated"},
		{"liv", "teo", "coordinator"},
		{"siv", "teo", "never-evaluated"},
	} {
		if got := findings(plant.viewer, plant.child); !strings.Contains(" "+strings.Join(got, " ")+" ", " "+plant.rule+" ") {
			t.Errorf("%s does not see %s of %s; she sees %v", plant.viewer, plant.rule, plant.child, got)
		}
	}
	told := 0
	a, err := w.app.Overviews.Overview(context.Background(), gate.Request{Viewer: people["anders"], Door: audit.DoorPage}, w.people["ella"])
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range a.Overview.Timeline {
		if strings.HasPrefix(string(e.Start), "2026-10-15") {
			told++
			if len(e.Sources) != 2 {
				t.Errorf("the meeting of 15 October has %d sources, want two", len(e.Sources))
			}
		}
	}
	if told != 1 {
		t.Errorf("the meeting of 15 October stands on %d lines, want one", told)
	}
	waiting, err := w.app.Waiting(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for code, n := range map[string]int{"which never came": 1, "all say that they follow": 2, "avkuttet.xml": 1, "DOCTYPE": 1} {
		found := 0
		for _, r := range waiting.Records {
			if strings.Contains(r.Where+r.Text, code) {
				found++
			}
		}
		if found < n {
			t.Errorf("%s is not among what waits: %+v", code, waiting.Records)
		}
	}
	if len(waiting.Subjects) == 0 {
		t.Error("the pseudo number does not wait for a person")
	}
	if id, err := w.app.Find(context.Background(), testdata.Earlier()["selma"]); err != nil || id != w.people["selma"] {
		t.Errorf("Selma is not found by her D-number: %v", err)
	}
}

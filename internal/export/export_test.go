package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/fhir"
	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/export"
	"samsyn/internal/gate"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/rights"
	"samsyn/internal/words"
)

var (
	anders = gatetest.Coordinator("anders", "Anders Viken")
	siv    = gatetest.Worker("siv", "Siv Røed", care.Barnevern)
	mor    = care.Viewer{ID: "mor", Name: "Mona", Role: care.RoleForesatt, Level: 4}
	began  = stories.Now().AddDate(0, -1, 0)
)

// registered reads rights from memory.
type registered struct {
	rights.Store
	m *gatetest.Memory
}

func (r registered) Rights(_ context.Context, p care.PersonID) (care.Rights, care.PersonID, int64, error) {
	return r.m.Rights[p], p, r.m.Epochs[p], nil
}

func gateOf(t *testing.T, m *gatetest.Memory) *gate.Gate {
	t.Helper()
	g, err := gatetest.Gate(m, stories.Now, stories.Oslo)
	if err != nil {
		t.Fatal(err)
	}
	g.Registered = &rights.Service{Store: registered{m: m}, Table: g.Table, Now: stories.Now, Zone: stories.Oslo, Tenant: gatetest.Tenant}
	return g
}

// jonas is six: a guardian sees of him what is not barnevern's.
func jonas() *gatetest.Memory {
	m := &gatetest.Memory{
		People: map[care.PersonID][]care.Contribution{"jonas": stories.Jonas("jonas")},
		Named:  map[care.PersonID][]care.Claim{"jonas": {{Source: "oneroster", Service: care.Skole, Name: "Jonas Myrvang", BirthDate: "2020-09-02"}}},
		Born:   map[care.PersonID]string{"jonas": "2020-09-02"}, States: stories.Sources(),
	}
	m.Give("jonas", gatetest.Appointed(anders, "jonas", began, time.Time{}), gatetest.Consented(anders, "jonas", began, care.Skole, care.PPT))
	return m
}

// taken is the archive that a viewer gets.
func taken(t *testing.T, m *gatetest.Memory, v care.Viewer, person care.PersonID, lang words.Lang) []byte {
	t.Helper()
	e, err := gateOf(t, m).Export(t.Context(), gate.Request{Viewer: v, Door: audit.DoorPage}, person)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := export.Write(&b, e, lang); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpacked gives the files by name, and the names in their order.
func unpacked(t *testing.T, archive []byte) (map[string]string, []string) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	all, names := map[string]string{}, []string(nil)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		all[f.Name], names = string(body), append(names, f.Name)
	}
	return all, names
}

// TestAllThatAGuardianMayHave: what is said with its lineage, where it came from, who had it
// and what is decided are in it, in every language, and one event tells of it.
func TestAllThatAGuardianMayHave(t *testing.T) {
	for _, lang := range words.Langs() {
		m := jonas()
		if _, err := gateOf(t, m).Open(t.Context(), gate.Request{Viewer: anders, Door: audit.DoorPage, Interaction: audit.Overview}, "jonas"); err != nil {
			t.Fatal(err)
		}
		before := len(m.Lines)
		archive := taken(t, m, mor, "jonas", lang)
		files, names := unpacked(t, archive)
		if want := []string{export.Index, export.Bundle, export.Records, export.Claims, export.Sources, export.Rights, export.Log}; !slices.Equal(names, want) {
			t.Errorf("the files are %v, want %v", names, want)
		}
		for name, want := range map[string][]string{
			export.Index:   {`lang="` + string(lang) + `"`, "Jonas Myrvang", "Anders Viken", words.In(lang).Say("export.title"), words.In(lang).Say("consent.status.active")},
			export.Bundle:  {`"resourceType": "Bundle"`, `"Patient/jonas"`, `"collection"`},
			export.Records: {`"lineage"`, `"service": "skole"`},
			export.Claims:  {"Jonas Myrvang", "2020-09-02"},
			export.Rights:  {`"c-anders-jonas"`, `"a-anders-jonas"`, `"mor"`},
			export.Log:     {"Anders Viken", `"overview"`},
		} {
			for _, w := range want {
				if !strings.Contains(files[name], w) {
					t.Errorf("%s: %s lacks %q:\n%s", lang, name, w, files[name])
				}
			}
			if strings.HasSuffix(name, ".json") && !json.Valid([]byte(files[name])) {
				t.Errorf("%s is no JSON", name)
			}
		}
		for _, bad := range []string{"<script", "[export.", "[consent.", "[rights.", "[audit.", "[service.", "http-equiv=\"refresh"} {
			if strings.Contains(files[export.Index], bad) {
				t.Errorf("%s: the page has %q", lang, bad)
			}
		}
		events, err := m.Events()
		if err != nil {
			t.Fatal(err)
		}
		if e := events[before:]; len(e) != 1 || e[0].Interaction != audit.Export || !e[0].Permit || e[0].Viewer.ID != "mor" || e[0].Person != "jonas" || e[0].Purpose != care.PurposeFAMRQT {
			t.Errorf("events %+v", e)
		}
		same := jonas()
		same.Lines = m.Lines[:before]
		if !bytes.Equal(archive, taken(t, same, mor, "jonas", lang)) {
			t.Error("the same gives other bytes")
		}
	}
}

// TestExportOfHiddenWorldsIsTheSame: a child with a barnevern case and one without; the bytes that
// a guardian gets are the same.
func TestExportOfHiddenWorldsIsTheSame(t *testing.T) {
	plain, hidden := jonas(), jonas()
	hidden.People["jonas"] = append(hidden.People["jonas"], stories.TeoBarnevern("jonas")...)
	hidden.Named["jonas"] = append(hidden.Named["jonas"], care.Claim{Source: "fiksinnsyn", Service: care.Barnevern, Name: "Jonas Skjult"})
	sivs := gatetest.Appointed(siv, "jonas", began, time.Time{})
	sivs.Bases = []care.Basis{{ID: "b-siv", Code: "BVL", Person: "jonas", Origins: []care.Service{care.Skole}, Viewer: "siv", Service: care.Barnevern, Purpose: care.PurposeTREAT, From: began, DecidedBy: "siv", Reason: "melding"}}
	sivs.Withheld = []care.Withheld{{ID: "w", Person: "jonas", Service: care.Barnevern, From: began, By: "siv"}}
	hidden.Give("jonas", sivs)
	if _, err := gateOf(t, hidden).Open(t.Context(), gate.Request{Viewer: siv, Door: audit.DoorPage, Interaction: audit.Overview}, "jonas"); err != nil {
		t.Fatalf("barnevern sees its own: %v", err)
	}
	for _, lang := range words.Langs() {
		if a, b := taken(t, plain, mor, "jonas", lang), taken(t, hidden, mor, "jonas", lang); !bytes.Equal(a, b) {
			x, _ := unpacked(t, a)
			y, _ := unpacked(t, b)
			for name := range x {
				if x[name] != y[name] {
					t.Errorf("%s differs:\n%s\n%s", name, x[name], y[name])
				}
			}
			t.Fatal("what is hidden shows in the export")
		}
	}
}

// TestExportOfAProtectedAddressPlacesNobody: a canary in everything that places the child.
func TestExportOfAProtectedAddressPlacesNobody(t *testing.T) {
	const canary = "lund"
	var cs []care.Contribution
	for i, s := range []care.Service{care.Skole, care.PPT, care.Koordinering, care.Kommune} {
		cs = append(cs, stories.Say("lund-"+string(s), s, "teo", "lund/"+fmt.Sprint(i), "2026-05-01",
			stories.R{"resourceType": "CareTeam", "id": fmt.Sprint("ct", i), "status": "active", "participant": stories.L{
				stories.R{"member": stories.R{"display": "Kari Lund", "type": "Practitioner"}, "onBehalfOf": stories.R{"display": "Lund skole"}}}},
			stories.R{"resourceType": "EpisodeOfCare", "id": fmt.Sprint("ep", i), "status": "active", "careManager": stories.R{"display": "Lund"}, "managingOrganization": stories.R{"display": "Lund skole"}}))
	}
	v := gatetest.Worker("lund-kari", "Kari Lund", care.Skole)
	v.Title, v.Unit = "lærer ved Lund skole", "lund"
	m := &gatetest.Memory{People: map[care.PersonID][]care.Contribution{"teo": cs}, Born: map[care.PersonID]string{"teo": "2009-05-06"},
		Named:   map[care.PersonID][]care.Claim{"teo": {{Source: "lund-skole", Service: care.Skole, Name: "Teo Sandvik"}}},
		States:  []care.SourceState{{Source: "lund-skole", Service: care.Skole, Title: "Lund skole", LastSuccess: stories.Now()}},
		Address: map[care.PersonID]care.AddressLevel{"teo": care.AddressStrengtFortrolig}}
	r := gatetest.Appointed(v, "teo", began, time.Time{})
	r.Appointments[0].ID, r.Appointments[0].By, r.Appointments[0].Reason = "a1", "lund-ke", "lund"
	c := gatetest.Consented(v, "teo", began, care.PPT)
	c.Consents[0].ID, c.Consents[0].ChangedBy, c.Consents[0].Signatures[0].Recorder = "c1", "lund-ke", "lund-ke"
	r.Guardians = []care.Guardian{{Viewer: "lund-mor", Code: care.ParentalMor, SameAddress: true, From: began}}
	r.Bases = []care.Basis{{ID: "b", Code: "OPPL", Person: "teo", Origins: []care.Service{care.PPT}, Viewer: "lund-kari", Purpose: care.PurposeTREAT, From: began, DecidedBy: "lund-ke", Reason: "lund", Evidence: "lund"}}
	r.Blocks = []care.Block{{ID: "s", Person: "teo", Orgnr: "lund", Extent: care.BlockRecord, Record: care.RecordRef{Source: "lund-skole", Kind: "x", Key: "lund/1"}, From: began, By: "lund-ke"},
		{ID: "s2", Person: "teo", Viewer: "lund-kari", Extent: care.BlockAll, From: began, By: "teo"}}
	r.BreakGlass = []care.BreakGlass{{ID: "g", Viewer: "lund-kari", Person: "teo", Code: "x", Reason: "lund", From: began, Until: began.Add(time.Hour), Review: "lund", Reviewer: "lund-ke"}}
	m.Give("teo", r)
	m.Give("teo", care.Rights{Consents: c.Consents})
	lines, err := gate.Lines(audit.Instance{ID: gatetest.Tenant, Name: "Samsyn", Test: true}, nil, []audit.Event{{At: began, Viewer: v, Person: "teo", Interaction: audit.Overview, Door: audit.DoorPage,
		Permit: true, Rule: "granted", Purpose: care.PurposeTREAT, Services: []care.Service{care.Skole}}})
	if err != nil {
		t.Fatal(err)
	}
	m.Lines = lines
	teo := care.Viewer{ID: "teo-selv", Name: "Teo", Role: care.RoleBarn, Person: "teo", Level: 4}
	files, _ := unpacked(t, taken(t, m, teo, "teo", words.Bokmaal))
	for name, body := range files {
		if i := strings.Index(strings.ToLower(body), canary); i >= 0 {
			t.Errorf("%s places the child: …%s…", name, body[max(0, i-80):min(len(body), i+80)])
		}
	}
	for name, want := range map[string]string{export.Bundle: `"EpisodeOfCare"`, export.Claims: "Teo Sandvik", export.Rights: `"role": "tjenesteyter"`, export.Log: `"tjenesteyter"`} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s lacks %s, so that the canary proves nothing: %s", name, want, files[name])
		}
	}
}

// TestExportIsForTheFamily: nobody else takes out everything, and an attempt is noted.
func TestExportIsForTheFamily(t *testing.T) {
	for _, v := range []care.Viewer{anders, siv, {ID: "stranger", Role: care.RoleForesatt, Level: 4}, {ID: "mor", Role: care.RoleForesatt, Level: 3}, {}} {
		m := jonas()
		e, err := gateOf(t, m).Export(t.Context(), gate.Request{Viewer: v, Door: audit.DoorPage}, "jonas")
		if !errors.Is(err, care.ErrNotFound) || e.Contributions != nil || e.Log != nil {
			t.Errorf("%+v: %v", v, err)
		}
		all, err := m.Events()
		if err != nil || len(all) != 1 || all[0].Permit || all[0].Interaction != audit.Export || len(all[0].Services) > 0 {
			t.Errorf("%+v: events %+v %v", v, all, err)
		}
	}
}

// failing is what cannot be read.
type failing struct{}

func (failing) Known(context.Context, care.Facts, access.Scope, time.Time) (care.Rights, error) {
	return care.Rights{}, care.ErrUnavailable
}

// TestExportIsWholeOrNothing: where a part of it cannot be read, nothing is released.
func TestExportIsWholeOrNothing(t *testing.T) {
	for _, method := range []string{"facts", "contributions", "claims", "states", "log", "audit", "rights"} {
		m := jonas()
		m.Fails, m.Err = method, care.ErrUnavailable
		g := gateOf(t, m)
		if method == "rights" {
			g.Registered = failing{}
		}
		if e, err := g.Export(t.Context(), gate.Request{Viewer: mor, Door: audit.DoorPage}, "jonas"); !errors.Is(err, care.ErrUnavailable) || e.Contributions != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// TestWhatSourcesSayIsText: nothing that a source says is a part of the page.
func TestWhatSourcesSayIsText(t *testing.T) {
	e := gate.Exported{Person: "p", At: stories.Now(), Reader: mor,
		Claims:  []care.Claim{{Source: "a", Service: care.Skole, Name: `<script>alert(1)</script>`}},
		Sources: []care.SourceState{{Source: "a", Title: `"><img src=x onerror=alert(1)>`, Service: care.Skole}},
		Log:     []audit.Line{{At: began, Name: "<b>", Role: care.RoleKoordinator, What: audit.Overview}},
		Contributions: []care.Contribution{{Source: "a", Service: care.Skole, Person: "p", Version: 1, Made: []care.Made{{Resource: fhir.Resource{Type: "Goal", ID: "g",
			Body: []byte(`{"resourceType":"Goal","id":"g","lifecycleStatus":"active","description":{"text":"</pre><script>x</script>"}}`)}}}}}}
	var b bytes.Buffer
	if err := export.Write(&b, e, words.Bokmaal); err != nil {
		t.Fatal(err)
	}
	files, _ := unpacked(t, b.Bytes())
	for _, bad := range []string{"<script", "<img", "<b>"} {
		if strings.Contains(files[export.Index], bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if !strings.Contains(files[export.Index], "&lt;script") {
		t.Error("the page does not tell what the source said")
	}
}

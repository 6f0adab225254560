package search_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/search"
)

var oslo = func() *time.Location {
	z, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		panic(err)
	}
	return z
}()

func set(t testing.TB, bodies ...string) []fhir.Resource {
	t.Helper()
	var all []fhir.Resource
	for _, b := range bodies {
		r, err := fhir.Parse([]byte(b))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func child(t testing.TB) []fhir.Resource {
	return set(t,
		`{"resourceType":"CarePlan","id":"p1","status":"active","intent":"plan","subject":{"reference":"Patient/x"},"period":{"start":"2026-01-01","end":"2026-06-30"},"goal":[{"reference":"Goal/g1"}],"careTeam":[{"reference":"CareTeam/t1"}],"category":[{"coding":[{"system":"urn:samsyn:plantype","code":"iop"}]}]}`,
		`{"resourceType":"CarePlan","id":"p2","status":"completed","intent":"plan","subject":{"reference":"Patient/x"},"period":{"start":"2026-07-01"}}`,
		`{"resourceType":"CarePlan","id":"p3","status":"active","intent":"plan","subject":{"reference":"Patient/x"},"goal":[{"reference":"Goal/hidden"}]}`,
		`{"resourceType":"Goal","id":"g1","lifecycleStatus":"active","description":{"text":"lese"},"subject":{"reference":"Patient/x"},"target":[{"dueDate":"2026-12-01"}]}`,
		`{"resourceType":"CareTeam","id":"t1","status":"active","subject":{"reference":"Patient/x"},"participant":[{"member":{"reference":"Practitioner/a"}}]}`,
		`{"resourceType":"Practitioner","id":"a","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.4","value":"1234567"}]}`,
		`{"resourceType":"Encounter","id":"e1","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"subject":{"reference":"Patient/x"},"period":{"start":"2026-10-15T13:00:00+02:00","end":"2026-10-15T14:00:00+02:00"}}`,
		`{"resourceType":"RelatedPerson","id":"r1","patient":{"reference":"Patient/x"},"identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"13814212345"}]}`,
	)
}

func ids(rs []fhir.Resource) string {
	var all []string
	for _, r := range rs {
		all = append(all, r.ID)
	}
	return strings.Join(all, " ")
}

func run(t testing.TB, typ, query string, visible []fhir.Resource) search.Result {
	t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	q, err := search.Parse(typ, v)
	if err != nil {
		t.Fatal(err)
	}
	r, err := q.Run(visible, oslo)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSearch(t *testing.T) {
	for _, c := range []struct{ typ, query, match, include string }{
		{"CarePlan", "patient=x", "p1 p2 p3", ""},
		{"CarePlan", "subject=Patient/x", "p1 p2 p3", ""},
		{"CarePlan", "patient=x&status=active", "p1 p3", ""},
		{"CarePlan", "patient=x&status=active,completed", "p1 p2 p3", ""},
		{"CarePlan", "patient=x&status=active&status=completed", "", ""},
		{"CarePlan", "patient=x&status=http://hl7.org/fhir/request-status|active", "p1 p3", ""},
		{"CarePlan", "patient=x&category=urn:samsyn:plantype|iop", "p1", ""},
		{"CarePlan", "patient=x&category=urn:samsyn:plantype|", "p1", ""},
		{"CarePlan", "patient=x&category=|iop", "", ""},
		{"CarePlan", "patient=x&category=urn:x|iop", "", ""},
		{"CarePlan", "patient=x&date=2026", "p1", ""},
		{"CarePlan", "patient=x&date=ge2026-07-01", "p2", ""},
		{"CarePlan", "patient=x&date=gt2026-06-30", "p2", ""},
		{"CarePlan", "patient=x&date=lt2026-02-01", "p1", ""},
		{"CarePlan", "patient=x&date=le2026-01-01", "", ""},
		{"CarePlan", "patient=x&date=ne2026", "p2", ""},
		{"CarePlan", "patient=x&goal=Goal/g1", "p1", ""},
		{"CarePlan", "patient=x&goal=g1", "p1", ""},
		{"CarePlan", "patient=x&goal=CareTeam/g1", "", ""},
		{"CarePlan", "patient=x&_id=p2,p3", "p2 p3", ""},
		{"CarePlan", "patient=x&_sort=-date", "p3 p2 p1", ""},
		{"CarePlan", "patient=x&_sort=date", "p1 p2 p3", ""},
		{"CarePlan", "patient=x&_sort=status,-date", "p3 p1 p2", ""},
		{"CarePlan", "patient=x&_include=CarePlan:goal", "p1 p2 p3", "g1"},
		{"CarePlan", "patient=x&_include=CarePlan:goal&_include=CarePlan:care-team", "p1 p2 p3", "t1 g1"},
		{"CarePlan", "patient=x&_include=CarePlan:goal:CareTeam", "p1 p2 p3", ""},
		{"Goal", "patient=x&_revinclude=CarePlan:goal", "g1", "p1"},
		{"Goal", "patient=x&_revinclude=CarePlan:goal:Encounter", "g1", ""},
		{"Goal", "patient=x&target-date=ge2026-12-01", "g1", ""},
		{"CareTeam", "patient=x&participant=Practitioner/a&_include=CareTeam:participant", "t1", "a"},
		{"Practitioner", "patient=x&identifier=urn:oid:2.16.578.1.12.4.1.4.4|1234567", "a", ""},
		{"Encounter", "patient=x&date=2026-10-15", "e1", ""},
		{"Encounter", "patient=x&date=ge2026-10-15T12:00:00Z", "", ""},
		{"Encounter", "patient=x&class=AMB", "e1", ""},
		{"RelatedPerson", "patient=x&identifier=13814212345", "", ""}, // a national number answers to nothing
	} {
		t.Run(c.typ+"?"+c.query, func(t *testing.T) {
			got := run(t, c.typ, c.query, child(t))
			if ids(got.Match) != c.match || ids(got.Include) != c.include || got.Total != len(strings.Fields(c.match)) {
				t.Errorf("match %q include %q total %d, want %q and %q", ids(got.Match), ids(got.Include), got.Total, c.match, c.include)
			}
		})
	}
}

func TestWhatIsNotOfferedIsRefused(t *testing.T) {
	for _, c := range []struct{ typ, query string }{
		{"AuditEvent", ""}, {"Binary", "patient=x"}, {"careplan", "patient=x"},
		{"CarePlan", "subject.name=Teo"}, {"CarePlan", "subject:Patient.identifier=1"}, {"CarePlan", "_has:Goal:subject:status=active"}, {"CarePlan", "status:not=active"},
		{"CarePlan", "status:missing=true"}, {"CarePlan", "_filter=status eq active"}, {"CarePlan", "_query=x"}, {"CarePlan", "_content=x"}, {"CarePlan", "_text=x"},
		{"CarePlan", "_elements=id"}, {"CarePlan", "_contained=true"}, {"CarePlan", "_list=x"}, {"CarePlan", "_profile=x"}, {"CarePlan", "_security=R"}, {"CarePlan", "_tag=x"},
		{"CarePlan", "_summary=true"}, {"CarePlan", "_count=-1"}, {"CarePlan", "_count=x"}, {"CarePlan", "_total=accurate"}, {"CarePlan", "_sort=subject"}, {"CarePlan", "_sort=goal"},
		{"CarePlan", "_sort=status,status,status,status,status"}, {"CarePlan", "_include=*"}, {"CarePlan", "_include=Goal:subject"}, {"CarePlan", "_include:iterate=CarePlan:goal"},
		{"CarePlan", "_include=CarePlan:status"}, {"CarePlan", "_revinclude=AuditEvent:entity"}, {"CarePlan", "_revinclude=Provenance:target"}, {"CarePlan", "_after=!"}, {"CarePlan", "_after=bnVsbA"},
		{"CarePlan", "_after=W10"}, {"CarePlan", "patient=x&patient=y"}, {"CarePlan", "patient=http://elsewhere/Patient/x"}, {"CarePlan", "patient=Group/x"}, {"CarePlan", "patient="},
		{"CarePlan", "date=yesterday"}, {"CarePlan", "date=sa2026"}, {"CarePlan", "date="}, {"CarePlan", "status="}, {"CarePlan", "status=a|b|c"}, {"CarePlan", "goal="}, {"CarePlan", "goal=a/b/c"},
		{"CarePlan", "_id="}, {"CarePlan", "status=" + strings.Repeat("a,", 30)}, {"CarePlan", strings.Repeat("status=active&", 30)},
		{"Patient", "name=Teo"}, {"Patient", "identifier=urn:oid:2.16.578.1.12.4.1.4.1|13814212345"}, {"RelatedPerson", "identifier=urn:oid:2.16.578.1.12.4.1.4.1|13814212345"},
	} {
		v, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := search.Parse(c.typ, v); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%s?%s: %v", c.typ, c.query, err)
		} else if strings.Contains(err.Error(), "13814212345") || strings.Contains(err.Error(), "Teo") {
			t.Errorf("%s?%s: the error shows a value: %v", c.typ, c.query, err)
		}
	}
}

func TestCountIsOnlyOfTheVisible(t *testing.T) {
	all := child(t)
	for _, query := range []string{"patient=x&_summary=count", "patient=x&_count=0"} {
		if r := run(t, "CarePlan", query, all); r.Total != 3 || len(r.Match) != 0 || r.After != "" {
			t.Errorf("%s: %+v", query, r)
		}
	}
}

// TestPagesAddUp: the pages of a search together are the search, once each, in its order,
// whatever the size of a page and the order of the set.
func TestPagesAddUp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(r, "n")
		var visible []fhir.Resource
		for i := range n {
			day := rapid.IntRange(1, 3).Draw(r, "day")
			visible = append(visible, set(t, fmt.Sprintf(`{"resourceType":"Encounter","id":"e%02d","status":"finished","period":{"start":"2026-10-%02d"}}`, i, day))...)
		}
		sort := rapid.SampledFrom([]string{"", "&_sort=date", "&_sort=-date", "&_sort=status,-date"}).Draw(r, "sort")
		whole := run(t, "Encounter", "patient=x&_count=200"+sort, visible)
		count := rapid.IntRange(1, 5).Draw(r, "count")
		var got []fhir.Resource
		after := ""
		for page := 0; ; page++ {
			if page > n {
				r.Fatal("the pages do not end")
			}
			visible = rapid.Permutation(visible).Draw(r, "order")
			p := run(t, "Encounter", fmt.Sprintf("patient=x&_count=%d%s%s", count, sort, after), visible)
			if p.Total != n {
				r.Fatalf("total %d of %d", p.Total, n)
			}
			got = append(got, p.Match...)
			if p.After == "" {
				break
			}
			after = "&_after=" + p.After
		}
		if ids(got) != ids(whole.Match) {
			r.Fatalf("pages give %q, the whole is %q", ids(got), ids(whole.Match))
		}
	})
}

func TestPlaceThatVanishedIsGoneOnFrom(t *testing.T) {
	all := child(t)
	first := run(t, "CarePlan", "patient=x&_count=1", all)
	rest := slices.DeleteFunc(all, func(r fhir.Resource) bool { return r.ID == "p1" })
	if next := run(t, "CarePlan", "patient=x&_count=1&_after="+first.After, rest); ids(next.Match) != "p2" {
		t.Errorf("after what vanished: %q", ids(next.Match))
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"patient=x", "status=active&date=ge2026", "_sort=-date&_after=WyJhIiwiYiJd", "_include=CarePlan:goal:Goal", "category=a|b,c\\,d", "_count=9999999999999999999"} {
		f.Add("CarePlan", seed)
	}
	visible := child(f)
	f.Fuzz(func(t *testing.T, typ, query string) {
		v, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		q, err := search.Parse(typ, v)
		if err != nil {
			if !errors.Is(err, care.ErrInvalid) {
				t.Errorf("another kind of error: %v", err)
			}
			return
		}
		r, err := q.Run(visible, oslo)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.Match {
			if m.Type != typ {
				t.Errorf("a %s is no %s", m.Type, typ)
			}
		}
		if r.Total < len(r.Match) {
			t.Errorf("%d of %d", len(r.Match), r.Total)
		}
	})
}

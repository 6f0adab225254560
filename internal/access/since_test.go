package access_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"samsyn/fhir"
	"samsyn/internal/access"
	"samsyn/internal/care"
)

// TestSinceTellsNoMoreThanWhatIsSeen: a record is told as from when what is seen of it became as it is.
func TestSinceTellsNoMoreThanWhatIsSeen(t *testing.T) {
	table := table(t)
	all := worker(care.Skole) // sees her own service's whole
	all.Viewer.Purpose = care.PurposeCOC
	some := worker(care.Skole) // sees some fields of another's
	some.Viewer.Purpose = care.PurposeCOC
	some.Consents = []care.Consent{agreed("c1", care.BUP)}
	some.Consents[0].Receivers = []care.Receiver{{Service: care.Skole}}
	some.Guardians = coordinator().Guardians
	hidden := all
	hidden.Address = care.AddressFortrolig
	body := func(title, description string, marks ...string) string {
		meta := ""
		if len(marks) > 0 {
			meta = `"meta":{"security":[` + strings.Join(marks, ",") + `]},`
		}
		return fmt.Sprintf(`{"resourceType":"CarePlan","id":"p1",%s"status":"active","intent":"plan","title":%q,"description":%q}`, meta, title, description)
	}
	third := `{"system":"urn:samsyn:merke","code":"third-party"}`
	silent := func(code string) string { return `{"system":"urn:samsyn:gradering","code":"` + code + `"}` }
	gone := ""
	for name, c := range map[string]struct {
		facts   care.Facts
		service care.Service
		bodies  []string // the oldest first
		since   int      // which of them
	}{
		"one version":                           {all, care.Skole, []string{body("a", "x")}, 0},
		"each is another":                       {all, care.Skole, []string{body("a", "x"), body("b", "x"), body("c", "x")}, 2},
		"the same again and again":              {all, care.Skole, []string{body("b", "x"), body("a", "x"), body("a", "x"), body("a", "x")}, 1},
		"as it once was":                        {all, care.Skole, []string{body("a", "x"), body("b", "x"), body("a", "x")}, 2},
		"a removal between":                     {all, care.Skole, []string{body("a", "x"), gone, body("a", "x")}, 2},
		"a field that is seen":                  {all, care.Skole, []string{body("a", "x"), body("a", "y")}, 1},
		"a field that is not seen":              {some, care.BUP, []string{body("a", "x"), body("a", "y"), body("a", "z")}, 0},
		"a field that is seen among others":     {some, care.BUP, []string{body("a", "x"), body("b", "x"), body("b", "y")}, 1},
		"a version that is not seen":            {all, care.Skole, []string{body("a", "x"), body("b", "x", third), body("a", "x")}, 0},
		"a label that lets it be seen":          {all, care.Skole, []string{body("a", "x"), body("a", "x", silent("1")), body("a", "x", silent("2"))}, 0},
		"a title that does not leave the house": {hidden, care.Skole, []string{body("a", "x"), body("b", "x")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			recorded := func(n int) time.Time { return now.AddDate(0, -6, 2*n) }
			last := len(c.bodies) - 1
			cs := []care.Contribution{said(c.service, "1", c.bodies[last])}
			cs[0].Version, cs[0].Recorded, cs[0].Changed = last+1, recorded(last), recorded(last).Add(-time.Hour)
			cs[0].Person = c.facts.Person
			var past []care.ResourceVersion
			for n := last - 1; n >= 0; n-- {
				v := care.ResourceVersion{Version: n + 1, Recorded: recorded(n), Changed: recorded(n).Add(-time.Hour), Record: care.RecordRef{Source: cs[0].Source, Kind: cs[0].Kind, Key: cs[0].Key},
					Service: c.service, Person: c.facts.Person, Deleted: c.bodies[n] == gone, Resource: fhir.Resource{Type: "CarePlan", ID: "p1"}}
				if !v.Deleted {
					v.Resource.Body = []byte(c.bodies[n])
					v.Marks = care.MarksOf(v.Resource)
				}
				past = append(past, v)
			}
			scope := table.Scope(c.facts, now)
			seen := table.Release(c.facts, scope, access.Held{Contributions: cs, Past: past}, now).Contributions
			if len(seen) != 1 {
				t.Fatalf("%d seen: %s", len(seen), scope.Rule)
			}
			got, want, changed := seen[0], recorded(c.since), recorded(c.since).Add(-time.Hour)
			if c.facts.Address.Hidden() {
				want, changed = dayAt(want.Year(), int(want.Month()), want.Day()), dayAt(changed.Year(), int(changed.Month()), changed.Day())
			}
			if !got.Recorded.Equal(want) || !got.Changed.Equal(changed) || !got.Made[0].Recorded.Equal(want) || !got.Made[0].Changed.Equal(changed) || got.Version != 0 || got.SourceVersion != "" {
				t.Errorf("recorded %s and %s, changed %s and %s, version %d %q; want %s and %s", got.Recorded, got.Made[0].Recorded, got.Changed, got.Made[0].Changed, got.Version, got.SourceVersion, want, changed)
			}
		})
	}
}

// TestSinceIsTheLatestOfWhatIsSeen: what is said beside, and not seen, does not date a record.
func TestSinceIsTheLatestOfWhatIsSeen(t *testing.T) {
	table := table(t)
	f := worker(care.Skole)
	f.Viewer.Purpose = care.PurposeCOC
	c := said(care.Skole, "1", `{"resourceType":"Goal","id":"g","lifecycleStatus":"active","description":{"text":"mål"}}`)
	c.Person, c.Version = f.Person, 2
	old := care.ResourceVersion{Version: 1, Recorded: now.AddDate(0, -1, 0), Record: care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}, Service: c.Service, Person: f.Person, Resource: c.Made[0].Resource}
	beside := said(care.Skole, "1", `{"resourceType":"Goal","id":"h","meta":{"security":[{"system":"urn:samsyn:merke","code":"third-party"}]},"lifecycleStatus":"active"}`)
	c.Made = append(c.Made, beside.Made...)
	scope := table.Scope(f, now)
	out := table.Release(f, scope, access.Held{Contributions: []care.Contribution{c}, Past: []care.ResourceVersion{old}}, now)
	seen := out.Contributions
	if len(seen) != 1 || out.Withheld != 1 || !seen[0].Recorded.Equal(old.Recorded) || !seen[0].Made[0].Recorded.Equal(old.Recorded) {
		t.Errorf("withheld %d: %+v", out.Withheld, seen)
	}
}

// A record is from when the latest of the resources that are seen of it became as it is, wherever that stands.
func TestARecordIsFromItsLatestResource(t *testing.T) {
	table := table(t)
	f := worker(care.Skole)
	f.Viewer.Purpose = care.PurposeCOC
	c := said(care.Skole, "1", `{"resourceType":"Goal","id":"same","lifecycleStatus":"active"}`)
	c.Person, c.Version = f.Person, 2
	c.Made = append(c.Made, said(care.Skole, "1", `{"resourceType":"Goal","id":"other","lifecycleStatus":"completed"}`).Made...)
	earlier := now.AddDate(0, -1, 0)
	var past []care.ResourceVersion
	for _, m := range c.Made {
		m.Resource.Body = []byte(strings.Replace(string(m.Resource.Body), "completed", "active", 1))
		past = append(past, care.ResourceVersion{Version: 1, Recorded: earlier, Record: care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}, Service: c.Service, Person: f.Person, Resource: m.Resource})
	}
	for range 2 {
		c.Made[0], c.Made[1] = c.Made[1], c.Made[0]
		seen := table.Release(f, table.Scope(f, now), access.Held{Contributions: []care.Contribution{c}, Past: past}, now).Contributions
		if len(seen) != 1 || !seen[0].Recorded.Equal(c.Recorded) {
			t.Fatalf("%+v", seen)
		}
		for _, m := range seen[0].Made {
			if want := map[string]time.Time{"same": earlier, "other": c.Recorded}[m.Resource.ID]; !m.Recorded.Equal(want) {
				t.Errorf("%s is from %s, want %s", m.Resource.ID, m.Recorded, want)
			}
		}
	}
}

func TestAlike(t *testing.T) {
	r := func(body string) fhir.Resource { return fhir.Resource{Type: "Goal", ID: "g", Body: []byte(body)} }
	base := r(`{"resourceType":"Goal","id":"g","meta":{"versionId":"1","security":[{"code":"R"}]},"target":[{"n":1.50}]}`)
	for body, want := range map[string]bool{
		`{"id":"g","target":[{"n":1.50}],"resourceType":"Goal"}`:                               true,
		`{"id":"g","meta":{"lastUpdated":"2026"},"target":[{"n":1.50}],"resourceType":"Goal"}`: true,
		`{"id":"g","meta":{"profile":["urn:x"]},"target":[{"n":1.50}],"resourceType":"Goal"}`:  false,
		`{"id":"g","target":[{"n":1.5}],"resourceType":"Goal"}`:                                false,
		`{"id":"g","target":[{"n":1.50}],"contained":[{"id":"c"}],"resourceType":"Goal"}`:      false,
		`not JSON`: false,
	} {
		if got := access.Alike(base, r(body)); got != want {
			t.Errorf("%s: %t", body, got)
		}
	}
}

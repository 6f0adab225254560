package consolidate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"samsyn/internal/access"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"

	"pgregory.net/rapid"
)

type (
	r = stories.R
	l = stories.L
)

// The pools are small, so that the same names, days and titles meet across sources.
var (
	sources  = []string{"fhir-kommune", "fhir-sykehus", "fiksarkiv", "oneroster", "barnevernsregister"}
	titles   = []string{"Fysioterapi", "fysioterapi", "Avlastning", "Vedtak om avlastning", "Støttekontakt", "Ansvarsgruppemøte"}
	people   = []string{"Ole Strand", "Strand, Ole", "Dr. Nina Brekke", "Liv Tangen", "Siv Røed", ""}
	days     = []string{"", "2025-01-10", "2026-06-15", "2026-10-15", "2026-11-23", "2026-12-10", "2027-06-14", "2026-10"}
	clocks   = []string{"2026-10-15T13:00:00+02:00", "2026-12-10T09:00:00+01:00", "2026-12-10T12:30:00+01:00", "2026-12-10", ""}
	statuses = []string{"active", "completed", "in-progress", "not-started", "booked", "finished", "odd", "cancelled", "entered-in-error"}
)

func span(t *rapid.T, pool []string) r {
	p := r{}
	for _, k := range []string{"start", "end"} {
		if d := rapid.SampledFrom(pool).Draw(t, k); d != "" {
			p[k] = d
		}
	}
	return p
}

func resource(t *rapid.T, id string) r {
	text := func() r { return r{"text": rapid.SampledFrom(titles).Draw(t, "title")} }
	who := func() r { return r{"display": rapid.SampledFrom(people).Draw(t, "who")} }
	category := func(code string) l { return l{r{"coding": l{r{"system": "urn:samsyn:category", "code": code}}}} }
	ansvarsgruppe := r{"text": "Ansvarsgruppemøte", "coding": l{r{"system": "urn:samsyn:meeting", "code": "ansvarsgruppe"}}}
	status := rapid.SampledFrom(statuses).Draw(t, "status")
	day := rapid.SampledFrom(days).Draw(t, "day")
	typ := rapid.SampledFrom([]string{"CarePlan", "CareTeam", "Goal", "vedtak", "tiltak", "henvisning", "EpisodeOfCare", "Encounter", "Appointment", "Communication", "DocumentReference", "Condition"}).Draw(t, "type")
	switch typ {
	case "CarePlan":
		return r{"resourceType": typ, "id": id, "status": status, "title": text()["text"], "period": span(t, days),
			"category": l{r{"coding": l{r{"system": "urn:samsyn:plantype", "code": rapid.SampledFrom([]string{"individuell-plan", "iop"}).Draw(t, "kind")}}}},
			"activity": l{r{"detail": r{"status": status, "description": text()["text"], "scheduledPeriod": span(t, days), "performer": l{who()}}}}}
	case "CareTeam":
		return r{"resourceType": typ, "id": id, "status": status, "participant": l{
			r{"role": l{text()}, "member": who(), "onBehalfOf": who(), "period": span(t, days)},
			r{"role": l{r{"text": "Koordinator"}}, "member": who(), "period": span(t, days)}}}
	case "Goal":
		return r{"resourceType": typ, "id": id, "lifecycleStatus": status, "description": text(), "expressedBy": who()}
	case "vedtak", "tiltak", "henvisning":
		return r{"resourceType": "ServiceRequest", "id": id, "status": status, "category": category(typ), "code": text(), "authoredOn": day,
			"occurrencePeriod": span(t, days), "performer": l{who()}, "extension": l{r{"url": "urn:samsyn:lovhjemmel", "valueString": "Lov § 3-2"}}}
	case "EpisodeOfCare":
		return r{"resourceType": typ, "id": id, "status": status, "type": l{text()}, "period": span(t, days), "managingOrganization": who()}
	case "Encounter":
		return r{"resourceType": typ, "id": id, "status": status, "type": l{ansvarsgruppe}, "period": span(t, clocks), "serviceProvider": who()}
	case "Appointment":
		return r{"resourceType": typ, "id": id, "status": status, "appointmentType": ansvarsgruppe, "start": rapid.SampledFrom(clocks).Draw(t, "start"), "participant": l{r{"actor": who()}}}
	case "Communication":
		return r{"resourceType": typ, "id": id, "status": status, "topic": text(), "sent": rapid.SampledFrom(clocks).Draw(t, "sent"), "sender": who(), "payload": l{r{"contentString": "Hei."}, r{"contentString": "Hilsen"}}}
	case "DocumentReference":
		return r{"resourceType": typ, "id": id, "status": status, "type": text(), "date": day, "description": text()["text"]}
	}
	return r{"resourceType": typ, "id": id, "code": text()}
}

func contributions(t *rapid.T) []care.Contribution {
	n := rapid.IntRange(0, 14).Draw(t, "n")
	var cs []care.Contribution
	for i := range n {
		source := rapid.SampledFrom(sources).Draw(t, "source")
		service := rapid.SampledFrom(care.Services()).Draw(t, "service")
		changed := rapid.SampledFrom([]string{"", "2026-01-01", "2026-11-01"}).Draw(t, "changed")
		id := fmt.Sprintf("r%02d", i)
		cs = append(cs, stories.Say(source, service, child, id, changed, resource(t, id), resource(t, id+"b")))
	}
	return cs
}

func asJSON(t fataler, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// everything renders an overview in all forms in which it is shown.
func everything(t fataler, cs []care.Contribution, states []care.SourceState) []byte {
	o, err := consolidate.Build(consolidate.Input{Person: child, Contributions: cs, Sources: states, Now: stories.Now()})
	if err != nil {
		t.Fatal(err)
	}
	out := asJSON(t, o)
	bundle, err := consolidate.Bundle(o, cs, "http://localhost/fhir")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := consolidate.Text(&text, o, "nb"); err != nil {
		t.Fatal(err)
	}
	return slices.Concat(out, bundle, text.Bytes())
}

// I3: in whatever order sources and records come, the overview is the same, byte for byte.
func TestOrderFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cs := contributions(t)
		want := everything(t, cs, stories.Sources())
		shuffled := rapid.Permutation(cs).Draw(t, "order")
		for i := range shuffled {
			shuffled[i].Made = rapid.Permutation(shuffled[i].Made).Draw(t, "made")
		}
		got := everything(t, shuffled, rapid.Permutation(stories.Sources()).Draw(t, "sources"))
		if !bytes.Equal(got, want) {
			t.Fatalf("another order gives another overview:\n%s\n%s", got, want)
		}
	})
}

// I9: two worlds that differ only in what the viewer may not see answer alike.
func TestTwinWorlds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		world := contributions(t)
		given := rapid.SliceOfDistinct(rapid.SampledFrom(care.Services()), func(s care.Service) care.Service { return s }).Draw(t, "given")
		hidden := func(c care.Contribution) bool { return !slices.Contains(given, c.Service) }
		see := func(cs []care.Contribution) []byte {
			visible := slices.DeleteFunc(slices.Clone(cs), hidden)
			return everything(t, visible, access.Sources(visible, stories.Sources()))
		}
		twin := slices.DeleteFunc(slices.Clone(world), hidden)
		for i := range rapid.IntRange(0, 3).Draw(t, "extra") {
			more := stories.Say("barnevernsregister", care.Barnevern, child, fmt.Sprintf("x%d", i), "", resource(t, fmt.Sprintf("x%d", i)))
			if hidden(more) {
				twin = append(twin, more)
			}
		}
		if a, b := see(world), see(twin); !bytes.Equal(a, b) {
			t.Fatalf("the hidden shows:\n%s\n%s", a, b)
		}
	})
}

// I2: every text in an overview was said by a source, or is one of our fixed words.
func TestNoInvention(t *testing.T) {
	own := []string{consolidate.MarkerM1, "chosen.only", "chosen.individual-plan", "chosen.latest",
		"status", "responsible", "period", "time", "meeting", "contact", "message", "document",
		"granted", "started", "ended", "revoked", "fresh", "cached", "failed", "never",
		"activity-status", "activity-responsible", "activity-period", "plan-status", "plan-period", "service-status", "service-period", "decision-period", "coordinator", "meeting-time", "birth-date", ""}
	// These are our own ids and places, not texts that are shown as said.
	places := []string{"id", "line", "plan", "plans", "decision", "startedBy", "thread", "resource", "element", "person", "now", "recorded", "changed", "since", "failed", "codes", "providerIds", "lineage", "kind", "key"}
	rapid.Check(t, func(t *rapid.T) {
		cs := contributions(t)
		said := map[string]bool{}
		for _, w := range own {
			said[w] = true
		}
		for _, s := range stories.Sources() {
			said[s.Source], said[s.Title], said[s.Failure], said[string(s.Service)] = true, true, true, true
		}
		for _, c := range cs {
			said[c.Source], said[string(c.Service)] = true, true
			for _, m := range c.Made {
				said[m.Resource.Type] = true
				var v any
				if err := json.Unmarshal(m.Resource.Body, &v); err != nil {
					t.Fatal(err)
				}
				walk("", v, func(_, s string) { said[s] = true })
			}
		}
		o, err := consolidate.Build(consolidate.Input{Person: child, Contributions: cs, Sources: stories.Sources(), Now: stories.Now()})
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(asJSON(t, o), &v); err != nil {
			t.Fatal(err)
		}
		walk("", v, func(key, s string) {
			for _, part := range strings.Split(s, "\n\n") {
				if !said[part] {
					t.Fatalf("%s: nobody said %q", key, part)
				}
			}
		}, places...)
	})
}

// walk visits every string with the key under which it stands, but nothing below the skipped keys.
func walk(key string, v any, visit func(key, s string), skip ...string) {
	if slices.Contains(skip, key) {
		return
	}
	switch v := v.(type) {
	case string:
		visit(key, v)
	case []any:
		for _, e := range v {
			walk(key, e, visit, skip...)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			walk(k, v[k], visit, skip...)
		}
	}
}

// Nothing said is lost: every resource that is not entered in error stands behind some line.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cs := contributions(t)
		o, err := consolidate.Build(consolidate.Input{Person: child, Contributions: cs, Sources: stories.Sources(), Now: stories.Now()})
		if err != nil {
			t.Fatal(err)
		}
		shown := string(asJSON(t, o))
		for _, c := range cs {
			for _, m := range c.Made {
				if bytes.Contains(m.Resource.Body, []byte(`"entered-in-error"`)) {
					continue
				}
				if !strings.Contains(shown, `"resource":"`+m.Resource.Type+"/"+m.Resource.ID+`"`) {
					t.Fatalf("%s is nowhere", m.Resource.Body)
				}
			}
		}
	})
}

// fataler is what *testing.T and *rapid.T have in common here.
type fataler interface{ Fatal(args ...any) }

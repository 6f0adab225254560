package mapping_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"samsyn/fhir"
	"samsyn/mapping"
)

// benchMap makes one CarePlan of about 3.4 kB of benchRecord's 2.5 kB.
const benchMap = `map: a/b
record: plan
tables: [maalstatus, tiltakstatus]
subject: { key: "{{ barn.id }}", identifiers: "{[ barn.fnr ]}", birthDate: "{{ date(barn.fodt) }}", name: "{{ barn.navn }}" }
make:
  - resourceType: CarePlan
    id: "{{ id('plan', saksnummer) }}"
    identifier: [{ system: urn:sak, value: "{{ saksnummer }}" }]
    status: active
    intent: plan
    category: [{ coding: [{ system: urn:samsyn:plantype, code: individuell-plan, display: Individuell plan }] }]
    title: "Individuell plan {{ saksnummer }}"
    description: "{{ beskrivelse }}"
    subject: "{{ %subject }}"
    period: { start: "{{ date(gjelderFra) }}", end: "{{ date(gjelderTil) }}" }
    created: "{{ dateTime(opprettet) }}"
    contained:
      - resourceType: CareTeam
        id: team
        status: active
        participant:
          - "{% for d in deltakere %}":
              role: ["{{ role(%d.rolle) }}"]
              member: { type: Practitioner, display: "{{ %d.navn }}", identifier: "{{ identifier('HPR', %d.hpr) }}" }
              onBehalfOf: { display: "{{ %d.virksomhet }}" }
      - "{% for m in maal %}":
          resourceType: Goal
          id: "maal-{{ %m.nr }}"
          lifecycleStatus: "{{ translate('maalstatus', %m.status) }}"
          description: { text: "{{ %m.tekst }}" }
          subject: "{{ %subject }}"
          startDate: "{{ date(%m.fra) }}"
          note:
            - "{% if %m.merknad.exists() %}": { text: "{{ %m.merknad }}" }
    careTeam: [{ reference: "#team" }]
    goal:
      - "{% for m in maal %}": { reference: "#maal-{{ %m.nr }}" }
    activity:
      - "{% for t in tiltak %}":
          detail:
            status: "{{ translate('tiltakstatus', %t.status) }}"
            description: "{{ %t.hva }}"
            code: "{{ concept('urn:oid:2.16.578.1.12.4.1.1.9151', %t.kode) }}"
            scheduledPeriod: { start: "{{ date(%t.fra) }}", end: "{{ date(%t.til) }}" }
            performer: [{ display: "{{ %t.ansvarlig }}" }]
            goal:
              - "{% for n in %t.maal %}": { reference: "#maal-{{ %n }}" }
`

const (
	benchGoals    = "# unknown: default:aktivt\ncode,target\naktivt,active\nnådd,completed\n"
	benchMeasures = "code,target\nikke startet,not-started\npågår,in-progress\nferdig,completed\n"
)

func benchRecord() []byte {
	var b strings.Builder
	b.WriteString(`{"saksnummer":"2026/00417","beskrivelse":"Planen samler det som skole, habilitering, fysioterapi og kommunen gjør sammen for barnet fram mot overgangen til ungdomsskolen.","gjelderFra":"01.02.2026","gjelderTil":"31.01.2027","opprettet":"2026-01-20T13:45:00","barn":{"id":"b-7","fnr":"14831460041","fodt":"14.03.2014","navn":"Ella Lyngstad"},"maal":[`)
	for i, text := range []string{"Gå med rullator mellom klasserommene", "Anfallsfri skoledag", "Være med i svømmegruppa sammen med klassen"} {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"nr":%d,"tekst":%q,"status":"aktivt","fra":"01.0%d.2026","merknad":"Følges opp i hver ansvarsgruppe, og foreldrene sier fra når noe endrer seg."}`, i+1, text, i+2)
	}
	b.WriteString(`],"tiltak":[`)
	for i, what := range []string{"Fysioterapi to ganger i uka i skolens treningsrom", "Avlastning i institusjon en helg i måneden", "Epilepsisykepleier veileder skolens ansatte", "Befaring på Sundet ungdomsskole før overgangen"} {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"hva":%q,"kode":"%d","status":%q,"fra":"15.0%d.2026","til":"31.01.2027","ansvarlig":"Ansvarlig person nummer %d i Fjordvik kommune","maal":[%d,%d]}`, what, 7+i, []string{"pågår", "ikke startet"}[i%2], i+2, i+1, 1+i%3, 1+(i+1)%3)
	}
	b.WriteString(`],"deltakere":[`)
	for i, name := range []string{"Anders Viken", "Gunn Aasen", "Eva Moen"} {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"navn":%q,"rolle":"%d","hpr":"99000%d","virksomhet":"Tildelingskontoret i Fjordvik kommune"}`, name, []int{8, 9, 19}[i], 11+i)
	}
	b.WriteString(`],"internt":{"saksgang":[`)
	for i := range 8 {
		fmt.Fprintf(&b, `{"steg":%d,"status":"lukket","av":"saksbehandler-%d"},`, i, i)
	}
	b.WriteString(`{"steg":9}]}}`)
	return []byte(b.String())
}

// BenchmarkMapping compares a map with the same mapping written in Go for this one
// record: decoding, mapping, lineage (the map only) and encoding; then with validation on
// both sides. records/cpu-s counts the processor time that the process used, garbage
// collection included, so that a busy machine does not change it much; run it with -cpu 1.
// "All cores" is what the machine does by the clock: the limit of everything that maps.
func BenchmarkMapping(b *testing.B) {
	m := load(b, benchMap, "maalstatus.csv", benchGoals, "tiltakstatus.csv", benchMeasures)
	profiles, err := fhir.LoadProfiles(fhir.ShippedProfiles())
	if err != nil {
		b.Fatal(err)
	}
	files := fsOf(map[string]string{"maps/a/b.yaml": benchMap, "codes/maalstatus.csv": benchGoals, "codes/tiltakstatus.csv": benchMeasures})
	set, err := mapping.Load(files, mapping.WithProfiles(profiles))
	if err != nil {
		b.Fatal(err)
	}
	judged, _ := set.Map("a", "b")
	in := input(string(benchRecord()))
	byMap := func(apply func(mapping.Input) (mapping.Result, error)) func() (fhir.Resource, error) {
		return func() (fhir.Resource, error) {
			result, err := apply(in)
			if err != nil {
				return fhir.Resource{}, err
			}
			return result.Made[0].Resource, nil
		}
	}
	for _, c := range []struct {
		name string
		make func() (fhir.Resource, error)
	}{
		{"map", byMap(m.ApplyUnchecked)},
		{"hand", func() (fhir.Resource, error) { return handWritten(in.Body) }},
		{"map+validation", byMap(m.Apply)},
		{"map+validation+profiles", byMap(judged.Apply)},
		{"hand+validation", func() (fhir.Resource, error) {
			r, err := handWritten(in.Body)
			if issues := fhir.Errors(fhir.Validate(r)); len(issues) > 0 {
				b.Fatal(issues)
			}
			return r, err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			out, start := 0, processorTime(b)
			for b.Loop() {
				r, err := c.make()
				if err != nil {
					b.Fatal(err)
				}
				out = len(r.Body)
			}
			b.ReportMetric(float64(b.N)/(processorTime(b)-start).Seconds(), "records/cpu-s")
			b.ReportMetric(float64(len(in.Body)), "B-in")
			b.ReportMetric(float64(out), "B-out")
		})
		b.Run(c.name+"/all cores", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := c.make(); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// TestMappingIsCheap guards what the speed comes from, where time cannot be measured: a
// record of a hundred elements, mapped and validated, takes fewer allocations than elements
// (twice as many are let pass, since the race detector drops what is kept for the next record).
func TestMappingIsCheap(t *testing.T) {
	m := load(t, benchMap, "maalstatus.csv", benchGoals, "tiltakstatus.csv", benchMeasures)
	in := input(string(benchRecord()))
	result, err := m.Apply(in)
	if err != nil {
		t.Fatal(err)
	}
	elements := len(result.Made[0].Lineage)
	if got := testing.AllocsPerRun(50, func() { _, err = m.Apply(in) }); int(got) > 2*elements || err != nil {
		t.Errorf("%v allocations for %d elements (%v)", got, elements, err)
	}
}

// TestHandWrittenAgrees keeps the comparison honest: both make the same resource.
func TestHandWrittenAgrees(t *testing.T) {
	m := load(t, benchMap, "maalstatus.csv", benchGoals, "tiltakstatus.csv", benchMeasures)
	result, err := m.Apply(input(string(benchRecord())))
	if err != nil {
		t.Fatal(err)
	}
	hand, err := handWritten(benchRecord())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := canonical(t, result.Made[0].Resource.Body), canonical(t, hand.Body); got != want {
		t.Errorf("map  %s\nhand %s", got, want)
	}
}

func canonical(t *testing.T, body []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	return marshal(v)
}

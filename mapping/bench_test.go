package mapping_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"samsyn/fhir"
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

// The record as hand-written Go reads it.
type benchPlan struct {
	Saksnummer  string   `json:"saksnummer"`
	Beskrivelse string   `json:"beskrivelse"`
	GjelderFra  string   `json:"gjelderFra"`
	GjelderTil  string   `json:"gjelderTil"`
	Opprettet   string   `json:"opprettet"`
	Barn        benchKid `json:"barn"`
	Maal        []struct {
		Nr      int    `json:"nr"`
		Tekst   string `json:"tekst"`
		Status  string `json:"status"`
		Fra     string `json:"fra"`
		Merknad string `json:"merknad,omitempty"`
	} `json:"maal"`
	Tiltak []struct {
		Hva       string `json:"hva"`
		Kode      string `json:"kode"`
		Status    string `json:"status"`
		Fra       string `json:"fra"`
		Til       string `json:"til"`
		Ansvarlig string `json:"ansvarlig"`
		Maal      []int  `json:"maal"`
	} `json:"tiltak"`
	Deltakere []struct {
		Navn       string `json:"navn"`
		Rolle      string `json:"rolle"`
		HPR        string `json:"hpr"`
		Virksomhet string `json:"virksomhet"`
	} `json:"deltakere"`
}

type benchKid struct {
	ID   string `json:"id"`
	Fnr  string `json:"fnr"`
	Fodt string `json:"fodt"`
	Navn string `json:"navn"`
}

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

func BenchmarkApply(b *testing.B) {
	m := load(b, benchMap, "maalstatus.csv", benchGoals, "tiltakstatus.csv", benchMeasures)
	in := input(string(benchRecord()))
	b.ReportAllocs()
	out := 0
	for b.Loop() {
		result, err := m.Apply(in)
		if err != nil {
			b.Fatal(err)
		}
		out = len(result.Made[0].Resource.Body)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(len(in.Body)), "B-in")
	b.ReportMetric(float64(out), "B-out")
}

// BenchmarkHandWritten is the same mapping in Go: decode, build, encode; with and
// without the validation that Apply does as well.
func BenchmarkHandWritten(b *testing.B) {
	for _, validate := range []bool{false, true} {
		b.Run(fmt.Sprintf("validate=%t", validate), func(b *testing.B) {
			body := benchRecord()
			b.ReportAllocs()
			for b.Loop() {
				r, err := handWritten(body)
				if err != nil {
					b.Fatal(err)
				}
				if validate {
					if issues := fhir.Errors(fhir.Validate(r)); len(issues) > 0 {
						b.Fatal(issues)
					}
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
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

type obj = map[string]any

func handWritten(body []byte) (fhir.Resource, error) {
	var in benchPlan
	if err := json.Unmarshal(body, &in); err != nil {
		return fhir.Resource{}, err
	}
	day := func(s string) string {
		d, err := time.Parse("02.01.2006", s)
		if err != nil {
			return ""
		}
		return d.Format("2006-01-02")
	}
	hash := func(kind, key string) string {
		h := hmac.New(sha256.New, demoKey)
		h.Write([]byte("kilde\x00" + kind + "\x00" + key))
		return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)))[:26]
	}
	goalStatus := map[string]string{"aktivt": "active", "nådd": "completed"}
	measureStatus := map[string]string{"ikke startet": "not-started", "pågår": "in-progress", "ferdig": "completed"}
	subject := obj{"reference": "Patient/" + hash("subject", in.Barn.ID)}
	var participants, goals, activities []any
	for _, d := range in.Deltakere {
		participants = append(participants, obj{
			"role":       []any{obj{"coding": []any{obj{"system": fhir.SystemRole, "code": d.Rolle, "display": fhir.RoleDisplay(d.Rolle)}}}},
			"member":     obj{"type": "Practitioner", "display": d.Navn, "identifier": obj{"system": fhir.SystemHPR, "value": d.HPR}},
			"onBehalfOf": obj{"display": d.Virksomhet},
		})
	}
	contained := []any{obj{"resourceType": "CareTeam", "id": "team", "status": "active", "participant": participants}}
	for _, m := range in.Maal {
		goal := obj{"resourceType": "Goal", "id": fmt.Sprint("maal-", m.Nr), "lifecycleStatus": goalStatus[m.Status],
			"description": obj{"text": m.Tekst}, "subject": subject, "startDate": day(m.Fra)}
		if m.Merknad != "" {
			goal["note"] = []any{obj{"text": m.Merknad}}
		}
		contained = append(contained, goal)
		goals = append(goals, obj{"reference": fmt.Sprint("#maal-", m.Nr)})
	}
	for _, t := range in.Tiltak {
		var refs []any
		for _, n := range t.Maal {
			refs = append(refs, obj{"reference": fmt.Sprint("#maal-", n)})
		}
		activities = append(activities, obj{"detail": obj{
			"status": measureStatus[t.Status], "description": t.Hva,
			"code":            obj{"coding": []any{obj{"system": "urn:oid:2.16.578.1.12.4.1.1.9151", "code": t.Kode}}},
			"scheduledPeriod": obj{"start": day(t.Fra), "end": day(t.Til)},
			"performer":       []any{obj{"display": t.Ansvarlig}}, "goal": refs,
		}})
	}
	created, err := time.ParseInLocation("2006-01-02T15:04:05", in.Opprettet, time.FixedZone("CET", 3600))
	if err != nil {
		return fhir.Resource{}, err
	}
	id := hash("plan", in.Saksnummer)
	out, err := json.Marshal(obj{
		"resourceType": "CarePlan", "id": id, "identifier": []any{obj{"system": "urn:sak", "value": in.Saksnummer}}, "status": "active", "intent": "plan",
		"category":    []any{obj{"coding": []any{obj{"system": "urn:samsyn:plantype", "code": "individuell-plan", "display": "Individuell plan"}}}},
		"title":       "Individuell plan " + in.Saksnummer,
		"description": in.Beskrivelse, "subject": subject, "period": obj{"start": day(in.GjelderFra), "end": day(in.GjelderTil)},
		"created": created.Format(time.RFC3339), "contained": contained, "careTeam": []any{obj{"reference": "#team"}}, "goal": goals, "activity": activities,
	})
	return fhir.Resource{Type: "CarePlan", ID: id, Body: out}, err
}

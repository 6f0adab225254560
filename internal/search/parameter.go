package search

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"samsyn/fhir"
	"samsyn/fhir/fhirpath"
	"samsyn/internal/care"
)

// kind is what a parameter compares: https://hl7.org/fhir/R4/search.html#ptypes
type kind int

const (
	token kind = iota
	date
	reference
	identity // _id
)

type parameter struct {
	name string
	kind kind
	expr *fhirpath.Expression
	// typ and target limit an include to one type that refers and one that is referred to.
	typ, target string
}

// table is every parameter that is offered. The expressions are those of the R4
// definitions, without resolve(): what a reference points to is not looked up.
// Names of people are not searched: who is looked for by name is not in one's care.
var table = map[string][]struct {
	name string
	kind kind
	expr string
}{
	"Patient":       {{"birthdate", date, "birthDate"}},
	"RelatedPerson": {{"identifier", token, "identifier"}, {"relationship", token, "relationship"}},
	"Practitioner":  {{"identifier", token, "identifier"}},
	"PractitionerRole": {{"identifier", token, "identifier"}, {"role", token, "code"}, {"date", date, "period"}, {"practitioner", reference, "practitioner"},
		{"organization", reference, "organization"}},
	"Organization":      {{"identifier", token, "identifier"}, {"type", token, "type"}, {"partof", reference, "partOf"}},
	"HealthcareService": {{"identifier", token, "identifier"}, {"service-type", token, "type"}, {"organization", reference, "providedBy"}},
	"Location":          {{"identifier", token, "identifier"}, {"type", token, "type"}, {"status", token, "status"}},
	"EpisodeOfCare": {{"identifier", token, "identifier"}, {"status", token, "status"}, {"type", token, "type"}, {"date", date, "period"},
		{"organization", reference, "managingOrganization"}, {"care-manager", reference, "careManager"}, {"incoming-referral", reference, "referralRequest"}},
	"Encounter": {{"identifier", token, "identifier"}, {"status", token, "status"}, {"class", token, "class"}, {"type", token, "type"}, {"date", date, "period"},
		{"participant", reference, "participant.individual"}, {"service-provider", reference, "serviceProvider"}, {"episode-of-care", reference, "episodeOfCare"},
		{"based-on", reference, "basedOn"}, {"appointment", reference, "appointment"}},
	"Appointment": {{"identifier", token, "identifier"}, {"status", token, "status"}, {"service-type", token, "serviceType"}, {"date", date, "start"},
		{"actor", reference, "participant.actor"}, {"based-on", reference, "basedOn"}},
	"ServiceRequest": {{"identifier", token, "identifier"}, {"status", token, "status"}, {"intent", token, "intent"}, {"category", token, "category"}, {"code", token, "code"},
		{"authored", date, "authoredOn"}, {"occurrence", date, "occurrence"}, {"requester", reference, "requester"}, {"performer", reference, "performer"}, {"based-on", reference, "basedOn"}},
	"CarePlan": {{"identifier", token, "identifier"}, {"status", token, "status"}, {"intent", token, "intent"}, {"category", token, "category"}, {"date", date, "period"},
		{"care-team", reference, "careTeam"}, {"goal", reference, "goal"}, {"based-on", reference, "basedOn"}, {"part-of", reference, "partOf"}, {"condition", reference, "addresses"}},
	"Goal": {{"identifier", token, "identifier"}, {"lifecycle-status", token, "lifecycleStatus"}, {"category", token, "category"}, {"start-date", date, "start"},
		{"target-date", date, "target.due"}},
	"CareTeam": {{"identifier", token, "identifier"}, {"status", token, "status"}, {"category", token, "category"}, {"date", date, "period"}, {"participant", reference, "participant.member"}},
	"Condition": {{"identifier", token, "identifier"}, {"code", token, "code"}, {"category", token, "category"}, {"clinical-status", token, "clinicalStatus"},
		{"recorded-date", date, "recordedDate"}, {"onset-date", date, "onset"}, {"encounter", reference, "encounter"}},
	"DocumentReference": {{"identifier", token, "identifier"}, {"status", token, "status"}, {"type", token, "type"}, {"category", token, "category"}, {"date", date, "date"},
		{"period", date, "context.period"}, {"related", reference, "context.related"}, {"author", reference, "author"}},
	"Observation": {{"identifier", token, "identifier"}, {"status", token, "status"}, {"code", token, "code"}, {"category", token, "category"}, {"date", date, "effective"}},
}

// parameters is table with its expressions compiled.
var parameters = func() map[string][]parameter {
	all := map[string][]parameter{}
	for typ, rows := range table {
		ps := []parameter{{name: "_id", kind: identity}, {name: "_lastUpdated", kind: date, expr: fhirpath.MustCompile("meta.lastUpdated")}}
		for _, r := range rows {
			ps = append(ps, parameter{name: r.name, kind: r.kind, expr: fhirpath.MustCompile(r.expr)})
		}
		all[typ] = ps
	}
	return all
}()

// Types gives the types that are searched, by name.
func Types() []string {
	var all []string
	for typ := range table {
		all = append(all, typ)
	}
	slices.Sort(all)
	return all
}

// Names gives the parameters of a type, without those that say how the answer is to be.
func Names(typ string) []string {
	all := []string{"patient"}
	for _, p := range parameters[typ] {
		all = append(all, p.name)
	}
	return all
}

// Kind gives a parameter's kind in FHIR's words, for the capability statement.
func Kind(typ, name string) string {
	p, ok := find(typ, name)
	switch {
	case !ok || p.kind == reference:
		return "reference"
	case p.kind == date:
		return "date"
	}
	return "token"
}

func find(typ, name string) (parameter, bool) {
	i := slices.IndexFunc(parameters[typ], func(p parameter) bool { return p.name == name })
	if i < 0 {
		return parameter{}, false
	}
	return parameters[typ][i], true
}

// prefixes of dates that are offered: https://hl7.org/fhir/R4/search.html#prefix
var prefixes = []string{"eq", "ne", "gt", "lt", "ge", "le"}

// check tells whether a value has the form that the kind wants.
func (k kind) check(v string) error {
	switch k {
	case date:
		_, text := prefix(v)
		if _, err := fhir.ParseDate(text, time.UTC); err != nil {
			return fmt.Errorf("a date is wanted, with one of %s before it or nothing: %w", strings.Join(prefixes, ", "), care.ErrInvalid)
		}
	case token:
		if v == "" || v == "|" || strings.Count(v, "|") > 1 {
			return fmt.Errorf("code, system|code, |code or system| is wanted: %w", care.ErrInvalid)
		}
		system, _, _ := strings.Cut(v, "|")
		if fhir.IsNational(system) {
			return fmt.Errorf("national numbers are not searched here: %w", care.ErrInvalid)
		}
	case reference:
		if typ, id, ok := fhir.SplitReference(v); (!ok || typ == "" || id == "") && strings.Contains(v, "/") || v == "" {
			return fmt.Errorf("a reference Type/id is wanted: %w", care.ErrInvalid)
		}
	case identity:
		if v == "" {
			return fmt.Errorf("an id is wanted: %w", care.ErrInvalid)
		}
	}
	return nil
}

func prefix(v string) (op, rest string) {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(v, p); ok {
			return p, rest
		}
	}
	return "eq", v
}

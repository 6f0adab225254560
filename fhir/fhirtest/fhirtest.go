// Package fhirtest owns what tests need to speak of FHIR resources shortly: small
// builders of valid resources, edits by path, and a difference that a person can read.
// It is imported by tests only and knows no source and no store.
package fhirtest

import (
	"strconv"
	"strings"
	"testing"

	"samsyn/fhir"
)

// Parse reads JSON that the test knows to be a resource.
func Parse(t testing.TB, text string) fhir.Resource {
	t.Helper()
	r, err := fhir.Parse([]byte(text))
	if err != nil {
		t.Fatalf("fhirtest: %v", err)
	}
	return r
}

// Edit changes one place of a resource.
type Edit func(m map[string]any)

// Set puts a value at a path such as "activity.0.detail.status", making objects on the
// way. Lists are not made longer but by one: "name.0" on a Patient without names.
func Set(path string, value any) Edit {
	return func(m map[string]any) { set(m, strings.Split(path, "."), value) }
}

// Drop takes away what stands at a path.
func Drop(path string) Edit {
	return func(m map[string]any) { set(m, strings.Split(path, "."), nil, true) }
}

// set gives the container back, since a list may have grown.
func set(in any, path []string, value any, drop ...bool) any {
	key := path[0]
	if i, err := strconv.Atoi(key); err == nil {
		l, _ := in.([]any)
		if i > len(l) {
			panic("fhirtest: no element " + key + " to set")
		}
		if i == len(l) {
			l = append(l, nil)
		}
		switch {
		case len(path) > 1:
			l[i] = set(l[i], path[1:], value, drop...)
		case len(drop) > 0:
			return append(l[:i], l[i+1:]...)
		default:
			l[i] = value
		}
		return l
	}
	m, _ := in.(map[string]any)
	if m == nil {
		m = map[string]any{}
	}
	switch {
	case len(path) > 1:
		m[key] = set(m[key], path[1:], value, drop...)
	case len(drop) > 0:
		delete(m, key)
	default:
		m[key] = value
	}
	return m
}

// New makes a resource of a JSON object without resourceType and id, and edits it.
func New(t testing.TB, typ, id, body string, edits ...Edit) fhir.Resource {
	t.Helper()
	m, err := fhir.Decode(fhir.Resource{Type: typ, Body: []byte(body)})
	if err != nil {
		t.Fatalf("fhirtest: %v", err)
	}
	m["resourceType"] = typ
	if id != "" {
		m["id"] = id
	}
	for _, e := range edits {
		e(m)
	}
	r, err := fhir.Of(m)
	if err != nil {
		t.Fatalf("fhirtest: %v", err)
	}
	return r
}

// CarePlan makes a valid, active individual plan about Patient/p.
func CarePlan(t testing.TB, id string, edits ...Edit) fhir.Resource {
	t.Helper()
	return New(t, "CarePlan", id, `{"status":"active","intent":"plan","subject":{"reference":"Patient/p"},
		"category":[{"coding":[{"system":"`+fhir.SystemPlanType+`","code":"`+fhir.PlanIndividuell+`","display":"Individuell plan"}]}]}`, edits...)
}

// CareTeam makes a valid, active team around Patient/p.
func CareTeam(t testing.TB, id string, edits ...Edit) fhir.Resource {
	t.Helper()
	return New(t, "CareTeam", id, `{"status":"active","subject":{"reference":"Patient/p"}}`, edits...)
}

// Vedtak makes a valid, active vedtak about Patient/p.
func Vedtak(t testing.TB, id string, edits ...Edit) fhir.Resource {
	t.Helper()
	return New(t, "ServiceRequest", id, `{"status":"active","intent":"order","subject":{"reference":"Patient/p"},
		"category":[{"coding":[{"system":"`+fhir.SystemCategory+`","code":"`+fhir.CategoryVedtak+`"}]}]}`, edits...)
}

// Valid fails the test for each error, and passes over warnings.
func Valid(t testing.TB, r fhir.Resource) {
	t.Helper()
	for _, i := range fhir.Errors(fhir.Validate(r)) {
		t.Errorf("%s/%s: %s: %s (%s)", r.Type, r.ID, i.Path, i.Message, i.Rule)
	}
}

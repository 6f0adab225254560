package fhirpath

import (
	"strings"

	"samsyn/fhir/r4"
)

// fixedVariable gives the variables that FHIRPath and FHIR always have
// (N1 9; FHIR R4 fhirpath.html, "Variables").
func fixedVariable(name string) (func(*state) Collection, bool) {
	constant := func(v string) (func(*state) Collection, bool) {
		out := single(v)
		return func(*state) Collection { return out }, true
	}
	switch name {
	case "context":
		return func(s *state) Collection { return s.root }, true
	case "resource":
		return func(s *state) Collection { return ancestor(s.root, false) }, true
	case "rootResource":
		return func(s *state) Collection { return ancestor(s.root, true) }, true
	case "sct":
		return constant("http://snomed.info/sct")
	case "loinc":
		return constant("http://loinc.org")
	case "ucum":
		return constant(ucumSystem)
	}
	if id, ok := strings.CutPrefix(name, "vs-"); ok {
		return constant("http://hl7.org/fhir/ValueSet/" + id)
	}
	if id, ok := strings.CutPrefix(name, "ext-"); ok {
		return constant("http://hl7.org/fhir/StructureDefinition/" + id)
	}
	return nil, false
}

// ancestor finds the resource that an item stands in, or the outermost one; a
// plain root is its own.
func ancestor(in Collection, outermost bool) Collection {
	var found *Item
	last := &in[0]
	for it := &in[0]; it != nil; it = it.parent {
		last = it
		if it.model != nil && it.model.Kind == r4.Resource {
			if found = it; !outermost {
				break
			}
		}
	}
	if found == nil {
		found = last
	}
	return Collection{*found}
}

package fhir

import (
	"strings"

	models "github.com/samply/golang-fhir-models/fhir-models/fhir"
)

// Reference makes a literal reference, "Patient/x".
func Reference(typ, id string) models.Reference {
	ref := typ + "/" + id
	return models.Reference{Reference: &ref}
}

// DisplayReference names somebody who has no resource: only the display.
func DisplayReference(typ, display string) models.Reference {
	r := models.Reference{Display: &display}
	if typ != "" {
		r.Type = &typ
	}
	return r
}

// LogicalReference names somebody by identifier, with a display to read ("" for none).
func LogicalReference(typ, system, value, display string) models.Reference {
	r := DisplayReference(typ, display)
	if display == "" {
		r.Display = nil
	}
	id := Identifier(system, value)
	r.Identifier = &id
	return r
}

// SplitReference reads a literal reference: "Patient/x", "https://server/fhir/Patient/x",
// either with "/_history/n" after it. false for "#x", urn:uuid:…, and whatever names no
// resource type. https://hl7.org/fhir/R4/references.html#literal
func SplitReference(ref string) (typ, id string, ok bool) {
	if at := strings.Index(ref, "/_history/"); at >= 0 {
		ref = ref[:at]
	}
	slash := strings.LastIndexByte(ref, '/')
	if slash < 0 {
		return "", "", false
	}
	typ, id = ref[:slash], ref[slash+1:]
	if before := strings.LastIndexByte(typ, '/'); before >= 0 {
		typ = typ[before+1:]
	}
	if !isID(id) || !isResource(typ) {
		return "", "", false
	}
	return typ, id, true
}

// SameReference tells whether two references certainly mean the same: the same literal
// reference but for its version, or equivalent identifiers. Displays are not compared,
// since two people may share a name.
func SameReference(a, b models.Reference) bool {
	if a.Reference != nil && b.Reference != nil && *a.Reference != "" {
		return withoutVersion(*a.Reference) == withoutVersion(*b.Reference)
	}
	return a.Identifier != nil && b.Identifier != nil && EquivalentIdentifiers(*a.Identifier, *b.Identifier)
}

func withoutVersion(ref string) string {
	ref, _, _ = strings.Cut(ref, "/_history/")
	return ref
}

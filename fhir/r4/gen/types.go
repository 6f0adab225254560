package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

const (
	extRegex    = "http://hl7.org/fhir/StructureDefinition/regex"
	extFHIRType = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
	profileBase = "http://hl7.org/fhir/StructureDefinition/"
)

type structureDefinition struct {
	ResourceType, Name, Kind, Derivation, BaseDefinition string
	Abstract                                             bool
	Snapshot                                             struct{ Element []elementDefinition }
}

type elementDefinition struct {
	Path             string
	Min              int
	Max              string
	ContentReference string
	Type             []typeRef
	Binding          struct{ Strength, ValueSet string }
}

type typeRef struct {
	Code          string
	TargetProfile []string
	Extension     []struct{ URL, ValueURL, ValueString string }
}

// row is one type of the table: a datatype, a resource or a nested backbone.
type row struct {
	name, kind, base string
	pattern          string
	elements         []string // each one line without "E\t"
}

// writeTypes writes every type and gives the value sets that are required somewhere.
// Inherited elements are left out unless the type narrows them (xhtml allows no
// extension): the reader puts the base's first, which is where the definitions have
// them (checked here).
func writeTypes(b *bytes.Buffer, entries []entry) (map[string]bool, error) {
	bindings := map[string]bool{}
	var rows []*row
	whole := map[string][]string{} // a type's direct elements, inherited included
	for _, e := range entries {
		var sd structureDefinition
		if err := json.Unmarshal(e.Resource, &sd); err != nil {
			return nil, fmt.Errorf("decode a definition: %w", err)
		}
		if sd.ResourceType != "StructureDefinition" || sd.Derivation == "constraint" || sd.Kind == "logical" {
			continue
		}
		made, err := rowsOf(sd, bindings)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sd.Name, err)
		}
		for _, r := range made {
			whole[r.name] = r.elements
		}
		rows = append(rows, made...)
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].name < rows[j].name })
	for _, r := range rows {
		inherited := whole[r.base]
		if len(inherited) > len(r.elements) {
			return nil, fmt.Errorf("%s has fewer elements than its base %s", r.name, r.base)
		}
		fmt.Fprintf(b, "T\t%s\t%s\t%s\n", r.name, r.kind, r.base)
		if r.pattern != "" {
			fmt.Fprintf(b, "P\t%s\n", r.pattern)
		}
		for i, e := range r.elements {
			if i < len(inherited) {
				if e == inherited[i] {
					continue
				}
				if nameOf(e) != nameOf(inherited[i]) {
					return nil, fmt.Errorf("%s reorders what it inherits from %s", r.name, r.base)
				}
			}
			fmt.Fprintf(b, "E\t%s\n", e)
		}
	}
	return bindings, nil
}

// rowsOf gives the definition's own row first and then one for each nested element.
func rowsOf(sd structureDefinition, bindings map[string]bool) ([]*row, error) {
	top := &row{name: sd.Name, kind: kindOf(sd), base: strings.TrimPrefix(sd.BaseDefinition, profileBase)}
	rows, byName := []*row{top}, map[string]*row{sd.Name: top}
	for _, e := range sd.Snapshot.Element[1:] {
		dot := strings.LastIndexByte(e.Path, '.')
		parent, name := byName[e.Path[:dot]], e.Path[dot+1:]
		if parent == nil {
			return nil, fmt.Errorf("%s has no parent", e.Path)
		}
		if parent.kind == "P" && name == "value" { // the primitive's own value; only its rule is kept
			for _, x := range e.Type[0].Extension {
				if x.URL == extRegex {
					parent.pattern = x.ValueString
				}
			}
			continue
		}
		types, targets := typesOf(sd, e)
		if len(types) == 1 && (types[0] == "BackboneElement" || types[0] == "Element") {
			nested := &row{name: e.Path, kind: "B", base: types[0], elements: nil}
			rows, byName[e.Path] = append(rows, nested), nested
			types = []string{e.Path}
		}
		binding := ""
		if e.Binding.Strength == "required" && e.Binding.ValueSet != "" {
			binding, _, _ = strings.Cut(e.Binding.ValueSet, "|")
			bindings[binding] = true
		}
		maximum := e.Max
		if maximum != "*" {
			if _, err := strconv.Atoi(maximum); err != nil {
				return nil, fmt.Errorf("%s: max %q", e.Path, maximum)
			}
		}
		parent.elements = append(parent.elements, strings.Join([]string{
			name, strconv.Itoa(e.Min), maximum, strings.Join(types, ","), strings.Join(targets, ","), binding}, "\t"))
	}
	return rows, nil
}

func kindOf(sd structureDefinition) string {
	switch {
	case sd.Abstract:
		return "A"
	case sd.Kind == "primitive-type":
		return "P"
	case sd.Kind == "resource":
		return "R"
	}
	return "C"
}

// typesOf gives an element's type names and the resources a Reference may name (none:
// any). Where the definitions name a FHIRPath type, the FHIR type stands in an extension.
func typesOf(sd structureDefinition, e elementDefinition) (types, targets []string) {
	if e.ContentReference != "" {
		return []string{strings.TrimPrefix(e.ContentReference, "#")}, nil
	}
	for _, t := range e.Type {
		code := strings.ToLower(strings.TrimPrefix(t.Code, "http://hl7.org/fhirpath/System."))
		if code == strings.ToLower(t.Code) {
			code = t.Code
		}
		for _, x := range t.Extension {
			if x.URL == extFHIRType {
				code = x.ValueURL
			}
		}
		// The definitions say "string" of Resource.id although its page says id.
		if sd.Kind == "resource" && e.Path == sd.Name+".id" {
			code = "id"
		}
		types = append(types, code)
		if code != "Reference" {
			continue
		}
		for _, p := range t.TargetProfile {
			targets = append(targets, strings.TrimPrefix(p, profileBase))
		}
	}
	for _, t := range targets {
		if t == "Resource" {
			return types, nil
		}
	}
	return types, targets
}

func nameOf(line string) string {
	name, _, _ := strings.Cut(line, "\t")
	return name
}

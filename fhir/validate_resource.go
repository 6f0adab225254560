package fhir

import (
	"strings"

	"samsyn/fhir/r4"
)

// resource checks a resource: the outermost one, one in a Bundle or Parameters (role ""),
// or one that is contained (role "contained", in r).
func (v *validator) resource(m map[string]any, at *node, role string, r *root) {
	name, _ := m["resourceType"].(string)
	rule := v.table.types[name]
	if rule == nil || !rule.resource {
		if at == nil {
			at = &node{nil, "Resource", -1}
		}
		v.report(Error, at, RuleResource, "its resourceType is missing or not one of R4's")
		return
	}
	if role == "contained" {
		v.object(m, rule, at, r)
		return
	}
	if at == nil {
		at = &node{nil, name, -1}
	}
	own := &root{body: m, local: map[string]bool{}}
	contained, _ := m["contained"].([]any)
	if len(contained) > 0 {
		own.contained = make(map[string]string, len(contained))
		for _, c := range contained {
			if c, ok := c.(map[string]any); ok {
				if id, ok := c["id"].(string); ok {
					own.contained[id], _ = c["resourceType"].(string)
				}
			}
		}
	}
	v.object(m, rule, at, own)
	v.containedRules(contained, at, own)
}

// containedRules are dom-2 to dom-5: a contained resource contains nothing itself, is
// referred to (or refers to the one around it), and has no version or label of its own.
func (v *validator) containedRules(contained []any, at *node, r *root) {
	ids := map[string]bool{}
	for i, c := range contained {
		m, ok := c.(map[string]any)
		if !ok {
			continue
		}
		here := &node{at.child("contained"), "", i}
		if has(m, "contained") {
			v.report(Error, here, "dom-2", "a contained resource may not contain another")
		}
		id, _ := m["id"].(string)
		if id != "" && ids[id] {
			v.report(Error, here, "dom-3", "two contained resources have the same id")
		}
		ids[id] = true
		if !r.local["#"+id] && !refersToContainer(m) {
			v.report(Error, here, "dom-3", "a contained resource must be referred to from the resource around it")
		}
		meta, _ := m["meta"].(map[string]any)
		if has(meta, "versionId") || has(meta, "lastUpdated") {
			v.report(Error, here, "dom-4", "a contained resource has no version or date of its own")
		}
		if has(meta, "security") {
			v.report(Error, here, "dom-5", "a contained resource has no security labels of its own")
		}
	}
}

func refersToContainer(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		if value["reference"] == "#" {
			return true
		}
		for _, child := range value {
			if refersToContainer(child) {
				return true
			}
		}
	case []any:
		for _, child := range value {
			if refersToContainer(child) {
				return true
			}
		}
	}
	return false
}

// target checks a Reference: that "#x" leads somewhere, that its parts agree, and that
// the element allows the type it names. (Reference.type itself has no required binding.)
func (v *validator) target(m map[string]any, e *r4.Element, at *node, r *root) {
	named, _ := m["type"].(string)
	if !isResource(named) { // a logical model's URL, or a fault that is not ours to tell
		named = ""
	}
	pointed := ""
	switch ref, _ := m["reference"].(string); {
	case ref == "":
	case ref == "#":
		pointed, _ = r.body["resourceType"].(string)
	case ref[0] == '#':
		typ, ok := r.contained[ref[1:]]
		if !ok {
			v.report(Error, at, "ref-1", "it refers to a contained resource that is not there")
		}
		pointed = typ
	default:
		if typ, _, ok := SplitReference(ref); ok {
			pointed = typ
		} else if head, _, _ := strings.Cut(ref, "/"); !strings.ContainsAny(ref, ":") && head != ref && isResource(head) {
			v.report(Error, at, RuleReference, "a relative reference is Type/id")
		}
	}
	if named != "" && pointed != "" && named != pointed {
		v.report(Error, at, RuleReference, "its type and its reference name different resources")
	}
	if len(e.Targets) == 0 {
		return
	}
	typ := pointed
	if typ == "" {
		typ = named
	}
	if typ == "" {
		return
	}
	for _, t := range e.Targets {
		if t == typ {
			return
		}
	}
	v.report(Error, at, RuleTarget, "a reference here may not be to "+typ+", only to "+strings.Join(e.Targets, ", "))
}

// boundCode checks a code against a required binding.
func (v *validator) boundCode(code, valueSet string, at *node) {
	if in, known := r4.HasCode(valueSet, code); known && !in {
		v.report(Error, at, RuleBinding, "the code "+shown(code)+" is not in the required value set "+lastSegment(valueSet))
	}
}

// boundConcept checks a CodeableConcept against a required binding (R4 has them on codes
// and concepts only): one of its codings must be in the value set.
func (v *validator) boundConcept(m map[string]any, f *fieldRule, at *node) {
	codings := list(m, "coding")
	if len(codings) == 0 {
		if _, known := r4.HasCode(f.element.Binding, ""); known && !has(m, "extension") {
			v.report(Error, at, RuleBinding, "it needs a code of the required value set "+lastSegment(f.element.Binding))
		}
		return
	}
	for _, c := range codings {
		c, _ := c.(map[string]any)
		code, _ := c["code"].(string)
		system, hasSystem := c["system"].(string)
		in, known := r4.HasCoding(f.element.Binding, system, code)
		if !hasSystem {
			in, known = r4.HasCode(f.element.Binding, code)
		}
		if in || !known {
			return
		}
	}
	v.report(Error, at, RuleBinding, "none of its codes is in the required value set "+lastSegment(f.element.Binding))
}

func lastSegment(url string) string { return url[strings.LastIndexByte(url, '/')+1:] }

func has(m map[string]any, key string) bool {
	_, ok := m[key]
	return ok
}

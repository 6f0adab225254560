package fhirpath

import (
	"strings"

	"samsyn/fhir/r4"
)

// fhirFunctions: what FHIR R4 adds (http://hl7.org/fhir/R4/fhirpath.html).
func fhirFunctions() []Function {
	return []Function{
		{
			Name: "extension", Spec: "FHIR R4",
			Doc:     "The extensions with the URL.",
			Example: "1.extension('http://example.org').empty()",
			MinArgs: 1, MaxArgs: 1, gives: givesExtension,
			Call: extension,
		},
		{
			Name: "hasValue", Spec: "FHIR R4",
			Doc:     "True for one primitive that has a value.",
			Example: "'a'.hasValue()",
			Call: func(c *Call) (Collection, error) {
				return boolean(len(c.in) == 1 && primitive(&c.in[0])), nil
			},
		},
		{
			Name: "getValue", Spec: "FHIR R4",
			Doc:     "The value of one primitive, as FHIRPath's own type.",
			Example: "'a'.getValue() = 'a'",
			Call: func(c *Call) (Collection, error) {
				if len(c.in) != 1 || !primitive(&c.in[0]) {
					return nil, nil
				}
				return single(c.in[0].system()), nil
			},
		},
		{
			Name: "resolve", Spec: "FHIR R4",
			Doc:     "The resources that references or URIs name: contained ones, or what Env.Resolve knows.",
			Example: "'Patient/1'.resolve().empty()",
			Call:    resolve,
		},
		{
			Name: "memberOf", Spec: "FHIR R4",
			Doc:     "True when the code is in the value set; empty when R4's own tables do not hold it.",
			Example: "'male'.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')",
			MinArgs: 1, MaxArgs: 1,
			Call: memberOf,
		},
		{
			Name: "conformsTo", Spec: "FHIR R4",
			Doc:     "True when the item has the type that R4's own profile of this URL describes; other profiles are an error.",
			Example: "1.conformsTo('http://hl7.org/fhir/StructureDefinition/Patient') = false",
			MinArgs: 1, MaxArgs: 1,
			Call: conformsTo,
		},
		{
			Name: "htmlChecks", Spec: "FHIR R4",
			Doc:     "True when a narrative keeps FHIR's rules for XHTML (txt-1, txt-2).",
			Example: "'<div xmlns=\"http://www.w3.org/1999/xhtml\">Hei</div>'.htmlChecks()",
			Call:    htmlChecks,
		},
		{
			Name: "elementDefinition", Spec: "FHIR R4",
			Doc:     "Not supported: always empty.",
			Example: "1.elementDefinition().empty()",
			Call:    nothing,
		},
	}
}

func nothing(*Call) (Collection, error) { return nil, nil }

func primitive(it *Item) bool {
	switch it.value.(type) {
	case nil, map[string]any, *Node:
		return false
	}
	return true
}

func extension(c *Call) (Collection, error) {
	url, given, err := c.Text(0)
	if err != nil || !given {
		return nil, err
	}
	var found, out Collection
	for i := range c.in {
		if found, err = appendField(c.s, found, &c.in[i], "extension", false); err != nil {
			return nil, err
		}
	}
	for i := range found {
		if m, ok := found[i].Value().(map[string]any); ok && m["url"] == url {
			out = append(out, found[i])
		}
	}
	return out, nil
}

// resolve reads references (objects, or texts that are URIs). What cannot be
// found is left out.
func resolve(c *Call) (Collection, error) {
	var out Collection
	for i := range c.in {
		if err := c.s.spend(1); err != nil {
			return nil, err
		}
		var ref string
		switch v := c.in[i].Value().(type) {
		case string:
			ref = v
		case map[string]any:
			ref, _ = v["reference"].(string)
		}
		if ref == "" {
			continue
		}
		if strings.HasPrefix(ref, "#") {
			var err error
			if out, err = appendContained(c.s, out, &c.in[i], ref[1:]); err != nil {
				return nil, err
			}
			continue
		}
		if c.s.env.Resolve != nil {
			if it, ok := c.s.env.Resolve(ref); ok {
				out = append(out, it)
			}
		}
	}
	return out, nil
}

// appendContained finds a contained resource in the outermost resource that the
// reference stands in; "#" alone is that resource.
func appendContained(s *state, out Collection, from *Item, id string) (Collection, error) {
	holder := from
	for holder.parent != nil && (holder.model == nil || holder.model.Kind != r4.Resource || holder.name == "contained") {
		holder = holder.parent
	}
	if id == "" {
		return append(out, *holder), nil
	}
	all, err := appendField(s, nil, holder, "contained", false)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if m, ok := all[i].Value().(map[string]any); ok && m["id"] == id {
			out = append(out, all[i])
		}
	}
	return out, nil
}

func memberOf(c *Call) (Collection, error) {
	set, given, err := c.Text(0)
	if err != nil || !given || len(c.in) == 0 {
		return nil, err
	}
	if len(c.in) > 1 {
		return nil, ErrSingle
	}
	set, _, _ = strings.Cut(set, "|")
	switch v := c.in[0].Value().(type) {
	case string:
		in, known := r4.HasCode(set, v)
		if !known {
			return nil, nil
		}
		return boolean(in), nil
	case map[string]any:
		return codingMember(set, v)
	}
	return nil, ErrType
}

// codingMember takes a Coding, or a CodeableConcept of which one coding is enough.
func codingMember(set string, v map[string]any) (Collection, error) {
	codings, isConcept := v["coding"].([]any)
	if !isConcept {
		codings = []any{v}
	}
	result := false
	for _, entry := range codings {
		coding, _ := entry.(map[string]any)
		code, _ := coding["code"].(string)
		system, _ := coding["system"].(string)
		in, known := r4.HasCoding(set, system, code)
		if !known {
			return nil, nil
		}
		result = result || in
	}
	return boolean(result), nil
}

func conformsTo(c *Call) (Collection, error) {
	url, given, err := c.Text(0)
	if err != nil || !given || len(c.in) == 0 {
		return nil, err
	}
	if len(c.in) > 1 {
		return nil, ErrSingle
	}
	name, ok := strings.CutPrefix(url, "http://hl7.org/fhir/StructureDefinition/")
	if _, known := r4.Lookup(name); !ok || !known {
		return nil, ErrArgument
	}
	return boolean(c.in[0].model != nil && r4.IsA(c.in[0].model.Name, name)), nil
}

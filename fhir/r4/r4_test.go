package r4_test

import (
	"fmt"
	"testing"

	"samsyn/fhir/r4"
)

func TestElement(t *testing.T) {
	for _, c := range []struct {
		typ, key     string
		name, valueT string
		list         bool
	}{
		{"CarePlan", "activity", "activity", "CarePlan.activity", true},
		{"CarePlan", "id", "id", "id", false},
		{"CarePlan", "contained", "contained", "Resource", true},
		{"CarePlan.activity", "detail", "detail", "CarePlan.activity.detail", false},
		{"CarePlan.activity.detail", "scheduledPeriod", "scheduled", "Period", false},
		{"CarePlan.activity.detail", "scheduled", "scheduled", "", false},
		{"Observation", "valueString", "value", "string", false},
		{"Observation", "valueCodeableConcept", "value", "CodeableConcept", false},
		{"Observation.component", "referenceRange", "referenceRange", "Observation.referenceRange", true},
		{"Bundle.entry", "link", "link", "Bundle.link", true},
		{"Extension", "valueUrl", "value", "url", false},
		{"Extension", "url", "url", "uri", false},
		{"Timing", "repeat", "repeat", "Timing.repeat", false},
		{"Narrative", "div", "div", "xhtml", false},
		{"Age", "value", "value", "decimal", false},
		{"code", "extension", "extension", "Extension", true},
	} {
		typ, ok := r4.Lookup(c.typ)
		if !ok {
			t.Errorf("no type %s", c.typ)
			continue
		}
		e, valueT, ok := typ.Element(c.key)
		if !ok || e.Name != c.name || valueT != c.valueT || e.List() != c.list {
			t.Errorf("%s.%s = %+v, %q, %v; want %s %s list %v", c.typ, c.key, e, valueT, ok, c.name, c.valueT, c.list)
		}
	}
	plan, _ := r4.Lookup("CarePlan")
	if _, _, ok := plan.Element("titel"); ok {
		t.Error("CarePlan has no titel")
	}
	if e, ok := plan.ByName("subject"); !ok || e.Min != 1 || fmt.Sprint(e.Targets) != "[Patient Group]" {
		t.Errorf("CarePlan.subject = %+v", e)
	}
}

func TestIsA(t *testing.T) {
	for _, c := range []struct {
		name, base string
		want       bool
	}{
		{"Patient", "DomainResource", true}, {"Patient", "Resource", true}, {"Bundle", "DomainResource", false},
		{"code", "string", true}, {"Age", "Quantity", true}, {"url", "uri", true}, {"Quantity", "Age", false},
		{"CarePlan.activity", "BackboneElement", true}, {"Timing.repeat", "BackboneElement", false},
		{"Timing.repeat", "Element", true}, {"Nothing", "Element", false},
	} {
		if got := r4.IsA(c.name, c.base); got != c.want {
			t.Errorf("IsA(%s, %s) = %v", c.name, c.base, got)
		}
	}
}

func TestHasCode(t *testing.T) {
	const vs = "http://hl7.org/fhir/ValueSet/"
	for _, c := range []struct {
		set, code string
		in, known bool
	}{
		{vs + "request-status", "active", true, true},
		{vs + "request-status", "Active", false, true},
		{vs + "all-types", "CarePlan", true, true},
		{vs + "resource-types", "CarePlan", true, true},
		{vs + "mimetypes", "text/plain", false, false},
		{"http://nowhere", "x", false, false},
	} {
		if in, known := r4.HasCode(c.set, c.code); in != c.in || known != c.known {
			t.Errorf("HasCode(%s, %s) = %v, %v", c.set, c.code, in, known)
		}
	}
	if in, _ := r4.HasCoding(vs+"request-status", "http://hl7.org/fhir/request-status", "active"); !in {
		t.Error("active is not found with its system")
	}
	if in, _ := r4.HasCoding(vs+"request-status", "urn:other", "active"); in {
		t.Error("active is found in another system")
	}
}

// Every name in the table leads somewhere.
func TestTableIsClosed(t *testing.T) {
	count := 0
	for _, k := range []r4.Kind{r4.Primitive, r4.Complex, r4.Backbone, r4.Resource, r4.Abstract} {
		for _, name := range r4.Names(k) {
			typ, _ := r4.Lookup(name)
			for i := range typ.Elements {
				e := &typ.Elements[i]
				count++
				for _, n := range append(e.Types[:len(e.Types):len(e.Types)], e.Targets...) {
					if _, ok := r4.Lookup(n); !ok {
						t.Errorf("%s.%s names the unknown type %s", name, e.Name, n)
					}
				}
				if !e.Choice && len(e.Types) != 1 {
					t.Errorf("%s.%s has %d types and is no choice", name, e.Name, len(e.Types))
				}
			}
		}
	}
	if n := len(r4.Names(r4.Resource)); n != 146 {
		t.Errorf("%d resources", n)
	}
	if count < 7000 {
		t.Errorf("only %d elements", count)
	}
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		typ, value string
		want       bool
	}{
		{"date", "2026-11", true}, {"date", "2026-13", false}, {"date", "x2026", false},
		{"dateTime", "2026-11-23T08:00:00+01:00", true}, {"dateTime", "2026-11-23T08:00:00", false},
		{"id", "a_b", false}, {"code", "a  b", false}, {"oid", "urn:oid:2.16.578", true},
	} {
		if got := r4.Pattern(c.typ).MatchString(c.value); got != c.want {
			t.Errorf("%s %q: %v", c.typ, c.value, got)
		}
	}
	if r4.Pattern("xhtml") != nil {
		t.Error("xhtml has a pattern")
	}
}

func ExampleLookup() {
	plan, _ := r4.Lookup("CarePlan")
	subject, typ, _ := plan.Element("subject")
	fmt.Println(typ, subject.Targets, subject.Min, subject.List())
	// Output: Reference [Patient Group] 1 false
}

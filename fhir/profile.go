package fhir

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"samsyn/fhir/fhirpath"
)

//go:embed profiles/*.yaml
var shippedProfiles embed.FS

// ShippedProfiles gives the guides that Samsyn is delivered with, for LoadProfiles: what
// HL7 Norway's base profiles, its draft guide for municipalities and Helsenorge's
// appointments ask for, as far as it is known.
func ShippedProfiles() fs.FS {
	sub, err := fs.Sub(shippedProfiles, "profiles")
	if err != nil { // only for a name that is no path
		panic(err)
	}
	return sub
}

// Profiles is what guides ask of resources beyond R4, compiled by type. It is immutable
// and may be used from many goroutines; nil asks for nothing.
type Profiles struct {
	byType map[string][]*profile
	files  map[string][]byte
}

// profile is what one guide asks of one type.
type profile struct {
	guide, url, typ string
	claimed         bool // only of resources that name it in meta.profile
	rules           []*profileRule
}

// profileRule is one rule of a profile. Exactly one kind of test is set, but for min and
// max, which go together.
type profileRule struct {
	name     string // "kommune:plan-category"
	path     elementPath
	severity Severity
	message  string
	when     *condition

	min, max  int // -1: not asked
	values    []string
	coding    *codingPattern
	codes     *codeList
	numbers   *numberRule
	oneOf     []elementPath
	invariant *fhirpath.Expression
}

// codingPattern is a coding that one of an element's values must have; no codes: any of
// the system.
type codingPattern struct {
	system string
	codes  []string
}

// codeList binds codings: those of the system must be in the list; only: others may not be.
type codeList struct {
	system string
	codes  map[string]bool
	only   bool
}

// numberRule says which identifier systems may stand in a place, and the form of a value.
type numberRule struct {
	allowed map[string]bool // canonical systems
	forms   map[string]func(string) bool
	only    bool // no other system at all; else only those that are known are judged
}

// condition is when a rule holds: that an element is there, has a value or a coding.
type condition struct {
	path   elementPath
	values []string
	coding *codingPattern
}

// Value is a piece of decoded JSON, as whoever validates holds it. A method asked of
// another kind of value answers with nothing.
type Value interface {
	Field(name string) Value // of an object; nil where there is none
	Len() int                // of a list; -1 for another kind
	At(i int) Value
	Text() string // a string; "" for another kind
	Plain() any   // as encoding/json decodes it
}

// Validate tells what the guides find wrong with a resource, in the order of guides and
// rules. Whether it is valid R4 is asked of the function Validate.
func (p *Profiles) Validate(r Resource) []Issue {
	if !p.Concern(r.Type) {
		return nil
	}
	m, err := Decode(r)
	if err != nil {
		return []Issue{{Error, r.Type, RuleResource, "it cannot be read as a JSON object"}}
	}
	return p.ValidateValue(r.Type, ValueOf(m))
}

// Concern tells whether any guide says something of a type.
func (p *Profiles) Concern(typ string) bool { return p != nil && len(p.byType[typ]) > 0 }

// ValidateValue is Validate for a resource of a type that is decoded already.
func (p *Profiles) ValidateValue(typ string, v Value) []Issue {
	if !p.Concern(typ) {
		return nil
	}
	c := profileCheck{}
	for _, one := range p.byType[typ] {
		if one.claimed && !claims(v, one.url) {
			continue
		}
		for _, rule := range one.rules {
			c.rule(rule, typ, v)
		}
	}
	return c.issues
}

// Files gives the files that the profiles were loaded from, by name, so that what they
// judged can be judged again.
func (p *Profiles) Files() map[string][]byte {
	if p == nil {
		return nil
	}
	return maps.Clone(p.files)
}

// Revision is a hash of the files: the same revision says the same of the same resource.
// It is "" without profiles.
func (p *Profiles) Revision() string {
	if p == nil || len(p.files) == 0 {
		return ""
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		fmt.Fprintf(h, "%s\x00%d\x00", name, len(p.files[name]))
		h.Write(p.files[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// ValueOf gives the Value of what Decode or encoding/json gave; nil for nil.
func ValueOf(v any) Value {
	if v == nil {
		return nil
	}
	return decoded{v}
}

type decoded struct{ v any }

func (d decoded) Field(name string) Value {
	m, _ := d.v.(map[string]any)
	return ValueOf(m[name])
}

func (d decoded) Len() int {
	if l, ok := d.v.([]any); ok {
		return len(l)
	}
	return -1
}

func (d decoded) At(i int) Value { return ValueOf(d.v.([]any)[i]) }

func (d decoded) Text() string { s, _ := d.v.(string); return s }

func (d decoded) Plain() any { return d.v }

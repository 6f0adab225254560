package fhir_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"samsyn/fhir"
	"samsyn/fhir/fhirtest"
	"samsyn/fhir/r4"
)

// The primitives' rules, written out for speed, agree with the specification's patterns:
// what a pattern refuses, we refuse; what we refuse beyond it is named here.
func TestPrimitivesKeepThePatterns(t *testing.T) {
	beyond := map[string]*regexp.Regexp{
		"code":   regexp.MustCompile(`[\x00-\x1f]`), // control characters
		"string": regexp.MustCompile(`[\x00-\x1f]`), "markdown": regexp.MustCompile(`[\x00-\x1f]`),
		"uri": regexp.MustCompile(`[\x00-\x1f]|^$`), "url": regexp.MustCompile(`[\x00-\x1f]|^$`), "canonical": regexp.MustCompile(`[\x00-\x1f]|^$`),
		"date": regexp.MustCompile(`-(29|30|31)`), "dateTime": regexp.MustCompile(`-(29|30|31)`), "instant": regexp.MustCompile(`-(29|30|31)`), // the calendar
	}
	seeds := []string{"2026", "2026-11", "2026-11-23", "2026-02-29", "2024-02-29", "0000", "0001-01-01", "2026-11-23T08:00:00Z",
		"2026-11-23T23:59:60.123+14:00", "2026-11-23T24:00:00Z", "2026-11-23T08:00:00-13:59", "08:00:00", "08:00:00.5", "08:00", "urn:oid:2.16.578",
		"urn:oid:3.1", "urn:oid:1", "urn:oid:1.01", "urn:uuid:79a14950-442c-11ed-b878-0242ac120002", "aGVp", "aGV pxx", "aGVp aGVp", "a b", "a  b", " a", "",
		"å", "a\tb", "a\nb", "x-1.B", "a_b", "1", "+1", "0"}
	for _, name := range r4.Names(r4.Primitive) {
		pattern := r4.Pattern(name)
		if pattern == nil || name == "boolean" || name == "integer" || name == "decimal" || name == "positiveInt" || name == "unsignedInt" {
			continue
		}
		check := func(t interface{ Errorf(string, ...any) }, s string) {
			want := pattern.MatchString(s)
			got := len(extensionIssues(name, s)) == 0
			if got && !want || !got && want && (beyond[name] == nil || !beyond[name].MatchString(s)) {
				t.Errorf("%s %q: valid %v, the pattern says %v", name, s, got, want)
			}
		}
		for _, s := range seeds {
			check(t, s)
		}
		rapid.Check(t, func(rt *rapid.T) {
			s := []rune(rapid.SampledFrom(seeds).Draw(rt, "seed"))
			if len(s) > 0 {
				at := rapid.IntRange(0, len(s)-1).Draw(rt, "at")
				s[at] = rapid.SampledFrom([]rune("0123456789-:.TZ+ aAfåu=/")).Draw(rt, "rune")
				s = s[:rapid.IntRange(at+1, len(s)).Draw(rt, "end")]
			}
			check(rt, string(s))
		})
	}
}

func TestNumbersKeepThePatterns(t *testing.T) {
	for _, name := range []string{"integer", "positiveInt", "unsignedInt", "decimal"} {
		for _, s := range []string{"0", "-0", "1", "-1", "1.0", "1.50", "1e3", "-0.5E-2", "2147483647", "-2147483648", "10"} {
			want := r4.Pattern(name).MatchString(s)
			if got := len(extensionIssues(name, json.Number(s))) == 0; got != want {
				t.Errorf("%s %s: valid %v, the pattern says %v", name, s, got, want)
			}
		}
		if name != "decimal" && len(extensionIssues(name, json.Number("2147483648"))) == 0 {
			t.Errorf("%s of 33 bits is taken", name)
		}
	}
}

// extensionIssues validates one primitive value, as the value of an extension.
func extensionIssues(primitive string, value any) []fhir.Issue {
	key := "value" + string(primitive[0]-'a'+'A') + primitive[1:]
	return fhir.Errors(fhir.ValidateMap(obj{"resourceType": "Basic", "code": obj{"text": "x"},
		"extension": []any{obj{"url": "urn:x", key: value}}}))
}

// What HL7's JSON Schema refuses of damaged resources, we refuse too.
func TestSchemaRefusesNothingThatWeTake(t *testing.T) {
	compiler := schemaCompiler(t)
	rounds := 150
	if n, err := strconv.Atoi(os.Getenv("SAMSYN_TEST_SIZE")); err == nil && n > 0 {
		rounds *= n
	}
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for _, in := range oracleInputs(t) {
		whole := decode(t, in)
		typ := whole["resourceType"].(string)
		schema, err := compiler.Compile("fhir.schema.json#/definitions/" + typ)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(whole); err != nil {
			t.Fatalf("the schema refuses the undamaged %s: %v", typ, err)
		}
		for range rounds {
			m := decode(t, in)
			where := damage(random, m)
			if schema.Validate(m) == nil {
				continue
			}
			refused++
			if len(fhir.Errors(fhir.ValidateMap(m))) == 0 {
				text, _ := json.Marshal(m)
				t.Errorf("we take what the schema refuses, damaged at %s: %s", where, text)
			}
		}
	}
	if refused < 4*rounds/2 {
		t.Errorf("only %d damaged resources were refused by the schema", refused)
	}
}

func oracleInputs(t *testing.T) []string {
	// The schema knows no null in a list of primitives, though FHIR's JSON does.
	patient := decode(t, fullPatient)
	fhirtest.Set("name.0.given", []any{"Ella"})(patient)
	fhirtest.Drop("name.0._given")(patient)
	text, err := json.Marshal(patient)
	if err != nil {
		t.Fatal(err)
	}
	inputs := []string{fullPlan, string(text), meeting}
	for _, name := range []string{"fhirpath-r4-suite/input/observation-example.json", "fhirpath-r4-suite/input/questionnaire-example.json",
		"helsenorge-timelosning/Appointment-AppointmentEksempelDIPS.json"} {
		b, err := os.ReadFile(filepath.Join(shared(t, "formats"), name))
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, string(b))
	}
	return inputs
}

func schemaCompiler(t *testing.T) *jsonschema.Compiler {
	z, err := zip.OpenReader(filepath.Join(shared(t, "formats", "fhir-r4"), "fhir.schema.json.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	f, err := z.Open("fhir.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	doc.(map[string]any)["id"], doc.(map[string]any)["$id"] = nil, nil
	delete(doc.(map[string]any), "id")
	delete(doc.(map[string]any), "$id")
	c := jsonschema.NewCompiler()
	if err := c.AddResource("fhir.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	return c
}

// damage changes one place somewhere in the tree and tells which.
func damage(random *rand.Rand, m map[string]any) string {
	type place struct {
		path  string
		apply func(change func(any) (any, bool))
	}
	var places []place
	var walk func(v any, path string, put func(any, bool))
	walk = func(v any, path string, put func(any, bool)) {
		places = append(places, place{path, func(change func(any) (any, bool)) { put(change(v)) }})
		switch v := v.(type) {
		case map[string]any:
			keys := make([]string, 0, len(v))
			for k := range v {
				keys = append(keys, k)
			}
			sort.Strings(keys)
			for _, k := range keys {
				walk(v[k], path+"."+k, func(value any, keep bool) {
					if v[k] = value; !keep {
						delete(v, k)
					}
				})
			}
		case []any:
			for i := range v {
				walk(v[i], path+"."+strconv.Itoa(i), func(value any, _ bool) { v[i] = value })
			}
		}
	}
	for k := range m {
		if k != "resourceType" {
			walk(m[k], k, func(value any, keep bool) {
				if m[k] = value; !keep {
					delete(m, k)
				}
			})
		}
	}
	sort.Slice(places, func(i, j int) bool { return places[i].path < places[j].path })
	chosen := places[random.IntN(len(places))]
	values := []any{nil, "", "x y", " ", "2026-13-45", "2026-11-23T10:00:00", true, json.Number("-1.5"), json.Number("0"), obj{}, []any{}, []any{nil}, obj{"x": "y"}}
	chosen.apply(func(v any) (any, bool) {
		switch random.IntN(5) {
		case 0:
			return nil, false
		case 1:
			return []any{v}, true
		case 2:
			if o, ok := v.(map[string]any); ok {
				o["unknown"] = "x"
				return o, true
			}
			return obj{"value": v}, true
		}
		return values[random.IntN(len(values))], true
	})
	return chosen.path
}

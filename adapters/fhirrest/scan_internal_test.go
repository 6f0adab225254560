package fhirrest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsyn/adapters"
)

// TestTheShortWayReadsAsTheStrictOne builds entries out of pieces that are nearly right,
// and many that are: what the short way is sure of is what jsonsafe says.
func TestTheShortWayReadsAsTheStrictOne(t *testing.T) {
	a := opened(t)
	sure, tried := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		raw := json.RawMessage(entryOf(t))
		at := place{"Goal, page 1", 1}
		r, f := a.record(raw, "Goal", at)
		whole, fault := a.strictly(raw, "Goal", at.String())
		if !reflect.DeepEqual(r, whole) || (f == nil) != (fault == nil) || f != nil && f.Error() != fault.Error() {
			t.Fatalf("%s\nshort:  %+v %v\nstrict: %+v %v", raw, r, f, whole, fault)
		}
		tried++
		if _, _, ok := scanEntry(raw); ok {
			sure++
		}
	})
	if tried >= 50 && (sure < tried/8 || sure == tried) {
		t.Errorf("the short way was sure of %d of %d entries: these try only one side", sure, tried)
	}
}

func opened(t testing.TB) *adapter {
	t.Helper()
	a, err := Config{Base: "http://fhir.example/r4", Types: []Type{{Type: "Goal"}}, MaxResource: 2000}.Open(adapters.Deps{HTTP: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	return a.(*adapter)
}

func entryOf(t *rapid.T) string {
	// A third of the entries are as usual, a third have an oddity here or there, a third many.
	odd := func(name string) bool { return false }
	if most := rapid.SampledFrom([]int{0, 40, 8}).Draw(t, "odd in"); most > 0 {
		odd = func(name string) bool { return rapid.Uint16().Draw(t, name+"?")%uint16(most) == 1 }
	}
	pick := func(name string, usual string, others ...string) string {
		if !odd(name) {
			return usual
		}
		return rapid.SampledFrom(append(others, usual)).Draw(t, name)
	}
	members := func(name string, all ...string) string {
		var some []string
		for _, m := range all {
			if !odd(name + m) {
				some = append(some, m)
			}
		}
		some = append(some, pick(name+" more", "", `"a":1`, `"ID":"x"`, `"META":{}`, `"Resource":{}`, `"k":1,"K":2`, "\"k\":1,\"\u212a\":2", `"\u0069d":"y"`, `"`+strings.Repeat("n", 70)+`":[]`, `"x":{"y":{"y":1}}`, `"x":{"y":1,"Y":1}`))
		return "{" + pick(name+" space", "", " ", "\n\t") + strings.Trim(strings.Join(some, pick(name+" comma", ",", " , ", ",,", ";")), ",") + "}"
	}
	text := func(name, usual string) string {
		return pick(name, `"`+usual+`"`, "1", "null", "{}", `""`, `"\u00e5"`, `"æ"`, `"\ud800"`, "\"\xff\"", "\"a\nb\"", `"14831460041"`, `"a b"`, `"`+usual)
	}
	meta := `"meta":` + pick("meta", members("meta", `"versionId":`+text("version", "3"), `"lastUpdated":`+text("updated", "2026-01-02T03:04:05Z")), "null", "[]", `"x"`)
	rest := pick("rest", `"note":[{"text":"a \"b\" \\ c"},{"n":-1.5e+3,"t":true,"f":false,"z":null}]`, `"n":01`, `"n":1.`, `"n":-`, `"n":tru`, `"n":[1,]`, `"n":"\x"`, `"issue":[]`, `"n":`+strings.Repeat("[", 62)+strings.Repeat("]", 62), `"n":`+strings.Repeat("[", 63)+strings.Repeat("]", 63), `"n":`+strings.Repeat(`{"a":`, 70)+"1"+strings.Repeat("}", 70), `"n":"`+strings.Repeat("x", 2000)+`"`)
	resource := members("resource", `"resourceType":`+text("type", pick("which", "Goal", "OperationOutcome", "Basic", "goal")), `"id":`+text("id", "g-1.A"), meta, rest)
	raw := members("entry", `"fullUrl":`+text("url", "http://x/Goal/1"), `"resource":`+pick("whole", resource, "null", "[]", ""), `"search":`+pick("search", `{"mode":"match"}`, `{"mode":1}`, `{}`, "null", `{"score":1}`),
		pick("request", "", `"request":{"method":"DELETE","url":"Goal/1"}`, `"response":{}`))
	return pick("outer", raw, raw+" ", raw+"x", " "+raw)
}

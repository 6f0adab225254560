package jsonsafe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"samsyn/internal/jsonsafe"
)

func TestWhatIsRefused(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	many := func(last string) string { // more keys than are compared one by one
		var b strings.Builder
		for i := range 40 {
			b.WriteString(`"k` + strings.Repeat("x", i) + `":1,`)
		}
		return "{" + b.String() + last + "}"
	}
	for _, c := range []struct {
		name, in string
		want     error
	}{
		{"object", `{"a":1,"b":[true,false,null,"x",-0.5e+3]}`, nil},
		{"text alone", ` "x" `, nil},
		{"empty", `{}`, nil},
		{"no value", ``, jsonsafe.ErrMalformed},
		{"blank", " \n", jsonsafe.ErrMalformed},
		{"after it", `{} x`, jsonsafe.ErrMalformed},
		{"two values", `{}{}`, jsonsafe.ErrMalformed},
		{"BOM", "\xef\xbb\xbf{}", jsonsafe.ErrMalformed},
		{"comma last", `[1,]`, jsonsafe.ErrMalformed},
		{"comma first", `[,1]`, jsonsafe.ErrMalformed},
		{"comma last in object", `{"a":1,}`, jsonsafe.ErrMalformed},
		{"no colon", `{"a" 1}`, jsonsafe.ErrMalformed},
		{"no quotes", `{a:1}`, jsonsafe.ErrMalformed},
		{"single quotes", `{'a':1}`, jsonsafe.ErrMalformed},
		{"comment", `{/*x*/"a":1}`, jsonsafe.ErrMalformed},
		{"NaN", `NaN`, jsonsafe.ErrMalformed},
		{"leading zero", `01`, jsonsafe.ErrMalformed},
		{"plus", `+1`, jsonsafe.ErrMalformed},
		{"hex", `0x1`, jsonsafe.ErrMalformed},
		{"point alone", `1.`, jsonsafe.ErrMalformed},
		{"exponent alone", `1e`, jsonsafe.ErrMalformed},
		{"minus alone", `-`, jsonsafe.ErrMalformed},
		{"open text", `"x`, jsonsafe.ErrMalformed},
		{"line break in text", "\"a\nb\"", jsonsafe.ErrMalformed},
		{"NUL in text", "\"a\x00\"", jsonsafe.ErrMalformed},
		{"bad escape", `"\x41"`, jsonsafe.ErrMalformed},
		{"short escape", `"\u12"`, jsonsafe.ErrMalformed},
		{"backslash last", `"\`, jsonsafe.ErrMalformed},
		{"high surrogate alone", `"\ud83d"`, jsonsafe.ErrSurrogate},
		{"low surrogate alone", `"\ude00"`, jsonsafe.ErrSurrogate},
		{"high, then text", `"\ud83d\u0041"`, jsonsafe.ErrSurrogate},
		{"a pair", `"\ud83d\ude00"`, nil},
		{"not UTF-8", "\"\xff\"", jsonsafe.ErrNotUTF8},
		{"overlong", "\"\xc0\xaf\"", jsonsafe.ErrNotUTF8},
		{"twice", `{"a":1,"a":2}`, jsonsafe.ErrTwice},
		{"twice but for case", `{"meta":{"security":["R"]},"META":{"Security":[]}}`, jsonsafe.ErrTwice},
		{"twice, escaped", `{"meta":1,"\u006deta":2}`, jsonsafe.ErrTwice},
		{"twice, Kelvin", `{"k":1,"` + "\u212a" + `":2}`, jsonsafe.ErrTwice},
		{"twice, long s", `{"security":1,"` + "\u017f" + `ecurity":2}`, jsonsafe.ErrTwice},
		{"twice, deeper", `[{"a":{"b":[{"c":1,"C":1}]}}]`, jsonsafe.ErrTwice},
		{"twice, after a nested object", `{"a":{"b":1},"c":{"b":1},"A":2}`, jsonsafe.ErrTwice},
		{"twice among many", many(`"KXX":1`), jsonsafe.ErrTwice},
		{"many", many(`"other":1`), nil},
		{"same key in two objects", `[{"a":1},{"a":1},{"a":{"a":1}}]`, nil},
		{"64 deep", deep(64), nil},
		{"65 deep", deep(65), jsonsafe.ErrTooDeep},
		{"a million deep", strings.Repeat(`{"a":`, 1_000_000), jsonsafe.ErrTooDeep},
		{"half a million values", "[" + strings.Repeat("1,", 500_000) + "1]", jsonsafe.ErrTooMany},
		{"11 MiB", `"` + strings.Repeat("x", 11<<20) + `"`, jsonsafe.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := jsonsafe.Check([]byte(c.in), jsonsafe.Limits{}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestOneBrokenItemStopsOnlyItself(t *testing.T) {
	items := []string{`{"id":"a"}`, `{"id":"b","ID":"c"}`, strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), `{"id":01}`, `"x"`, `12`, `null`, `{"id":"]}"}`}
	list, err := jsonsafe.List([]byte(" [ "+strings.Join(items, " , ")+" ] "), len(items), jsonsafe.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range list {
		got = append(got, string(item))
	}
	if !slices.Equal(got, items) {
		t.Errorf("got %.200q", got)
	}
	whole := map[int]bool{0: true, 4: true, 5: true, 6: true, 7: true}
	for i, item := range list {
		if err := jsonsafe.Check(item, jsonsafe.Limits{}); (err == nil) != whole[i] {
			t.Errorf("item %d: %v", i, err)
		}
	}
	if _, err := jsonsafe.List([]byte(`[1,2,3]`), 2, jsonsafe.Limits{}); !errors.Is(err, jsonsafe.ErrTooMany) {
		t.Errorf("three items where two are allowed: %v", err)
	}
}

// Of a long object too no name is taken twice, and none counts that is of another object.
func TestPartsOfALongObject(t *testing.T) {
	var b strings.Builder
	for i := range 40 {
		b.WriteString(`"k` + strings.Repeat("x", i) + `":1,`)
	}
	before := jsonsafe.Members{{Name: "k", Value: []byte("0")}, {Name: "last", Value: []byte("0")}}
	for last, want := range map[string]error{`"last":1`: nil, `"k":1`: jsonsafe.ErrTwice, `"KX":1`: jsonsafe.ErrTwice, `"l":1,"L":1`: jsonsafe.ErrTwice, `"k` + strings.Repeat("x", 39) + `":1`: jsonsafe.ErrTwice} {
		all, err := jsonsafe.AppendObject(before, []byte("{"+b.String()+last+"}"), jsonsafe.Limits{})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", last, err, want)
		}
		if want == nil && (len(all) != 43 || all[1].Name != "last" || string(all[42].Value) != "1") {
			t.Errorf("%s: %d members", last, len(all))
		}
	}
}

func TestPartsThatCannotBeToldApart(t *testing.T) {
	for in, want := range map[string]error{
		``: jsonsafe.ErrMalformed, `[`: jsonsafe.ErrMalformed, `[1`: jsonsafe.ErrMalformed, `[1,`: jsonsafe.ErrMalformed, `[1 2]`: jsonsafe.ErrMalformed, `[1]]`: jsonsafe.ErrMalformed,
		`[,]`: jsonsafe.ErrMalformed, `[}`: jsonsafe.ErrMalformed, `["]`: jsonsafe.ErrMalformed, `{}`: jsonsafe.ErrType, `1`: jsonsafe.ErrType,
	} {
		if _, err := jsonsafe.List([]byte(in), 10, jsonsafe.Limits{}); !errors.Is(err, want) {
			t.Errorf("list %s: %v, want %v", in, err, want)
		}
	}
	for in, want := range map[string]error{
		``: jsonsafe.ErrMalformed, `{`: jsonsafe.ErrMalformed, `{"a"}`: jsonsafe.ErrMalformed, `{"a":}`: jsonsafe.ErrMalformed, `{"a":1`: jsonsafe.ErrMalformed, `{"a":1,}`: jsonsafe.ErrMalformed,
		`{"a":1 "b":2}`: jsonsafe.ErrMalformed, `{"a":1}x`: jsonsafe.ErrMalformed, `[]`: jsonsafe.ErrType, `{"a":1,"A":2}`: jsonsafe.ErrTwice, `{}`: nil, ` {"a":[{}]} `: nil,
	} {
		if _, err := jsonsafe.Object([]byte(in), jsonsafe.Limits{}); !errors.Is(err, want) {
			t.Errorf("object %s: %v, want %v", in, err, want)
		}
	}
}

type filled struct {
	head
	Text string          `json:"text"`
	Raw  json.RawMessage `json:"raw"`
	Yes  *bool           `json:"yes"`
	List []struct {
		N json.Number `json:"n"`
	} `json:"list"`
	Other string
}

type head struct {
	ID   string `json:"id"`
	Meta struct {
		Security []string `json:"security"`
	} `json:"meta"`
}

func TestFieldsAreFoundByTheirExactNames(t *testing.T) {
	var got filled
	in := `{"ID":"wrong","Text":"wrong","raw":{"a": 1},"yes":true,"list":[{"n":12345678901234567890.10},{"N":1},null],"meta":{"Security":["wrong"]},"Other":"wrong"}`
	if err := jsonsafe.Decode([]byte(in), &got, jsonsafe.Limits{}); err != nil {
		t.Fatal(err)
	}
	if got.ID != "" || got.Text != "" || got.Other != "" || got.Meta.Security != nil || string(got.Raw) != `{"a": 1}` || got.Yes == nil || !*got.Yes {
		t.Errorf("got %+v", got)
	}
	if len(got.List) != 3 || got.List[0].N != "12345678901234567890.10" || got.List[1].N != "" {
		t.Errorf("list %+v", got.List)
	}
	for _, wrong := range []string{`{"text":1}`, `{"list":{}}`, `{"meta":[]}`, `[]`, `{"yes":"true"}`} {
		if err := jsonsafe.Decode([]byte(wrong), &filled{}, jsonsafe.Limits{}); !errors.Is(err, jsonsafe.ErrType) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	if err := jsonsafe.Fill([]byte(`{}`), got); !errors.Is(err, jsonsafe.ErrType) {
		t.Errorf("no pointer: %v", err)
	}
}

// caseTwins finds an object with names that are equal but for case.
func caseTwins(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		seen := map[string]bool{}
		for k, x := range v {
			if seen[jsonsafe.Fold(k)] || caseTwins(x) {
				return true
			}
			seen[jsonsafe.Fold(k)] = true
		}
	case []any:
		return slices.ContainsFunc(v, caseTwins)
	}
	return false
}

// agree compares what Check says with two other readers: encoding/json, which takes too
// much, and its successor, which refuses a name twice and half a surrogate pair but takes
// names that differ in case.
func agree(t testing.TB, in []byte) {
	t.Helper()
	err := jsonsafe.Check(in, jsonsafe.Limits{})
	var old, young any
	oldErr, youngErr := json.Unmarshal(in, &old), jsonv2.Unmarshal(in, &young)
	switch {
	case err == nil:
		var outOfRange *json.UnmarshalTypeError
		if !json.Valid(in) {
			t.Fatalf("%q is taken, and is no JSON", in)
		}
		if errors.As(oldErr, &outOfRange) { // a number that no float holds
			return
		}
		if oldErr != nil || youngErr != nil || !reflect.DeepEqual(old, young) || caseTwins(young) {
			t.Fatalf("%q is taken, and read in two ways: %v (%v) and %v (%v)", in, old, oldErr, young, youngErr)
		}
		members, shallow := jsonsafe.Object(in, jsonsafe.Limits{})
		if object, ok := old.(map[string]any); ok != (shallow == nil) || len(object) != len(members) {
			t.Fatalf("%q falls apart into %d members, and has %d: %v", in, len(members), len(object), shallow)
		}
		for _, m := range members {
			var v any
			if json.Unmarshal(m.Value, &v) != nil || !reflect.DeepEqual(v, old.(map[string]any)[m.Name]) {
				t.Fatalf("%q: member %q is %q", in, m.Name, m.Value)
			}
		}
		items, shallow := jsonsafe.List(in, len(in), jsonsafe.Limits{})
		if list, ok := old.([]any); ok != (shallow == nil) || len(list) != len(items) {
			t.Fatalf("%q falls apart into %d items, and has %d: %v", in, len(items), len(list), shallow)
		}
	case errors.Is(err, jsonsafe.ErrTooDeep), errors.Is(err, jsonsafe.ErrTooMany), errors.Is(err, jsonsafe.ErrTooLarge):
	case oldErr == nil && youngErr == nil && !caseTwins(young):
		t.Fatalf("%q is refused (%v), and everybody reads it alike", in, err)
	}
}

var pieces = rapid.SampledFrom([]string{"{", "}", "[", "]", ",", ":", `"a"`, `"A"`, `"k"`, "\"\u212a\"", `"\u0061"`, `"\ud800"`, `"\ud83d\ude00"`, `""`, `"\""`, "0", "-1", "1e2", "1.5", "01", "true", "null", "nul", " ", "\n", "\x00", "\xff"})

func TestStrictAndOtherReadersAgree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		agree(t, []byte(strings.Join(rapid.SliceOfN(pieces, 0, 14).Draw(r, "in"), "")))
	})
	// And values that are well formed, so that what is taken is tried as often.
	name := rapid.SampledFrom([]string{"a", "A", "b", "meta", "META", "k", "\u212a", "s", "\u017f", "é", "É"})
	var value func(r *rapid.T, depth int) string
	value = func(r *rapid.T, depth int) string {
		kind := rapid.IntRange(0, 4).Draw(r, "kind")
		var parts []string
		for range rapid.IntRange(0, 3).Draw(r, "n") * min(kind, 1) * max(0, 5-depth) / 5 {
			v := value(r, depth+1)
			if kind == 1 {
				v = `"` + name.Draw(r, "name") + `":` + v
			}
			parts = append(parts, v)
		}
		switch kind {
		case 1:
			return "{" + strings.Join(parts, ",") + "}"
		case 2:
			return "[" + strings.Join(parts, " ,") + "]"
		}
		return rapid.SampledFrom([]string{"1", `"x"`, "null", "true", "-0.0", "1e9"}).Draw(r, "leaf")
	}
	rapid.Check(t, func(r *rapid.T) { agree(t, []byte(value(r, 0))) })
}

func FuzzCheck(f *testing.F) {
	for _, seed := range []string{`{"meta":{"security":["R"]},"META":{}}`, `[1,{"a":[null]},"\ud83d\ude00"]`, `{"a":1}}`, `"\u0000"`, "[\x00]", `{"":{"":""}}`, `-0e-0`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) { agree(t, in) })
}

func FuzzParts(f *testing.F) {
	f.Add([]byte(`{"a":[{"b":1},]}`))
	f.Add([]byte(`[{"a":}, "]", [[`))
	f.Fuzz(func(t *testing.T, in []byte) {
		members, err := jsonsafe.Object(in, jsonsafe.Limits{})
		for _, m := range members {
			if err == nil && !bytes.Contains(in, m.Value) {
				t.Fatalf("%q is not in %q", m.Value, in)
			}
		}
		items, err := jsonsafe.List(in, 100, jsonsafe.Limits{})
		whole := err == nil
		for _, item := range items {
			whole = whole && jsonsafe.Check(item, jsonsafe.Limits{}) == nil
		}
		// A list whose items are all sound is sound; only its own depth is one more.
		if whole && jsonsafe.Check(in, jsonsafe.Limits{Depth: 65}) != nil {
			t.Fatalf("%q is not sound, and each of its items is", in)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	in := []byte(`{"entry":[` + strings.TrimSuffix(strings.Repeat(`{"fullUrl":"https://x/Encounter/1","resource":{"resourceType":"Encounter","id":"1","meta":{"versionId":"3"},"status":"finished","period":{"start":"2026-01-01"}}},`, 100), ",") + `]}`)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if err := jsonsafe.Check(in, jsonsafe.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

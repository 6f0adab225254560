package access

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// plain is what pruner does, said once more on a decoded resource.
type plain struct{ kept map[string]string }

func (p plain) object(o object, lists []*node, old, now string) object {
	out := object{}
	for name, v := range o {
		var next []*node
		for _, n := range lists {
			if kid := n.kids[name]; kid != nil {
				next = append(next, kid)
			}
		}
		if v, ok := p.value(v, next, old+"."+name, now+"."+name); ok {
			out[name] = v
		}
	}
	return out
}

func (p plain) value(v any, lists []*node, old, now string) (any, bool) {
	if slices.ContainsFunc(lists, func(n *node) bool { return n.whole }) {
		p.kept[old] = now
		return v, true
	}
	switch v := v.(type) {
	case object:
		o := p.object(v, lists, old, now)
		return o, len(o) > 0
	case array:
		out := array{}
		for i, item := range v {
			from, to := old+"["+strconv.Itoa(i)+"]", now+"["+strconv.Itoa(len(out))+"]"
			o, ok := item.(object)
			if !ok {
				continue
			}
			url, named := o["url"].(string)
			if named && slices.ContainsFunc(lists, func(n *node) bool { return slices.Contains(n.urls, url) }) {
				p.kept[from] = to
				out = append(out, o)
			} else if o := p.object(o, lists, from, to); len(o) > 0 {
				out = append(out, o)
			}
		}
		return out, len(out) > 0
	}
	return nil, false
}

var names = []string{"id", "meta", "contained", "url", "security", "versionId", "b", "c", "d"}

// anyJSON draws a value, in which texts are escaped or not, and spaces stand anywhere.
func anyJSON(t *rapid.T, depth int) string {
	space := rapid.SampledFrom([]string{"", "", "", " ", "\n\t"}).Draw(t, "space")
	kind := rapid.IntRange(0, 7).Draw(t, "kind")
	if depth == 0 {
		kind = min(kind, 3)
	}
	switch kind {
	case 0:
		return space + rapid.SampledFrom([]string{"1", "1.50", "1.5", "true", "null", "-3e2"}).Draw(t, "bare") + space
	case 1, 2, 3:
		return rapid.SampledFrom([]string{`"u1"`, `"u2"`, `"\u00e5"`, `"å"`, `"}],{["`, `"\\\""`}).Draw(t, "text") + space
	case 4, 5:
		var items []string
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			items = append(items, anyJSON(t, depth-1))
		}
		return space + "[" + strings.Join(items, ",") + "]" + space
	}
	return space + anyObject(t, depth) + space
}

func anyObject(t *rapid.T, depth int) string {
	var all []string
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 5, rapid.ID[string]).Draw(t, "names") {
		key := `"` + name + `"`
		if rapid.IntRange(0, 9).Draw(t, "escaped") == 0 {
			key = `"\u00` + strconv.FormatInt(int64(name[0]), 16) + name[1:] + `"`
		}
		all = append(all, key+": "+anyJSON(t, depth-1))
	}
	return "{" + strings.Join(all, ",") + "}"
}

func anyNode(t *rapid.T, depth int) *node {
	n := &node{kids: map[string]*node{}}
	switch rapid.IntRange(0, 5).Draw(t, "node") {
	case 0, 1:
		n.whole = true
		return n
	case 2:
		n.urls = []string{"u1"}
	}
	if depth > 0 {
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, rapid.ID[string]).Draw(t, "kids") {
			n.kids[name] = anyNode(t, depth-1)
		}
	}
	return n
}

func decoded(t *rapid.T, b []byte) object {
	m, err := fhir.Decode(fhir.Resource{Body: b})
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return m
}

// TestPrunedAsIfItWereDecoded: the two ways give the same, and the same lineage.
func TestPrunedAsIfItWereDecoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := []byte(anyObject(t, 4))
		lists := make([]*node, rapid.IntRange(1, 3).Draw(t, "lists"))
		for i := range lists {
			lists[i] = &node{kids: map[string]*node{}}
			for _, name := range names {
				if rapid.Bool().Draw(t, name) {
					lists[i].kids[name] = anyNode(t, 3)
				}
			}
		}
		ref := plain{map[string]string{}}
		want := ref.object(decoded(t, body), lists, "T", "T")
		p := &pruner{}
		p.start("T", true)
		delete(p.kept, "T.id")
		kept, err := p.object(body, lists)
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		got := object{}
		if kept {
			got = decoded(t, p.out.Bytes())
		} else if p.out.Len() > 0 {
			t.Fatalf("nothing is kept, and %s written", p.out.Bytes())
		}
		if !reflect.DeepEqual(got, want) || !maps.Equal(p.kept, ref.kept) {
			t.Fatalf("%s\ngot  %v, kept %v\nwant %v, kept %v", body, got, p.kept, want, ref.kept)
		}
		silent := &pruner{} // where nobody asks for lineage the same is written
		if _, err := silent.object(body, lists); err != nil || !bytes.Equal(silent.out.Bytes(), p.out.Bytes()) {
			t.Fatalf("%v: %s and %s", err, silent.out.Bytes(), p.out.Bytes())
		}
	})
}

// What cannot be read does not leave, nor does anything beside it.
func TestBrokenIsNotPruned(t *testing.T) {
	whole := &node{whole: true}
	some := &node{kids: map[string]*node{"a": {kids: map[string]*node{"b": whole}, urls: []string{"u1"}}, "w": whole}}
	for _, body := range []string{``, `null`, `[]`, `{`, `{"a":1,}`, `{"w":tru}`, `{"w":{"x":}}`, `{"w":01}`, `{"a":{"b":1,"b":2}}`, `{"a":{"b":1,"B":2}}`, `{"a":[{"b":1}}`, `{"a":[{"url":"u1","x":}]}`,
		`{"w":1}{"w":2}`, `{"w":1,"w":2}`, `{"w":1,"W":2}`} {
		if kept, err := (&pruner{}).object(json.RawMessage(body), []*node{some}); err == nil {
			t.Errorf("%s: no error, kept %t", body, kept)
		}
	}
}

// What cannot be read is like nothing, not even where both cannot.
func TestBrokenIsAlikeNothing(t *testing.T) {
	for _, k := range [][2]string{{`{"a":1`, `{"a":2`}, {`{"meta":{"a":1,}}`, `{"meta":{"a":1,,}}`}, {`{"meta":{"a":1}}`, `{"meta":{"a":1,}}`}, {`{"meta":{"a":1,}}`, `{"meta":{"a":1}}`},
		{`{"a":{"b":1,}}`, `{"a":{"b":1,,}}`}, {`{"a":{"b":1}}`, `{"a":{"b":1,}}`}, {`{"a":{"b":1,}}`, `{"a":{"b":1}}`}, {`{"a":[1,]}`, `{"a":[1,,]}`}, {`{"a":[1]}`, `{"a":[1,]}`}, {`{"a":[1,]}`, `{"a":[1]}`},
		{`{"a":"\q"}`, `{"a":"\u"}`}, {`{"a":""}`, `{"a":"\u"}`}, {`{"a":"\u"}`, `{"a":""}`}, {`{"contained":[{"a":1}]}`, `{"contained":["a"]}`}, {`{"contained":["a"]}`, `{"contained":[{"a":1}]}`}} {
		if Alike(fhir.Resource{Body: []byte(k[0])}, fhir.Resource{Body: []byte(k[1])}) {
			t.Errorf("%s and %s are alike", k[0], k[1])
		}
	}
}

// alikeDecoded is Alike, said once more on decoded resources.
func alikeDecoded(x, y object) bool {
	strip := func(o object, names ...string) {
		meta, ok := o["meta"].(object)
		if !ok {
			return
		}
		for _, n := range names {
			delete(meta, n)
		}
		if len(meta) == 0 {
			delete(o, "meta")
		}
	}
	var inner func(o object)
	inner = func(o object) {
		all, _ := o["contained"].(array)
		for _, v := range all {
			if c, ok := v.(object); ok {
				strip(c, "security")
				inner(c)
			}
		}
	}
	for _, o := range []object{x, y} {
		strip(o, "security", "versionId", "lastUpdated")
		inner(o)
	}
	return reflect.DeepEqual(x, y)
}

// TestAlikeAsIfDecoded compares what was drawn with itself in another order, with another
// label, and with a part exchanged.
func TestAlikeAsIfDecoded(t *testing.T) {
	same, other := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		a := []byte(anyObject(t, 4))
		b := a
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0: // in the order of names
			b, _ = json.Marshal(decoded(t, a))
		case 1:
			b = bytes.ReplaceAll(a, []byte(`"u1"`), []byte(`"u2"`))
		case 2:
			b = bytes.ReplaceAll(a, []byte(`1.50`), []byte(`1.5`))
		case 3:
			m := decoded(t, a)
			if meta, ok := m["meta"].(object); ok {
				meta[rapid.SampledFrom([]string{"security", "versionId", "b"}).Draw(t, "part")] = "x"
			} else if all, ok := m["contained"].(array); ok && len(all) > 0 {
				if c, ok := all[0].(object); ok {
					c["meta"] = object{rapid.SampledFrom([]string{"security", "versionId"}).Draw(t, "part"): "x"}
				}
			} else {
				m["meta"] = object{}
			}
			b, _ = json.Marshal(m)
		default:
			b = []byte(anyObject(t, 2))
		}
		want := alikeDecoded(decoded(t, a), decoded(t, b))
		if want {
			same++
		} else {
			other++
		}
		if got := Alike(fhir.Resource{Body: a}, fhir.Resource{Body: b}); got != want {
			t.Fatalf("%t, want %t\n%s\n%s", got, want, a, b)
		}
	})
	if same == 0 || other == 0 {
		t.Errorf("%d alike and %d not: nothing was tried", same, other)
	}
}

// Of what has nothing but its name left, the name is one whole object.
func TestNothingButItsNameIsLeft(t *testing.T) {
	whole := &node{whole: true}
	goals := &list{types: map[string]*node{"Goal": {kids: map[string]*node{"id": whole, "resourceType": whole, "description": whole}}}}
	d := &decider{t: &Table{lists: map[string]*list{"names": goals}}}
	for body, want := range map[string]string{
		`{"resourceType":"Goal","id":"g","lifecycleStatus":"active"}`:     `{"resourceType":"Goal","id":"g"}`,
		`{"description":{"text":"x"},"id":"other","resourceType":"Goal"}`: `{"resourceType":"Goal","id":"g","description":{"text":"x"}}`,
	} {
		m, ok := d.redact(care.Made{Resource: fhir.Resource{Type: "Goal", ID: "g", Body: []byte(body)}}, Fields{Lists: []string{"names"}})
		if got := string(m.Resource.Body); !ok || got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
}

// A label is taken away however its name is written.
func TestLabelsWrittenByNumbersDoNotLeave(t *testing.T) {
	d := &decider{t: &Table{}}
	body := `{"resourceType":"Goal","id":"g","meta":{"\u0073ecurity":[{"code":"R"}]},"lifecycleStatus":"active"}`
	m, ok := d.redact(care.Made{Resource: fhir.Resource{Type: "Goal", ID: "g", Body: []byte(body)}}, Fields{All: true})
	if !ok || bytes.Contains(m.Resource.Body, []byte("ecurity")) {
		t.Errorf("%t: %s", ok, m.Resource.Body)
	}
}

// A line of lineage moves with what it tells of.
func TestLineageMovesWithWhatIsKept(t *testing.T) {
	p := &pruner{kept: map[string]string{"T.id": "T.id", "T.a[2]": "T.a[0]", "T.b.c": "T.b.c"}}
	var got []string
	for _, l := range p.lineage([]care.Lineage{{Element: "T.id"}, {Element: "T.a[2].x"}, {Element: "T.a[2]"}, {Element: "T.a[1]"}, {Element: "T.b"}, {Element: "T.b.cd"}, {Element: "T.b.c[1].d"}}) {
		got = append(got, l.Element)
	}
	if want := []string{"T.id", "T.a[0].x", "T.a[0]", "T.b.c[1].d"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

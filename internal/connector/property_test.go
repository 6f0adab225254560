package connector_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsyn/adapters"
	"samsyn/internal/connector"
)

// TestEachListedThingComesOnce: over any kind of paging, any page size and any records,
// good and bad, each thing that the source lists comes exactly once, in order, as it is.
func TestEachListedThingComesOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := ways[rapid.IntRange(0, len(ways)-1).Draw(rt, "way")]
		f := newFake(w.paging, w.format, 0)
		f.total = true
		n := rapid.IntRange(0, 12).Draw(rt, "records")
		var want []string
		for i := range n {
			text := rapid.StringOfN(rapid.RuneFrom([]rune("aÅ<&>\"'; ,é\\n{}[]")), 0, 12, -1).Draw(rt, "name")
			if w.format == "csv" {
				text = strings.NewReplacer("\"", "", "\\", "").Replace(text) // the fake quotes as Go does
			}
			key := fmt.Sprintf("k%d", i)
			f.things = append(f.things, f.write(thing{ID: key, Name: text, Changed: "2026-11-01T08:00:00Z"}))
			if rapid.IntRange(0, 5).Draw(rt, "bad") == 0 && w.format == "json" {
				f.things[i], key = `{"navn":1}`, ""
			}
			want = append(want, key)
		}
		d, err := connector.Parse("x", []byte(w.yaml))
		if err != nil {
			rt.Fatal(err)
		}
		s := httptest.NewServer(f)
		defer s.Close()
		a, err := d.Open(map[string]any{"url": s.URL, "size": rapid.IntRange(1, 14).Draw(rt, "size")}, deps())
		if err != nil {
			rt.Fatal(err)
		}
		var got []string
		bad := 0
		for page, err := range a.Fetch(t.Context(), "") {
			if err != nil {
				rt.Fatal(err)
			}
			for _, r := range page.Records {
				got = append(got, r.Key)
				if w.format == "json" && !slices.Contains(f.things, string(r.Body)) {
					rt.Fatalf("the body %s stands nowhere at the source", r.Body)
				}
			}
			bad += len(page.Faults)
		}
		good := slices.DeleteFunc(slices.Clone(want), func(k string) bool { return k == "" })
		if !slices.Equal(got, good) || bad != len(want)-len(good) {
			rt.Fatalf("%s: got %v and %d faults, want %v of %v", w.name, got, bad, good, want)
		}
	})
}

// breaks are what YAML ends a line at, besides a line feed.
var breaks = strings.NewReplacer("\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// FuzzParse reads any text as a connector: it is taken, or refused with places inside the file.
func FuzzParse(f *testing.F) {
	for _, w := range ways {
		f.Add([]byte(w.yaml))
	}
	f.Add([]byte(" \r\r\r\r\rd"))
	f.Add([]byte("connector: a\nread: [{kind: &x k, format: *x, http: {path: /{a}, body: {a: [1, 2.5, null, 2026-01-01]}}}]"))
	if raw, err := adapters.Connectors.ReadFile("fint/connector.yaml"); err == nil {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := connector.Parse("x", data)
		if (d == nil) != (err != nil) {
			t.Fatalf("%v, %v", d, err)
		}
		lines := 1 + strings.Count(breaks.Replace(string(data)), "\n")
		for _, fault := range connector.Faults(err) {
			if fault.Message == "" || fault.Line > lines+1 {
				t.Errorf("%+v in %d lines", fault, lines)
			}
		}
		if d != nil {
			_ = d.Config().Validate()
		}
	})
}

// FuzzAnswer reads any bytes as an answer in each format: records and faults, or an error, and never another panic.
func FuzzAnswer(f *testing.F) {
	f.Add(uint8(0), []byte(`{"data":{"list":[{"id":"a"},{"id":"a","id":"b"},1]}}`))
	f.Add(uint8(1), []byte(`<svar><liste><ting id="a"/><ting><id>x</id></ting></liste></svar>`))
	f.Add(uint8(2), []byte("id,navn\na,\"b\nc\"\nx\n\"y"))
	f.Add(uint8(2), []byte("\xef\xbb\xbfid;navn\r\n\r\na;b\r\n"))
	kinds := []*connector.Definition{}
	for _, format := range []string{"json", "xml", "csv"} {
		i := slices.IndexFunc(ways, func(w struct{ name, paging, format, yaml string }) bool { return w.format == format })
		kinds = append(kinds, definition(f, strings.Split(ways[i].yaml, "    paging:")[0]))
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		entries, err := connector.Split(kinds[int(which)%len(kinds)], body)
		if err != nil && entries != nil {
			t.Error("both entries and an error")
		}
		for _, e := range entries {
			if len(e) == 0 {
				t.Error("an entry without bytes")
			}
		}
	})
}

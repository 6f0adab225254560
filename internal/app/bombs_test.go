package app

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/oneroster"
	"samsyn/fhir"
	"samsyn/internal/jsonsafe"
	"samsyn/internal/xmlsafe"
	"samsyn/mapping"
)

// bombs make what a rogue source could send to have us use all memory or stack (access.md,
// T13 and T17). n is a size; each gives at most some MiB.
var bombs = []struct {
	name, media string
	make        func(n int) string
}{
	{"nested objects", adapters.JSON, func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }},
	{"nested lists", adapters.JSON, func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }},
	{"lists never closed", adapters.JSON, func(n int) string { return strings.Repeat("[", n) }},
	{"nested both ways", adapters.JSON, func(n int) string { return strings.Repeat(`[{"a":`, n) + "1" + strings.Repeat("}]", n) }},
	{"nested in a resource", adapters.JSON, func(n int) string {
		return `{"resourceType":"Encounter","id":"x","extension":` + strings.Repeat(`[{"extension":`, n) + "[]" + strings.Repeat("}]", n) + `}`
	}},
	{"contained in contained", adapters.JSON, func(n int) string {
		return strings.Repeat(`{"resourceType":"Basic","contained":[`, n) + strings.Repeat("]}", n)
	}},
	{"a Bundle in a Bundle", adapters.JSON, func(n int) string {
		return strings.Repeat(`{"resourceType":"Bundle","entry":[{"resource":`, n) + "null" + strings.Repeat("}]}", n)
	}},
	{"many numbers", adapters.JSON, func(n int) string { return "[" + strings.Repeat("1,", n) + "1]" }},
	{"many empty objects", adapters.JSON, func(n int) string { return "[" + strings.Repeat("{},", n) + "{}]" }},
	{"many empty lists", adapters.JSON, func(n int) string { return `{"entry":[` + strings.Repeat("[],", n) + "[]]}" }},
	{"many keys", adapters.JSON, func(n int) string {
		var b strings.Builder
		for i := range n / 8 {
			fmt.Fprintf(&b, `"k%d":0,`, i)
		}
		return "{" + b.String() + `"z":0}`
	}},
	{"keys that differ in their last letter", adapters.JSON, func(n int) string {
		var b strings.Builder
		long := strings.Repeat("k", 1000)
		for i := range n / 1000 {
			fmt.Fprintf(&b, `"%s%d":0,`, long, i)
		}
		return "{" + b.String() + `"z":0}`
	}},
	{"escaped keys", adapters.JSON, func(n int) string { return `{"` + strings.Repeat(`\u0061`, n) + `":1}` }},
	{"a long text", adapters.JSON, func(n int) string { return `{"a":"` + strings.Repeat("x", n) + `"}` }},
	{"a text of escapes", adapters.JSON, func(n int) string { return `{"a":"` + strings.Repeat(`\\`, n) + `"}` }},
	{"a text never closed", adapters.JSON, func(n int) string { return `{"a":"` + strings.Repeat(`\"`, n) }},
	{"a long number", adapters.JSON, func(n int) string { return `{"a":` + strings.Repeat("9", n) + `}` }},
	{"a large exponent", adapters.JSON, func(n int) string {
		return `{"resourceType":"Goal","id":"x","a":1e` + strings.Repeat("9", min(n, 1000)) + `}`
	}},
	{"blanks", adapters.JSON, func(n int) string { return strings.Repeat(" ", n) }},
	{"blanks around", adapters.JSON, func(n int) string { return strings.Repeat("\n", n) + "{}" + strings.Repeat("\t", n) }},
	{"commas", adapters.JSON, func(n int) string { return "[" + strings.Repeat(",", n) }},
	{"nested elements", adapters.XML, func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }},
	{"elements never closed", adapters.XML, func(n int) string { return strings.Repeat("<a>", n) }},
	{"many elements", adapters.XML, func(n int) string { return "<r>" + strings.Repeat("<a/>", n) + "</r>" }},
	{"many attributes", adapters.XML, func(n int) string {
		var b strings.Builder
		for i := range n / 8 {
			fmt.Fprintf(&b, ` a%d=""`, i)
		}
		return "<r" + b.String() + "/>"
	}},
	{"many namespaces", adapters.XML, func(n int) string {
		var b strings.Builder
		for i := range n / 16 {
			fmt.Fprintf(&b, ` xmlns:n%d="u:%d"`, i, i)
		}
		return "<r" + b.String() + "/>"
	}},
	{"a billion laughs", adapters.XML, func(int) string {
		return `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><l>&c;</l>`
	}},
	{"a file of ours", adapters.XML, func(int) string { return `<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><l>&a;</l>` }},
	{"comments", adapters.XML, func(n int) string { return "<r>" + strings.Repeat("<!---->", n) + "</r>" }},
	{"instructions", adapters.XML, func(n int) string { return "<r>" + strings.Repeat("<?a?>", n) + "</r>" }},
	{"pieces of text", adapters.XML, func(n int) string { return "<r>" + strings.Repeat("<![CDATA[x]]>", n/4) + "</r>" }},
	{"entities", adapters.XML, func(n int) string { return "<r>" + strings.Repeat("&#65;", n) + "</r>" }},
	{"many columns", adapters.CSV, func(n int) string { return strings.Repeat("a,", n) + "b\n" + strings.Repeat("1,", n) + "2\n" }},
	{"an open quote", adapters.CSV, func(n int) string { return "a,b\n\"" + strings.Repeat("x\n", n) }},
	{"quotes", adapters.CSV, func(n int) string { return "a\n\"" + strings.Repeat(`""`, n) + "\"\n" }},
}

// most is what one bomb may make us allocate in all, in bytes: forty times the largest body
// that is let in, trees included. Without a bound the nested ones alone take gigabytes or the stack.
const most = 400 << 20

func TestBombsKillNothing(t *testing.T) {
	n, sizes := len(bombs), []int{65, 5_000, 200_000}
	if large() {
		n, sizes = 1000, append(sizes, 1_500_000)
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30))
	maps, err := LoadMaps("", "")
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 17))
	for i := range n {
		b := bombs[i%len(bombs)]
		size := sizes[(i/len(bombs)+rnd.IntN(len(sizes)))%len(sizes)]
		body := []byte(b.make(size))
		if rnd.IntN(4) == 0 && len(body) > 2 { // and broken somewhere
			body[rnd.IntN(len(body))] = "{}[]\"\\,<>&\x00\xff"[rnd.IntN(12)]
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		explode(maps, b.media, body)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > most {
			t.Errorf("%s of %d (%d bytes) takes %d MiB", b.name, size, len(body), took>>20)
		}
	}
}

func large() bool {
	size := os.Getenv("SAMSYN_TEST_SIZE")
	return size == "ci" || size == "soak"
}

// explode reads a body in every way that a foreign body is read. What it says of it does not
// matter here; that it comes back does.
func explode(maps *mapping.Set, media string, body []byte) {
	switch media {
	case adapters.JSON:
		_ = jsonsafe.Check(body, jsonsafe.Limits{})
		_, _ = jsonsafe.Object(body, jsonsafe.Limits{})
		_, _ = jsonsafe.List(body, 1000, jsonsafe.Limits{})
		_, _ = fhir.Parse(body)
	case adapters.XML:
		_, _ = xmlsafe.ParseBytes(body, xmlsafe.Limits{})
	}
	for _, name := range [][2]string{{"fhirrest", "Encounter"}, {"barnevernsregister", "sak"}} {
		if m, ok := maps.Map(name[0], name[1]); ok {
			_, _ = m.Apply(mapping.Input{Source: "s", Kind: name[1], Key: "k", Media: media, Body: body})
		}
	}
}

// TestZipBombIsNotUnpacked: half a gigabyte of blanks packs to half a megabyte. A zip file's
// names lead nowhere either: none but the standard's own is opened.
func TestZipBombIsNotUnpacked(t *testing.T) {
	for name, fill := range map[string]func(t *testing.T, z *zip.Writer){
		"blanks": func(t *testing.T, z *zip.Writer) {
			w, err := z.Create("users.csv")
			if err != nil {
				t.Fatal(err)
			}
			blanks := bytes.Repeat([]byte(" "), 1<<20)
			for range 450 {
				if _, err := w.Write(blanks); err != nil {
					t.Fatal(err)
				}
			}
		},
		"many files": func(t *testing.T, z *zip.Writer) {
			for i := range 1000 {
				if _, err := z.Create(fmt.Sprint("f", i, ".csv")); err != nil {
					t.Fatal(err)
				}
			}
		},
		"names that lead out": func(t *testing.T, z *zip.Writer) {
			for _, name := range []string{"../users.csv", "/etc/passwd", `..\users.csv`, "a/../../users.csv", "users.csv/", "C:users.csv"} {
				if _, err := z.Create(name); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "blanks" && !large() {
				t.Skip("NOT RUN: packing half a gigabyte takes seconds; SAMSYN_TEST_SIZE=ci does it")
			}
			folder := t.TempDir()
			f, err := os.Create(filepath.Join(folder, "a.zip"))
			if err != nil {
				t.Fatal(err)
			}
			z := zip.NewWriter(f)
			fill(t, z)
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			a, err := oneroster.Config{Mode: oneroster.CSV, Folder: folder}.Open(adapters.Deps{Now: time.Now, Random: strings.NewReader(""), HTTP: nil})
			if err != nil {
				t.Fatal(err)
			}
			records := 0
			for page, err := range a.Fetch(context.Background(), "") {
				records += len(page.Records)
				if err == io.EOF {
					break
				}
				if err != nil {
					return
				}
			}
			t.Errorf("it is taken, with %d records", records)
		})
	}
}

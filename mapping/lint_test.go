package mapping_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"samsyn/mapping"
)

// lintMap is a map whose make: is the text; the first line of make's text is line 8.
func lintMap(header, makes string) fstest.MapFS {
	text := "map: x/y\nrecord: y\n" + header
	for strings.Count(text, "\n") < 6 {
		text += "#\n"
	}
	return fstest.MapFS{"maps/x/y.yaml": {Data: []byte(text + "make:\n" + makes)}}
}

const someResource = "  - { resourceType: Basic, id: \"{{ id('a', nr) }}\", code: \"{{ text(what) }}\" }\n"

func TestLint(t *testing.T) {
	for _, c := range []struct {
		name, header, makes string
		want                []string // "line:column part of the message"; none: nothing is found
	}{
		{"nothing wrong", "", someResource, nil},
		{"what Load refuses is told too", "", "  - { resourceType: Basik, id: x }\n", []string{"8:21 unknown resource type"}},
		{"always true", "", "  - \"{% if true or a %}\":\n      resourceType: Basic\n      id: \"{{ id('a', nr) }}\"\n      code: \"{{ text(what) }}\"\n", nil},
		{"constant true", "", "  - \"{% if 1 = 1 %}\":\n      resourceType: Basic\n      id: \"{{ id('a', nr) }}\"\n      code: \"{{ text(what) }}\"\n    \"{% else %}\":\n      resourceType: Basic\n      id: \"{{ id('b', nr) }}\"\n      code: \"{{ text(what) }}\"\n",
			[]string{"8:12 always true", "13:7 never reached: the condition in line 8"}},
		{"constant false", "", "  - \"{% if 'a' = 'b' %}\":\n      resourceType: Basic\n      id: \"{{ id('a', nr) }}\"\n      code: \"{{ text(what) }}\"\n", []string{"8:12 never reached: the condition is always false"}},
		{"a text is no condition", "", "  - \"{% if 'a' & 'b' %}\":\n      resourceType: Basic\n      id: \"{{ id('a', nr) }}\"\n      code: \"{{ text(what) }}\"\n", []string{"8:12 neither true nor false"}},
		{"asked again", "", "  - \"{% if a.exists() %}\":\n      resourceType: Basic\n      id: \"{{ id('a', nr) }}\"\n      code:\n        \"{% if a . exists( ) %}\": \"{{ text(what) }}\"\n        \"{% else %}\": \"{{ text(other) }}\"\n",
			[]string{"12:16 line 8 has asked the same", "13:23 never reached: line 8"}},
		{"asked where it is false", "", "  - \"{% if a.exists() %}\":\n      resourceType: Basic\n      id: \"{{ id('a', nr) }}\"\n      code: \"{{ text(what) }}\"\n    \"{% else %}\":\n      \"{% if a.exists() %}\":\n        resourceType: Basic\n        id: \"{{ id('b', nr) }}\"\n        code: \"{{ text(what) }}\"\n",
			[]string{"13:14 never reached: it stands where"}},
		{"asked of another round", "", "  - \"{% for x in a %}\":\n      \"{% if %x.b.exists() %}\":\n        \"{% for x in c %}\":\n          \"{% if %x.b.exists() %}\":\n            resourceType: Basic\n            id: \"{{ id('a', %x.nr) }}\"\n            code: \"{{ text(what) }}\"\n", nil},
		{"a loop over nothing", "", "  - \"{% for x in {} %}\":\n      resourceType: Basic\n      id: \"{{ id('a', %x.nr) }}\"\n      code: \"{{ text(what) }}\"\n", []string{"8:18 gives nothing"}},
		{"an unused count", "", "  - \"{% for i, x in a %}\":\n      resourceType: Basic\n      id: \"{{ id('a', %x.nr) }}\"\n      code: \"{{ text(what) }}\"\n", []string{"8:13 %i is never used"}},
		{"iif of a constant", "", "  - { resourceType: Basic, id: \"{{ id('a', nr) }}\", code: \"{{ iif(true, text(what), text(that)) }}\" }\n", []string{"8:63 condition is always true"}},
		{"skip all", "skip: \"{{ 1 > 0 }}\"\nbecause: x\n", someResource, []string{"3:11 every record is skipped"}},
		{"skip none", "skip: \"{{ false }}\"\nbecause: x\n", someResource, []string{"3:11 no record is ever skipped"}},
		{"an unused variable", "assign:\n  - a: \"{{ b }}\"\n", someResource, []string{"4:5 %a is never used"}},
		{"a variable that only itself uses", "assign:\n  - a: \"{{ b }}\"\n  - c: \"{{ %a }}\"\n", someResource, []string{"5:5 %c is never used"}},
		{"an unused local variable", "", "  - \"{% assign %}\":\n      - z: \"{{ b }}\"\n    resourceType: Basic\n    id: \"{{ id('a', nr) }}\"\n    code: \"{{ text(what) }}\"\n", []string{"9:9 %z is never used"}},
		{"the same id twice", "", someResource + someResource, []string{"9:32 Basic gets the same id in line 8"}},
		{"the same id under a condition", "", someResource + "  - \"{% if a %}\":\n      resourceType: Basic\n      id: \"{{ id( 'a', nr ) }}\"\n      code: \"{{ text(what) }}\"\n", []string{"11:11 Basic gets the same id in line 8"}},
		{"the same id in branches that exclude each other", "", "  - \"{% if a %}\":\n      resourceType: Basic\n      id: \"{{ id('a', nr) }}\"\n      code: \"{{ text(what) }}\"\n    \"{% else %}\":\n      resourceType: Basic\n      id: \"{{ id('a', nr) }}\"\n      code: \"{{ text(that) }}\"\n", nil},
		{"the same id in every round", "", "  - \"{% for x in a %}\":\n      resourceType: Basic\n      id: \"{{ id('a', nr) }}\"\n      code: \"{{ text(%x.what) }}\"\n", []string{"10:11 every round of the loop in line 8"}},
		{"an id by way of a variable", "", "  - \"{% for x in a %}\":\n      \"{% assign %}\":\n        - k1: \"{{ %x.nr }}\"\n        - k2: \"{{ %k1 }}\"\n      resourceType: Basic\n      id: \"{{ id('a', %k2) }}\"\n      code: \"{{ text(%x.what) }}\"\n", nil},
		{"a loop in a loop", "", "  - \"{% for x in a %}\":\n      \"{% for z in %x.b %}\":\n        resourceType: Basic\n        id: \"{{ id('a', %z.nr) }}\"\n        code: \"{{ text(%x.what) }}\"\n", nil},
		{"one round at most", "", "  - \"{% for x in a.where(b).first() %}\":\n      resourceType: Basic\n      id: \"{{ id('a', nr) }}\"\n      code: \"{{ text(%x.what) }}\"\n", nil},
		{"ignored and used", "ignore:\n  - { path: what, because: x }\n", someResource, []string{"4:13 what is ignored, and read in line 8, column 68"}},
		{"ignored and used through loops", "ignore:\n  - { path: a.b.c, because: x }\n  - { path: a.d, because: x }\n", "  - \"{% for x in y.a.where(e) %}\":\n      resourceType: Basic\n      id: \"{{ id('a', %x.nr) }}\"\n      code: \"{{ text(%x.b.select(c & '!')) }}\"\n", []string{"4:13 a.b.c is ignored, and read in line 11"}},
		{"ignored, and only asked whether it is there", "ignore:\n  - { path: a.b, because: x }\n", "  - { resourceType: Basic, id: \"{{ id('a', nr) }}\", code: \"{{ iif(a.b.exists(), text(what), text(that)) }}\" }\n", nil},
		{"ignored, and another of the name is used", "ignore:\n  - { path: text, because: x }\n", "  - { resourceType: Basic, id: \"{{ id('a', nr) }}\", code: \"{{ text(a.text) }}\" }\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			findings, err := mapping.Lint(lintMap(c.header, c.makes))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range findings {
				got = append(got, f.Error())
			}
			ok := len(got) == len(c.want)
			for i := 0; ok && i < len(got); i++ {
				place, message, _ := strings.Cut(c.want[i], " ")
				ok = strings.HasPrefix(got[i], "maps/x/y.yaml:"+place+":") && strings.Contains(got[i], message)
			}
			if !ok {
				t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestLintTables(t *testing.T) {
	fsys := lintMap("", someResource)
	fsys["codes/lost.csv"] = &fstest.MapFile{Data: []byte("code,display\n1,One\n")}
	fsys["codes/bad.csv"] = &fstest.MapFile{Data: []byte("kode,display\n1,One\n")}
	findings, err := mapping.Lint(fsys)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprint(f.Refused, " ", f.Error()))
	}
	text := strings.Join(got, "\n")
	for _, want := range []string{"false codes/lost.csv:1:1: no map uses table lost", "true codes/bad.csv:1:1: unknown column kode (did you mean code?)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not found in\n%s", want, text)
		}
	}
}

func TestShippedMapsHaveNoFindings(t *testing.T) {
	findings, err := mapping.Lint(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Error(f.Error())
	}
}

func BenchmarkLintShipped(b *testing.B) {
	for b.Loop() {
		if _, err := mapping.Lint(mapping.Shipped); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzLint(f *testing.F) {
	err := fs.WalkDir(mapping.Shipped, "maps", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		data, err := fs.ReadFile(mapping.Shipped, path)
		if err == nil && len(data) < 3000 {
			f.Add(string(data))
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("map: x/y\nrecord: y\nignore: [{path: a}]\nmake: &m\n  - \"{% for i, x in a.where(b).select(c[0] %}\": *m\n")
	f.Add("map: x/y\nassign: {a: \"{{ iif(true, (, }}\"}\nmake: {\"{% if ) %}\": {\"{{ %a\": 1}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := mapping.Lint(fstest.MapFS{"maps/x/y.yaml": {Data: []byte(text)}}); err != nil && mapping.Faults(err) == nil {
			t.Skip()
		}
	})
}

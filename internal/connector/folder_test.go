package connector_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
)

const (
	csvFolder = `
connector: test
read:
  - kind: tiltak
    folder: {files: "*.csv"}
    format: csv
    key: id
    changed: endret
    complete: true
`
	xmlFolder = `
connector: test
read:
  - kind: sak
    folder: {files: "*.xml"}
    format: xml
    list: Utdrag.Saker.Sak
    key: Id
    version: versjon
`
	jsonFolder = `
connector: test
read:
  - kind: post
    folder: {files: "post-*.json"}
    format: json
    key: id
`
)

// files writes a folder; every file gets a time of its own.
func files(t *testing.T, dir string, texts map[string]string) string {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	for name, text := range texts {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func folder(t *testing.T, yaml, dir string) adapters.Adapter {
	t.Helper()
	a, err := definition(t, yaml).Open(map[string]any{"dir": dir}, deps())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFolderContract(t *testing.T) {
	for name, c := range map[string]struct {
		yaml      string
		good      map[string]string
		more      map[string]string
		bad, what string
	}{
		"csv": {csvFolder,
			map[string]string{"1.csv": "id,navn,endret\na,Anna,2026-11-01\nb,\"Bo\nBerg\",2026-11-02\n", "2.csv": "\xef\xbb\xbfid,navn,endret\r\nc,Carl,2026-11-03\r\n"},
			map[string]string{"3.csv": "id,navn,endret\nd,Dina,2026-11-04"}, "id,navn,endret\ne,\"Eva\n", "bad.csv, line 2"},
		"xml": {xmlFolder,
			map[string]string{"1.xml": `<Utdrag xmlns="urn:u"><Saker><Sak versjon="1"><Id>a</Id></Sak><Sak versjon="1"><Id>b</Id></Sak></Saker></Utdrag>`, "2.xml": `<Utdrag><Saker><Sak><Id>c</Id></Sak></Saker></Utdrag>`},
			map[string]string{"3.xml": `<Utdrag><Saker><Sak><Id>d</Id></Sak></Saker></Utdrag>`}, `<!DOCTYPE x><Utdrag/>`, "bad.xml"},
		"json": {jsonFolder,
			map[string]string{"post-1.json": `{"id":"a"}`, "post-2.json": `[{"id":"b"}, {"id":"c"}]`, "other.json": `{`},
			map[string]string{"post-3.json": `[]`, "post-4.json": `{"id":"d"}`}, `{"id":"e","id":"f"}`, "bad.json"},
	} {
		t.Run(name, func(t *testing.T) {
			adapterstest.Run(t, adapterstest.Fixture{
				Open: func(t *testing.T) adapters.Adapter { return folder(t, c.yaml, files(t, "", c.good)) },
				Change: func(t *testing.T) (adapters.Adapter, func()) {
					dir := files(t, "", c.good)
					return folder(t, c.yaml, dir), func() { files(t, dir, c.more) }
				},
				Poisoned: func(t *testing.T) (adapters.Adapter, string) {
					dir := files(t, "", c.good)
					files(t, dir, map[string]string{strings.Replace("post-bad."+name, "post-", map[string]string{"json": "post-"}[name], 1): c.bad})
					return folder(t, c.yaml, dir), c.what
				},
				Down: func(t *testing.T) adapters.Adapter { return folder(t, c.yaml, filepath.Join(t.TempDir(), "nowhere")) },
			})
		})
	}
}

// TestRowsKeepTheirBytes holds CSV in comma and UTF-8 to what the file has, and other
// forms to the same row in that form.
func TestRowsKeepTheirBytes(t *testing.T) {
	for name, c := range map[string]struct{ form, text, want string }{
		"as it is":        {"", "id,navn\r\n\r\na,\"Å, \"\"B\"\"\"\r\n", "id,navn\r\na,\"Å, \"\"B\"\"\"\r\n"},
		"no line end":     {"", "id,navn\na,b", "id,navn\na,b"},
		"semicolon":       {"    csv: {separator: \";\"}\n", "id;navn\na;\"x;y, z\"\n", "id,navn\na,\"x;y, z\"\n"},
		"windows-1252":    {"    csv: {separator: \";\", encoding: windows-1252}\n", "id;navn\na;\xc5se\x96Marie\n", "id,navn\na,Åse–Marie\n"},
		"latin1 in comma": {"    csv: {encoding: iso-8859-1}\n", "id,navn\na,\xc5se\n", "id,navn\na,Åse\n"},
	} {
		a := folder(t, strings.Replace(csvFolder, "    changed: endret\n", c.form, 1), files(t, "", map[string]string{"a.csv": c.text}))
		pages := adapterstest.Pass(t, a, "")
		if len(pages[0].Records) != 1 || string(pages[0].Records[0].Body) != c.want {
			t.Errorf("%s: %+v, want %q", name, pages[0], c.want)
		}
	}
}

// TestFilesThatAreNotRecords holds whole files that cannot be read to a fault that names them.
func TestFilesThatAreNotRecords(t *testing.T) {
	long := strings.Repeat("x", 12)
	dir := files(t, "", map[string]string{
		"0-empty.csv": "", "1-twice.csv": "id,id\na,b\n", "2-latin.csv": "id,navn\na,\xc5se\n", "3-02892060188.csv": "id,,x\n", "4-few.csv": "id,navn\na\n",
		"5-good.csv": "id,endret\nb,2026-11-01 12:00\n", ".hidden.csv": "x", "6.csv.part": "x", "7~": "x", long + ".tmp": "x"})
	if err := os.Mkdir(filepath.Join(dir, "8.csv"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "9.csv")); err != nil {
		t.Fatal(err)
	}
	a := folder(t, csvFolder, dir)
	pages := adapterstest.Pass(t, a, "")
	var where []string
	for _, f := range pages[0].Faults {
		where = append(where, f.Where)
		if !errors.Is(f, adapters.ErrMalformed) || strings.Contains(f.Error(), "02892060188") {
			t.Errorf("%v", f)
		}
	}
	if got := strings.Join(where, "|"); len(where) != 6 || !strings.Contains(got, "file 0-empty.csv|file 1-twice.csv|file 2-latin.csv|file 3-[11 digits, ") || !strings.Contains(got, "file 4-few.csv, line 2|file 9.csv") {
		t.Errorf("faults at %s", got)
	}
	if got := keys(pages); !slices.Equal(got, []string{"b"}) {
		t.Errorf("records %v", got)
	}
	for page, err := range a.(adapters.Lister).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Complete) > 0 && page.Unsure == "" {
			t.Error("the listing is sure of what is gone, though whole files cannot be read")
		}
	}
}

// TestLaterFilesWin: of one key, what the last file by name says counts; with take: last it is the only one read.
func TestLaterFilesWin(t *testing.T) {
	dir := files(t, "", map[string]string{"2026-11-02.csv": "id,v\na,new\n", "2026-11-01.csv": "id,v\na,old\nb,old\n"})
	plain := strings.Replace(csvFolder, "    changed: endret\n", "    version: v\n", 1)
	pages := adapterstest.Pass(t, folder(t, plain, dir), "")
	if r := pages[0].Records; len(r) != 2 || r[0].Key != "a" || r[0].Version != "new" || r[1].Key != "b" {
		t.Errorf("%v", r)
	}
	pages = adapterstest.Pass(t, folder(t, strings.Replace(plain, `"*.csv"`, `"*.csv", take: last`, 1), dir), "")
	if r := pages[0].Records; len(r) != 1 || r[0].Version != "new" {
		t.Errorf("%v", r)
	}
}

// TestNothingIsReadWhileNothingChanges, and many records come on several pages.
func TestNothingIsReadWhileNothingChanges(t *testing.T) {
	var b strings.Builder
	b.WriteString("id\n")
	for i := range 250 {
		b.WriteString(strings.Repeat("x", i+1)[:min(i+1, 150)] + string(rune('a'+i%26)) + strings.Repeat("y", i/150) + string(rune('a'+i/26)) + "\n")
	}
	dir := files(t, "", map[string]string{"a.csv": b.String()})
	a := folder(t, strings.Replace(csvFolder, "    changed: endret\n", "", 1), dir)
	pages := adapterstest.Pass(t, a, "")
	if len(pages) != 3 || len(keys(pages)) != 250 || pages[0].Next != "" || pages[2].Next == "" {
		t.Errorf("%d pages with %d records", len(pages), len(keys(pages)))
	}
	again := adapterstest.Pass(t, a, cursorOf(pages))
	if len(again) != 1 || again[0].Listed() != 0 || again[0].Next != cursorOf(pages) {
		t.Errorf("read again: %d listed", again[0].Listed())
	}
	// A file that was written anew in the same size is seen by its time.
	old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "a.csv"), old, old); err != nil {
		t.Fatal(err)
	}
	if got := len(keys(adapterstest.Pass(t, a, cursorOf(pages)))); got != 250 {
		t.Errorf("%d records after the file was touched", got)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// block is one fenced block of a document.
type block struct {
	line       int
	lang, more string // ```lang more
	text       string
}

var fence = regexp.MustCompile("^```([a-z]+)(?: (.*))?$")

// blocks reads the fenced blocks of a markdown file.
func blocks(t *testing.T, file string) []block {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	var open *block
	for i, line := range strings.Split(string(raw), "\n") {
		switch m := fence.FindStringSubmatch(line); {
		case open == nil && m != nil:
			open = &block{line: i + 1, lang: m[1], more: m[2]}
		case open != nil && line == "```":
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the block is not closed", file, open.line)
	}
	return all
}

func (b block) attribute(name string) string {
	m := regexp.MustCompile(name + `="([^"]+)"`).FindStringSubmatch(b.more)
	if m == nil {
		return ""
	}
	return m[1]
}

// script turns a document's blocks into a testscript: a block with a title is a file,
// a console block is commands (after $) and what they print. "…" stands for anything.
// A line of output must stand on one line of what is printed, with any blanks between;
// where none is shown, nothing may be printed. "# ends with 1" after a command says so.
func script(all []block) string {
	var b strings.Builder
	var files strings.Builder
	for i, x := range all {
		if title := x.attribute("title"); title != "" {
			// The file may have another text later in the document: it is put in place here.
			fmt.Fprintf(&b, "mkdir %s\ncp block%d %s\n", filepath.Dir(title), i, title)
			fmt.Fprintf(&files, "-- block%d --\n%s", i, x.text)
			continue
		}
		if x.lang != "console" {
			continue
		}
		fmt.Fprintf(&b, "# line %d\n", x.line)
		lines := strings.Split(strings.TrimSpace(x.text), "\n")
		for i, line := range lines {
			command, is := strings.CutPrefix(line, "$ ")
			if !is {
				fmt.Fprintf(&b, "stdout '%s'\n", pattern(line))
				continue
			}
			command, _, fails := strings.Cut(command, " # ends with 1")
			if cmd, input, piped := strings.Cut(command, " < "); piped {
				fmt.Fprintf(&b, "stdin %s\n", input)
				command = cmd
			}
			if fails {
				fmt.Fprint(&b, "! ")
			}
			fmt.Fprintf(&b, "exec %s\n", strings.ReplaceAll(command, `"`, `'`))
			if i+1 == len(lines) || strings.HasPrefix(lines[i+1], "$ ") {
				fmt.Fprint(&b, "! stdout .\n")
			}
		}
	}
	return b.String() + files.String()
}

func pattern(line string) string {
	words := strings.Fields(line)
	for i, w := range words {
		if words[i] = regexp.QuoteMeta(w); w == "…" {
			words[i] = ".*"
		}
	}
	return strings.ReplaceAll(strings.Join(words, `[ \t]+`), "'", "''")
}

// document runs a script made of blocks.
func document(t *testing.T, all []block, setup func(*testscript.Env) error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "document.txt")
	if err := os.WriteFile(file, []byte(script(all)), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Files: []string{file}, RequireExplicitExec: true, Setup: setup})
}

const adding = "../../docs/adding-a-source.md"

// TestAddingASource carries out docs/adding-a-source.md as it stands: its files are
// written, its commands run, its outputs compared. What needs the Go compiler is
// TestAddingAnAdapterInGo.
func TestAddingASource(t *testing.T) {
	var plain []block
	for _, b := range blocks(t, adding) {
		if b.more != "go" && b.attribute("edit") == "" {
			plain = append(plain, b)
		}
	}
	if len(plain) < 15 {
		t.Fatalf("%d blocks; the document is not read", len(plain))
	}
	document(t, plain, func(env *testscript.Env) error {
		// The Go part is begun in Samsyn's own source folder; this file makes it look so.
		env.Setenv("HOME", env.WorkDir)
		return os.WriteFile(filepath.Join(env.WorkDir, "go.mod"), []byte("module samsyn\n"), 0o600)
	})
}

// TestAddingAnAdapterInGo carries out the document's part about Go: the adapter that
// the command makes, the tests that come with it, the lines for systems.go, and the
// record in the overview of the program that is built of it. Nothing in this folder is
// changed: the compiler is shown the new files as if they lay here.
func TestAddingAnAdapterInGo(t *testing.T) {
	if os.Getenv("SAMSYN_TEST_SIZE") != "ci" {
		t.Skip("compiles the program: set SAMSYN_TEST_SIZE=ci")
	}
	top, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module samsyn\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	var steps []block
	made := false
	for _, b := range blocks(t, adding) {
		switch edit := b.attribute("edit"); {
		case strings.HasPrefix(b.text, "$ samsyn adapter new fritidgo"):
			command := strings.Fields(strings.SplitN(b.text, "\n", 2)[0])[2:]
			if code := run(t.Context(), append(command, "--dir", dir), io.Discard, os.Stderr); code != done {
				t.Fatalf("line %d: exit code %d", b.line, code)
			}
			made = true
			for _, f := range newFiles(t, dir) {
				replace[filepath.Join(top, f)] = filepath.Join(dir, f)
			}
		case edit != "":
			replace[filepath.Join(top, edit)] = insert(t, top, dir, edit, b.text)
		case b.lang == "sh" && b.more == "go":
			testMade(t, top, dir, replace, b.text)
		case b.more == "go" || b.attribute("title") == "samsyn-go.yaml" || b.attribute("title") == "jonas.txt":
			steps = append(steps, b)
		}
	}
	if !made || len(steps) != 3 {
		t.Fatalf("the document's part about Go is not as this test knows it: %d steps", len(steps))
	}
	record, err := os.ReadFile(filepath.Join(dir, "testdata", "records", "fritidgo", "aktivitet", "eksempel.input.json"))
	if err != nil {
		t.Fatal(err)
	}
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("offset") != "0" {
			record = nil
		}
		fmt.Fprintf(w, `{"data": [%s]}`, record)
	}))
	t.Cleanup(source.Close) // the script runs after this function
	for i := range steps {
		steps[i].text = strings.ReplaceAll(steps[i].text, "http://127.0.0.1:8099", source.URL)
	}
	binary := filepath.Join(t.TempDir(), "bin", "samsyn")
	compile(t, top, overlayFile(t, replace), "build", "-o", binary, "./cmd/samsyn")
	document(t, steps, func(env *testscript.Env) error {
		env.Setenv("HOME", env.WorkDir)
		env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
		return nil
	})
}

func newFiles(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, depth := range []string{"*/*/*", "*/*/*/*", "*/*/*/*/*"} {
		found, err := filepath.Glob(filepath.Join(dir, depth))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
				rel, _ := filepath.Rel(dir, f) // f lies below dir
				all = append(all, rel)
			}
		}
	}
	return all
}

// insert gives a copy of a file with the line put before the first of its sort: an
// import before the imports of adapters, an entry before the entries of systems.
func insert(t *testing.T, top, dir, file, line string) string {
	t.Helper()
	at := filepath.Join(dir, "edited", filepath.Base(file))
	raw, err := os.ReadFile(at)
	if err != nil {
		if raw, err = os.ReadFile(filepath.Join(top, file)); err != nil {
			t.Fatal(err)
		}
	}
	before := regexp.MustCompile(`(?m)^\t\t"oneroster":`)
	if strings.HasPrefix(strings.TrimSpace(line), `"samsyn/`) {
		before = regexp.MustCompile(`(?m)^\t"samsyn/adapters/oneroster"`)
	}
	where := before.FindIndex(raw)
	if where == nil {
		t.Fatalf("%s has no place for %s", file, line)
	}
	text := string(raw[:where[0]]) + line + string(raw[where[0]:])
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}

func overlayFile(t *testing.T, replace map[string]string) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func compile(t *testing.T, top, overlay string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{args[0], "-overlay", overlay}, args[1:]...)...)
	cmd.Dir = top
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, out)
	}
}

// testMade runs the document's go test on the package that was made. Its line for
// ./mapping is held by the input/output pair, which the command computes.
func testMade(t *testing.T, top, dir string, replace map[string]string, command string) {
	t.Helper()
	pkg := regexp.MustCompile(`\./adapters/\S+`).FindString(command)
	binary := filepath.Join(t.TempDir(), "made.test")
	compile(t, top, overlayFile(t, replace), "test", "-c", "-vet=off", "-o", binary, pkg)
	cmd := exec.CommandContext(t.Context(), binary, "-test.v")
	cmd.Dir = filepath.Join(dir, pkg)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestContract") {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

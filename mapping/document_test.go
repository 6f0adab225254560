package mapping_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"samsyn/mapping"
)

// TestDocumentListsFunctions keeps docs/mapping.md's function list what the code has.
func TestDocumentListsFunctions(t *testing.T) {
	const file, begin, end = "../docs/mapping.md", "-update -->\n", "<!-- end of functions -->"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("docs/mapping.md has lost its markers")
	}
	var list strings.Builder
	list.WriteString("| function | gives |\n|---|---|\n")
	for _, f := range mapping.Functions() {
		fmt.Fprintf(&list, "| `%s` | %s |\n", f.Usage, f.Doc)
	}
	want := before + begin + list.String() + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(data) != want {
		t.Error("docs/mapping.md lists other functions than the code has: go test ./mapping -run Document -update")
	}
}

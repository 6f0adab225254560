package app

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDecisionsHaveNumbersOfTheirOwn: each decision has the next number, and whoever names one by its number or its file finds it.
func TestDecisionsHaveNumbersOfTheirOwn(t *testing.T) {
	const dir = "../../docs/adr/"
	form := regexp.MustCompile(`^(\d{4})-[a-z0-9-]+\.md$`)
	names := map[string]string{} // by number
	all, err := filepath.Glob(dir + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		name := filepath.Base(path)
		m := form.FindStringSubmatch(name)
		switch {
		case m == nil:
			t.Errorf("%s is no NUMBER-some-words.md", name)
			continue
		case names[m[1]] != "":
			t.Errorf("%s and %s have the same number: the one that landed last takes the next", names[m[1]], name)
		}
		names[m[1]] = name
	}
	if len(names) < 20 {
		t.Fatalf("only %d decisions found", len(names))
	}
	linked := regexp.MustCompile(`\[(?:ADR )?(\d+)?[^\]]*\]\((?:[./a-z]*adr/)?(\d{4})(-[^)#]*)[^)]*\)`)
	named := regexp.MustCompile(`adr/(\d{4})\b`)
	links := 0
	for _, top := range []string{"../../docs", "../../internal", "../../cmd", "../../adapters", "../../mapping", "../../fhir"} {
		files(t, top, []string{".md", ".go", ".yaml", ".sql"}, func(path, text string) {
			for _, m := range named.FindAllStringSubmatch(text, -1) {
				if names[m[1]] == "" {
					t.Errorf("%s names decision %s, which is none", path, m[1])
				}
			}
			for _, m := range linked.FindAllStringSubmatch(text, -1) {
				links++
				if names[m[2]] != m[2]+m[3] {
					t.Errorf("%s links %s%s, which is not there (%s is)", path, m[2], m[3], names[m[2]])
				}
				if m[1] != "" && strings.TrimLeft(m[2], "0") != m[1] {
					t.Errorf("%s calls %s%s number %s", path, m[2], m[3], m[1])
				}
			}
		})
	}
	if links < 10 {
		t.Errorf("only %d links found", links)
	}
}

package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/labstack/echo/v4"
	"gopkg.in/yaml.v3"
)

const flowsFile = "../../docs/privacy/data-flows.yaml"

// flows is the table of what goes where, on which the DPIA rests.
type flows struct {
	Sources []struct{ System, Fra, Hvordan, Hentes, Vises, Regime string } `yaml:"kilder"`
	Types   map[string]string                                              `yaml:"typer"`
	Routes  map[string]struct{ Hvem, Viser string }                        `yaml:"adresser"`
	Out     []struct{ Hvor, Til, Sender string }                           `yaml:"ut"`
	Tables  map[string]struct{ Holder, Person, Lenge string }              `yaml:"tabeller"`
}

func readFlows(t *testing.T) flows {
	t.Helper()
	b, err := os.ReadFile(flowsFile)
	if err != nil {
		t.Fatal(err)
	}
	var f flows
	if err := yaml.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// files calls each for every file below dir with one of the endings.
func files(t *testing.T, dir string, endings []string, each func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains(endings, filepath.Ext(path)) {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil {
			each(filepath.ToSlash(path), string(b))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDataFlowsNameEverySource(t *testing.T) {
	f := readFlows(t)
	all, err := systems("")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, s := range f.Sources {
		told = append(told, s.System)
		if _, ok := all[s.System]; !ok {
			t.Errorf("%s is no system any more", s.System)
		}
		if s.Fra == "" || s.Hvordan == "" || s.Hentes == "" || s.Vises == "" || s.Regime == "" {
			t.Errorf("%s: a column is empty", s.System)
		}
	}
	for name := range all {
		if !slices.Contains(told, name) {
			t.Errorf("%s is a system of which %s does not tell what is fetched, kept and shown", name, flowsFile)
		}
	}
}

func TestDataFlowsNameEveryTypeThatMapsMake(t *testing.T) {
	f := readFlows(t)
	made := map[string]bool{}
	makes := regexp.MustCompile(`resourceType: "?([A-Z][A-Za-z]+)`)
	files(t, "../../mapping/maps", []string{".yaml"}, func(_, text string) {
		for _, m := range makes.FindAllStringSubmatch(text, -1) {
			made[m[1]] = true
		}
	})
	if len(made) < 5 {
		t.Fatalf("only %v found: does the test still read maps?", made)
	}
	for typ := range made {
		if f.Types[typ] == "" {
			t.Errorf("maps make %s, of which %s does not tell as what it is shown", typ, flowsFile)
		}
	}
	for typ := range f.Types {
		if !made[typ] {
			t.Errorf("no map makes %s any more", typ)
		}
	}
}

func TestDataFlowsNameEveryRoute(t *testing.T) {
	f := readFlows(t)
	served := map[string]string{} // path to a method
	for _, config := range []string{"instance: {test: true}\nserver: {pprof: true}\n", signedIn(t)} {
		e, ok := servedAs(t, config).(*echo.Echo)
		if !ok {
			t.Fatal("what is served is no Echo any more: find its routes in another way")
		}
		for _, r := range e.Routes() {
			if r.Method != echo.RouteNotFound { // nothing is told there
				served[r.Path] = r.Method
			}
		}
	}
	for path, method := range served {
		if row := f.Routes[path]; row.Hvem == "" || row.Viser == "" {
			t.Errorf("%s %s is served, and %s does not tell who gets what there", method, path, flowsFile)
		}
	}
	for path := range f.Routes {
		if served[path] == "" {
			t.Errorf("%s tells of %s, which is not served any more", flowsFile, path)
		}
	}
	for _, path := range []string{"/auth/callback", "/auth/token", "/auth/backchannel/:provider", "/som", "/barn/:person"} {
		if served[path] == "" {
			t.Errorf("%s is not among the routes that were found", path)
		}
	}
}

// signedIn is a configuration with which people sign in and systems get tokens.
func signedIn(t *testing.T) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(jose.JSONWebKey{Key: private, Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(key, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return `instance: {organisation: "974760673"}
server: {address: "0.0.0.0:0", public: "https://samsyn.example.no", trusted_proxies: [10.1.2.0/24]}
auth: {providers: {helseid: {kind: helseid, issuer: "https://helseid.example.no", client_id: samsyn, key: {file: ` + key + `}}}}
`
}

func TestDataFlowsNameEveryTable(t *testing.T) {
	f := readFlows(t)
	// What the migrations leave, one after the other.
	change := regexp.MustCompile(`(?im)^\s*(CREATE|DROP|ALTER)\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"?([a-z_]+)"?\s*(?:\(|;|RENAME\s+TO\s+([a-z_]+))`)
	found := map[string]bool{}
	files(t, "../store/migrations", []string{".sql"}, func(_, text string) {
		up, _, _ := strings.Cut(text, "-- +goose Down")
		for _, m := range change.FindAllStringSubmatch(up, -1) {
			found[m[2]] = m[1] == "CREATE"
			if m[3] != "" {
				found[m[3]] = true
			}
		}
	})
	maps.DeleteFunc(found, func(_ string, there bool) bool { return !there })
	if len(found) < 20 {
		t.Fatalf("only %v found", found)
	}
	for name := range f.Tables {
		if !found[name] && !strings.HasPrefix(name, "river") {
			t.Errorf("%s tells of a table %s, and the store has none", flowsFile, name)
		}
	}
	for name := range found {
		if row := f.Tables[name]; row.Holder == "" || row.Person == "" || row.Lenge == "" {
			t.Errorf("the store has a table %s, and %s does not tell what it holds, of whom and for how long", name, flowsFile)
		}
	}
}

// TestDataFlowsNameEveryWayOut finds the places that open connections.
func TestDataFlowsNameEveryWayOut(t *testing.T) {
	f := readFlows(t)
	opens := regexp.MustCompile(`outbound\.New\(|http\.Client\{|http\.Transport\{|http\.DefaultClient|http\.(Get|Post|Head|PostForm)\(|net\.Dial|net\.Dialer\{|otlptracehttp\.New|sqlx\.(Open|Connect)|sql\.Open`)
	told := map[string]bool{}
	for _, o := range f.Out {
		told[o.Hvor] = o.Til != "" && o.Sender != ""
	}
	n := 0
	for _, top := range []string{"../../internal", "../../adapters", "../../cmd", "../../mapping", "../../fhir"} {
		files(t, top, []string{".go"}, func(path, text string) {
			dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../../")
			if strings.HasSuffix(path, "_test.go") || !opens.MatchString(text) || strings.HasPrefix(dir, "internal/sim") || strings.HasPrefix(dir, "internal/bugs") || strings.HasSuffix(dir, "test") {
				return
			}
			n++
			if !told[dir] {
				t.Errorf("%s opens connections, and %s does not tell to whom and with what", path, flowsFile)
			}
		})
	}
	if n < 3 {
		t.Errorf("only %d places found", n)
	}
}

func TestRiskListNamesTestsThatExist(t *testing.T) {
	tests := map[string]bool{}
	declares := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
	for _, top := range []string{"../../internal", "../../adapters", "../../cmd", "../../mapping", "../../fhir"} {
		files(t, top, []string{".go"}, func(path, text string) {
			for _, m := range declares.FindAllStringSubmatch(text, -1) {
				tests[m[1]] = true
			}
		})
	}
	names := regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")
	n := 0
	files(t, "../../docs/privacy", []string{".md"}, func(path, text string) {
		for _, m := range names.FindAllStringSubmatch(text, -1) {
			n++
			if !tests[m[1]] {
				t.Errorf("%s rests on %s, which is no test", path, m[1])
			}
		}
	})
	if n < 20 {
		t.Errorf("only %d tests named", n)
	}
}

// TestPatternsAreOurOwn: regular expressions are Go's (RE2, linear), written by us or in
// files that an operator writes; none is made of what a source or a viewer says.
func TestPatternsAreOurOwn(t *testing.T) {
	compile := regexp.MustCompile(`regexp\.(?:Must)?Compile(?:POSIX)?\(([^)]{0,60})`)
	// FHIRPath's matches and replaceMatches compile what a map says; a map is the operator's.
	ours := []string{"../../fhir/fhirpath/", "../../fhir/profile", "../../mapping/"}
	n := 0
	for _, top := range []string{"../../internal", "../../adapters", "../../mapping", "../../fhir"} {
		files(t, top, []string{".go"}, func(path, text string) {
			if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "../../internal/sim/") || slices.ContainsFunc(ours, func(dir string) bool { return strings.HasPrefix(path, dir) }) {
				return
			}
			for _, m := range compile.FindAllStringSubmatch(text, -1) {
				n++
				if arg := strings.TrimSpace(m[1]); !strings.HasPrefix(arg, "`") && !strings.HasPrefix(arg, `"`) {
					t.Errorf("%s compiles the pattern %s, which is not written there", path, arg)
				}
			}
			for _, other := range []string{"dlclark/regexp2", "pcre", "wasilibs/go-re2"} {
				if strings.Contains(text, `"github.com/`+other) {
					t.Errorf("%s uses %s, which is not linear", path, other)
				}
			}
		})
	}
	if n < 20 {
		t.Errorf("only %d patterns found", n)
	}
}

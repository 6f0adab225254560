package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed is the one-way street: which of our packages each may import. A pattern
// ending in /… covers what lies below. What is not named here imports nothing of ours.
var allowed = map[string][]string{
	"cmd/samsyn":                   {"internal/app", "internal/audit", "internal/gate", "internal/care", "internal/csvsafe", "internal/words", "internal/consolidate", "internal/ingest", "internal/ingest/ledger", "internal/overview", "internal/demo", "internal/sim", "internal/mapkit", "internal/reconcile", "mapping", "testdata", "internal/connector/scaffold", "internal/ops/heap"},
	"internal/app":                 {"adapters", "adapters/…", "fhir", "mapping", "internal/…"},
	"internal/api":                 {"internal/consent", "adapters", "fhir", "internal/search", "internal/care", "internal/consolidate", "internal/ingest", "internal/overview", "internal/audit", "internal/gate"},
	"internal/web":                 {"internal/access", "internal/rights", "internal/auth", "internal/care", "internal/consolidate", "internal/findings", "internal/overview", "internal/words", "internal/audit", "internal/gate"},
	"internal/gate":                {"internal/access", "internal/audit", "internal/care"},
	"internal/gate/gatetest":       {"internal/access", "internal/audit", "internal/care", "internal/gate"},
	"internal/export":              {"internal/audit", "internal/care", "internal/consolidate", "internal/gate", "internal/words"},
	"internal/rights":              {"internal/access", "internal/audit", "internal/care", "internal/consent", "internal/gate"},
	"internal/overview":            {"internal/access", "internal/care", "internal/consolidate", "internal/findings", "internal/audit", "internal/gate"},
	"internal/ingest":              {"adapters", "fhir", "mapping", "internal/care", "internal/identity", "internal/ingest/…", "internal/ops/span"},
	"internal/ingest/…":            {"adapters", "internal/care", "internal/ingest", "internal/identity", "internal/store"},
	"internal/journal":             {"internal/care"},
	"internal/store":               {"adapters", "fhir", "internal/audit", "internal/care", "internal/identity", "internal/ingest", "internal/ingest/…", "internal/journal", "internal/vault"},
	"internal/store/storetest":     {"adapters", "fhir", "internal/audit", "internal/care", "internal/identity", "internal/ingest", "internal/ingest/…", "internal/store", "internal/store/pgtest", "internal/vault"},
	"internal/identity":            {"internal/care", "fhir"},
	"internal/auth":                {"internal/auth/…", "internal/care", "internal/identity", "internal/outbound"},
	"internal/auth/jwt":            {"internal/care"},
	"internal/auth/scope":          {},
	"internal/access":              {"fhir", "fhir/r4", "internal/auth/scope", "internal/care", "internal/consent", "internal/jsonsafe"},
	"internal/consent":             {"fhir", "internal/care"},
	"internal/oracle":              {"internal/care"}, // and never what it is held against
	"internal/audit":               {"fhir", "internal/care", "internal/ops/scan", "internal/words"},
	"internal/consolidate":         {"fhir", "internal/care", "internal/words"},
	"internal/consolidate/stories": {"fhir", "internal/care", "internal/consolidate"},
	"internal/search":              {"fhir", "fhir/fhirpath", "internal/care"},
	"internal/findings":            {"internal/care", "internal/consolidate", "internal/words"},
	"internal/care":                {"fhir"},
	"internal/connector":           {"adapters", "adapters/dropfolder", "fhir/fhirpath", "internal/jsonsafe", "internal/xmlsafe"},
	"internal/connector/scaffold":  {"mapping"},
	"internal/reconcile":           {"adapters", "internal/care", "internal/identity", "internal/ingest", "internal/ingest/…"},
	"internal/mapkit":              {"adapters", "fhir", "fhir/…", "mapping", "internal/care", "internal/identity", "internal/ingest", "internal/ingest/…"},
	"internal/outbound":            {"internal/jsonsafe"},
	"internal/jobs":                {"internal/care", "internal/ingest/ledger"},
	"internal/bench":               {"adapters", "adapters/fhirrest", "mapping", "internal/care", "internal/identity", "internal/ingest", "internal/ingest/…", "internal/reconcile", "internal/store", "internal/store/…", "internal/vault"},
	"internal/bench/run":           {"internal/bench", "internal/ops/heap"},
	"internal/ops":                 {},
	"internal/alarm":               {},
	"internal/vault":               {"internal/care"},
	"internal/demo":                {"internal/app", "internal/auth", "internal/care", "internal/outbound", "internal/sim", "internal/sim/idp", "testdata", "internal/audit", "internal/gate"},
	"internal/sim":                 {"internal/sim/…", "internal/outbound", "testdata"},
	"internal/sim/…":               {"internal/xmlsafe"},
	"mapping":                      {"fhir", "fhir/…", "internal/jsonsafe", "internal/xmlsafe"},
	"fhir":                         {"fhir/r4", "fhir/fhirpath", "internal/jsonsafe"},
	"fhir/fhirpath":                {"fhir/r4"},
	"fhir/fhirtest":                {"fhir", "fhir/r4"},
	"fhir/r4/gen":                  {"fhir/r4"},
	"adapters/adapterstest":        {"adapters"},
	"adapters/dropfolder":          {},
	"adapters/…":                   {"adapters", "adapters/dropfolder", "internal/jsonsafe", "internal/xmlsafe"},
}

// keepers are libraries that only these packages may know.
var keepers = map[string][]string{
	"github.com/labstack/echo/v4": {"internal/api", "internal/web", "internal/app"},
	"github.com/jmoiron/sqlx":     {"internal/store"},
	"database/sql":                {"internal/store", "internal/jobs", "internal/bench"}, // jobs hands it to the queue and counts its lines
	"github.com/riverqueue/river": {"internal/jobs"},
	"modernc.org/sqlite":          {"internal/store"},
	"github.com/lib/pq":           {"internal/store", "internal/bench"},
	"github.com/spf13/cobra":      {"cmd/samsyn"},
	"github.com/coreos/go-oidc":   {"internal/auth"},
	"golang.org/x/oauth2":         {"internal/auth"},
	"gopkg.in/yaml.v3":            {"internal/app", "mapping", "fhir", "internal/demo", "internal/connector", "internal/audit", "internal/bugs", "internal/access", "internal/oracle"},
	"github.com/tink-crypto":      {"internal/vault"},
	"github.com/klauspost":        {"internal/vault", "internal/vault/dictionary/gen"},
}

// pure packages do no I/O.
var pure = []string{"internal/access", "internal/consent", "internal/consolidate", "internal/findings", "internal/identity", "internal/care", "internal/search", "internal/oracle", "mapping", "fhir", "fhir/fhirpath", "internal/audit"}

var ioPackages = []string{"net", "net/http", "os", "os/exec", "database/sql"}

func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// sources gives the non-test Go files of each package, relative to the root.
func sources(t *testing.T) map[string][]*ast.File {
	t.Helper()
	top := root(t)
	out := map[string][]*ast.File{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != top || d.Name() == "testdata" && path != filepath.Join(top, "testdata")) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, filepath.Dir(path))
		if err != nil {
			return err
		}
		out[filepath.ToSlash(rel)] = append(out[filepath.ToSlash(rel)], file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func rules(pkg string) []string {
	if r, ok := allowed[pkg]; ok {
		return r
	}
	best, found := "", []string(nil)
	for p, r := range allowed {
		if below, ok := strings.CutSuffix(p, "…"); ok && strings.HasPrefix(pkg, below) && len(below) > len(best) {
			best, found = below, r
		}
	}
	return found
}

func covers(rules []string, pkg string) bool {
	for _, r := range rules {
		if r == pkg {
			return true
		}
		if below, ok := strings.CutSuffix(r, "…"); ok && strings.HasPrefix(pkg, below) {
			return true
		}
	}
	return false
}

func TestImportsPointOneWay(t *testing.T) {
	for pkg, files := range sources(t) {
		for _, f := range files {
			for _, i := range f.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				if ours, ok := strings.CutPrefix(path, "samsyn/"); ok && !covers(rules(pkg), ours) {
					t.Errorf("%s imports %s, which the one-way street does not allow (docs/architecture.md)", pkg, ours)
				}
				for lib, by := range keepers {
					if (path == lib || strings.HasPrefix(path, lib+"/")) && !slices.Contains(by, pkg) && !strings.HasPrefix(pkg, "internal/store/") {
						t.Errorf("%s imports %s, which only %v may know", pkg, path, by)
					}
				}
				if slices.Contains(pure, pkg) && slices.Contains(ioPackages, path) {
					t.Errorf("%s imports %s, but it does no I/O", pkg, path)
				}
			}
		}
	}
}

// personal are the store's methods that give something of a person, or what is decided about
// her on. Only the gate, the register of rights and those who bring records in call them:
// they are given the store, and everybody else is given the gate.
var personal = []string{"Contributions", "Claims", "History", "Facts", "Rights", "Persons", "Appointed", "Whose", "Audit", "AuditOf", "PutRights", "ConsentVersions",
	"Broken", "Notices", "SawNotice", "ConfirmMerge", "Unions", "LowerAddress", "Everybody"}

// controlled is the one place beside them: samsyn audit looks at the log as a whole, and at
// what stood behind it, for patterns. Who looks is noted in the log first (docs/audit.md).
var controlled = []string{"Audit", "AuditOf", "Rights", "Claims"}

func TestOneWayToAPerson(t *testing.T) {
	for pkg, files := range sources(t) {
		if strings.HasPrefix(pkg, "internal/store") || slices.Contains([]string{"internal/gate", "internal/rights", "internal/gate/gatetest"}, pkg) {
			continue
		}
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.SelectorExpr)
				if !ok || !slices.Contains(personal, call.Sel.Name) || pkg == "internal/app" && slices.Contains(controlled, call.Sel.Name) {
					return true
				}
				name := ""
				switch x := call.X.(type) {
				case *ast.Ident:
					name = x.Name
				case *ast.SelectorExpr:
					name = x.Sel.Name
				}
				if strings.EqualFold(name, "store") {
					t.Errorf("%s asks the store for %s: what is held of a person is had from the gate alone", pkg, call.Sel.Name)
				}
				return true
			})
		}
	}
}

func TestNothingRegistersItself(t *testing.T) {
	for pkg, files := range sources(t) {
		for _, f := range files {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s has an init function; list things where a reader can see them", pkg)
				}
			}
		}
	}
}

var opensWell = regexp.MustCompile(`^(Package|Command) \S`)

func TestEveryPackageSaysWhatItOwns(t *testing.T) {
	for pkg, files := range sources(t) {
		said := false
		for _, f := range files {
			said = said || f.Doc != nil && opensWell.MatchString(f.Doc.Text())
		}
		if !said {
			t.Errorf("%s has no package comment that says what it owns", pkg)
		}
	}
}

func TestTopLevelIsAsAgreed(t *testing.T) {
	agreed := []string{"cmd", "adapters", "fhir", "mapping", "internal", "testdata", "go.mod", "go.sum", "README.md", "docs", ".ci", "Makefile", "LICENSE", "CONTRIBUTING.md",
		".git", ".gitignore", ".gitattributes", ".editorconfig", "staticcheck.conf"}
	entries, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(agreed, e.Name()) && !ignored(t, e.Name()) {
			t.Errorf("%s stands at the top, where it was not agreed", e.Name())
		}
	}
}

// ignored tells whether git leaves the name out, as it does with what is built.
func ignored(t *testing.T, name string) bool {
	t.Helper()
	rules, err := os.ReadFile(filepath.Join(root(t), ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range strings.Fields(string(rules)) {
		if ok, err := filepath.Match(strings.Trim(rule, "/"), name); err == nil && ok {
			return true
		}
	}
	return false
}

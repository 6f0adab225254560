package demo_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"samsyn/fhir"
	"samsyn/internal/consent"
)

// send sends a FHIR body as a viewer.
func (w *world) send(t *testing.T, viewer, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Samsyn-Viewer", viewer)
	req.Header.Set("Content-Type", "application/fhir+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

// TestConsentOverFHIR: a consent is proposed, signed, renewed and taken back over FHIR, by
// those who may, and opens only while it is signed.
func TestConsentOverFHIR(t *testing.T) {
	w := registered(t)
	jonas := string(w.people["jonas"])
	proposal := fmt.Sprintf(`{"resourceType":"Consent","id":"mine","language":"nb","status":"proposed","extension":[{"url":"urn:samsyn:frivillig","valueBoolean":true}],
		"scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"INFA"}]}],
		"patient":{"reference":"Patient/%s"},"policy":[{"uri":"urn:samsyn:samtykketekst:samtykke-2026-1"}],
		"provision":{"type":"permit","period":{"end":"2027-06-30T00:00:00Z"},"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}],
		"actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"CST"}]},"reference":{"identifier":{"system":"urn:samsyn:tjeneste","value":"bup"}}}],
		"provision":[{"type":"permit","actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"identifier":{"system":"urn:samsyn:bruker","value":"mette"}}}]}]}}`, jonas)
	opens := func() bool { return strings.Contains(w.get(t, "mette", "/barn/"+jonas), "Kystsykehuset") }

	// Who has nothing to do with the child proposes nothing, and is answered as about nobody.
	for _, viewer := range []string{"liv", "hanne", "teo"} {
		a, _ := w.send(t, viewer, http.MethodPost, "/fhir/Consent", proposal)
		b, _ := w.send(t, viewer, http.MethodPost, "/fhir/Consent", strings.ReplaceAll(proposal, jonas, strings.Repeat("0", len(jonas))))
		if a != b || a < 400 {
			t.Errorf("%s: %d about Jonas, %d about nobody", viewer, a, b)
		}
	}
	status, body := w.send(t, "anders", http.MethodPost, "/fhir/Consent", proposal)
	if status != http.StatusCreated {
		t.Fatalf("propose: %d %s", status, body)
	}
	k, err := consent.ReadAll([]byte(body))
	if err != nil || k.ID == "mine" || k.Version != 1 || len(k.Signatures) > 0 {
		t.Fatalf("%+v, %v", k, err)
	}
	says := func(status, more string) (int, string) {
		r, err := consent.ToFHIR(k)
		if err != nil {
			t.Fatal(err)
		}
		out := strings.Replace(string(r.Body), `"status":"`+string(k.Status)+`"`, `"status":"`+status+`"`+more, 1)
		return w.send(t, "anders", http.MethodPut, "/fhir/Consent/"+k.ID, out)
	}
	mother := `,"verification":[{"verified":true,"verifiedWith":{"identifier":{"system":"urn:samsyn:underskriver","value":"mor-myrvang"}},"verificationDate":"2026-11-23T07:00:00Z","extension":[{"url":"urn:samsyn:part","valueCode":"guardian"},{"url":"urn:samsyn:maate","valueCode":"paper"}]}]`
	if opens() {
		t.Error("a proposal opens")
	}
	if status, body := says("active", mother); status != http.StatusOK || !strings.Contains(body, `"status":"active"`) {
		t.Fatalf("sign: %d %s", status, body)
	}
	if !opens() {
		t.Error("a signed consent does not open")
	}
	if status, body := says("inactive", mother); status != http.StatusOK || !strings.Contains(body, `"status":"inactive"`) {
		t.Fatalf("withdraw: %d %s", status, body)
	}
	if opens() {
		t.Error("a consent that was taken back opens")
	}
	if status, body := says("proposed", ""); status != http.StatusOK || !strings.Contains(body, `"status":"proposed"`) {
		t.Fatalf("renew: %d %s", status, body)
	}
	status, body = w.send(t, "anders", http.MethodGet, "/fhir/Consent?patient="+jonas, "")
	if status != http.StatusOK {
		t.Fatalf("search: %d", status)
	}
	r, err := fhir.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range fhir.Errors(fhir.Validate(r)) {
		t.Errorf("%+v", i)
	}
	if n := strings.Count(body, `"resourceType":"Consent"`); n != 4 && n != 3 {
		t.Errorf("%d consents", n)
	}
	for _, bad := range []string{strings.Replace(proposal, `"proposed"`, `"active"`, 1), strings.Replace(proposal, `"bup"`, `"politi"`, 1), strings.Replace(proposal, `"language"`, `"Status":"active","language"`, 1), "{}", ""} {
		if status, _ := w.send(t, "anders", http.MethodPost, "/fhir/Consent", bad); status != http.StatusBadRequest {
			t.Errorf("%.60s…: %d", bad, status)
		}
	}
}

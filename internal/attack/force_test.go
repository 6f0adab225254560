package attack_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/consent"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate/gatetest"
)

// form is what somebody sends to a page.
func form(who, path string, v url.Values) request {
	return request{viewer: who, method: http.MethodPost, path: path, body: v.Encode(), headers: []string{"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin"}}
}

// asked is what a consent is asked for with.
func asked(more ...string) url.Values {
	v := url.Values{"fra": {"skole"}, "til": {"anders"}, "formal": {"COC"}, "frivillig": {"ja"}, "til_og_med": {"2027-01-31"}, "bekreftet": {"ja"}}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

// forms are those by which rights change.
func forms(p, consentID string) map[string]url.Values {
	base := "/barn/" + p
	return map[string]url.Values{
		base + "/samtykke":                            asked(),
		base + "/samtykke/" + consentID + "/signer":   {"part": {"guardian"}, "hvem": {"mor"}, "hvordan": {"digital"}},
		base + "/samtykke/" + consentID + "/trekk":    {"part": {"guardian"}, "hvem": {"mor"}, "begrunnelse": {"nei"}},
		base + "/samtykke/" + consentID + "/forny":    {"til_og_med": {"2027-06-30"}},
		base + "/sperring":                            {"hvem": {"anders"}},
		base + "/sperring/sperre/opphev":              {},
		base + "/holdtilbake":                         {"tjeneste": {"skole"}},
		base + "/holdtilbake/h/del":                   {},
		base + "/oppnevning/a-anders-" + p + "/slutt": {"begrunnelse": {"ferdig"}},
		base + "/nod/n/slutt":                         {},
		"/kontor/oppnevn":                             {"barn": {p}, "hvem": {"ukjent"}, "begrunnelse": {"trengs"}},
		"/kontor/gjennomgang":                         {"barn": {p}, "okt": {"n"}, "funn": {"i orden"}},
		"/kontor/samme":                               {"barn": {p}, "forent": {"x"}},
		"/kontor/adresse":                             {"barn": {p}},
	}
}

// TestRightsAreNotTaken: who is nothing to a child changes nothing that is registered about
// her, by no form, and the attempt is logged without a yes.
func TestRightsAreNotTaken(t *testing.T) {
	tried := 0
	m := neighbourhood()
	m.Give("ella", care.Rights{Blocks: []care.Block{{ID: "sperre", Person: "ella", Viewer: "x", Extent: care.BlockAll, From: since, By: "mor"}},
		BreakGlass: []care.BreakGlass{{ID: "n", Viewer: "nils", Person: "ella", Code: "BLALYS", Reason: "Barnet er funnet bevisstløst", From: stories.Now().Add(-2 * time.Hour), Until: stories.Now().Add(-time.Hour)}}})
	w := open(t, m, nil)
	before := registered(t, m)
	for _, v := range viewers {
		for path, values := range forms("ella", "c-anders-ella") {
			switch {
			case v.ID == "anders", v.ID == "mor": // they are something to her
				continue
			case v.ID == "kari" && (strings.Contains(path, "oppnev") || strings.Contains(path, "gjennomgang") || path == "/kontor/adresse" || path == "/kontor/samme" || strings.HasSuffix(path, "/trekk")), v.ID == "rune" && strings.Contains(path, "gjennomgang"):
				continue // it is their office: and she notes what somebody took back
			}
			m.Lines = nil
			got := w.ask(form(v.ID, path, values))
			tried++
			if !slices.Contains(refusals, got.status) {
				t.Errorf("%s posts %s: status %d: %s", v.ID, path, got.status, cut(got.body))
			}
			if registered(t, m) != before {
				t.Fatalf("%s changed what is registered by %s", v.ID, path)
			}
			events, err := m.Events()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				if e.Permit {
					t.Errorf("%s posts %s: logged as permitted: %+v", v.ID, path, e)
				}
			}
			if strings.Contains(got.body, forbidden) || strings.Contains(got.body, "Sagt") {
				t.Errorf("%s posts %s: is told of her: %s", v.ID, path, cut(got.body))
			}
		}
	}
	t.Logf("%d forms", tried)
}

func registered(t *testing.T, m *gatetest.Memory) string {
	t.Helper()
	b, err := json.Marshal(m.Rights)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestNobodyDoesWhatIsAnothers: who is something to a child does for herself what is hers, and
// neither signs for others nor says what the server says.
func TestNobodyDoesWhatIsAnothers(t *testing.T) {
	for name, c := range map[string]struct {
		ask    request
		status int
		after  func(r care.Rights) bool // holds of what is registered about ella
	}{
		"T19: the status of a consent is not the sender's": {form("anders", "/barn/ella/samtykke", asked("status", "active", "id", "c-anders-ella", "person", "jonas", "versjon", "9", "signaturer", "mor")), http.StatusSeeOther,
			func(r care.Rights) bool {
				c := r.Consents[len(r.Consents)-1]
				return len(r.Consents) == 2 && c.Status == care.ConsentProposed && len(c.Signatures) == 0 && c.Person == "ella" && c.ID != "c-anders-ella" && c.Version == 1 && c.ChangedBy == "anders"
			}},
		"T23: the coordinator signs as the mother, digitally":  {form("anders", "/barn/ella/samtykke/ny/signer", url.Values{"part": {"guardian"}, "hvem": {"mor"}, "hvordan": {"digital"}}), 0, unsigned},
		"T23: the mother signs as the child":                   {form("mor", "/barn/ella/samtykke/ny/signer", url.Values{"part": {"child"}, "hvem": {"ella"}, "hvordan": {"digital"}}), http.StatusSeeOther, asHerself},
		"T23: the mother signs as barnevern":                   {form("mor", "/barn/ella/samtykke/ny/signer", url.Values{"part": {"barnevern"}, "hvem": {"mor"}, "hvordan": {"digital"}}), http.StatusSeeOther, asHerself},
		"T23: the mother signs as another":                     {form("mor", "/barn/ella/samtykke/ny/signer", url.Values{"part": {"guardian"}, "hvem": {"far"}, "hvordan": {"paper"}}), http.StatusSeeOther, asHerself},
		"T23: the mother lets out what the child withholds":    {form("mor", "/barn/ella/holdtilbake/h/del", nil), 0, func(r care.Rights) bool { return r.Withheld[0].Lifted.IsZero() }},
		"T23: the mother withholds from herself for the child": {form("mor", "/barn/ella/holdtilbake", url.Values{"tjeneste": {"skole"}}), 0, func(r care.Rights) bool { return len(r.Withheld) == 1 }},
		"T23: the mother lifts the child's block":              {form("mor", "/barn/ella/sperring/sperre/opphev", nil), 0, func(r care.Rights) bool { return r.Blocks[0].Lifted.IsZero() }},
		"T19: the mother blocks in another's name": {form("mor", "/barn/ella/sperring", url.Values{"hvem": {"lars"}, "by": {"ella"}, "av": {"ella"}, "person": {"jonas"}}), http.StatusSeeOther,
			func(r care.Rights) bool {
				return len(r.Blocks) == 2 && r.Blocks[1].By == "mor" && r.Blocks[1].Person == "ella"
			}},
		"T34: the coordinator appoints":               {form("anders", "/kontor/oppnevn", url.Values{"barn": {"ella"}, "hvem": {"ukjent"}, "begrunnelse": {"trengs"}}), 0, func(r care.Rights) bool { return len(r.Appointments) == 1 }},
		"T34: the coordinator reviews":                {form("anders", "/kontor/gjennomgang", url.Values{"barn": {"ella"}, "okt": {"n"}, "funn": {"i orden"}}), 0, func(r care.Rights) bool { return r.BreakGlass[0].Reviewed.IsZero() }},
		"T34: the coordinator ends another's session": {form("anders", "/barn/ella/nod/n/slutt", nil), 0, func(r care.Rights) bool { return r.BreakGlass[0].Ended.IsZero() }},
		"T19: a consent over FHIR is active at once":  {overFHIR("anders", http.MethodPost, "", care.ConsentActive, nil), 0, unsigned},
		"T19: a consent over FHIR says what the server says": {overFHIR("anders", http.MethodPost, "", care.ConsentProposed, func(c *care.Consent) { c.ID, c.Version, c.ChangedBy, c.Signatures = "c-anders-ella", 9, "mor", nil }), http.StatusCreated,
			func(r care.Rights) bool {
				c := r.Consents[len(r.Consents)-1]
				return len(r.Consents) == 3 && c.ID != "c-anders-ella" && c.Version == 1 && c.ChangedBy == "anders" && c.Status == care.ConsentProposed && len(c.Signatures) == 0
			}},
		"T19: an answer over FHIR widens the consent": {overFHIR("mor", http.MethodPut, "ny", care.ConsentActive, func(c *care.Consent) {
			c.Origins, c.Receivers, c.Until = care.Services(), []care.Receiver{{Viewer: "ukjent"}}, since.AddDate(2, 0, 0)
		}), http.StatusOK,
			func(r care.Rights) bool {
				c := r.Consents[1]
				return asHerself(r) && len(c.Origins) == 1 && c.Receivers[0].Viewer == "anders" && c.Until.Equal(since.AddDate(0, 6, 0))
			}},
		"T23: an answer over FHIR in the mother's name":     {overFHIR("anders", http.MethodPut, "ny", care.ConsentActive, nil), 0, unsigned},
		"T1: another's consent over FHIR, said to be hers":  {overFHIR("mor", http.MethodPut, "ny", care.ConsentActive, func(c *care.Consent) { c.Person = "jonas" }), 0, unsigned},
		"T19: the id of the address and of the body differ": {overFHIR("mor", http.MethodPut, "ny", care.ConsentActive, func(c *care.Consent) { c.ID = "c-anders-ella" }), 0, unsigned},
		"T18: a status that stands twice": {func() request {
			r := overFHIR("mor", http.MethodPut, "ny", care.ConsentProposed, nil)
			r.body = strings.Replace(r.body, "{", `{"STATUS":"active",`, 1)
			return r
		}(), 0, unsigned},
		"L8: nobody says that it is voluntary": {form("anders", "/barn/ella/samtykke", asked("frivillig", "")), http.StatusUnprocessableEntity, unsigned},
		"L8: without an end":                   {form("anders", "/barn/ella/samtykke", asked("til_og_med", "")), http.StatusUnprocessableEntity, unsigned},
		"L8: for nobody":                       {form("anders", "/barn/ella/samtykke", asked("til", "")), http.StatusUnprocessableEntity, unsigned},
		"L8: of no service":                    {form("anders", "/barn/ella/samtykke", asked("fra", "finnesikke")), http.StatusUnprocessableEntity, unsigned},
	} {
		m := neighbourhood()
		m.Give("ella", care.Rights{Blocks: []care.Block{{ID: "sperre", Person: "ella", Viewer: "x", Extent: care.BlockAll, From: since, By: "ella"}},
			Consents: []care.Consent{{ID: "ny", Version: 1, Person: "ella", Status: care.ConsentProposed, Origins: []care.Service{care.Skole}, Purpose: care.PurposeCOC, Receivers: []care.Receiver{{Viewer: "anders"}},
				From: since, Until: since.AddDate(0, 6, 0), TextVersion: "samtykke-2026-1", Language: "nb", Voluntary: true, Changed: since, ChangedBy: "anders"}},
			BreakGlass: []care.BreakGlass{{ID: "n", Viewer: "nils", Person: "ella", Code: "BLALYS", Reason: "Barnet er funnet bevisstløst", From: stories.Now().Add(-10 * time.Minute), Until: stories.Now().Add(50 * time.Minute)}}})
		if strings.Contains(name, "status of a consent") {
			r := m.Rights["ella"]
			r.Consents = r.Consents[:1]
			m.Rights["ella"] = r
		}
		w := open(t, m, nil)
		got := w.ask(c.ask)
		if c.status != 0 && got.status != c.status || c.status == 0 && !slices.Contains(refusals, got.status) {
			t.Errorf("%s: status %d: %s", name, got.status, cut(got.body))
		}
		if !c.after(m.Rights["ella"]) {
			t.Errorf("%s: registered is %s", name, registered(t, m))
		}
		if events, err := m.Events(); err != nil || len(events) == 0 && got.status != http.StatusBadRequest && !strings.Contains(c.ask.path, "/kontor") {
			t.Errorf("%s: not logged (%v)", name, err)
		}
	}
}

// TestOnlyTheOfficeSaysThatItIsTheSameChild: koordinerende enhet sees that a union waits, says once that it
// is the same child, and is not asked again; nobody else sees it or says anything.
func TestOnlyTheOfficeSaysThatItIsTheSameChild(t *testing.T) {
	w := open(t, neighbourhood(), nil)
	w.memory.unions = []care.Union{{Survivor: "ella", Merged: "gammel", At: since}}
	say := url.Values{"barn": {"ella"}, "forent": {"gammel"}}
	for _, v := range viewers {
		if v.Role == care.RoleKoordinerendeEnhet {
			continue
		}
		if got := w.ask(get(v.ID, "/kontor")); strings.Contains(got.body, "/kontor/samme") {
			t.Errorf("%s sees it", v.ID)
		}
		if got := w.ask(form(v.ID, "/kontor/samme", say)); got.status == http.StatusSeeOther || w.memory.unions[0].First != "" {
			t.Errorf("%s says it: %d", v.ID, got.status)
		}
	}
	if got := w.ask(get("kari", "/kontor")); got.status != http.StatusOK || !strings.Contains(got.body, "Er det samme barn?") || !strings.Contains(got.body, `action="/kontor/samme"`) {
		t.Errorf("koordinerende enhet does not see it: %d %s", got.status, cut(got.body))
	}
	if got := w.ask(form("kari", "/kontor/samme", say)); got.status != http.StatusSeeOther || w.memory.unions[0].First != "kari" {
		t.Errorf("said: %d %+v", got.status, w.memory.unions)
	}
	if got := w.ask(get("kari", "/kontor")); strings.Contains(got.body, `action="/kontor/samme"`) || !strings.Contains(got.body, "har sagt at det stemmer") {
		t.Errorf("she is asked again: %s", around(got.body, "samme barn"))
	}
	if got := w.ask(form("kari", "/kontor/samme", say)); got.status != http.StatusUnprocessableEntity || len(w.memory.unions) != 1 {
		t.Errorf("said twice by one: %d", got.status)
	}
	events, err := w.memory.Events()
	if err != nil || !slices.ContainsFunc(events, func(e audit.Event) bool {
		return e.Interaction == audit.Merge && e.Permit && e.Viewer.ID == "kari" && e.Person == "ella"
	}) {
		t.Errorf("not logged: %v", err)
	}
}

// overFHIR asks for a consent over FHIR: of ella, signed digitally by her mother.
func overFHIR(who, method, id string, status care.ConsentStatus, change func(c *care.Consent)) request {
	c := care.Consent{ID: id, Version: 1, Person: "ella", Status: status, Origins: []care.Service{care.Skole}, Purpose: care.PurposeCOC, Receivers: []care.Receiver{{Viewer: "anders"}}, From: since, Until: since.AddDate(0, 6, 0),
		TextVersion: "samtykke-2026-1", Language: "nb", Voluntary: true, Changed: since, ChangedBy: who,
		Signatures: []care.Signature{{Party: care.PartyGuardian, Signer: "mor", Recorder: "mor", How: "digital", At: since}}}
	if change != nil {
		change(&c)
	}
	if c.ID == "" {
		c.ID = "x"
	}
	r, err := consent.ToFHIR(c)
	if err != nil {
		panic(err) // a consent of the test can be written
	}
	path := "/fhir/Consent"
	if id != "" {
		path += "/" + id
	}
	return request{viewer: who, method: method, path: path, body: string(r.Body), headers: []string{"Content-Type: application/fhir+json", "If-None-Exist: identifier=x", "If-Match: W/\"7\""}}
}

// asHerself tells that the new consent is signed by the mother, for herself, whatever she said.
func asHerself(r care.Rights) bool {
	s := r.Consents[1].Signatures
	return len(s) == 1 && s[0].Party == care.PartyGuardian && s[0].Signer == "mor" && s[0].Recorder == "mor" && s[0].How == "digital"
}

// unsigned tells that nobody has signed the new consent, and that there is no other.
func unsigned(r care.Rights) bool { return len(r.Consents) == 2 && len(r.Consents[1].Signatures) == 0 }

// TestGlassIsBrokenAsSaid: an emergency is opened by health personnel, for one child whose whole
// number is known, with a code, a reason and a tick; koordinerende enhet and revisor hear of
// it in the same instant, and number and reason stand in no answer.
func TestGlassIsBrokenAsSaid(t *testing.T) {
	whole := url.Values{"nummer": {"148314 60041"}, "kode": {"BLALYS"}, "begrunnelse": {"Barnet er funnet bevisstløst i hallen"}, "forstatt": {"ja"}}
	but := func(name, value string) url.Values {
		v := url.Values{}
		for k, all := range whole {
			v[k] = all
		}
		v.Set(name, value)
		return v
	}
	for name, c := range map[string]struct {
		who    string
		form   url.Values
		opened bool
	}{
		"as said": {"berit", whole, true}, "without a tick": {"berit", but("forstatt", ""), false}, "with a short reason": {"berit", but("begrunnelse", "haster                      "), false},
		"with no code": {"berit", but("kode", ""), false}, "with a code that is none": {"berit", but("kode", "NYSGJERRIG"), false}, "for a number that nobody has": {"berit", but("nummer", "14831460042"), false},
		"for an id": {"berit", but("nummer", "jonas"), false}, "for no number": {"berit", but("nummer", ""), false}, "by who is no health personnel": {"anders", whole, false}, "by a teacher": {"lars", whole, false},
		"by a mother": {"mor", whole, false}, "by a child": {"barn", whole, false}, "by the office": {"kari", whole, false}, "by revisor": {"rune", whole, false}, "by drift": {"dag", whole, false}, "by a system": {"system:fag", whole, false}, "by one of another place": {"annen", whole, false},
	} {
		m := neighbourhood()
		w := open(t, m, nil)
		got := w.ask(form(c.who, "/nod", c.form))
		if opened := len(m.Rights["jonas"].BreakGlass) == 1; opened != c.opened || opened != (got.status == http.StatusSeeOther) || opened != (len(w.notices) == 2) {
			t.Errorf("%s: status %d, %d notices, opened %v: %s", name, got.status, len(w.notices), opened, cut(got.body))
		}
		if all := got.body + got.header.Get("Location") + w.logged.String(); strings.Contains(all, "14831460041") || strings.Contains(all, "148314 60041") || strings.Contains(got.header.Get("Location"), "bevisst") {
			t.Errorf("%s: the number is told: %s", name, cut(all))
		}
		for _, l := range m.Lines {
			if strings.Contains(string(l.Body), "14831460041") {
				t.Errorf("%s: the number is logged", name)
			}
		}
		if c.opened {
			s := m.Rights["jonas"].BreakGlass[0]
			if s.Until.Sub(s.From) > time.Hour || s.Viewer != "berit" {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
}

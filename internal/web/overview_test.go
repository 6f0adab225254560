package web_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"golang.org/x/net/html"

	"samsyn/internal/auth"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/findings"
	"samsyn/internal/gate"
	"samsyn/internal/overview"
	"samsyn/internal/web"
	"samsyn/internal/words"
)

func TestPageAnswersWhatACoordinatorAsks(t *testing.T) {
	doc := open(t, families(), anders).page(t, "/barn/ella")
	for section, want := range map[string][]string{
		"koordinator":  {"Ingen koordinator etter 31. august 2026. Sist: Berit Holmen."},
		"funn":         {"Må følges opp", "Barnet har ingen koordinator", "«Avlastning i institusjon» er innvilget, men ikke meldt startet"},
		"framover":     {"2. desember 2026 kl. 10.30–11.00", "onsdag om 9 dager", "Nevrologisk kontroll", "Ansvarsgruppemøte", "kildene er uenige"},
		"uenighet":     {"Ulik status på tiltaket «Fysioterapi»", "pågår", "avsluttet", "Ulikt tidspunkt for møtet"},
		"team":         {"Fagpersoner og tjenester", "Ole Strand", "Kåre Lunde", "Familie og nærpersoner", "Marit Lyngstad", "Har vært rundt barnet (1)", "Berit Holmen"},
		"plan":         {"Individuell plan for Ella", "Gå med rullator mellom klasserommene", "Overgang til Sundet ungdomsskole", "ingen ansvarlig oppgitt", "IOP 2026/2027", "evaluert 10. februar 2026"},
		"vedtak":       {"Avlastning i institusjon", "innvilget, ikke meldt startet", "hjemmel: helse- og omsorgstjenesteloven § 3-2", "skal være i gang innen 15. juni 2026", "klagefrist 10. juni 2026"},
		"tjenester":    {"Habilitering", "aktiv", "fra 11. januar 2016"},
		"henvisninger": {"Henvisning til HABU", "fra Dr. Hugo Lie til Habilitering for barn og unge (HABU)"},
		"bakover":      {"Møter og kontakter", "15. oktober 2026 kl. 13.00–14.00", "Referat fra ansvarsgruppemøte 15.10.2026", "Meldinger", "Vi har satt av 10. desember kl. 12.30"},
		"dokumenter":   {"Sakkyndig vurdering", "12. mars 2026"},
		"kilder":       {"Fjordvik kommunes arkiv", "svarer ikke siden", "kan være gammelt"},
	} {
		contains(t, section, text(id(t, doc, section)), want...)
	}
	if got := text(id(t, doc, "innhold")); !strings.HasPrefix(got, "Ella Lyngstad 12 år, født 14. mars 2014") {
		t.Errorf("the page begins %.80q", got)
	}
	contains(t, "page", text(doc), words.In(words.Bokmaal).Say("marker.m1"), "Noen av opplysningene kan være gamle")
}

func TestSectionsComeInTheOrderOfTheQuestions(t *testing.T) {
	doc := open(t, families(), anders).page(t, "/barn/ella")
	var got []string
	for _, s := range find(doc, tag("section")) {
		got = append(got, attr(s, "id"))
	}
	want := []string{"koordinator", "funn", "framover", "uenighet", "team", "vedtak", "tjenester", "henvisninger", "plan", "bakover", "dokumenter", "kilder"}
	if !slices.Equal(got, want) {
		t.Errorf("sections %v, want %v", got, want)
	}
	var jumps []string
	for _, a := range find(find(doc, class("nav", "contents"))[0], tag("a")) {
		jumps = append(jumps, strings.TrimPrefix(attr(a, "href"), "#"))
	}
	if !slices.Equal(jumps, want[1:]) {
		t.Errorf("contents %v, want %v", jumps, want[1:])
	}
}

func TestEveryLineTellsWhoSaidIt(t *testing.T) {
	h := open(t, families(), anders, liv)
	for person, viewer := range map[string]string{"ella": "anders", "jonas": "anders", "selma": "anders", "teo": "liv"} {
		doc := h.page(t, "/barn/"+person, "som="+viewer)
		told := 0
		for _, li := range find(doc, func(n *html.Node) bool { return n.Data == "li" && lineID.MatchString(attr(n, "id")) }) {
			if len(find(li, class("details", "from"))) == 0 {
				t.Errorf("%s: %s does not tell who said it", person, text(li))
			}
			told++
		}
		if told < 5 {
			t.Errorf("%s: only %d lines", person, told)
		}
	}
}

var lineID = regexp.MustCompile(`^[a-z]+-[0-9a-f]{12}$`)

func TestSeveralTellersStandWithTheirLine(t *testing.T) {
	doc := open(t, families(), anders).page(t, "/barn/ella")
	var meeting *html.Node
	for _, li := range find(id(t, doc, "bakover"), tag("li")) {
		if strings.Contains(text(li), "15. oktober 2026") && meeting == nil {
			meeting = li
		}
	}
	if meeting == nil {
		t.Fatal("no meeting")
	}
	contains(t, "meeting", text(find(meeting, tag("summary"))[0]), "Kilde:", "Kystsykehuset HF", "Fjordvik kommunes arkiv")
	message := find(id(t, doc, "bakover"), class("div", "letter"))[0]
	contains(t, "message in another's inbox", text(find(message, tag("summary"))[0]), "Sykehus og habilitering")
	for _, u := range find(id(t, doc, "framover"), class("ul", "says")) {
		contains(t, "disputed time", text(u), "Fjordvik kommune sier: 10. desember 2026 kl. 09.00–10.00", "Kystsykehuset HF sier: 10. desember 2026 kl. 12.30–13.30")
	}
	says := texts(find(id(t, doc, "plan"), class("ul", "says")))
	if len(says) != 1 {
		t.Fatalf("%d disputed activities, want 1", len(says))
	}
	contains(t, "disputed activity", says[0], "Fjordvik kommune sier: pågår, ansvarlig: Ole Strand, fra 1. februar 2024", "Kystsykehuset HF sier: avsluttet, ansvarlig: Strand, Ole, til 30. juni 2026")
}

func TestDisputedWordIsThatOfTheServiceThatSaidIt(t *testing.T) {
	m := families()
	for i, c := range m.People["ella"] {
		if c.Key == "CarePlan/habu" || c.Key == "Appointment/ansvarsgruppe" {
			m.People["ella"][i].Service = care.BUP
		}
	}
	doc := open(t, m, anders).page(t, "/barn/ella")
	for _, section := range []string{"plan", "framover"} {
		contains(t, section, text(find(id(t, doc, section), class("ul", "says"))[0]), "Kystsykehuset HF (BUP) sier:", "Fjordvik kommune")
	}
}

func TestDecisionIsLateOnlyWhereItHadADayToStart(t *testing.T) {
	for startBy, want := range map[string]string{"": "innvilget", "2026-06-15": "innvilget, ikke meldt startet!", "2026-11-22": "innvilget, ikke meldt startet!",
		"2026-11-23": "innvilget, ikke meldt startet", "2027-01-01": "innvilget, ikke meldt startet"} {
		vedtak := stories.R{"resourceType": "ServiceRequest", "id": "v", "status": "active", "intent": "order", "code": stories.R{"text": "Støttekontakt"}, "authoredOn": "2026-05-20",
			"category": stories.L{stories.R{"coding": stories.L{stories.R{"system": "urn:samsyn:category", "code": "vedtak"}}}}}
		if startBy != "" {
			vedtak["extension"] = stories.L{stories.R{"url": "urn:samsyn:startfrist", "valueDate": startBy}}
		}
		m := families()
		m.People["jonas"] = []care.Contribution{stories.Say("fiksarkiv", care.Skole, "jonas", "v", "", vedtak)}
		state := find(id(t, open(t, m, mette).page(t, "/barn/jonas"), "vedtak"), class("span", "tag"))[0]
		got := text(state)
		if class("span", "act")(state) {
			got += "!"
		}
		if got != want {
			t.Errorf("start by %q: %q, want %q", startBy, got, want)
		}
	}
}

// told answers with one overview, whoever asks.
type told struct{ answer overview.Answer }

func (o told) Overview(context.Context, gate.Request, care.PersonID) (overview.Answer, error) {
	return o.answer, nil
}

func (o told) Children(context.Context, gate.Request) ([]overview.Answer, error) {
	return []overview.Answer{o.answer}, nil
}

// tellOnly gives the page of one answer.
func tellOnly(t *testing.T, a overview.Answer) *html.Node {
	t.Helper()
	a.Overview.Marker, a.Overview.Now, a.Overview.Child.Age = consolidate.MarkerM1, stories.Now(), -1
	h := &web.Handler{Overviews: told{a}, States: families(), Who: auth.Chosen{Viewers: []care.Viewer{anders}}, Viewers: []care.Viewer{anders}, Now: stories.Now, Zone: stories.Oslo, Log: slog.New(slog.DiscardHandler)}
	e := echo.New()
	if err := h.Mount(e); err != nil {
		t.Fatal(err)
	}
	return (&house{handler: e}).page(t, "/barn/x")
}

func TestEventSaysHowFarOffItIs(t *testing.T) {
	for start, want := range map[consolidate.Moment]string{
		"2026-11-23T09:00:00+01:00": "23. november 2026 kl. 09.00 i dag Møte", "2026-11-24": "24. november 2026 i morgen Møte", "2026-12-10T23:30:00Z": "11. desember 2026 kl. 00.30 fredag om 18 dager Møte",
		"2026-12": "desember 2026 Møte", "": "dato ikke oppgitt Møte", "2026-11-22": "22. november 2026 Møte",
	} {
		doc := tellOnly(t, overview.Answer{Overview: consolidate.Overview{Timeline: []consolidate.Event{{ID: "event-1", Kind: consolidate.EventContact, Title: "Møte", Start: start, Coming: true,
			Provider: "HABU", With: []string{"Ole Strand", "HABU"}}}}})
		if got := text(id(t, doc, "event-1")); got != want+" HABU Ole Strand" {
			t.Errorf("%q: %q, want %q", start, got, want)
		}
	}
}

func TestFindingAboutNoLineTellsItsSourceInstead(t *testing.T) {
	said := consolidate.SourceRef{Source: "oneroster", Title: "Skolenes register", Service: care.Skole, Kind: "user", Key: "u1"}
	doc := tellOnly(t, overview.Answer{Findings: []findings.Finding{
		{Rule: "gone", Level: findings.Act, Key: "finding.no-own-voice", Line: "activity-000000000000", Sources: []consolidate.SourceRef{said}},
	}})
	finding := id(t, doc, "funn")
	if links := find(finding, tag("a")); len(links) > 0 {
		t.Errorf("it leads to %s", attr(links[0], "href"))
	}
	contains(t, "finding", text(finding), "Kilde: Skolenes register", "post i kilden: user u1")
}

func TestRecordIsNamedOnce(t *testing.T) {
	m := families()
	m.Named["ella"] = append(m.Named["ella"], m.Named["ella"]...)
	doc := open(t, m, anders).page(t, "/barn/ella")
	namers := find(find(id(t, doc, "innhold"), class("details", "from"))[0], tag("li"))
	if len(namers) != 1 {
		t.Errorf("the name is given by %q", texts(namers))
	}
}

func TestConversationStandsTogetherFirstMessageFirst(t *testing.T) {
	doc := open(t, families(), anders).page(t, "/barn/ella")
	letters := texts(find(id(t, doc, "bakover"), class("div", "letter")))
	if len(letters) != 2 || !strings.HasPrefix(letters[0], "2. november 2026 kl. 09.12") || !strings.HasPrefix(letters[1], "4. november 2026 kl. 11.00") {
		t.Errorf("messages %q", letters)
	}
	items := find(id(t, doc, "bakover"), func(n *html.Node) bool { return n.Data == "li" && len(find(n, class("div", "letter"))) > 0 })
	if len(items) != 1 {
		t.Errorf("%d conversations, want 1", len(items))
	}
}

func TestLongPastIsFolded(t *testing.T) {
	for _, c := range []struct{ contacts, open, folded int }{{9, 9, 0}, {11, 11, 0}, {12, 10, 2}, {30, 10, 20}} {
		m := families()
		m.People["selma"] = nil
		for i := range c.contacts {
			at := fmt.Sprintf("2026-01-%02dT10:00:00+01:00", i+1)
			m.People["selma"] = append(m.People["selma"], stories.Say("fhir-sykehus", care.Spesialist, "selma", fmt.Sprint("Encounter/", i), "", stories.R{
				"resourceType": "Encounter", "id": fmt.Sprint("e", i), "status": "finished", "class": stories.R{"code": "AMB"}, "type": stories.L{stories.R{"text": fmt.Sprint("Besøk ", i)}},
				"period": stories.R{"start": at}}))
		}
		past := id(t, open(t, m, anders).page(t, "/barn/selma"), "bakover")
		fold := find(past, class("details", "more"))
		folded := 0
		for _, f := range fold {
			folded += len(find(f, func(n *html.Node) bool { return lineID.MatchString(attr(n, "id")) }))
			contains(t, "fold", text(find(f, tag("summary"))[0]), fmt.Sprintf("Vis %d eldre", c.folded))
		}
		all := find(past, func(n *html.Node) bool { return n.Data == "li" && lineID.MatchString(attr(n, "id")) })
		if len(all)-folded != c.open || folded != c.folded {
			t.Errorf("%d contacts: %d shown and %d folded, want %d and %d", c.contacts, len(all)-folded, folded, c.open, c.folded)
		}
		contains(t, "latest first", text(all[0]), fmt.Sprint("Besøk ", c.contacts-1))
	}
}

func TestLinksWithinThePageLeadSomewhere(t *testing.T) {
	h := open(t, families(), anders, liv)
	for person, viewer := range map[string]string{"ella": "anders", "jonas": "anders", "selma": "anders", "teo": "liv"} {
		doc := h.page(t, "/barn/"+person, "som="+viewer)
		ids := map[string]bool{}
		for _, n := range find(doc, func(n *html.Node) bool { return attr(n, "id") != "" }) {
			if ids[attr(n, "id")] {
				t.Errorf("%s: id %s stands twice", person, attr(n, "id"))
			}
			ids[attr(n, "id")] = true
		}
		for _, a := range find(doc, tag("a")) {
			if to, ok := strings.CutPrefix(attr(a, "href"), "#"); ok && !ids[to] {
				t.Errorf("%s: %q leads to #%s, which is not there", person, text(a), to)
			}
		}
		for _, n := range find(doc, tag("section", "nav")) {
			if by := attr(n, "aria-labelledby"); by != "" && !ids[by] {
				t.Errorf("%s: labelled by %s, which is not there", person, by)
			}
		}
	}
	for _, li := range find(id(t, h.page(t, "/barn/ella"), "funn"), tag("li")) {
		if attr(li, "data-rule") == "not-started" && !strings.HasPrefix(attr(find(li, tag("a"))[0], "href"), "#decision-") {
			t.Error("the relief that never started does not lead to its decision")
		}
	}
}

func TestIDsAreStable(t *testing.T) {
	ids := func(m memory) []string {
		var all []string
		for _, n := range find(open(t, m, anders).page(t, "/barn/ella"), func(n *html.Node) bool { return attr(n, "id") != "" }) {
			all = append(all, attr(n, "id"))
		}
		slices.Sort(all)
		return all
	}
	other := families()
	slices.Reverse(other.People["ella"])
	if a, b := ids(families()), ids(other); !slices.Equal(a, b) {
		t.Errorf("ids depend on the order in which sources were read:\n%v\n%v", a, b)
	}
}

func TestLineageIsReadable(t *testing.T) {
	m := families()
	c := &m.People["selma"][0]
	c.Made[0].Lineage = []care.Lineage{
		{Element: "Encounter.resourceType", Rule: "maps/fhirrest/Encounter.yaml:9: constant", Line: 9},
		{Element: "Encounter.id", Rule: "maps/fhirrest/Encounter.yaml:10: {{ id('Encounter', %record.id) }}", Line: 10, From: []string{"Encounter.id"}},
		{Element: "Encounter.period.start", Rule: "maps/fhirrest/Encounter.yaml:12: {{ period }}", Line: 12, From: []string{"Encounter.period.start"}},
		{Element: "Encounter.period.end", Rule: "maps/fhirrest/Encounter.yaml:12: {{ period }}", Line: 12, From: []string{"Encounter", "Encounter.period", "Encounter.period.start", "Encounter.period.end"}},
		{Element: "Encounter.status", Rule: "maps/fhirrest/Encounter.yaml:14: {{ status }}", Line: 14, From: []string{"Encounter.status"}},
		{Element: "Encounter.type[0].text", Rule: "odd rule", From: []string{"Encounter.a", "b"}},
	}
	doc := open(t, m, anders).page(t, "/barn/selma")
	rules := find(id(t, doc, "bakover"), class("details", "rules"))
	if len(rules) != 1 {
		t.Fatalf("%d lineages, want 1", len(rules))
	}
	want := "Slik ble linjen til period: start, end ← Encounter.period: start, end fhirrest/Encounter.yaml:12 " +
		"status ← Encounter.status fhirrest/Encounter.yaml:14 type[0].text ← Encounter.a, b odd rule"
	if got := text(rules[0]); got != want {
		t.Errorf("lineage\n got %s\nwant %s", got, want)
	}
	for n := rules[0].Parent; n != nil; n = n.Parent {
		if n.Data == "details" && slices.Contains(strings.Fields(attr(n, "class")), "from") {
			return
		}
	}
	t.Error("the lineage is not folded below the source")
}

func TestWhatHasNoRoomOfItsOwnIsShown(t *testing.T) {
	m := families()
	m.People["selma"] = append(m.People["selma"], stories.Say("fhir-sykehus", care.Spesialist, "selma", "Condition/1", "", stories.R{
		"resourceType": "Condition", "id": "c1", "code": stories.R{"text": "Født for tidlig"}}))
	doc := open(t, m, anders).page(t, "/barn/selma")
	contains(t, "others", text(id(t, doc, "annet")), "Annet fra kildene", "Født for tidlig", "Kystsykehuset HF")
}

// missing is how a key without text shows.
var missing = regexp.MustCompile(`\[[a-z]+(\.[A-Za-z0-9-]+)+\]|\{[a-z]+\}|<no value>|%!`)

func TestNoTextIsMissingInAnyLanguage(t *testing.T) {
	h := open(t, families(), anders, liv, mette)
	for _, lang := range words.Langs() {
		for _, page := range []struct{ path, viewer string }{
			{"/", "anders"}, {"/", "liv"}, {"/kilder", "anders"}, {"/barn/ella", "anders"}, {"/barn/jonas", "anders"}, {"/barn/selma", "anders"}, {"/barn/teo", "liv"},
			{"/barn/jonas", "mette"}, {"/barn/nobody", "anders"}, {"/nowhere", "anders"},
		} {
			w := h.ask(http.MethodGet, page.path, nil, "sprak="+string(lang), "som="+page.viewer)
			doc := parse(t, w)
			if found := missing.FindAllString(w.Body.String(), -1); len(found) > 0 {
				t.Errorf("%s %s for %s: %v", lang, page.path, page.viewer, found)
			}
			if got := attr(find(doc, tag("html"))[0], "lang"); got != string(lang) {
				t.Errorf("%s: page says that it is in %q", page.path, got)
			}
			if title := text(find(doc, tag("title"))[0]); !strings.HasSuffix(title, "– Samsyn") || strings.HasPrefix(title, "–") {
				t.Errorf("%s: title %q", page.path, title)
			}
		}
	}
}

func TestChildrenPageTellsWhatIsMostPressing(t *testing.T) {
	h := open(t, families(), anders, mette)
	cards := texts(find(h.page(t, "/"), class("li", "card")))
	if len(cards) != 3 {
		t.Fatalf("%d children, want 3: %q", len(cards), cards)
	}
	contains(t, "Ella", cards[0], "Ella Lyngstad 12 år, født 14. mars 2014", "må følges opp", "Barnet har ingen koordinator", "Neste: Nevrologisk kontroll, 2. desember 2026 kl. 10.30")
	contains(t, "Selma", cards[2], "Selma Haugland 3 md., født 19. august 2026")
	if only := texts(find(h.page(t, "/", "som=mette"), class("li", "card"))); len(only) != 1 || !strings.HasPrefix(only[0], "Jonas") {
		t.Errorf("the teacher sees %q", only)
	}
}

func TestNothingToFollowUpIsSaid(t *testing.T) {
	m := families()
	m.People["jonas"] = []care.Contribution{stories.Say("oneroster", care.Skole, "jonas", "pupil", "", stories.R{
		"resourceType": "EpisodeOfCare", "id": "o", "status": "active", "type": stories.L{stories.R{"text": "Grunnskole"}}})}
	doc := open(t, m, mette).page(t, "/barn/jonas")
	if got := texts(find(id(t, doc, "funn"), tag("p"))); !slices.Equal(got, []string{"Ingenting å følge opp i det kildene sier."}) {
		t.Errorf("findings %q", got)
	}
	for _, section := range []string{"framover", "team", "vedtak", "bakover"} {
		contains(t, section, text(id(t, doc, section)), "Ingenting registrert i kildene du ser.")
	}
}

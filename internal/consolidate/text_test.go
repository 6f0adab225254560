package consolidate_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/words"
)

func text(t testing.TB, o consolidate.Overview, lang words.Lang) string {
	t.Helper()
	var out bytes.Buffer
	if err := consolidate.Text(&out, o, lang); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTextOfElla(t *testing.T) {
	got := text(t, build(t, stories.Ella(child)), words.Bokmaal)
	for _, want := range []string{
		"Ingen koordinator etter 31. august 2026. Sist: Berit Holmen.",
		"Ulik status på tiltaket «Fysioterapi»",
		"Kystsykehuset HF sier: avsluttet til 30. juni 2026",
		"Avlastning i institusjon, 20. mai 2026, innvilget, ikke meldt startet, 15. juni 2026 – 14. juni 2027, [Fjordvik kommune · Fjordvik kommunes arkiv]",
		"skal være i gang innen 15. juni 2026",
		"15. oktober 2026 kl. 13.00, Møte: Ansvarsgruppemøte",
		"2. desember 2026 kl. 10.30, Kontakt: Nevrologisk kontroll",
		"Overgang til Sundet ungdomsskole, ikke startet, ingen ansvarlig oppgitt",
		"Oversikten kan mangle opplysninger",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// No key may be missing in any language, whatever the story says.
func TestTextSpeaksEveryLanguage(t *testing.T) {
	var all []care.Contribution
	for _, s := range [][]care.Contribution{stories.Ella(child), stories.Jonas(child), stories.Selma(child), stories.Teo(child)} {
		all = append(all, s...)
	}
	o := build(t, all)
	missing := regexp.MustCompile(`\[[a-z0-9]+(\.[A-Za-z0-9-]+)+\]`)
	for _, lang := range words.Langs() {
		if keys := missing.FindAllString(text(t, o, lang), -1); keys != nil {
			t.Errorf("%s lacks %v", lang, keys)
		}
	}
}

func TestTextCannotSteerATerminal(t *testing.T) {
	o := build(t, []care.Contribution{stories.Say("fhir-kommune", care.Kommune, child, "1", "", stories.R{
		"resourceType": "EpisodeOfCare", "id": "a", "status": "active", "type": stories.L{stories.R{"text": "\x1b[2JAvlastning\r\nKOORDINATOR\u202e\n"}}})})
	got := text(t, o, words.Bokmaal)
	if strings.ContainsAny(got, "\x1b\r\u202e") || !strings.Contains(got, "[2JAvlastning KOORDINATOR,") {
		t.Errorf("%q", got)
	}
}

func ExampleText() {
	o, err := consolidate.Build(consolidate.Input{
		Person: child, Now: stories.Now(), Sources: stories.Sources()[6:],
		Claims:        []care.Claim{{Source: "fhir-kommune", Service: care.Kommune, Name: "Selma Haugland", BirthDate: "2026-08-19"}},
		Contributions: stories.Selma(child)[3:4],
	})
	if err != nil {
		panic(err)
	}
	if err := consolidate.Text(os.Stdout, o, words.Bokmaal); err != nil {
		panic(err)
	}
	// Output:
	// Selma Haugland, 3 md., født 19. august 2026
	//
	// KOORDINATOR
	//   Ingen koordinator er registrert.
	//
	// PLAN
	//   Ingen individuell plan i kildene du ser.
	//
	// TJENESTER
	//   Hjemmebesøk, Fjordvik helsestasjon og skolehelsetjeneste, aktiv, fra 6. oktober 2026, [Fjordvik kommune (Helsestasjon)]
	//
	// KILDER
	//   Fjordvik kommune: oppdatert 23. november 2026 kl. 06.00
	//
	// Oversikten kan mangle opplysninger du ikke har tilgang til. Spør tjenesten eller familien.
}

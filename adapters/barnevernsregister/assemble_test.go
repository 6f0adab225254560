package barnevernsregister_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/adapters"
	"samsyn/adapters/barnevernsregister"
	"samsyn/internal/xmlsafe"
)

const sakID = "0b0b0b0b-0000-4000-8000-0000000000aa"

func uuid(n int) string { return fmt.Sprintf("0b0b0b0b-0000-4000-8000-0000000000%02x", n) }

// delivery composes one delivery of the case; prev 0 is a first one.
func delivery(id, prev int, body string) adapters.Record { return deliveryOf(id, prev, "", body) }

func deliveryOf(id, prev int, sakAttrs, body string) adapters.Record {
	at := time.Date(2026, 1, id, 2, 0, 0, 0, time.UTC)
	link := ""
	if prev > 0 {
		link = ` ForrigeId="` + uuid(prev) + `"`
	}
	return adapters.Record{Kind: "sak", Key: uuid(id), Group: sakID, Version: uuid(id), Changed: at, Media: adapters.XML,
		Body: fmt.Appendf(nil, `<Barnevern Id="%s" DatoUttrekk="%s"%s><Fagsystem Leverandor="Test" Navn="T" Versjon="%d"/>`+
			`<Avgiver Organisasjonsnummer="310001074" Kommunenummer="9901" Kommunenavn="Fjordvik"/>`+
			`<Sak Id="%s" StartDato="2026-01-01" Journalnummer="%d"%s>%s</Sak></Barnevern>`,
			uuid(id), at.Format(time.RFC3339), link, id, sakID, id, sakAttrs, body)}
}

func plan(id int, attrs string) string {
	return fmt.Sprintf(`<Plan Id="%s" StartDato="2026-01-01" Plantype="1"%s/>`, uuid(id), attrs)
}

func slettet(id int, typ string) string {
	return fmt.Sprintf(`<Slettet Id="%s" Type="%s" SluttDato="2026-01-02"/>`, uuid(id), typ)
}

func assemble(t testing.TB, parts ...adapters.Record) (*adapters.Record, map[string]error) {
	t.Helper()
	a, err := barnevernsregister.Config{Dir: "unused"}.Open(adapters.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	whole, held, err := a.(adapters.Assembler).Assemble(sakID, parts)
	if err != nil {
		t.Fatal(err)
	}
	return whole, held
}

// content lists what the whole holds: type and last two digits of id.
func content(t testing.TB, whole *adapters.Record) string {
	t.Helper()
	root, err := xmlsafe.ParseBytes(whole.Body, xmlsafe.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range root.Child("Sak").Children {
		id := n.Attr("Id")
		out = append(out, n.Name+" "+id[len(id)-2:])
	}
	return strings.Join(out, ", ")
}

func TestChains(t *testing.T) {
	cases := []struct {
		name    string
		parts   []adapters.Record
		version int // of the whole, 0 for none
		content string
		held    map[int]string
	}{
		{"nothing", nil, 0, "", nil},
		{"one", []adapters.Record{delivery(1, 0, plan(17, ""))}, 1, "Plan 11", nil},
		{"three out of order", []adapters.Record{delivery(3, 2, slettet(18, "Plan")), delivery(1, 0, plan(17, "")), delivery(2, 1, plan(18, "")+plan(19, ""))}, 3, "Plan 11, Plan 13", nil},
		{"the same twice", []adapters.Record{delivery(1, 0, plan(17, "")), delivery(1, 0, plan(17, ""))}, 1, "Plan 11", nil},
		{"a gap", []adapters.Record{delivery(1, 0, plan(17, "")), delivery(3, 2, ""), delivery(4, 3, "")}, 1, "Plan 11",
			map[int]string{3: "waits for delivery " + uuid(2), 4: "waits for delivery " + uuid(2)}},
		{"no first", []adapters.Record{delivery(2, 1, "")}, 0, "", map[int]string{2: uuid(1)}},
		{"a fork", []adapters.Record{delivery(1, 0, plan(17, "")), delivery(2, 1, ""), delivery(3, 1, ""), delivery(4, 3, "")}, 1, "Plan 11",
			map[int]string{2: uuid(2) + ", " + uuid(3), 3: uuid(2) + ", " + uuid(3), 4: "follow " + uuid(1)}},
		{"two first", []adapters.Record{delivery(2, 0, plan(18, "")), delivery(3, 2, ""), delivery(4, 1, ""), delivery(1, 0, plan(17, ""))}, 4, "Plan 11",
			map[int]string{2: uuid(1) + ", " + uuid(2), 3: "follows another"}},
		{"a ring", []adapters.Record{delivery(1, 0, plan(17, "")), delivery(2, 3, ""), delivery(3, 2, "")}, 1, "Plan 11",
			map[int]string{2: "ring", 3: "ring"}},
		{"the same id with other bytes", []adapters.Record{delivery(1, 0, plan(17, "")), delivery(2, 1, ""), delivery(2, 1, plan(18, ""))}, 1, "Plan 11",
			map[int]string{2: "twice with different content"}},
		{"broken", []adapters.Record{delivery(1, 0, plan(17, "")), delivery(2, 1, "<Plan/>")}, 1, "Plan 11", map[int]string{2: "has no Id"}},
		{"ErSlettet on an element", []adapters.Record{delivery(1, 0, plan(17, "")+plan(18, "")), delivery(2, 1, plan(17, ` ErSlettet="true"`))}, 2, "Plan 12", nil},
		{"ErSlettet false", []adapters.Record{delivery(1, 0, plan(17, ` ErSlettet="false"`))}, 1, "Plan 11", nil},
		{"deleted and sent again", []adapters.Record{delivery(1, 0, plan(17, "")), delivery(2, 1, slettet(17, "Plan")), delivery(3, 2, plan(17, ""))}, 3, "Plan 11", nil},
		{"carried and deleted at once", []adapters.Record{delivery(1, 0, plan(17, "")+slettet(17, "Plan"))}, 1, "", nil},
		{"a Slettet of another type", []adapters.Record{delivery(1, 0, plan(17, "")+slettet(17, "Tiltak"))}, 1, "Plan 11", nil},
		{"the case comes back", []adapters.Record{delivery(1, 0, plan(17, "")), deliveryOf(2, 1, ` ErSlettet="1"`, ""), delivery(3, 2, plan(18, ""))}, 3, "Plan 12", nil},
		{"a relation to what is deleted", []adapters.Record{
			delivery(1, 0, plan(17, "")+plan(18, "")+
				fmt.Sprintf(`<Relasjon Id="%s" FraId="%s" FraType="Plan" TilId="%s" TilType="Plan"/>`, uuid(20), uuid(17), uuid(18))),
			delivery(2, 1, slettet(18, "Plan"))}, 2, "Plan 11", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			whole, held := assemble(t, c.parts...)
			if (whole != nil) != (c.version > 0) {
				t.Fatalf("whole %v", whole)
			}
			if whole != nil {
				if whole.Key != sakID || whole.Version != uuid(c.version) || whole.Group != "" {
					t.Errorf("whole has key %s, version %s, group %q", whole.Key, whole.Version, whole.Group)
				}
				if got := content(t, whole); got != c.content {
					t.Errorf("whole holds %s, want %s", got, c.content)
				}
			}
			if len(held) != len(c.held) {
				t.Errorf("held: %v", held)
			}
			for id, want := range c.held {
				if err := held[uuid(id)]; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "supplier") && !strings.Contains(err.Error(), "again") {
					t.Errorf("delivery %d is held because %v, want %q and what to do", id, err, want)
				}
			}
		})
	}
}

func TestTheWholeCaseDeleted(t *testing.T) {
	whole, held := assemble(t, delivery(1, 0, plan(17, "")), deliveryOf(2, 1, ` ErSlettet="true"`, ""))
	if whole == nil || !whole.Deleted || whole.Key != sakID || len(held) != 0 {
		t.Errorf("whole %+v, held %v", whole, held)
	}
}

func TestAShorterChainStillIsTheLatest(t *testing.T) {
	first, second := delivery(1, 0, ""), delivery(2, 1, "")
	long, _ := assemble(t, first, second)
	forked, _ := assemble(t, first, second, delivery(3, 1, ""))
	if forked.Version != uuid(1) || !forked.Changed.After(long.Changed) {
		t.Errorf("the whole before the fork has version %s and time %v, not after %v", forked.Version, forked.Changed, long.Changed)
	}
}

func TestAnotherCasesDeliveryIsHeld(t *testing.T) {
	stranger := delivery(2, 1, "")
	stranger.Body = bytes.ReplaceAll(stranger.Body, []byte(sakID), []byte(uuid(99)))
	whole, held := assemble(t, delivery(1, 0, ""), stranger)
	if whole == nil || !errors.Is(held[uuid(2)], adapters.ErrProtocol) {
		t.Errorf("whole %v, held %v", whole, held)
	}
}

func TestHistoriesAreInOrderOfDate(t *testing.T) {
	whole, _ := assemble(t, delivery(1, 0,
		fmt.Sprintf(`<Personalia Id="%s" StartDato="2026-03-01" Fodselsnummer="19112500200" Fodseldato="2025-11-19" Kjonn="1"/>`, uuid(17))+
			fmt.Sprintf(`<Personalia Id="%s" StartDato="2026-01-01" Fodselsnummer="19112500100" Fodseldato="2025-11-19" Kjonn="1"/>`, uuid(18))+
			fmt.Sprintf(`<Vedtak Id="%s" StartDato="2026-01-01"><Lovhjemmel><Lov>BVL2021</Lov><Kapittel>3</Kapittel><Paragraf>1</Paragraf></Lovhjemmel>`+
				`<Status Id="%s" EndretDato="2026-04-01" Kode="4"/><Status Id="%s" EndretDato="2026-01-01" Kode="1"/><Konklusjon SluttDato="2026-04-01"/></Vedtak>`, uuid(19), uuid(20), uuid(21))))
	if got := content(t, whole); got != "Personalia 12, Personalia 11, Vedtak 13" {
		t.Errorf("content %s", got)
	}
	body := string(whole.Body)
	if strings.Index(body, uuid(21)) > strings.Index(body, uuid(20)) || strings.Index(body, uuid(20)) > strings.Index(body, "Konklusjon") {
		t.Errorf("statuses out of order: %s", body)
	}
}

// TestOrderDoesNotMatter draws chains, breaks some, and hands the parts over in any order
// and with copies.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(rt, "deliveries")
		var parts []adapters.Record
		for i := 1; i <= n; i++ {
			prev := i - 1
			if i > 1 && rapid.IntRange(0, 4).Draw(rt, "broken") == 0 {
				prev = rapid.IntRange(0, n+1).Draw(rt, "prev")
				if prev == i {
					prev = 0
				}
			}
			var body strings.Builder
			used := map[int]bool{}
			for range rapid.IntRange(0, 3).Draw(rt, "elements") {
				id := rapid.IntRange(20, 24).Draw(rt, "id")
				if used[id] {
					continue
				}
				used[id] = true
				body.WriteString(plan(id, rapid.SampledFrom([]string{"", "", ` ErSlettet="true"`}).Draw(rt, "deleted")))
			}
			if rapid.Bool().Draw(rt, "slettet") {
				body.WriteString(slettet(rapid.IntRange(20, 24).Draw(rt, "slettet id"), "Plan"))
			}
			parts = append(parts, delivery(i, prev, body.String()))
		}
		whole, held := assemble(t, parts...)
		seed := rapid.Int64().Draw(rt, "seed")
		mixed := append(append([]adapters.Record{}, parts...), parts[0])
		rand.New(rand.NewSource(seed)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		again, heldAgain := assemble(t, mixed...)
		if (whole == nil) != (again == nil) || whole != nil && (whole.Hash() != again.Hash() || whole.Version != again.Version || !whole.Changed.Equal(again.Changed)) {
			rt.Fatalf("another order gives another whole:\n%v\n%v", whole, again)
		}
		if len(held) != len(heldAgain) {
			rt.Fatalf("another order holds %v, not %v", heldAgain, held)
		}
		for key, err := range held {
			if heldAgain[key] == nil || heldAgain[key].Error() != err.Error() {
				rt.Fatalf("%s is held for another reason: %v, %v", key, err, heldAgain[key])
			}
		}
		// Every part is placed or held, and a whole assembles to itself.
		if whole != nil && !whole.Deleted {
			self := *whole
			self.Key = whole.Version
			if again, held := assemble(t, self); len(held) > 0 || !bytes.Equal(again.Body, whole.Body) {
				rt.Fatalf("the whole is not a first delivery of itself: %v", held)
			}
		}
	})
}

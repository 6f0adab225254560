package access_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"samsyn/internal/access"
	"samsyn/internal/care"
)

func shippedText(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("table.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Each fault is found, and is told with the line on which it stands.
func TestLoadFindsFaults(t *testing.T) {
	text := shippedText(t)
	for _, k := range []struct{ name, old, new, want string }{
		{"an unknown key", "adult: 18", "adult: 18\nchild: 7", "field child not found"},
		{"an unknown key in a rule", "fields: names }", "fields: names, sees: all }", "field sees not found"},
		{"a key twice", "adult: 18", "adult: 18\nadult: 21", "already defined"},
		{"no version", `version: "2026-11-28"`, `version: " "`, "it has no version"},
		{"full age of a fly", "adult: 18", "adult: 0", "full age is not an age"},
		{"full age of a tree", "adult: 18", "adult: 31", "full age is not an age"},
		{"no such service", "services: [skole, barnehage, ppt] }", "services: [skole, barnehage, ppt, sfo] }", "no such service: sfo"},
		{"a service twice", "services: [barnevern] }", "services: [barnevern, ppt] }", "ppt is under two regimes"},
		{"a service left out", "services: [skole, barnehage, ppt] }", "services: [skole, barnehage] }", "ppt is under no regime"},
		{"a regime without law", `BVL: { law: "barnevernsloven § 13-1",`, `BVL: { law: "",`, "regime BVL names no law"},
		{"a topic of no type", "plan: [CarePlan, Goal]", "plan: [CarePlan, Mål]", "no such FHIR type: Mål"},
		{"a topic of nothing", "plan: [CarePlan, Goal]", "plan: []", "topic plan has no types"},
		{"no such topic", "always: [barnet]", "always: [alle]", "no such topic: alle"},
		{"ages of no service", "- services: [barnevern]\n", "- services: []\n", "ages are of no service"},
		{"ages missing", "- services: [skole, barnehage, ppt]\n", "- services: [skole, barnehage]\n", "there are no ages for ppt"},
		{"ages twice", "- services: [barnevern]\n", "- services: [barnevern, skole]\n", "the ages of skole overlap"},
		{"ages from no day", "gyldigFra: 2018-01-01\n    child: { limited: 15", "gyldigFra: i fjor\n    child: { limited: 15", "gyldigFra is no day"},
		{"ages without beginning", "    gyldigFra: 2018-01-01\n    child: { limited: 15", "    child: { limited: 15", "ages need gyldigFra"},
		{"ages that end first", "gyldigFra: 2018-01-01\n    child: { limited: 15", "gyldigFra: 2018-01-01\n    gyldigTil: 2017-12-31\n    child: { limited: 15", "it ends before it begins"},
		{"the whole before the part", "child: { limited: 15, full: 15 }", "child: { limited: 15, full: 14 }", "a part comes before the whole"},
		{"less than no age", "child: { limited: 12, full: 16 }", "child: { limited: -1, full: 16 }", "a part comes before the whole"},
		{"guardians of less than no age", "guardian: { limited: 0, none: 0 }", "guardian: { limited: -1, none: 0 }", "a part comes before the whole"},
		{"heard before birth", "{ heard: 7, weight: 12, child: 16, guardians: 16", "{ heard: -1, weight: 12, child: 16, guardians: 16", "consent goes in order"},
		{"guardians after full age", "{ heard: 7, weight: 12, child: 16, guardians: 16", "{ heard: 7, weight: 12, child: 16, guardians: 19", "consent goes in order"},
		{"guardians backwards", "guardian: { limited: 16, none: 18 }", "guardian: { limited: 16, none: 12 }", "a part comes before the whole"},
		{"heard after great weight", "{ heard: 7, weight: 12, child: 16, guardians: 16", "{ heard: 13, weight: 12, child: 16, guardians: 16", "consent goes in order"},
		{"an age at which nobody consents", "{ heard: 7, weight: 12, child: 16, guardians: 16", "{ heard: 7, weight: 12, child: 16, guardians: 15", "consent goes in order"},
		{"ukjent counts", "codes: [felles, mor, far, medmor, andre]", "codes: [felles, ukjent]", "may count: ukjent"},
		{"no such role", "  drift: { level", "  sjef: { level", "no such role: sjef"},
		{"a role left out", "  drift: { level", "  sjef: { level", "nothing is said of the role drift"},
		{"any tenant", "revisor: { level: 4, tenant: same,", "revisor: { level: 4, tenant: any,", "tenant is same or same-or-none"},
		{"level 5", "revisor: { level: 4,", "revisor: { level: 5,", "signs in at level"},
		{"nobody signs in", "barn: { level: 4,", "barn: { level: 0,", "signs in at level"},
		{"no such relation", "relations: [self], purposes", "relations: [selv], purposes", "no such relation: selv"},
		{"no such purpose", "purposes: [PATRQT], clearance: [restricted, very", "purposes: [PATRQT, FUN], clearance: [restricted, very", "no such purpose: FUN"},
		{"no purpose", "relations: [self], purposes: [PATRQT]", "relations: [self], purposes: []", "has a purpose"},
		{"cleared for third party", "clearance: [restricted, psychiatry] }\n  # A program", "clearance: [restricted, psychiatry, third-party] }\n  # A program", "nobody is cleared for third-party"},
		{"own of nobody", "own: works-in }", "own: home }", "own is works-in or a service"},
		{"a basis without law", `law: "hol. § 3-4 og samordningsplikten i 13 andre velferdslover"`, `law: ""`, "a basis has a code, a law and a text"},
		{"a basis from no day", "    gyldigFra: 2022-08-01\n", "", "SAMORDNING needs gyldigFra"},
		{"a basis of nothing", "    shares: nothing\n    origins: [BVL]", "    shares: nothing\n    origins: []", "OMSORG is of no origin"},
		{"given by hearsay", "given: break-glass", "given: hearsay", "given is consent, register, relation or break-glass"},
		{"a tie nobody names", "    relations: [guardian]\n    origins", "    origins", "FORELDRE names its relations"},
		{"a line that names a tie", "    given: register\n    needs: [reason]\n    max-days: 366\n    origins: [FVL]", "    given: register\n    relations: [team]\n    origins: [FVL]", "FVL13B names its relations"},
		{"a tie that needs a reason", "    given: break-glass\n", "    given: break-glass\n    needs: [reason]\n", "are said of a line in the register"},
		{"a need of nothing", "needs: [evidence]", "needs: [stamp]", "no such need: stamp"},
		{"a line for ever", "max-days: 183", "max-days: 3661", "max-days is at the most ten years"},
		{"less than no days", "max-days: 183", "max-days: -1", "max-days is at the most ten years"},
		{"shares a little", "    shares: nothing\n    origins: [BVL]", "    shares: little\n    origins: [BVL]", "shares is nothing"},
		{"a code twice at once", "- code: FVL13B", "- code: HPL25", "HPL25 overlaps"},
		{"a list called all", "fields:\n  # Who", "fields:\n  all: { Patient: [name] }\n  # Who", "all is every element"},
		{"fields of no type", "    Condition: [clinicalStatus, verificationStatus, category, severity", "    Konto: [clinicalStatus, verificationStatus, category, severity", "no such FHIR type: Konto"},
		{"no such element", "RelatedPerson: [active, patient,", "RelatedPerson: [activ, patient,", "RelatedPerson.activ: no such element"},
		{"no such part", "participant.role, participant.period]\n  # To work", "participant.role.name, participant.period]\n  # To work", "no such element"},
		{"an element twice", "Location: [status, name]", "Location: [status, name, name]", "it stands there twice"},
		{"a part beside the whole", "participant.role, participant.period]\n  # To work", "participant, participant.role, participant.period]\n  # To work", "it leaves with what stands before it"},
		{"the whole beside a part", "participant.role, participant.period]\n  # To work", "participant.role, participant.period, participant]\n  # To work", "whole or in part"},
		{"half an extension", `"extension[urn:samsyn:klagefrist]", "extension[urn:samsyn:startfrist]", status, intent, category, code`, `"extension[urn:samsyn:klagefrist", status, intent, category, code`, "it cannot be read"},
		{"an element that is no extension by its URL", "Location: [status, name]", `Location: [status, "name[urn:x]"]`, "it cannot be read"},
		{"an extension without URL", "Location: [status, name]", `Location: [status, "extension[]"]`, "it cannot be read"},
		{"a choice without its type", "basedOn]\n    Appointment", "basedOn, occurrence]\n    Appointment", "ServiceRequest.occurrence: no such element"},
		{"an extension twice", "Location: [status, name]", `Location: [status, "extension[urn:x]", "extension[urn:x]"]`, "it stands there twice"},
		{"fields of an empty type", "Location: [status, name]", "Location: []", "Location has no elements"},
		{"a rule on no basis", "basis: KE, origins: [koordinering, kommune, skole, barnehage], purposes", "basis: KEE, origins: [koordinering, kommune, skole, barnehage], purposes", "no such basis: KEE"},
		{"a rule on the duty", "basis: FVL13B, origins: [FVL], purposes: [COC]", "basis: SAMORDNING, origins: [FVL], purposes: [COC]", "SAMORDNING shares nothing"},
		{"a rule beyond its basis", "basis: BVL13-1, origins: [BVL], purposes: [COC]", "basis: BVL13-1, origins: [BVL, skole], purposes: [COC]", "BVL13-1 does not share what skole says"},
		{"a rule for nobody", "roles: [koordinerende-enhet], basis", "roles: [], basis", "a rule has roles, origins and purposes"},
		{"a rule for no such role", "roles: [koordinerende-enhet], basis", "roles: [rektor], basis", "no such role: rektor"},
		{"a rule that nowhere holds", "basis: HPL25, works-in: [HPL], origins: [HPL], purposes: [COC]", "basis: HPL25, works-in: [NAV], origins: [HPL], purposes: [COC]", "works-in names no service"},
		{"no such stage", "stage: limited, origins: [FVL, HPL], purposes: [FAMRQT]", "stage: half, origins: [FVL, HPL], purposes: [FAMRQT]", "stage is limited or full"},
		{"a stage of a worker", "basis: EGEN, origins: [koordinering]", "basis: EGEN, stage: full, origins: [koordinering]", "a stage is said where"},
		{"a child at every stage", "basis: PART, stage: full, origins", "basis: PART, origins", "a stage is said where"},
		{"no such list", "clearance: [], fields: names }", "clearance: [], fields: name }", "no such list of fields: name"},
		{"cleared beyond the role", "purposes: [HOPERAT], clearance: [], fields: names", "purposes: [HOPERAT], clearance: [restricted], fields: names", "it clears koordinerende-enhet for more"},
		{"a purpose beyond the role", "purposes: [HOPERAT], clearance: [], fields: names", "purposes: [COC], clearance: [], fields: names", "koordinerende-enhet has no purpose COC"},
		{"a relation beyond the role", "roles: [barn], basis: PART, stage: limited, origins: [FVL, HPL], purposes: [PATRQT]", "roles: [barn], basis: FORELDRE, stage: limited, origins: [FVL, HPL], purposes: [PATRQT]", "rests on a relation that barn never has"},
		{"a rule twice", "  # The child herself.\n", "  - { roles: [tjenesteyter], basis: FVL13B, origins: [ppt], purposes: [COC], clearance: [], fields: all }\n", "it says the same as line"},
		{"a rule for everybody beside one for some", "  # The child herself.\n", "  - { roles: [tjenesteyter], basis: HPL25, origins: [bup], purposes: [COC], clearance: [], fields: all }\n", "it says the same as line"},
		{"a rule for some beside one for everybody", "  # The child herself.\n", "  - { roles: [tjenesteyter], basis: FVL13B, works-in: [ppt], origins: [skole], purposes: [COC], clearance: [], fields: all }\n", "it says the same as line"},
		{"two hours", "minutes: 60", "minutes: 61", "an hour at the most"},
		{"no time", "minutes: 60", "minutes: 0", "an hour at the most"},
		{"hardly a reason", "reason: 20", "reason: 19", "20 characters or more"},
		{"no codes", "codes: [BLALYS, NODRETT, AKUTT]", "codes: []", "there are no codes"},
		{"an empty code", "codes: [BLALYS, NODRETT, AKUTT]", `codes: [""]`, "there are no codes"},
		{"a marker of its own", "{ origins: [FVL], known: M2 }", "{ origins: [FVL], known: M1 }", "known is M0 or M2"},
		{"two markers", "{ origins: [FVL], known: M2 }", "{ origins: [FVL, bup], known: M2 }", "bup has two marker classes"},
		{"barnevern confirms", "{ origins: [BVL, bup], known: M0 }", "{ origins: [BVL, bup], known: M2 }", "neither confirms nor denies"},
		{"a place leaves", "EpisodeOfCare: [status, patient, period]", "EpisodeOfCare: [status, patient, period, managingOrganization.display]", "may tell a place"},
		{"free text leaves", "EpisodeOfCare: [status, patient, period]", "EpisodeOfCare: [status, patient, period, identifier]", "may tell a place"},
		{"another address leaves", "EpisodeOfCare: [status, patient, period]", "EpisodeOfCare: [status, patient, period, implicitRules]", "may tell a place"},
		{"a text called type leaves", "EpisodeOfCare: [status, patient, period]", "EpisodeOfCare: [status, patient, period, patient.display]", ""},
		{"another name leaves", "Communication: [status, subject, sent, received]", "Communication: [status, subject, sent, received]\n    Organization: [name]", "may tell a place"},
		{"a code without our words", "{ ansvarsgruppe: Ansvarsgruppemøte }", `{ ansvarsgruppe: "" }`, "a code has our words"},
		{"an alias", `version: "2026-11-28"`, `version: &v "2026-11-28"`, "anchors and aliases"},
		{"two tables", "adult: 18", "adult: 18\n---\nadult: 18", ""},
		{"no table", text, "", "it is empty"},
		{"not YAML", text, "{", ""},
		{"a list", text, "[]", ""},
	} {
		t.Run(k.name, func(t *testing.T) {
			if !strings.Contains(text, k.old) {
				t.Fatalf("the table no longer says %q", k.old)
			}
			_, err := access.Load([]byte(strings.Replace(text, k.old, k.new, 1)))
			switch {
			case err == nil:
				t.Error("it was read")
			case !errors.Is(err, care.ErrInvalid) || !strings.Contains(err.Error(), k.want):
				t.Errorf("%v, want %s", err, k.want)
			case k.want != "" && k.want != "it is empty" && !strings.Contains(err.Error(), "line "):
				t.Errorf("without a line: %v", err)
			}
		})
	}
	if _, err := access.Load([]byte(text + strings.Repeat("#", 1<<20))); err == nil {
		t.Error("a table of a megabyte was read")
	}
}

// A fault is told on its own line: of a key, of a place in a list, of one within the other.
func TestFaultsHaveTheirLine(t *testing.T) {
	for _, k := range []struct{ old, new, want string }{
		{"codes: [BLALYS, NODRETT, AKUTT]", "codes: []", "there are no codes"},
		{"services: [skole, barnehage, ppt] }", "services: [skole, barnehage, ppt, sfo] }", "no such service: sfo"},
		{"  - { roles: [koordinator, tjenesteyter], basis: BTG,", "  - { roles: [koordinator, vakt], basis: BTG,", "no such role: vakt"},
		{"  - { roles: [koordinator], basis: EGEN,", "  - { roles: [leder], basis: EGEN,", "no such role: leder"},
		{"    needs: [evidence]", "    needs: [stamp]", "no such need: stamp"},
		{"  - { origins: [FVL], known: M2 }", "  - { origins: [FVL], known: M3 }", "known is M0 or M2"},
	} {
		text := strings.Replace(shippedText(t), k.old, k.new, 1)
		line := 1 + strings.Count(text[:strings.Index(text, k.new)], "\n")
		_, err := access.Load([]byte(text))
		if want := "line " + itoa(line) + ": " + k.want; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// Days that follow each other are two rows, days in common are a fault.
func TestRowsThatFollowEachOther(t *testing.T) {
	row := "  - services: [barnevern]\n    # Guardians see"
	if !strings.Contains(shippedText(t), row) {
		t.Fatal("the table no longer has the row")
	}
	for _, k := range []struct {
		first, last string // days of a row beside that from 2018-01-01 without end
		open        bool   // the other is closed on 2026-11-23
		fault       bool
	}{
		{"2010-01-01", "2017-12-31", false, false},
		{"2010-01-01", "2018-01-01", false, true},
		{"2010-01-01", "", false, true},
		{"2026-11-24", "", true, false},
		{"2026-11-23", "", true, true},
		{"2026-11-24", "2027-01-01", true, false},
		{"2017-01-01", "2017-12-31", true, false},
		{"2019-01-01", "2019-01-01", true, true},
	} {
		text := shippedText(t)
		old := "  - services: [barnevern]\n    law: \"x\"\n    gyldigFra: " + k.first + "\n"
		if k.last != "" {
			old += "    gyldigTil: " + k.last + "\n"
		}
		old += "    child: { limited: 15, full: 15 }\n    guardian: { limited: 0, none: 0 }\n    consent: { heard: 7, weight: 12, child: 15, guardians: 18 }\n"
		if k.open {
			at := strings.Index(text, row)
			text = text[:at] + strings.Replace(text[at:], "gyldigFra: 2018-01-01\n", "gyldigFra: 2018-01-01\n    gyldigTil: 2026-11-23\n", 1)
		}
		_, err := access.Load([]byte(strings.Replace(text, row, old+row, 1)))
		if (err != nil) != k.fault || err != nil && !strings.Contains(err.Error(), "the ages of barnevern overlap") {
			t.Errorf("%s–%s: %v", k.first, k.last, err)
		}
	}
}

// A code that changes with the law stands twice, for days that follow each other, and the
// decision turns at midnight between them.
func TestCodesTurnAtMidnight(t *testing.T) {
	text := strings.Replace(shippedText(t), "    gyldigFra: 2023-01-01\n    given: register\n    needs: [reason, end, evidence]\n",
		"    gyldigFra: 2023-01-01\n    gyldigTil: 2026-11-23\n    given: register\n    needs: [reason, end, evidence]\n", 1)
	table, err := access.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	table = table.In(oslo)
	dated := 0
	for _, r := range table.Rows() {
		if r.Basis == "BVL13-1" {
			dated++
			if r.From != "2023-01-01" || r.Until != "2026-11-23" {
				t.Errorf("row %+v", r)
			}
		} else if r.Until != "" {
			t.Errorf("row %+v", r)
		}
	}
	if dated == 0 {
		t.Error("no rows")
	}
	f := withLine(worker(care.Skole), line("BVL13-1", care.Barnevern))
	i := access.Item{Service: care.Barnevern, Type: "EpisodeOfCare"}
	midnight := now.In(oslo).Truncate(0)
	year, month, day := midnight.Date()
	last := dayAt(year, int(month), day+1).Add(-1)
	if d := table.Decide(f, i, last.UTC()); !d.Allowed {
		t.Errorf("its last instant: %s", d.Rule)
	}
	if d := table.Decide(f, i, last.Add(1).UTC()); d.Allowed || d.Rule != access.NoBasis {
		t.Errorf("the instant after: %v by %s", d.Allowed, d.Rule)
	}
	f.Bases[0].From, f.Bases[0].Until = dayAt(2022, 12, 1), dayAt(2023, 2, 1)
	f.Appointments[0].From = dayAt(2022, 1, 1)
	if d := table.Decide(f, i, dayAt(2023, 1, 1).Add(-1)); d.Allowed || d.Rule != access.NoBasis {
		t.Errorf("the instant before it holds: %v by %s", d.Allowed, d.Rule)
	}
	if d := table.Decide(f, i, dayAt(2023, 1, 1)); !d.Allowed {
		t.Errorf("its first: %s", d.Rule)
	}
}

// A rule has days of its own, and is printed for those that it shares with its code.
func TestRulesHaveDays(t *testing.T) {
	for _, k := range []struct{ rule, code, from, until string }{
		{"gyldigTil: 2026-11-23", "", "2023-01-01", "2026-11-23"},
		{"gyldigFra: 2024-01-01", "", "2024-01-01", ""},
		{"gyldigTil: 2026-11-23", "gyldigTil: 2027-01-01", "2023-01-01", "2026-11-23"},
		{"gyldigTil: 2027-01-01", "gyldigTil: 2026-11-23", "2023-01-01", "2026-11-23"},
	} {
		text := strings.Replace(shippedText(t), "- { roles: [tjenesteyter], basis: BVL13-1,", "- { roles: [tjenesteyter], basis: BVL13-1, "+k.rule+",", 1)
		if k.code != "" {
			text = strings.Replace(text, "    gyldigFra: 2023-01-01\n    given: register\n    needs: [reason, end, evidence]", "    gyldigFra: 2023-01-01\n    "+k.code+"\n    given: register\n    needs: [reason, end, evidence]", 1)
		}
		table, err := access.Load([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range table.Rows() {
			if r.Basis == "BVL13-1" && r.Roles[0] == care.RoleTjenesteyter && (r.From != k.from || r.Until != k.until) {
				t.Errorf("%s and %s: %s–%s", k.rule, k.code, r.From, r.Until)
			}
		}
		f := withLine(worker(care.Skole), line("BVL13-1", care.Barnevern))
		d := table.In(oslo).Decide(f, access.Item{Service: care.Barnevern, Type: "EpisodeOfCare"}, dayAt(2026, 11, 24))
		if d.Allowed != (k.until == "") {
			t.Errorf("%s and %s the day after: %v by %s", k.rule, k.code, d.Allowed, d.Rule)
		}
	}
}

// The limits of the file itself are allowed.
func TestLimitsOfATable(t *testing.T) {
	text := shippedText(t)
	for name, text := range map[string]string{
		"a full age of thirty":        strings.Replace(text, "adult: 18", "adult: 30", 1),
		"exactly a megabyte":          text + strings.Repeat("#", 1<<20-len(text)),
		"a child who sees from birth": strings.Replace(text, "child: { limited: 12, full: 16 }", "child: { limited: 0, full: 0 }", 1),
		"a minute":                    strings.Replace(text, "minutes: 60", "minutes: 1", 1),
		"ten years":                   strings.Replace(text, "max-days: 183", "max-days: 3660", 1),
		"no longest time":             strings.Replace(text, "max-days: 183", "max-days: 0", 1),
		"level one":                   strings.Replace(text, "barn: { level: 4,", "barn: { level: 1,", 1),
		"a row of a single day":       strings.Replace(text, "    gyldigFra: 2022-08-01\n", "    gyldigFra: 2022-08-01\n    gyldigTil: 2022-08-01\n", 1),
		"ages that are the same": strings.Replace(text, "consent: { heard: 7, weight: 12, child: 16, guardians: 16, one-is-enough: false }",
			"consent: { heard: 16, weight: 16, child: 16, guardians: 16 }", 1),
		"ages until full age": strings.Replace(text, "consent: { heard: 7, weight: 12, child: 16, guardians: 16, one-is-enough: false }",
			"consent: { heard: 0, weight: 0, child: 0, guardians: 18 }", 1),
	} {
		if _, err := access.Load([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(shippedText(f)))
	f.Add([]byte("version: x\nrules: [{ roles: [barn], basis: PART }]"))
	f.Add([]byte("fields: { a: { CarePlan: [activity.detail, 'extension[urn:x]'] } }"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := access.Load(b)
		if (table == nil) == (err == nil) {
			t.Fatal("a table and an error, or neither")
		}
		if err != nil {
			if !errors.Is(err, care.ErrInvalid) {
				t.Fatalf("of no kind: %v", err)
			}
			return
		}
		// Whatever the table says, nobody sees what is locked.
		for _, facts := range []care.Facts{coordinator(), worker(care.BUP), guardian(), child("2008-01-01"), rescuer()} {
			for _, m := range []care.Marks{care.MarkThirdParty, care.MarkInError, care.MarkNotifier, care.MarkUnknown} {
				if table.Decide(facts, access.Item{Service: care.BUP, Type: "CarePlan", Marks: m}, now).Allowed {
					t.Fatalf("a table that opens %d", m)
				}
			}
		}
	})
}

package consolidate

import (
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode"
)

// plain is a text without what writers vary: case, punctuation, spacing.
func plain(s string) string {
	return strings.Join(wordsOf(s), " ")
}

func wordsOf(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// SameText tells whether two texts differ in nothing but case, punctuation and spacing. Empty texts are never the same.
func SameText(a, b string) bool { return plain(a) != "" && plain(a) == plain(b) }

// Mentions tells whether a text holds a word or phrase, in whatever case and punctuation.
func Mentions(text, phrase string) bool {
	return phrase != "" && strings.Contains(" "+plain(text)+" ", " "+plain(phrase)+" ")
}

// Meaning is what a status of any FHIR value set means for the family: "ahead",
// "runs", "rests", "done" or "stopped"; "" where it is not known.
func Meaning(status string) string { return statusMeaning[status] }

// titlesOfPeople are written before a name by some systems and left out by others.
var titlesOfPeople = []string{"dr", "lege", "overlege", "psykolog", "psykologspesialist", "helsesykepleier", "prof", "professor"}

// plainName is a person's or an organisation's name for comparison: "Strand, Ole"
// and "Dr. Ole Strand" are both "ole strand".
func plainName(s string) string {
	if family, given, ok := strings.Cut(s, ","); ok && !strings.Contains(given, ",") {
		s = given + " " + family
	}
	ws := wordsOf(s)
	for len(ws) > 1 && slices.Contains(titlesOfPeople, ws[0]) {
		ws = ws[1:]
	}
	return strings.Join(ws, " ")
}

// fillers carry no meaning in the title of a decision.
var fillers = []string{"vedtak", "enkeltvedtak", "om", "i", "på", "av", "for", "til", "og", "etter", "tildeling", "innvilget", "søknad"}

// related tells whether all the meaning words of one title stand in the other:
// "Vedtak om avlastning" and "Avlastning i institusjon".
func related(a, b string) bool {
	x, y := meaning(a), meaning(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(x) == 0 {
		return false
	}
	for _, w := range x {
		if !slices.Contains(y, w) {
			return false
		}
	}
	return true
}

func meaning(s string) []string {
	return slices.DeleteFunc(wordsOf(s), func(w string) bool { return slices.Contains(fillers, w) || isDigits(w) })
}

func isDigits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}

var section = regexp.MustCompile(`§+\s*(\d+(?:\s*[-–]\s*\d+)?(?:\s?[a-z]\b)?)`)

// sectionOf is the paragraph that a legal basis names: "§ 3-2" of "helse- og
// omsorgstjenesteloven § 3-2 første ledd nr. 6". "" where it names none.
func sectionOf(law string) string {
	m := section.FindStringSubmatch(strings.ToLower(law))
	if m == nil {
		return ""
	}
	return strings.Join(strings.Fields(strings.NewReplacer("–", "-", " - ", "-").Replace(m[1])), " ")
}

// sameLaw tells whether two legal bases name the same section of the same act.
func sameLaw(a, b string) bool {
	if plain(a) == plain(b) {
		return true
	}
	actA, _, okA := strings.Cut(a, "§")
	actB, _, okB := strings.Cut(b, "§")
	return okA && okB && plain(actA) == plain(actB) && sectionOf(a) != "" && sectionOf(a) == sectionOf(b)
}

// share tells whether the two lists have a value in common.
func share(a, b []string) bool {
	return slices.ContainsFunc(a, func(v string) bool { return slices.Contains(b, v) })
}

func identifiers(ids []identifier) []string {
	var out []string
	for _, id := range ids {
		if id.System != "" && id.Value != "" {
			out = append(out, id.System+"|"+id.Value)
		}
	}
	return out
}

// Statuses of several FHIR value sets, brought to what they mean for the family.
// What is not listed is not compared.
var statusMeaning = map[string]string{
	"not-started": "ahead", "scheduled": "ahead", "draft": "ahead", "planned": "ahead", "waitlist": "ahead", "proposed": "ahead",
	"in-progress": "runs", "active": "runs", "accepted": "runs",
	"on-hold": "rests", "onhold": "rests",
	"completed": "done", "finished": "done",
	"stopped": "stopped", "cancelled": "stopped", "revoked": "stopped",
}

// fold puts together what is the same. It tries each tie in turn on every pair,
// the strongest tie first, and never lets two that are apart stand in one group.
// Items must be in a stable order; the groups are, and their members too.
func fold(n int, apart func(i, j int) bool, ties ...func(i, j int) bool) [][]int {
	group := make([]int, n)
	members := make([][]int, n)
	for i := range group {
		group[i], members[i] = i, []int{i}
	}
	for _, tie := range ties {
		for i := range n {
			for j := i + 1; j < n; j++ {
				a, b := group[i], group[j]
				if a == b || !tie(i, j) || conflict(members[a], members[b], apart) {
					continue
				}
				if a > b {
					a, b = b, a
				}
				for _, k := range members[b] {
					group[k] = a
				}
				members[a], members[b] = append(members[a], members[b]...), nil
			}
		}
	}
	var out [][]int
	for _, m := range members {
		if len(m) > 0 {
			sort.Ints(m)
			out = append(out, m)
		}
	}
	return out
}

func conflict(a, b []int, apart func(i, j int) bool) bool {
	for _, i := range a {
		for _, j := range b {
			if apart(i, j) {
				return true
			}
		}
	}
	return false
}

package words_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"samsyn/internal/words"
)

func TestLanguagesHoldTheSameKeysAndPlaceholders(t *testing.T) {
	placeholder := regexp.MustCompile(`\{[a-zA-Z]+\}`)
	fields := func(lang words.Lang, key string) []string {
		f := placeholder.FindAllString(words.In(lang).Say(key), -1)
		slices.Sort(f)
		return f
	}
	want := words.Keys(words.Bokmaal)
	if len(want) < 100 {
		t.Fatalf("only %d texts in bokmål", len(want))
	}
	for _, lang := range words.Langs() {
		got := words.Keys(lang)
		for _, k := range want {
			if !slices.Contains(got, k) {
				t.Errorf("%s lacks %q", lang, k)
				continue
			}
			if a, b := fields(words.Bokmaal, k), fields(lang, k); !slices.Equal(a, b) {
				t.Errorf("%s %q has placeholders %v, bokmål has %v", lang, k, b, a)
			}
			if words.In(lang).Say(k) == "" && words.In(words.Bokmaal).Say(k) != "" {
				t.Errorf("%s %q is empty", lang, k)
			}
		}
		for _, k := range got {
			if !slices.Contains(want, k) {
				t.Errorf("%s has %q, which bokmål lacks", lang, k)
			}
		}
	}
}

func TestSay(t *testing.T) {
	nb := words.In(words.Bokmaal)
	for _, c := range []struct{ name, got, want string }{
		{"fills", nb.Say("child.age", "years", "12"), "12 år"},
		{"value with braces is not filled again", nb.Say("date.time", "date", "{time}", "time", "x"), "{time} kl. x"},
		{"unknown key is seen", nb.Say("no.such"), "[no.such]"},
		{"code", nb.Code("status", "in-progress"), "pågår"},
		{"code without label is shown", nb.Code("status", "odd"), "odd"},
		{"no code", nb.Code("status", ""), ""},
		{"unknown language speaks bokmål", words.In("xx").Say("section.goals"), "Mål"},
		{"english", words.In(words.English).Say("section.goals"), "Goals"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.got != c.want {
				t.Errorf("got %q, want %q", c.got, c.want)
			}
		})
	}
}

func ExampleWords_DateTime() {
	at := time.Date(2026, 12, 10, 9, 0, 0, 0, time.UTC)
	for _, lang := range words.Langs() {
		fmt.Println(words.In(lang).DateTime(at))
	}
	// Output:
	// 10. desember 2026 kl. 09.00
	// 10. desember 2026 kl. 09.00
	// 10 December 2026 at 09:00
}

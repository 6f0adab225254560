// Package words owns every sentence and label that Samsyn itself says to people,
// in Norwegian bokmål, nynorsk and English. It knows no data: what sources said is
// shown in their own words and never passes through here.
//
// The texts lie in text/<language>/<area>.json as one flat object each. All
// languages hold the same keys with the same placeholders; a test sees to it.
package words

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
	"sync"
	"time"
)

// Lang is a language that Samsyn speaks.
type Lang string

// The languages. Bokmål is the default.
const (
	Bokmaal Lang = "nb"
	Nynorsk Lang = "nn"
	English Lang = "en"
)

// Langs returns the languages, the default first.
func Langs() []Lang { return []Lang{Bokmaal, Nynorsk, English} }

//go:embed text/*/*.json
var texts embed.FS

// tables are read once; a fault in an embedded file is a fault in the program.
var tables = sync.OnceValue(func() map[Lang]map[string]string {
	all := map[Lang]map[string]string{}
	for _, l := range Langs() {
		t, err := load(texts, path.Join("text", string(l)))
		if err != nil {
			panic(err)
		}
		all[l] = t
	}
	return all
})

func load(fsys fs.FS, dir string) (map[string]string, error) {
	files, err := fs.Glob(fsys, path.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("words: list %s: %w", dir, err)
	}
	all := map[string]string{}
	for _, f := range files {
		b, err := fs.ReadFile(fsys, f)
		if err != nil {
			return nil, fmt.Errorf("words: read %s: %w", f, err)
		}
		var one map[string]string
		if err := json.Unmarshal(b, &one); err != nil {
			return nil, fmt.Errorf("words: read %s: %w", f, err)
		}
		for k, v := range one {
			if _, ok := all[k]; ok {
				return nil, fmt.Errorf("words: %s: %q stands in another file too", f, k)
			}
			all[k] = v
		}
	}
	return all, nil
}

// Words says things in one language.
type Words struct {
	lang  Lang
	table map[string]string
}

// In gives the words of a language; an unknown one gives bokmål.
func In(lang Lang) Words {
	all := tables()
	if t, ok := all[lang]; ok {
		return Words{lang: lang, table: t}
	}
	return Words{lang: Bokmaal, table: all[Bokmaal]}
}

// Lang is the language that is spoken.
func (w Words) Lang() Lang { return w.lang }

// Has tells whether the key is known.
func (w Words) Has(key string) bool { _, ok := w.table[key]; return ok }

// Say gives the text of key with its placeholders filled: args are pairs of a
// placeholder's name and its value, so that Say("age.years", "years", "12") fills
// {years}. A key that is not known comes back in brackets, for all to see.
func (w Words) Say(key string, args ...string) string {
	text, ok := w.table[key]
	if !ok {
		return "[" + key + "]"
	}
	if len(args) < 2 {
		return text
	}
	pairs := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		pairs = append(pairs, "{"+args[i]+"}", args[i+1])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Code gives the label of a code in a group ("status", "in-progress"), or the code
// itself where we have no label: what a source said is shown rather than hidden.
func (w Words) Code(group, code string) string {
	if code == "" {
		return ""
	}
	if t, ok := w.table[group+"."+code]; ok {
		return t
	}
	return code
}

// Date writes a day: "10. desember 2026".
func (w Words) Date(t time.Time) string {
	month := w.Say(fmt.Sprintf("month.%d", int(t.Month())))
	return w.Say("date.day", "day", fmt.Sprint(t.Day()), "month", month, "year", fmt.Sprint(t.Year()))
}

// Month writes a month: "desember 2026".
func (w Words) Month(t time.Time) string {
	return w.Say(fmt.Sprintf("month.%d", int(t.Month()))) + " " + fmt.Sprint(t.Year())
}

// DateTime writes a day with the time of day: "10. desember 2026 kl. 09.00".
func (w Words) DateTime(t time.Time) string {
	return w.Say("date.time", "date", w.Date(t), "time", w.Clock(t))
}

// Clock writes a time of day: "09.00".
func (w Words) Clock(t time.Time) string { return t.Format(w.Say("date.clock")) }

// Keys returns the keys of a language, sorted.
func Keys(lang Lang) []string {
	t := tables()[lang]
	keys := make([]string, 0, len(t))
	for k := range t {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

package web

import (
	"regexp"
	"slices"
	"strings"

	"samsyn/internal/care"
)

// rule is one line of a map, with what it made from what.
type rule struct {
	Elements []string // paths below the resource
	From     []string // fields of the source's record
	Place    string   // file and line
}

// Made says what the rule made.
func (r rule) Made() string { return brief(r.Elements) }

// Read says which fields the rule read.
func (r rule) Read() string { return brief(leaves(r.From)) }

// maxRules is how many rules are listed behind a line; the API has them all.
const maxRules = 20

// place parts "maps/oneroster/user.yaml:12: {{ … }}" into where and what.
var place = regexp.MustCompile(`^(.*?:\d+)(?:: .*)?$`)

// Rules tells which rule made what from which source fields, one line for each rule;
// what no source field had a part in (constants, ids of ours) is left out.
func (p Page) Rules(all []care.Lineage) []rule {
	var out []rule
	index := map[string]int{}
	for _, l := range all {
		_, element, _ := strings.Cut(l.Element, ".")
		if len(l.From) == 0 || element == "id" {
			continue
		}
		at := l.Rule
		if m := place.FindStringSubmatch(l.Rule); m != nil {
			at = m[1]
		}
		i, known := index[at]
		if !known {
			i = len(out)
			index[at] = i
			out = append(out, rule{Place: strings.TrimPrefix(at, "maps/")})
		}
		out[i].Elements = append(out[i].Elements, element)
		for _, f := range l.From {
			if !slices.Contains(out[i].From, f) {
				out[i].From = append(out[i].From, f)
			}
		}
	}
	return out[:min(len(out), maxRules)]
}

// maxFields is how many fields are named; a rule that tries many reads even more.
const maxFields = 8

// brief writes paths with what they have in common said once:
// "coding[0]: system, code, display".
func brief(paths []string) string {
	more := ""
	if len(paths) > maxFields {
		paths, more = paths[:maxFields], ", …"
	}
	if len(paths) == 0 {
		return ""
	}
	common := paths[0]
	for _, p := range paths {
		for common != "" && !strings.HasPrefix(p, common+".") {
			common = common[:max(strings.LastIndex(common, "."), 0)]
		}
	}
	if len(paths) == 1 || common == "" {
		return strings.Join(paths, ", ") + more
	}
	rest := make([]string, len(paths))
	for i, p := range paths {
		rest[i] = strings.TrimPrefix(p, common+".")
	}
	return common + ": " + strings.Join(rest, ", ") + more
}

// leaves leaves out fields that only hold other fields that are named too: they were
// gone through, not read.
func leaves(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
		return slices.ContainsFunc(paths, func(o string) bool { return strings.HasPrefix(o, p+".") || strings.HasPrefix(o, p+"[") })
	})
}

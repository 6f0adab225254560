// Package search owns FHIR search as Samsyn offers it: which parameters there are,
// what they mean, sorting, paging and what may be included. It is given the
// resources of one person that a viewer may see, and chooses among those: what is
// hidden is not there to be counted, sorted by, chained to or included. It knows no
// viewer, no database and no HTTP.
//
// Sources: https://hl7.org/fhir/R4/search.html, and the definitions of the search
// parameters in formats/fhir-r4 (search-parameters.json). What is not offered is
// refused, never ignored: a parameter that is left out of account gives more than
// was asked for.
package search

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// How many matches a page has where nothing is said, and at the most; how many values
// and criteria one search may have.
const (
	defaultCount = 50
	maxCount     = 200
	maxValues    = 20
	maxCriteria  = 20
)

// Query is one search, read and checked.
type Query struct {
	Type string
	// Patient is whose resources are searched, "" where that is not said.
	Patient care.PersonID

	criteria []criterion
	include  []parameter
	reverse  []parameter
	sort     []order
	count    int
	summary  bool // only the total
	after    []string
}

type criterion struct {
	parameter
	values []string // any of them; each has the form that the parameter's kind wants
}

type order struct {
	parameter
	down bool
}

// Parse reads the parameters of a search for a type. Errors wrap care.ErrInvalid, name
// the parameter and never show its value.
func Parse(typ string, values url.Values) (Query, error) {
	q := Query{Type: typ, count: defaultCount}
	if !slices.Contains(Types(), typ) {
		return q, fmt.Errorf("type %q is not searched here: %w", typ, care.ErrInvalid)
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range values[name] {
			if err := q.read(name, value); err != nil {
				return q, fmt.Errorf("search %s by %q: %w", typ, name, err)
			}
		}
	}
	if len(q.criteria) > maxCriteria {
		return q, fmt.Errorf("search %s: more than %d criteria: %w", typ, maxCriteria, care.ErrInvalid)
	}
	q.sort = append(q.sort, order{parameter: parameter{name: "_id", kind: identity}})
	if q.after != nil && len(q.after) != len(q.sort) {
		return q, fmt.Errorf("search %s by \"_after\": it belongs to another search: %w", typ, care.ErrInvalid)
	}
	return q, nil
}

func (q *Query) read(name, value string) error {
	single := map[string]func(string) error{"_count": q.readCount, "_summary": q.readSummary, "_after": q.readAfter, "_sort": q.readSort,
		"_include": func(v string) error { return q.readInclude(v, &q.include, false) }, "_revinclude": func(v string) error { return q.readInclude(v, &q.reverse, true) }}
	if f := single[name]; f != nil {
		return f(value)
	}
	if name == "patient" || name == "subject" && q.Type != "Patient" {
		return q.readPatient(value)
	}
	p, ok := find(q.Type, name)
	if !ok {
		return fmt.Errorf("there is no such parameter, or not with that modifier or chain; there are %s: %w", strings.Join(Names(q.Type), ", "), care.ErrInvalid)
	}
	c := criterion{parameter: p}
	for _, v := range split(value) {
		if err := p.kind.check(v); err != nil {
			return err
		}
		c.values = append(c.values, v)
	}
	if len(c.values) > maxValues {
		return fmt.Errorf("more than %d values: %w", maxValues, care.ErrInvalid)
	}
	q.criteria = append(q.criteria, c)
	return nil
}

func (q *Query) readPatient(value string) error {
	id, local := strings.CutPrefix(value, "Patient/")
	if !local && strings.Contains(value, "/") || id == "" || q.Patient != "" && string(q.Patient) != id {
		return fmt.Errorf("one Patient of this server is wanted: %w", care.ErrInvalid)
	}
	q.Patient = care.PersonID(id)
	return nil
}

func (q *Query) readCount(value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return fmt.Errorf("a number of resources is wanted: %w", care.ErrInvalid)
	}
	q.summary = q.summary || n == 0 // search.html#count: the same as _summary=count
	q.count = min(max(n, 1), maxCount)
	return nil
}

func (q *Query) readSummary(value string) error {
	switch value {
	case "count":
		q.summary = true
	case "false":
	default:
		return fmt.Errorf("only count and false are offered: %w", care.ErrInvalid)
	}
	return nil
}

func (q *Query) readSort(value string) error {
	for _, name := range strings.Split(value, ",") {
		name, down := strings.CutPrefix(name, "-")
		p, ok := find(q.Type, name)
		if !ok || p.kind != date && p.kind != token {
			return fmt.Errorf("it cannot be sorted by one of them: %w", care.ErrInvalid)
		}
		if q.sort = append(q.sort, order{p, down}); len(q.sort) > 4 {
			return fmt.Errorf("sorted by more than four: %w", care.ErrInvalid)
		}
	}
	return nil
}

// readInclude reads Type:parameter or Type:parameter:Target. Iteration is not offered.
func (q *Query) readInclude(value string, into *[]parameter, reverse bool) error {
	parts := strings.Split(value, ":")
	if len(parts) < 2 || len(parts) > 3 || !reverse && parts[0] != q.Type {
		return fmt.Errorf("the form Type:parameter of the type that is searched is wanted: %w", care.ErrInvalid)
	}
	p, ok := find(parts[0], parts[1])
	if !ok || p.kind != reference {
		return fmt.Errorf("there is no such reference to follow: %w", care.ErrInvalid)
	}
	if p.typ = parts[0]; len(parts) == 3 {
		p.target = parts[2]
	}
	if *into = append(*into, p); len(*into) > maxCriteria {
		return fmt.Errorf("more than %d: %w", maxCriteria, care.ErrInvalid)
	}
	return nil
}

func (q *Query) readAfter(value string) error {
	b, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(b) > 4096 || json.Unmarshal(b, &q.after) != nil || q.after == nil {
		return fmt.Errorf("it is not a place that this server gave: %w", care.ErrInvalid)
	}
	return nil
}

// split cuts a value at its commas; "\," is a comma of a value.
func split(value string) []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '\\' && i+1 < len(value):
			i++
			b.WriteByte(value[i])
		case value[i] == ',':
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(value[i])
		}
	}
	return append(out, b.String())
}

// Result is one page of what was found.
type Result struct {
	Match   []fhir.Resource
	Include []fhir.Resource
	Total   int    // of all matches, on every page
	After   string // the value of _after for the next page, "" on the last one
}

// Run chooses among the visible resources of one person. Their order does not matter.
// zone is where a date without time is a day.
func (q Query) Run(visible []fhir.Resource, zone *time.Location) (Result, error) {
	set := make([]*found, 0, len(visible))
	for _, r := range visible {
		f, err := look(r, zone)
		if err != nil {
			continue // what cannot be read matches nothing
		}
		set = append(set, f)
	}
	var match []*found
	for _, f := range set {
		if f.Type == q.Type && q.matches(f) {
			f.keys = q.keys(f)
			match = append(match, f)
		}
	}
	slices.SortFunc(match, func(a, b *found) int { return q.compare(a.keys, b.keys) })
	res := Result{Total: len(match)}
	if q.summary {
		return res, nil
	}
	if q.after != nil {
		from, _ := slices.BinarySearchFunc(match, q.after, func(f *found, at []string) int { return q.compare(f.keys, at) })
		if from < len(match) && q.compare(match[from].keys, q.after) == 0 {
			from++
		}
		match = match[from:]
	}
	if len(match) > q.count {
		match = match[:q.count]
		at, err := json.Marshal(match[q.count-1].keys)
		if err != nil {
			return Result{}, fmt.Errorf("search %s: %w", q.Type, err)
		}
		res.After = base64.RawURLEncoding.EncodeToString(at)
	}
	page := map[string]bool{}
	for _, f := range match {
		res.Match = append(res.Match, f.Resource)
		page[f.name()] = true
	}
	res.Include = q.included(set, match, page)
	return res, nil
}

// included follows references on the page, both ways, within the visible set.
func (q Query) included(set, match []*found, page map[string]bool) []fhir.Resource {
	wanted := map[string]bool{}
	for _, p := range q.include {
		for _, f := range match {
			for _, ref := range f.references(p) {
				if typ, _, _ := strings.Cut(ref, "/"); p.target == "" || p.target == typ {
					wanted[ref] = true
				}
			}
		}
	}
	var out []fhir.Resource
	for _, f := range set {
		if page[f.name()] {
			continue
		}
		take := wanted[f.name()]
		for _, p := range q.reverse {
			take = take || f.Type == p.typ && slices.ContainsFunc(f.references(p), func(ref string) bool {
				typ, _, _ := strings.Cut(ref, "/")
				return page[ref] && (p.target == "" || p.target == typ)
			})
		}
		if take {
			page[f.name()] = true
			out = append(out, f.Resource)
		}
	}
	slices.SortFunc(out, func(a, b fhir.Resource) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID)) })
	return out
}

func (q Query) matches(f *found) bool {
	for _, c := range q.criteria {
		if !slices.ContainsFunc(c.values, func(v string) bool { return f.has(c.parameter, v) }) {
			return false
		}
	}
	return true
}

func (q Query) keys(f *found) []string {
	keys := make([]string, len(q.sort))
	for i, o := range q.sort {
		keys[i] = f.key(o.parameter)
	}
	return keys
}

func (q Query) compare(a, b []string) int {
	for i, o := range q.sort {
		c := cmp.Compare(a[i], b[i])
		if o.down {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

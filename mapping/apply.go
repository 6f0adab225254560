package mapping

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"samsyn/fhir"
	"samsyn/fhir/fhirpath"
	"samsyn/fhir/r4"
)

// Input is one record to map. Body is read, never kept.
type Input struct {
	Source string // configured name of the source; part of every id
	Kind   string
	Key    string // the source's key of the record, %key
	Media  string // application/json, application/xml or text/csv
	Body   []byte
	Now    time.Time // %now, and the day on which a table's rows are valid
	IDKey  []byte    // key of the HMAC that ids are made by
	// Observe is told what is read; nil, the usual, costs nothing.
	Observe *Observer
}

// Result is what a map makes of a record.
type Result struct {
	Subject *Subject // nil where the record is about nobody
	Service string   // "" where the map leaves it to the source
	Made    []Made
	Skipped bool   // the record is stored and makes nothing
	Because string // why it is skipped
	Misses  []Miss // codes without a translation that were kept
}

// Subject is what the record says of whom it is about. Nothing of it is checked here.
type Subject struct {
	Key         string   `json:"key"` // the source's own key; never a national number
	Identifiers []string `json:"identifiers,omitempty"`
	Old         []string `json:"old,omitempty"`       // numbers that the source marks as replaced
	BirthDate   string   `json:"birthDate,omitempty"` // YYYY-MM-DD, or less
	Name        string   `json:"name,omitempty"`
}

// Made is one resource with the lineage of its elements.
type Made struct {
	Resource fhir.Resource
	Lineage  []Lineage
}

// Lineage tells where one element came from.
type Lineage struct {
	Element string   `json:"element"`        // "CarePlan.activity[0].detail.status"
	Rule    string   `json:"rule"`           // "maps/x/y.yaml:12: {{ expression }}"
	Line    int      `json:"line"`           // line in the map
	From    []string `json:"from,omitempty"` // source fields that were read, "Sak.Plan[0].StartDato"
}

// Miss is a code without translation that its table says to keep.
type Miss struct {
	Table string `json:"table"`
	Code  string `json:"code"` // the code, or its length where it could be something else
	Line  int    `json:"line"`
	Count int    `json:"count"`
}

// Apply maps one record. It is pure: the same map and input give the same result. The
// error is a *RecordError; with an error there is no result but the subject, if that
// was found, so that a record that waits can still be counted to a person's source.
func (m *Map) Apply(in Input) (result Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &RecordError{Kind: ErrInternal, Map: m.Name, Reason: "panic in " + panicSite(p)}
			result = Result{}
		}
	}()
	tree, name, err := decode(in.Media, in.Body)
	if err != nil {
		return Result{}, &RecordError{Kind: ErrDecode, Map: m.Name, Reason: err.Error()}
	}
	return newRun(m, in, rootItem(m, tree, name)).whole()
}

// panicSite names the function that failed. What a panic says may quote the record.
func panicSite(any) string {
	pc := make([]uintptr, 16)
	frames := runtime.CallersFrames(pc[:runtime.Callers(4, pc)])
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "samsyn/") || !more {
			return fmt.Sprintf("%s, line %d", f.Function, f.Line)
		}
	}
}

// rootItem is the record as expressions see it. A FHIR resource is read by its type.
func rootItem(m *Map, tree any, name string) fhirpath.Item {
	if o, ok := tree.(map[string]any); ok && o["resourceType"] != nil && name == "" {
		if item := fhirpath.RootFHIR(o); item.Type() != "" {
			return item
		}
	}
	if name == "" {
		name = m.Record
	}
	if list, ok := tree.([]any); ok {
		tree = map[string]any{"items": list}
	}
	return fhirpath.Root(tree, name)
}

func (r *run) whole() (Result, error) {
	var result Result
	if err := r.assign(r.m.early); err != nil {
		return result, err
	}
	for _, rule := range r.m.skip {
		v, err := rule.when.run(r)
		if err != nil {
			return result, err
		}
		if v.text == "true" {
			return Result{Skipped: true, Because: rule.because}, nil
		}
	}
	if err := r.setSubject(&result); err != nil {
		return Result{}, err
	}
	subject := Result{Subject: result.Subject}
	if err := r.assign(r.m.late); err != nil {
		return subject, err
	}
	var labels value
	if r.m.service != nil {
		v, err := r.m.service.run(r)
		if err != nil {
			return subject, err
		}
		result.Service = v.text
	}
	if r.m.labels != nil {
		var err error
		if labels, err = r.m.labels.run(r); err != nil {
			return subject, err
		}
	}
	made, err := r.m.make.run(r)
	if err != nil {
		return subject, err
	}
	for _, v := range made.items {
		one, err := r.resource(v, labels)
		if err != nil {
			return subject, err
		}
		for _, other := range result.Made {
			if other.Resource.Type == one.Resource.Type && other.Resource.ID == one.Resource.ID {
				return subject, &RecordError{Kind: ErrInvalidResource, Map: r.m.Name, Line: lineOf(&v), Path: one.Resource.Type,
					Reason: "the record makes two resources of the same id: their id() needs more of a key"}
			}
		}
		result.Made = append(result.Made, one)
	}
	result.Misses = r.misses
	return result, nil
}

func (r *run) assign(assigns []assignment) error {
	for i := range assigns {
		if _, err := assigns[i].bind(r); err != nil {
			return err
		}
	}
	return nil
}

// setSubject evaluates the subject and gives %subject to what follows.
func (r *run) setSubject(result *Result) error {
	r.env.Variables["subject"] = nil
	rule := r.m.subject
	if rule.key == nil && rule.identifiers == nil {
		return nil
	}
	var s Subject
	var from []string
	var fail error
	get := func(st step) (texts []string) {
		if st == nil || fail != nil {
			return nil
		}
		v, err := st.run(r)
		if err != nil {
			fail = err
			return nil
		}
		from = v.sources(from)
		for _, item := range slices.Concat(v.items, []value{v}) {
			if item.kind == text && !slices.Contains(texts, item.text) {
				texts = append(texts, item.text)
			}
		}
		return texts
	}
	first := func(texts []string) string {
		if len(texts) == 0 {
			return ""
		}
		return texts[0]
	}
	s.Key = first(get(rule.key))
	s.Identifiers = get(rule.identifiers)
	s.Old = get(rule.old)
	s.BirthDate = first(get(rule.birthDate))
	s.Name = first(get(rule.name))
	if fail != nil {
		return fail
	}
	switch {
	case s.Key == "" && len(s.Identifiers) == 0:
		return nil
	case s.Key == "":
		s.Key = "nin:" + r.id("nin", withoutSpaces(s.Identifiers[0]))
	case holdsNationalNumber(s.Key):
		// A map that takes the number itself for the key must not bring it into keys,
		// addresses and logs.
		s.Key = "key:" + r.id("key", s.Key)
	}
	result.Subject = &s
	r.env.Variables["subject"] = fhirpath.Collection{fhirpath.New(reference("Patient", r.id("subject", s.Key)))}
	r.from["subject"] = from
	return nil
}

// resource checks and encodes one thing that make: gave.
func (r *run) resource(v value, labels value) (Made, error) {
	fail := func(kind error, path, reason string) (Made, error) {
		return Made{}, &RecordError{Kind: kind, Map: r.m.Name, Line: lineOf(&v), Path: path, Reason: reason}
	}
	typ := v.get("resourceType").text
	if v.kind != object || typ == "" {
		return fail(ErrInvalidResource, "make", "what was made is no resource")
	}
	id := v.get("id").text
	if id == "" {
		return fail(ErrMissingRequired, typ+".id", "")
	}
	addLabels(&v, labels)
	made := Made{Resource: fhir.Resource{Type: typ, ID: id}}
	made.Lineage = v.lineage(append(make([]byte, 0, 128), typ...), make([]Lineage, 0, 64))
	for _, issue := range fhir.ValidateMap(v.plain().(map[string]any)) {
		if issue.Severity != fhir.Error {
			continue
		}
		e := &RecordError{Kind: ErrInvalidResource, Map: r.m.Name, Line: lineOf(&v), Path: issue.Path, Reason: "rule " + issue.Rule + ": " + unquoted.ReplaceAllString(issue.Message, "the code is")}
		if l := nearest(made.Lineage, issue.Path); l != nil {
			e.Line, e.Source = l.Line, l.From
			_, e.Expression, _ = strings.Cut(l.Rule, ": ")
		}
		return Made{}, e
	}
	made.Resource.Body = v.appendJSON(nil)
	return made, nil
}

// addLabels puts the record's confidentiality codes in meta.security.
func addLabels(v *value, labels value) {
	if len(labels.items) == 0 {
		return
	}
	meta := *v.get("meta")
	meta.kind = object
	security := *meta.get("security")
	security.kind = list
	security.items = slices.Concat(security.items, labels.items)
	metaType, _ := r4.Lookup("Meta")
	resourceType, _ := r4.Lookup(v.get("resourceType").text)
	meta.fields = slices.Clone(meta.fields)
	meta.set(field{"security", orderIn(metaType, "security"), security})
	meta.sorted()
	v.set(field{"meta", orderIn(resourceType, "meta"), meta})
	v.sorted()
}

// lineOf gives the line of the first rule in v.
func lineOf(v *value) int {
	if v.origin != nil {
		return v.origin.line
	}
	for i := range v.fields {
		if line := lineOf(&v.fields[i].value); line > 0 {
			return line
		}
	}
	for i := range v.items {
		if line := lineOf(&v.items[i]); line > 0 {
			return line
		}
	}
	return 0
}

// nearest gives the lineage of the element at a path, or of the first one below or
// above it.
func nearest(lineage []Lineage, path string) *Lineage {
	for i := range lineage {
		if strings.HasPrefix(lineage[i].Element, path) {
			return &lineage[i]
		}
	}
	for p := path; ; {
		cut := strings.LastIndexAny(p, ".[")
		if cut < 0 || !strings.ContainsAny(p[:cut], ".[") {
			return nil
		}
		p = p[:cut]
		for i := range lineage {
			if strings.HasPrefix(lineage[i].Element, p) {
				return &lineage[i]
			}
		}
	}
}

// unquoted takes the code out of the validator's messages: it came straight from the
// record, and what stands in a record's code field need not be a code.
var unquoted = regexp.MustCompile(`the code \S+ is`)

// Reason gives the kind of a mapping error, or nil for another error.
func Reason(err error) error {
	var e *RecordError
	if errors.As(err, &e) {
		return e.Kind
	}
	return nil
}

package mapping

import (
	"bytes"
	"errors"
	"fmt"
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
	// Warnings are what the profiles doubt in what was made.
	Warnings []Warning
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
func (m *Map) Apply(in Input) (Result, error) { return m.apply(in, true) }

// apply is Apply; the benchmarks leave the validation out to compare the mapping alone.
func (m *Map) apply(in Input, validate bool) (result Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &RecordError{Kind: ErrInternal, Map: m.Name, Reason: "panic in " + panicSite(p)}
			result = Result{}
		}
	}()
	r, ok := m.runs.Get().(*run)
	if !ok {
		r = &run{m: m}
	}
	tree, name, err := decodeInto(in.Media, in.Body, &r.nodes)
	if err != nil {
		err = &RecordError{Kind: ErrDecode, Map: m.Name, Reason: err.Error()}
	} else {
		r.start(in, rootOf(m, tree, name))
		r.validate = validate
		result, err = r.record()
	}
	r.finish() // not after a panic: who knows what it left
	return result, err
}

// finish gives the run back for the next record, with nothing of this one.
func (r *run) finish() {
	room := r.room
	room.release()
	clear(r.slots)
	clear(r.reads[:cap(r.reads)])
	clear(r.noted[:cap(r.noted)])
	m, slots, reads, noted := r.m, r.slots[:0], r.reads[:0], r.noted[:0]
	*r = run{m: m, slots: slots, reads: reads, noted: noted, room: room}
	m.runs.Put(r)
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

// rootItem is the record as expressions see it.
func rootItem(m *Map, tree *fhirpath.Node, name string) fhirpath.Item {
	return rootOf(m, tree, name).Item()
}

// rootOf makes the tree the record's root. A FHIR resource is read by its type.
func rootOf(m *Map, tree *fhirpath.Node, name string) *fhirpath.Node {
	if name == "" && tree.Kind == fhirpath.NodeObject {
		if typ := tree.Field("resourceType"); typ != nil && typ.Kind == fhirpath.NodeText {
			if t, ok := r4.Lookup(typ.Text); ok && t.Kind == r4.Resource {
				tree.Type, tree.Name = t, t.Name
				return tree
			}
		}
	}
	if name == "" {
		name = m.Record
	}
	if tree.Kind == fhirpath.NodeList {
		// A list is read as the field items of a record.
		tree.Name = "items"
		root := &fhirpath.Node{Kind: fhirpath.NodeObject}
		root.Add(tree)
		tree = root
	}
	tree.Name = name
	return tree
}

func (r *run) record() (Result, error) {
	var result Result
	if err := r.assign(r.m.early); err != nil {
		return result, err
	}
	for _, rule := range r.m.skip {
		var v value
		if err := rule.when.run(r, &v); err != nil {
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
		var v value
		if err := r.m.service.run(r, &v); err != nil {
			return subject, err
		}
		result.Service = v.text
	}
	if r.m.labels != nil {
		if err := r.m.labels.run(r, &labels); err != nil {
			return subject, err
		}
	}
	var made value
	if err := r.m.make.run(r, &made); err != nil {
		return subject, err
	}
	if made.kind != list {
		made.kids = nil
	}
	counts := make([]int, len(made.kids))
	result.Made = make([]Made, len(made.kids))
	for i := range made.kids {
		v, one := &made.kids[i], &result.Made[i]
		var err error
		if counts[i], err = r.resource(v, labels, one); err != nil {
			return subject, err
		}
		for _, other := range result.Made[:i] {
			if other.Resource.Type == one.Resource.Type && other.Resource.ID == one.Resource.ID {
				return subject, &RecordError{Kind: ErrInvalidResource, Map: r.m.Name, Line: lineOf(v), Path: one.Resource.Type,
					Reason: "the record makes two resources of the same id: their id() needs more of a key"}
			}
		}
	}
	if len(result.Made) == 0 {
		result.Made = nil
	}
	lineage := r.lines.lineages()
	for i, n := range counts {
		result.Made[i].Lineage, lineage = lineage[:n:n], lineage[n:]
	}
	result.Misses, result.Warnings = r.misses, r.warnings
	return result, nil
}

func (r *run) assign(assigns []assignment) error {
	for i := range assigns {
		b, err := assigns[i].value(r)
		if err != nil {
			return err
		}
		r.bind(assigns[i].slot, b)
	}
	return nil
}

// setSubject evaluates the subject and gives %subject to what follows.
func (r *run) setSubject(result *Result) error {
	slot := r.m.subjectSlot
	r.bind(slot, binding{quick: true})
	rule := r.m.subject
	if rule.key == nil && rule.identifiers == nil {
		return nil
	}
	var s Subject
	var from []source
	var fail error
	get := func(st step) (texts []string) {
		if st == nil || fail != nil {
			return nil
		}
		var v value
		if fail = st.run(r, &v); fail != nil {
			return nil
		}
		from = v.sources(from)
		items := v.kids
		if v.kind == text {
			items = []value{v}
		}
		for i := range items {
			if items[i].kind == text && !slices.Contains(texts, items[i].text) {
				texts = append(texts, strings.Clone(items[i].text))
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
	r.bind(slot, binding{quick: true, answer: answer{kind: isReference, text: "Patient/" + r.id("subject", s.Key)}, from: from})
	return nil
}

// resource checks and encodes one thing that make: gave, and notes its lineage: so many
// elements.
func (r *run) resource(v *value, labels value, made *Made) (int, error) {
	fail := func(kind error, path, reason string) (int, error) {
		return 0, &RecordError{Kind: kind, Map: r.m.Name, Line: lineOf(v), Path: path, Reason: reason}
	}
	typ := v.get("resourceType").text
	if v.kind != object || typ == "" {
		return fail(ErrInvalidResource, "make", "what was made is no resource")
	}
	id := strings.Clone(v.get("id").text)
	if id == "" {
		return fail(ErrMissingRequired, typ+".id", "")
	}
	addLabels(v, labels)
	r.scratch = v.appendJSON(r.scratch[:0])
	made.Resource = fhir.Resource{Type: typ, ID: id, Body: bytes.Clone(r.scratch)}
	count := r.lines.resource(typ, v)
	if !r.validate {
		return count, nil
	}
	if !fhir.SurelyValid(made.Resource) {
		for _, issue := range fhir.ValidateMap(v.plain().(map[string]any)) {
			if issue.Severity == fhir.Error {
				return 0, r.invalid(v, &issue, count)
			}
		}
	}
	return count, r.judge(typ, v, count)
}

// addLabels puts the record's confidentiality codes in meta.security.
func addLabels(v *value, labels value) {
	if len(labels.kids) == 0 {
		return
	}
	metaType, _ := r4.Lookup("Meta")
	resourceType, _ := r4.Lookup(v.get("resourceType").text)
	meta := *v.get("meta")
	meta.kind, meta.name, meta.order = object, "meta", orderIn(resourceType, "meta")
	security := *meta.get("security")
	security.kind, security.name, security.order = list, "security", orderIn(metaType, "security")
	security.kids = slices.Concat(security.kids, labels.kids)
	meta.kids = slices.Clone(meta.kids)
	meta.set(security)
	meta.sorted()
	v.set(meta)
	v.sorted()
}

// Reason gives the kind of a mapping error, or nil for another error.
func Reason(err error) error {
	var e *RecordError
	if errors.As(err, &e) {
		return e.Kind
	}
	return nil
}

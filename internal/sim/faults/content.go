package faultsim

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// page is an answer that lists things, taken apart so far that untouched things stay
// byte for byte what they were.
type page struct {
	top   map[string]json.RawMessage
	field string // of top that holds the things
	items []json.RawMessage
	fhir  bool
}

// collections of OneRoster answers.
var collections = []string{"orgs", "academicSessions", "courses", "classes", "users", "enrollments"}

func takeApart(body []byte) (*page, bool) {
	p := &page{}
	if json.Unmarshal(body, &p.top) != nil {
		return nil, false
	}
	if string(p.top["resourceType"]) == `"Bundle"` {
		p.field, p.fhir = "entry", true
	} else {
		for _, c := range collections {
			if _, ok := p.top[c]; ok && len(p.top) == 1 {
				p.field = c
			}
		}
	}
	if p.field == "" {
		return nil, false
	}
	if raw, ok := p.top[p.field]; ok && json.Unmarshal(raw, &p.items) != nil {
		return nil, false
	}
	return p, true
}

func (p *page) body() []byte {
	if len(p.items) > 0 || !p.fhir {
		p.top[p.field] = write(p.items)
	} else {
		delete(p.top, p.field)
	}
	return write(p.top)
}

// write leaves text as it is: no other escapes than it came with.
func write(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // it was read from JSON
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// thing is one listed thing: its object, and how to put it back.
type thing struct {
	object map[string]json.RawMessage
	back   func(map[string]json.RawMessage) json.RawMessage
}

func (p *page) thing(item json.RawMessage) (thing, bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(item, &object) != nil {
		return thing{}, false
	}
	if !p.fhir {
		return thing{object, func(o map[string]json.RawMessage) json.RawMessage { return write(o) }}, true
	}
	var resource map[string]json.RawMessage
	if json.Unmarshal(object["resource"], &resource) != nil || resource == nil {
		return thing{}, false
	}
	return thing{resource, func(o map[string]json.RawMessage) json.RawMessage {
		entry := maps.Clone(object)
		entry["resource"] = write(o)
		return write(entry)
	}}, true
}

func (p *page) name(t thing) string {
	if p.fhir {
		return text(t.object["resourceType"]) + "/" + text(t.object["id"])
	}
	return p.field + "/" + text(t.object["sourcedId"])
}

func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s) // "" where it is no text
	return s
}

// change does to what is listed what the faults of paging and of things do.
func (h *Handler) change(r *http.Request, a *answer, plan plan) {
	p, ok := takeApart(a.body.Bytes())
	if !ok {
		return
	}
	before := a.body.String()
	if h.rate(Empty) > 0 {
		h.strikes(Empty)
		p.items = nil
		delete(p.top, "link")
		if p.fhir {
			p.top["total"] = json.RawMessage("0")
		}
		a.header.Del("Link")
		if a.header.Get("X-Total-Count") != "" {
			a.header.Set("X-Total-Count", "0")
		}
	}
	var items []json.RawMessage
	for _, item := range p.items {
		if item = h.item(p, item); item != nil {
			items = append(items, item)
		}
	}
	p.items = items
	if plan[Duplicate] && len(p.items) > 0 {
		h.strikes(Duplicate)
		p.items = append(p.items, p.items...)
	}
	if plan[Shuffle] && len(p.items) > 1 {
		h.strikes(Shuffle)
		p.items = slices.Clone(p.items)
		h.mu.Lock()
		h.random.Shuffle(len(p.items), func(i, j int) { p.items[i], p.items[j] = p.items[j], p.items[i] })
		h.mu.Unlock()
	}
	if plan[Loop] {
		h.loop(r, a, p)
	}
	if after := p.body(); before != string(after)+"\n" {
		a.body.Reset()
		a.body.Write(after)
	}
}

// loop makes the page its own next page.
func (h *Handler) loop(r *http.Request, a *answer, p *page) {
	if !p.fhir {
		if strings.Contains(a.header.Get("Link"), `rel="next"`) {
			h.strikes(Loop)
			a.header.Set("Link", "<"+r.URL.RequestURI()+`>; rel="next"`)
		}
		return
	}
	var links []map[string]string
	if json.Unmarshal(p.top["link"], &links) != nil {
		return
	}
	self := ""
	for _, l := range links {
		if l["relation"] == "self" {
			self = l["url"]
		}
	}
	for _, l := range links {
		if l["relation"] == "next" {
			h.strikes(Loop)
			l["url"] = self
		}
	}
	p.top["link"] = write(links)
}

var reference = regexp.MustCompile(`"([A-Z][A-Za-z]+/[A-Za-z0-9.\-]+)"`)

// item does to one thing what strikes it; nil where it is hidden.
func (h *Handler) item(p *page, item json.RawMessage) json.RawMessage {
	t, ok := p.thing(item)
	if !ok {
		return item
	}
	name := p.name(t)
	id := "id"
	if !p.fhir {
		id = "sourcedId"
	}
	if h.chosen(Hide, name) {
		h.strikes(Hide)
		return nil
	}
	changed := false
	hit := func(f Fault) bool {
		if !h.chosen(f, name) {
			return false
		}
		h.strikes(f)
		changed = true
		return true
	}
	if hit(Rekey) {
		t.object[id] = write("rk-" + text(t.object[id]))
	}
	if h.rate(Rekey) > 0 {
		for field, raw := range t.object {
			moved := reference.ReplaceAllFunc(raw, func(ref []byte) []byte {
				kind, key, _ := strings.Cut(strings.Trim(string(ref), `"`), "/")
				if h.chosen(Rekey, kind+"/"+key) {
					return []byte(`"` + kind + "/rk-" + key + `"`)
				}
				return ref
			})
			if string(moved) != string(raw) {
				t.object[field], changed = moved, true
			}
		}
	}
	if hit(Skew) {
		h.skew(p, t)
	}
	if hit(Poison) {
		t.object["status"] = json.RawMessage(`{"what":["is",{"this":null}]}`)
		t.object["period"] = json.RawMessage(`"17"`)
		t.object["patient"] = json.RawMessage(`[[[[]]]]`)
	}
	if hit(Huge) {
		t.object["note"] = write(strings.Repeat("x", h.HugeSize))
	}
	if hit(Drift) {
		h.drift(t, name)
	}
	if !changed {
		return item
	}
	return t.back(t.object)
}

func (h *Handler) skew(p *page, t thing) {
	move := func(raw json.RawMessage) json.RawMessage {
		at, err := time.Parse(time.RFC3339Nano, text(raw))
		if err != nil {
			return raw
		}
		return write(at.Add(h.SkewBy).UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	if !p.fhir {
		t.object["dateLastModified"] = move(t.object["dateLastModified"])
		return
	}
	var meta map[string]json.RawMessage
	if json.Unmarshal(t.object["meta"], &meta) == nil && meta != nil {
		meta["lastUpdated"] = move(meta["lastUpdated"])
		t.object["meta"] = write(meta)
	}
}

// drift changes one element: a new one, another name, another type. Which one depends
// on the thing alone.
func (h *Handler) drift(t thing, name string) {
	var fields []string
	for f := range t.object {
		if f != "id" && f != "resourceType" && f != "meta" && f != "sourcedId" {
			fields = append(fields, f)
		}
	}
	slices.Sort(fields)
	n := 0
	for _, c := range name {
		n = n*31 + int(c)
	}
	n &= 1<<30 - 1
	field := ""
	if len(fields) > 0 {
		field = fields[n%len(fields)]
	}
	switch {
	case field == "" || n/7%3 == 0:
		t.object["nyttFelt"] = json.RawMessage(`{"verdi":"noe nytt"}`)
	case n/7%3 == 1:
		t.object[field+"V2"] = t.object[field]
		delete(t.object, field)
	default:
		t.object[field] = json.RawMessage(`42`)
	}
}

// badGzip is no gzip at all, or gzip that ends early.
func badGzip(body []byte, none bool) []byte {
	if none {
		return body
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // into memory
	_ = w.Close()
	return b.Bytes()[:b.Len()*2/3]
}

// Package export owns the file in which a person gets everything that is held about her: a
// page for reading, and the same for programs. What may stand in it was decided before; it
// knows no store, no rule of access and no HTTP.
package export

import (
	"archive/zip"
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/gate"
	"samsyn/internal/words"
)

//go:embed templates/index.html
var files embed.FS

var page = template.Must(template.ParseFS(files, "templates/index.html"))

// The names of the files, in the order in which they lie in the archive.
const (
	Index   = "index.html"   // for reading; needs nothing else
	Bundle  = "fhir.json"    // what is said, as a FHIR R4 Bundle
	Records = "records.json" // each record behind it, with what was made of which field
	Claims  = "names.json"   // who the sources say that she is
	Sources = "sources.json" // where it comes from
	Rights  = "rights.json"  // consents, appointments, blocks
	Log     = "log.json"     // who has had it
)

// Write writes the archive (ZIP). The same that was released gives the same bytes.
func Write(w io.Writer, e gate.Exported, lang words.Lang) error {
	o, err := consolidate.Build(consolidate.Input{Person: e.Person, Contributions: e.Contributions, Claims: e.Claims, Sources: e.Sources, Now: e.At})
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	z := zip.NewWriter(w)
	for _, f := range []struct {
		name string
		give func() ([]byte, error)
	}{
		{Index, func() ([]byte, error) { return index(e, o, lang) }},
		{Bundle, func() ([]byte, error) { return bundle(e, o) }},
		{Records, func() ([]byte, error) { return indented(records(e.Contributions)) }},
		{Claims, func() ([]byte, error) { return indented(claims(e.Claims)) }},
		{Sources, func() ([]byte, error) { return indented(sources(e.Sources)) }},
		{Rights, func() ([]byte, error) { return indented(rightsOf(e.Rights)) }},
		{Log, func() ([]byte, error) { return indented(lines(e.Log)) }},
	} {
		body, err := f.give()
		if err != nil {
			return fmt.Errorf("export: %s: %w", f.name, err)
		}
		entry, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: e.At.UTC().Truncate(2 * time.Second)})
		if err == nil {
			_, err = entry.Write(body)
		}
		if err != nil {
			return fmt.Errorf("export: %s: %w", f.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// bundle is the person and the resources about her, as they leave the house.
func bundle(e gate.Exported, o consolidate.Overview) ([]byte, error) {
	type entry struct {
		Resource json.RawMessage `json:"resource"`
	}
	out := struct {
		ResourceType string  `json:"resourceType"`
		Type         string  `json:"type"`
		Timestamp    string  `json:"timestamp"`
		Entry        []entry `json:"entry"`
	}{"Bundle", "collection", e.At.Format(time.RFC3339), nil}
	person, err := consolidate.Person(o)
	if err != nil {
		return nil, err
	}
	served, err := consolidate.Served(e.Person, e.Contributions)
	if err != nil {
		return nil, err
	}
	out.Entry = append(out.Entry, entry{person.Body})
	for _, r := range served {
		out.Entry = append(out.Entry, entry{r.Body})
	}
	return indented(out)
}

type record struct {
	Source  string       `json:"source"`
	Kind    string       `json:"kind"`
	Key     string       `json:"key"`
	Service care.Service `json:"service"`
	Kept    time.Time    `json:"kept"`
	Changed time.Time    `json:"changed,omitzero"`
	Made    []made       `json:"made"`
}

type made struct {
	Resource string         `json:"resource"`
	Lineage  []care.Lineage `json:"lineage,omitempty"` // e: element, r: rule of the map, f: fields of the source
}

func records(cs []care.Contribution) []record {
	out := make([]record, len(cs))
	for i, c := range cs {
		out[i] = record{Source: c.Source, Kind: c.Kind, Key: c.Key, Service: c.Service, Kept: c.Recorded, Changed: c.Changed}
		for _, m := range c.Made {
			out[i].Made = append(out[i].Made, made{m.Resource.Type + "/" + m.Resource.ID, m.Lineage})
		}
	}
	return out
}

type claim struct {
	Source  string       `json:"source"`
	Service care.Service `json:"service"`
	Name    string       `json:"name,omitempty"`
	Born    string       `json:"born,omitempty"`
	Kept    time.Time    `json:"kept"`
}

func claims(cs []care.Claim) []claim {
	out := make([]claim, len(cs))
	for i, c := range cs {
		out[i] = claim{c.Source, c.Service, c.Name, c.BirthDate, c.Recorded}
	}
	return out
}

type source struct {
	Source  string       `json:"source"`
	Title   string       `json:"title"`
	Service care.Service `json:"service"`
	Read    time.Time    `json:"read,omitzero"`
}

func sources(all []care.SourceState) []source {
	out := make([]source, len(all))
	for i, s := range all {
		out[i] = source{s.Source, s.Title, s.Service, s.LastSuccess}
	}
	return out
}

func rightsOf(r care.Rights) any {
	return struct {
		Guardians    []care.Guardian    `json:"guardians"`
		Appointments []care.Appointment `json:"appointments"`
		Bases        []care.Basis       `json:"bases"`
		Consents     []care.Consent     `json:"consents"`
		Blocks       []care.Block       `json:"blocks"`
		Withheld     []care.Withheld    `json:"withheld"`
		BreakGlass   []care.BreakGlass  `json:"breakGlass"`
	}(r)
}

type line struct {
	At        time.Time      `json:"at"`
	Own       bool           `json:"own,omitempty"`
	Name      string         `json:"name,omitempty"`
	Title     string         `json:"title,omitempty"`
	Role      care.Role      `json:"role"`
	Service   care.Service   `json:"service,omitempty"`
	Tenant    string         `json:"tenant,omitempty"`
	Unit      string         `json:"unit,omitempty"`
	What      string         `json:"what"`
	Services  []care.Service `json:"services,omitempty"`
	Purpose   care.Purpose   `json:"purpose,omitempty"`
	Bases     []string       `json:"bases,omitempty"`
	Emergency bool           `json:"emergency,omitempty"`
}

func lines(all []audit.Line) []line {
	out := make([]line, len(all))
	for i, l := range all {
		out[i] = line(l)
	}
	return out
}

// shown is what the page says.
type shown struct {
	words.Words
	gate.Exported
	Title string
	Text  string // what is said, as a coordinator reads it
	Files []string
}

func index(e gate.Exported, o consolidate.Overview, lang words.Lang) ([]byte, error) {
	var text strings.Builder
	if err := consolidate.Text(&text, o, lang); err != nil {
		return nil, err
	}
	w := words.In(lang)
	p := shown{Words: w, Exported: e, Title: w.Say("export.title"), Text: text.String(), Files: []string{Bundle, Records, Claims, Sources, Rights, Log}}
	var b bytes.Buffer
	err := page.Execute(&b, p)
	return b.Bytes(), err
}

// Clock writes an instant.
func (p shown) Clock(t time.Time) string { return p.DateTime(t.In(p.At.Location())) }

// Span writes the days from and until which something holds.
func (p shown) Span(from, until time.Time) string {
	switch {
	case from.IsZero() && until.IsZero():
		return ""
	case until.IsZero():
		return p.Say("export.from", "date", p.Date(from.In(p.At.Location())))
	}
	return p.Say("export.span", "from", p.Date(from.In(p.At.Location())), "until", p.Date(until.In(p.At.Location())))
}

// Names names services.
func (p shown) Names(all []care.Service) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = p.Say("service." + string(s))
	}
	return strings.Join(out, ", ")
}

// To names a receiver: who, in which role, where.
func (p shown) To(viewer string, r care.Role, s care.Service) string {
	var out []string
	if viewer != "" {
		out = append(out, viewer)
	}
	if r != "" {
		out = append(out, p.Say("audit.role."+string(r)))
	}
	if s != "" {
		out = append(out, p.Say("service."+string(s)))
	}
	return strings.Join(out, ", ")
}

package connector

import (
	"time"

	"samsyn/fhir/fhirpath"
)

// Definition is one connector file. It is immutable after Parse and may be opened
// many times. docs/adding-a-source.md describes every key.
type Definition struct {
	// Name is the system's name: its folder in adapters and its maps' folder.
	Name  string `yaml:"connector"`
	About string `yaml:"about"`
	// Auth lists the kinds of sign-in that the source takes (none, oauth2,
	// maskinporten, helseid); empty: any.
	Auth []string `yaml:"auth"`
	// Settings are what whoever runs the source must or may give besides url or dir.
	Settings []Setting `yaml:"settings"`
	// Check is an address that tells whether the source answers and holds nobody's data.
	Check string `yaml:"check"`
	// PerSecond is how many requests are sent a second at the most; 0: no limit of ours.
	PerSecond float64 `yaml:"per_second"`
	// Read lists what is read, in order.
	Read []Listing `yaml:"read"`
}

// Setting is one value that {name} stands for in addresses, queries and bodies.
type Setting struct {
	Name    string `yaml:"name"`
	About   string `yaml:"about"`
	Default string `yaml:"default"`
	// Optional settings may be left out without a default; a query parameter of
	// which the value is empty is not sent.
	Optional bool `yaml:"optional"`
}

// Listing is one list of records: over HTTP, or in files of a folder.
type Listing struct {
	// Kind is the kind of every record; or KindFrom finds it, and Kinds are those there may be.
	Kind     string   `yaml:"kind"`
	KindFrom string   `yaml:"kind_from"`
	Kinds    []string `yaml:"kinds"`

	HTTP   *Request `yaml:"http"`
	Folder *Folder  `yaml:"folder"`

	// Format is json, xml or csv.
	Format string `yaml:"format"`
	// CSV says how the rows are written where that is not comma and UTF-8.
	CSV *CSVForm `yaml:"csv"`
	// List is where the records stand: dotted names from the root. In XML the
	// root's own name comes first.
	List string `yaml:"list"`

	// Key, Version, Changed and Deleted are FHIRPath on one record. Key is required.
	Key     string `yaml:"key"`
	Version string `yaml:"version"`
	Changed string `yaml:"changed"`
	Deleted string `yaml:"deleted"`
	// Complete says that a full reading lists everything that the source holds, so that
	// what is missing from it is gone. Reconciliation then removes it; nothing else does.
	Complete bool `yaml:"complete"`

	Paging *Paging  `yaml:"paging"`
	Cursor *CursorP `yaml:"cursor"`

	expressions
}

// expressions are a listing's compiled paths; nil where not given.
type expressions struct {
	key, version, changed, deleted, kind *fhirpath.Expression
	next, total, mark                    *fhirpath.Expression
	list                                 []string
}

// Request is how a listing is asked for.
type Request struct {
	// Path follows the source's url setting. {name} stands for a setting.
	Path   string            `yaml:"path"`
	Method string            `yaml:"method"` // GET (default) or POST
	Query  map[string]string `yaml:"query"`
	// Body is sent as JSON, or as a form where Form is true; POST only.
	Body any  `yaml:"body"`
	Form bool `yaml:"form"`
	// Accept is the media type asked for; default by the format.
	Accept string `yaml:"accept"`
	// MaxMB is how large one answer may be; 10, 100 at the most.
	MaxMB int `yaml:"max_mb"`
}

// Folder is which files of the source's dir setting are read.
type Folder struct {
	// Files is a pattern of names ("*.csv").
	Files string `yaml:"files"`
	// Take is "all" (default: a later file, by name, takes the place of what an
	// earlier said of the same key) or "last" (each file is a whole export).
	Take string `yaml:"take"`
}

// CSVForm is how rows are written.
type CSVForm struct {
	Separator string `yaml:"separator"` // one character; default ","
	Encoding  string `yaml:"encoding"`  // utf-8 (default), windows-1252 or iso-8859-1
}

// Paging is how a listing goes on. In says where its parameters are sent.
type Paging struct {
	// Kind is offset, page, next, token or none.
	Kind string `yaml:"kind"`
	// Size is how many records are asked for at a time; 100.
	Size int `yaml:"size"`
	// SizeParameter, Parameter: the names of the parameters for the size and for
	// the offset, the page's number or the token.
	SizeParameter string `yaml:"size_parameter"`
	Parameter     string `yaml:"parameter"`
	// First is the number of the first page: 0 or 1 (default 1).
	First *int `yaml:"first"`
	// At finds the next link or token in the answer (FHIRPath); Header names a
	// header instead ("Link" is read as RFC 8288's rel=next).
	At     string `yaml:"at"`
	Header string `yaml:"header"`
	// Total finds how many records there are in all (FHIRPath), where the answer says it.
	Total string `yaml:"total"`
	In    string `yaml:"in"` // query (default) or body
}

// CursorP is how to ask for what is new since the last pass.
type CursorP struct {
	// Kind is changed (the latest of the records' Changed), token (the source's own
	// word, found in the last answer) or address (asked for before the pass).
	Kind string `yaml:"kind"`
	// Parameter carries it in the next pass; In says where: query (default) or body.
	Parameter string `yaml:"parameter"`
	In        string `yaml:"in"`
	// Path is the address to ask; kind address.
	Path string `yaml:"path"`
	// At finds the value in the answer (FHIRPath); Header names a header instead.
	At     string `yaml:"at"`
	Header string `yaml:"header"`
	// Overlap is taken off a time before it is sent, for clocks that differ.
	Overlap time.Duration `yaml:"overlap"`
	// As is how a time is written: rfc3339 (default for changed), date, epoch-ms,
	// epoch-s, or asis (default otherwise).
	As string `yaml:"as"`
	// Before stands before the value ("ge").
	Before string `yaml:"before"`
}

// AuthKinds gives the kinds of sign-in that fit; empty: any.
func (d *Definition) AuthKinds() []string { return d.Auth }

// folder tells whether the source is a drop folder.
func (d *Definition) folder() bool { return len(d.Read) > 0 && d.Read[0].Folder != nil }

// label names a listing in cursors and messages.
func (l *Listing) label() string {
	if l.Kind != "" {
		return l.Kind
	}
	return l.Kinds[0]
}

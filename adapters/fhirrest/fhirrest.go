// Package fhirrest reads any FHIR R4 server over REST: search by _lastUpdated,
// Bundle paging, _history where deletions must be seen, and PUT pushed to us. It
// owns the protocol and the shape of a Bundle; it does not know what a resource
// means, and it leaves every resource byte for byte as it came.
package fhirrest

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"samsyn/adapters"
)

// Config says which server is read and what is asked of it. Authentication is not
// here: adapters.Deps.HTTP already carries it.
type Config struct {
	// Base is the server's service base, "https://api.example.no/fhir".
	Base string `yaml:"base"`
	// Types are the resource types that are read, in this order.
	Types []Type `yaml:"types"`
	// PageSize is sent as _count. Default 100, at most 1000.
	PageSize int `yaml:"page_size"`
	// Overlap is taken off the cursor at the next request, so that a resource that
	// became visible late is not lost. Default five minutes.
	Overlap time.Duration `yaml:"overlap"`
	// MaxResource caps one resource in bytes; a bigger one is a fault. Default 1 MiB.
	MaxResource int `yaml:"max_resource"`
	// MaxPage caps one answer in bytes, unpacked. Default 10 MiB, at most 64 MiB.
	MaxPage int `yaml:"max_page"`
	// MaxEntries caps the entries of one answer, those that are included with what was
	// asked for among them. Default 1,000, at most 10,000.
	MaxEntries int `yaml:"max_entries"`
	// Listing is "none" where the server cannot be asked for everything that it holds
	// (or holds more than it tells us): a reconciliation then reads a window of time again.
	Listing string `yaml:"listing"`
	// PerPatient asks for named persons instead of for everything that changed,
	// where the server gives nothing else. nil: everything.
	PerPatient *PerPatient `yaml:"per_patient"`
}

// Type is one resource type and how it is searched.
type Type struct {
	Type string `yaml:"type"`
	// Search holds more search parameters, sent in the form body ("status": "active").
	Search map[string]string `yaml:"search"`
	// History reads {type}/_history instead of searching: it also tells of deletions.
	History bool `yaml:"history"`
	// Whole leaves _lastUpdated out, for servers that cannot search by it: every pass is a whole pass.
	Whole bool `yaml:"whole"`
}

// PerPatient is the list of persons to ask for. Their numbers travel in the form
// body of POST _search and never in an address.
type PerPatient struct {
	// Parameter is the search parameter that takes the identifier, for example
	// "subject:Patient.identifier" (NHN CarePlan) or "patient.identifier". A Patient
	// itself is always asked for by "identifier".
	Parameter string `yaml:"parameter"`
	// File holds one identifier a line ("system|value" or a plain number); it is
	// read anew on each pass. Empty lines and lines that open with # are skipped.
	File string `yaml:"file"`
}

// maxPage is as much as one answer may ever be allowed to hold, in bytes.
const maxPage = 64 << 20

// ListingNone is the one word for Config.Listing.
const ListingNone = "none"

var typeName = regexp.MustCompile(`^[A-Z][A-Za-z]{1,63}$`)

// Validate names every field that cannot work.
func (c Config) Validate() []error {
	var errs []error
	fault := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s: %s", adapters.ErrConfig, field, fmt.Sprintf(format, args...)))
	}
	switch u, err := url.Parse(c.Base); {
	case c.Base == "":
		fault("base", "is required, for example https://api.example.no/fhir")
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		fault("base", "is not an http or https address")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		fault("base", "must not hold a query, a fragment or a user name")
	}
	if len(c.Types) == 0 {
		fault("types", "names no resource type")
	}
	seen := map[string]bool{}
	for i, t := range c.Types {
		field := fmt.Sprintf("types[%d]", i)
		if !typeName.MatchString(t.Type) {
			fault(field+".type", "%q is not a resource type", t.Type)
		}
		if seen[t.Type] {
			fault(field+".type", "%s stands twice", t.Type)
		}
		seen[t.Type] = true
		for _, own := range []string{"_count", "_lastUpdated", "_since", "_format"} {
			if _, ok := t.Search[own]; ok {
				fault(field+".search", "%s is set by the adapter itself", own)
			}
		}
		if t.History && (len(t.Search) > 0 || c.PerPatient != nil) {
			fault(field+".history", "takes no search parameters and no per_patient")
		}
	}
	if c.PageSize < 0 || c.PageSize > 1000 {
		fault("page_size", "must be between 1 and 1000 (0: the default 100)")
	}
	if c.Overlap < 0 || c.Overlap > 7*24*time.Hour {
		fault("overlap", "must be between 0 and a week")
	}
	if c.MaxPage < 0 || c.MaxPage > maxPage {
		fault("max_page", "must be between 1 and %d bytes (0: the default 10 MiB)", maxPage)
	}
	if c.MaxResource < 0 || c.MaxResource > maxPage {
		fault("max_resource", "must be between 1 and %d bytes", maxPage)
	}
	if c.MaxEntries < 0 || c.MaxEntries > 10_000 {
		fault("max_entries", "must be between 1 and 10000 (0: the default 1000)")
	}
	if c.Listing != "" && c.Listing != ListingNone {
		fault("listing", "%q is not known; leave it out, or write none", c.Listing)
	}
	if p := c.PerPatient; p != nil {
		if p.File == "" {
			fault("per_patient.file", "is required")
		}
		if p.Parameter == "" || strings.HasPrefix(p.Parameter, "_") {
			fault("per_patient.parameter", "is required, for example patient.identifier")
		}
	}
	return errs
}

// Addresses are what the adapter calls: nothing outside their origins.
func (c Config) Addresses() []string { return []string{c.Base} }

// Open gives the adapter.
func (c Config) Open(d adapters.Deps) (adapters.Adapter, error) {
	if errs := c.Validate(); len(errs) > 0 {
		return nil, errs[0]
	}
	base, err := url.Parse(strings.TrimRight(c.Base, "/"))
	if err != nil {
		return nil, fmt.Errorf("%w: base: %w", adapters.ErrConfig, err)
	}
	if c.PageSize == 0 {
		c.PageSize = 100
	}
	if c.Overlap == 0 {
		c.Overlap = 5 * time.Minute
	}
	if c.MaxResource == 0 {
		c.MaxResource = 1 << 20
	}
	if c.MaxPage == 0 {
		c.MaxPage = max(10<<20, c.MaxResource+1<<20) // one resource and the Bundle around it
	}
	if c.MaxEntries == 0 {
		c.MaxEntries = 1000
	}
	c.Types = slices.Clone(c.Types)
	// A redirect would take the search, and what authenticates it, to another server.
	client := *d.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	d.HTTP = &client
	asked := map[string]bool{}
	for _, t := range c.Types {
		asked[t.Type] = true
	}
	return &adapter{config: c, base: base, deps: d, asked: asked, size: &atomic.Int64{}}, nil
}

type adapter struct {
	config Config
	base   *url.URL
	deps   adapters.Deps
	asked  map[string]bool // the configured types
	size   *atomic.Int64   // of the last answer
}

var (
	_ adapters.Adapter  = (*adapter)(nil)
	_ adapters.Receiver = (*adapter)(nil)
	_ adapters.Checker  = (*adapter)(nil)
	_ adapters.Lister   = (*adapter)(nil)
	_ adapters.Getter   = (*adapter)(nil)
	_ adapters.Windowed = (*adapter)(nil)
)

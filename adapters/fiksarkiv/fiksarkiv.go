// Package fiksarkiv reads cases (saksmappe) and journal entries (journalpost) out
// of a municipality's case archive over KS Fiks Arkiv v2: `innsyn.sok` messages
// answered by `sokeresultat` (XML). It owns the search, its paging and its cursor.
// It knows neither what a document means (mapping/codes/fa-gjenkjenning.csv does)
// nor how a message is carried (Transport does).
package fiksarkiv

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"samsyn/adapters"
)

// System is the name of this source system; maps stand in mapping/maps/fiksarkiv.
const System = "fiksarkiv"

// The kinds of record.
const (
	KindCase  = "saksmappe"
	KindEntry = "journalpost"
)

// Config is one archive of one municipality.
type Config struct {
	// URL is the address of the gateway that carries the messages: POST {url}/meldinger.
	URL string `yaml:"url"`
	// Account is the archive's Fiks IO account, a UUID.
	Account string `yaml:"account"`
	// CaseTypes are the codes of mappetype that are read ("ELEV", "PPT"). An archive
	// holds everything that a municipality does; only what is named here is asked for.
	CaseTypes []string `yaml:"case_types"`
	// Units are the administrative units whose journal entries are read.
	Units []string `yaml:"units"`
	// Take is how many results are asked for at a time, 1 to 500; 50 where it is zero.
	Take int `yaml:"take"`
	// Overlap is how far before the last pass the next one asks from, against clocks
	// that differ and archives that index late; one hour where it is zero.
	Overlap time.Duration `yaml:"overlap"`
	// From is the first day of the first pass; 1970-01-01 where it is empty.
	From string `yaml:"from"`
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Validate names every field that cannot work.
func (c Config) Validate() []error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s: %s", adapters.ErrConfig, field, fmt.Sprintf(format, args...)))
	}
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		bad("url", "is missing")
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		bad("url", "must be an http or https address")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		bad("url", "must not hold a user, a query or a fragment")
	}
	if !uuidForm.MatchString(c.Account) {
		bad("account", "must be the UUID of the archive's Fiks IO account")
	}
	if len(c.CaseTypes) == 0 {
		bad("case_types", "must name at least one mappetype; the rest of the archive is none of our business")
	}
	if len(c.Units) == 0 {
		bad("units", "must name at least one administrative unit")
	}
	for i, s := range append(append([]string(nil), c.CaseTypes...), c.Units...) {
		if strings.TrimSpace(s) == "" {
			bad("case_types, units", "entry %d is empty", i+1)
		}
	}
	if c.Take < 0 || c.Take > 500 {
		bad("take", "must be from 1 to 500")
	}
	if c.Overlap < 0 {
		bad("overlap", "must not be negative")
	}
	if c.From != "" {
		if _, err := time.Parse(time.DateOnly, c.From); err != nil {
			bad("from", "must be a date, YYYY-MM-DD")
		}
	}
	return errs
}

// Addresses are what the adapter calls: nothing outside their origins.
func (c Config) Addresses() []string { return []string{c.URL} }

// Open gives the adapter over HTTP.
func (c Config) Open(d adapters.Deps) (adapters.Adapter, error) {
	if err := errors.Join(c.Validate()...); err != nil {
		return nil, err
	}
	return c.open(HTTP(d.HTTP, c.URL, c.Account), d), nil
}

// OpenOver gives the adapter over another transport, such as a Fiks IO client.
// URL and Account are then the transport's own affair and not checked.
func (c Config) OpenOver(t Transport, d adapters.Deps) (adapters.Adapter, error) {
	c.URL, c.Account = "http://transport.invalid", "00000000-0000-0000-0000-000000000000"
	if err := errors.Join(c.Validate()...); err != nil {
		return nil, err
	}
	return c.open(t, d), nil
}

func (c Config) open(t Transport, d adapters.Deps) *adapter {
	a := &adapter{transport: t, now: d.Now, caseTypes: c.CaseTypes, units: c.Units, take: c.Take, overlap: c.Overlap}
	if a.take == 0 {
		a.take = 50
	}
	if a.overlap == 0 {
		a.overlap = time.Hour
	}
	from := c.From
	if from == "" {
		from = "1970-01-01"
	}
	a.from, _ = time.Parse(time.DateOnly, from) // Validate has seen it
	return a
}

type adapter struct {
	transport Transport
	now       func() time.Time
	caseTypes []string
	units     []string
	take      int
	overlap   time.Duration
	from      time.Time
}

var (
	_ adapters.Adapter  = (*adapter)(nil)
	_ adapters.Checker  = (*adapter)(nil)
	_ adapters.Lister   = (*adapter)(nil)
	_ adapters.Windowed = (*adapter)(nil)
	_ PersonSearcher    = (*adapter)(nil)
)

// Check asks the archive for a code list, which holds nobody's data.
func (a *adapter) Check(ctx context.Context) error {
	const body = xmlHeader + `<HentKodeliste xmlns="` + nsCodeList + `"><kodelistenavn>dokumenttype</kodelistenavn></HentKodeliste>`
	if _, err := a.ask(ctx, typeCodeList, []byte(body), typeCodeList+".resultat"); err != nil {
		return fmt.Errorf("ask the archive for a code list: %w", err)
	}
	return nil
}

// client gives a copy of c that follows no redirect: credentials and national
// numbers go to the configured address and nowhere else.
func client(c *http.Client) *http.Client {
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

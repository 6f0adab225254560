// Package nhnmsh reads messages from Norsk Helsenett's message server (MSH REST
// API v2): it lists what is unread, hands over each MsgHead document as it came,
// and tells the sender and the server what became of it (application receipt, then
// read mark). It knows the envelope, not what a dialog message means.
package nhnmsh

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // machines without a time zone database must know Norwegian time too

	"samsyn/adapters"
)

// The kinds of records.
const (
	KindDialog = "dialogmelding" // MsgHead 1.2 with one Dialogmelding 1.0 or 1.1
	KindAppRec = "apprec"        // AppRec 1.0 or 1.1: a receipt for something that was sent from our address
)

// Config says which message server is read, and for whom. Authentication (HelseID
// with DPoP) is not here: adapters.Deps.HTTP already carries it.
type Config struct {
	// Base is the server's address, "https://api.hn-tjener.prod.melding.nhn.no".
	Base string `yaml:"base"`
	// HerIDs are the receivers (communication parties in the Adresseregister) whose messages are read.
	HerIDs []int `yaml:"her_ids"`
	// SourceSystem is sent as nhn-source-system: name and version of this system.
	SourceSystem string `yaml:"source_system"`
	// PageSize is how many messages are listed at a time, 1 to 100. Default 50.
	PageSize int `yaml:"page_size"`
	// MaxDocument caps one business document in bytes, decoded. Default 10 MiB.
	MaxDocument int `yaml:"max_document"`
}

// maxHerID is the protocol's own limit (int32).
const maxHerID = 1<<31 - 1

// Validate names every field that cannot work.
func (c Config) Validate() []error {
	var errs []error
	fault := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s: %s", adapters.ErrConfig, field, fmt.Sprintf(format, args...)))
	}
	switch u, err := url.Parse(c.Base); {
	case c.Base == "":
		fault("base", "is required")
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		fault("base", "is not an http or https address")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		fault("base", "must not hold a query, a fragment or a user name")
	}
	if len(c.HerIDs) == 0 {
		fault("her_ids", "names no receiver")
	}
	for i, id := range c.HerIDs {
		if id < 1 || id > maxHerID {
			fault(fmt.Sprintf("her_ids[%d]", i), "%d is not a HER-id", id)
		}
		if slices.Index(c.HerIDs, id) != i {
			fault(fmt.Sprintf("her_ids[%d]", i), "%d stands twice", id)
		}
	}
	if c.PageSize < 0 || c.PageSize > maxListed {
		fault("page_size", "must be between 1 and %d (0: the default 50)", maxListed)
	}
	if c.MaxDocument < 0 || c.MaxDocument > 100<<20 {
		fault("max_document", "must be between 1 and 100 MiB")
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
		c.PageSize = 50
	}
	if c.MaxDocument == 0 {
		c.MaxDocument = 10 << 20
	}
	if c.SourceSystem == "" {
		c.SourceSystem = "Samsyn 1"
	}
	c.HerIDs = slices.Clone(c.HerIDs)
	norway, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		return nil, fmt.Errorf("%w: time zone Europe/Oslo: %w", adapters.ErrConfig, err)
	}
	// A redirect would take a receipt, and what authenticates it, to another server.
	client := *d.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	d.HTTP = &client
	return &adapter{config: c, base: base, deps: d, norway: norway, pending: map[string]pending{}}, nil
}

type adapter struct {
	config Config
	base   *url.URL
	deps   adapters.Deps
	norway *time.Location

	// pending is what this process knows of messages that it listed and has not
	// acknowledged. Losing it loses nothing: the server lists them again.
	mu      sync.Mutex
	pending map[string]pending
}

// pending is one listed message, by its key.
type pending struct {
	deliveries []delivery
	appRec     bool
	// rejection is the message's own fault, nil where it is readable.
	rejection *Rejection
	// unread is true where the message could not be had at all: it stays unread.
	unread bool
}

// delivery is one of a message's places at the server: its id there, and the
// receivers of ours that have it unread.
type delivery struct {
	id        string
	receivers []int
}

var (
	_ adapters.Adapter      = (*adapter)(nil)
	_ adapters.Acknowledger = (*adapter)(nil)
	_ adapters.Checker      = (*adapter)(nil)
)

func (a *adapter) note(key string, p pending) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending[key] = p
}

func (a *adapter) known(key string) (pending, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.pending[key]
	return p, ok
}

func (a *adapter) done(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.pending, key)
}

// Package app owns wiring: the configuration, the list of adapters, and how the
// rooms of the house are joined. Commands and servers start here. It decides
// nothing about a record and nothing about who may see what.
package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"samsyn/adapters"
	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/findings"
	"samsyn/internal/gate"
	"samsyn/internal/identity"
	"samsyn/internal/ingest"
	"samsyn/internal/jobs"
	"samsyn/internal/ops"
	"samsyn/internal/outbound"
	"samsyn/internal/overview"
	"samsyn/internal/rights"
	"samsyn/internal/store"
	"samsyn/internal/words"
	"samsyn/mapping"
)

// Options are what an instance is given instead of reaching for it.
type Options struct {
	Now    func() time.Time // default time.Now
	Random io.Reader        // default crypto/rand
	Log    *slog.Logger     // default: nothing is logged
	Spans  ops.SpanExporter // where traces go instead of to the configured endpoint; default: there
}

// App is one running instance.
type App struct {
	Config    Config
	Overviews *overview.Service
	Rights    *rights.Service

	now      func() time.Time
	log      *slog.Logger
	zone     *time.Location
	store    *store.Store
	table    *access.Table
	gate     *gate.Gate
	maps     *mapping.Set
	pipeline *ingest.Pipeline
	open     map[string]opened

	random   io.Reader
	outgoing *http.Transport // to providers of sign-in

	holder  string               // of leases
	quiet   heard[time.Time]     // until when they asked to be left alone
	clocks  heard[time.Duration] // how far ahead of ours their clocks are
	jobs    *jobs.Jobs           // nil unless serving
	metrics *ops.Metrics
	tracing *ops.Tracing
}

// opened is a source that can be read.
type opened struct {
	source  ingest.Source
	adapter adapters.Adapter
	close   func()
}

// New opens the store, loads the maps and opens every source that is not off.
func New(ctx context.Context, c Config, o Options) (_ *App, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{Config: c, now: o.Now, random: o.Random, outgoing: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 5 * time.Second, IdleConnTimeout: time.Minute}, log: o.Log, open: map[string]opened{}, holder: jobs.Holder()}
	a.metrics = ops.NewMetrics(o.Now, a.facts)
	if a.zone, err = time.LoadLocation(c.Instance.TimeZone); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if a.maps, err = LoadMaps(c.Instance.Maps, c.Instance.Profiles); err != nil {
		return nil, err
	}
	dsn, replica, err := c.Store.addresses()
	if err != nil {
		return nil, err
	}
	if a.store, err = store.Open(ctx, dsn, store.Options{Now: o.Now, Random: o.Random, Replica: replica, Vault: c.Store.vault(o.Now), Journal: c.Store.Journal}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if n := a.store.Replayed(); n > 0 {
		a.log.Warn("the store is older than its journal: what ended since was done again", "entries", n)
	}
	if a.tracing, err = ops.NewTracing(ctx, c.Telemetry.OTLPEndpoint, o.Spans); err != nil {
		return nil, err
	}
	if err := a.store.Keep(ctx, c.Instance.Test); err != nil {
		return nil, err
	}
	table, err := access.Shipped()
	if err != nil {
		return nil, err
	}
	a.table = table.In(a.zone)
	a.gate = &gate.Gate{Store: a.store, Table: a.table, Now: o.Now, Zone: a.zone, Tenant: c.Instance.Organisation, Random: o.Random,
		Instance: audit.Instance{ID: cmp.Or(c.Instance.Organisation, "samsyn"), Name: c.Instance.Name, Test: c.Instance.Test}}
	a.Overviews = &overview.Service{Gate: a.gate}
	a.Rights = &rights.Service{Store: a.store, Table: a.table, Now: o.Now, Zone: a.zone, Tenant: a.gate.Tenant, Instance: a.gate.Instance, Random: o.Random}
	a.gate.Registered = a.Rights
	a.pipeline = &ingest.Pipeline{Maps: ingest.FromSet(a.maps), Store: a.store, Rules: identity.Rules{Test: c.Instance.Test}, Now: o.Now, IDKey: a.store.IDKey(), Log: o.Log, Who: "sync"}
	for _, name := range c.SourceNames() {
		s := c.Sources[name]
		if s.Off {
			continue
		}
		if a.open[name], err = a.openSource(s, o); err != nil {
			return nil, fmt.Errorf("open source %s: %w", name, err)
		}
	}
	return a, a.keepMaps(ctx)
}

func (a *App) openSource(s Source, o Options) (opened, error) {
	headers := map[string]string{}
	for k, v := range s.Headers {
		headers[k] = v
	}
	for k, secret := range s.SecretHeaders {
		v, err := secret.Read()
		if err != nil {
			return opened{}, fmt.Errorf("header %s: %w", k, err)
		}
		headers[k] = v
	}
	client, closeIdle, err := outbound.New(outbound.Options{Addresses: s.adapter.Addresses(), AllowPrivate: s.AllowPrivate, Auth: s.Auth, Headers: headers, Timeout: s.Timeout, Retries: s.Retries, Now: o.Now, Random: o.Random,
		Busy: func(until time.Time) { a.quiet.set(s.Name, until) }, Clock: func(skew time.Duration) { a.clocks.set(s.Name, skew) }})
	if err != nil {
		return opened{}, err
	}
	adapter, err := s.adapter.Open(adapters.Deps{HTTP: client, Now: o.Now, Random: o.Random})
	if err != nil {
		return opened{}, err
	}
	return opened{source: ingest.Source{Name: s.Name, System: s.System, Service: s.Service, Title: s.Title, Cap: s.Quarantine.Cap}, adapter: adapter, close: closeIdle}, nil
}

// Close ends connections and closes the store.
func (a *App) Close() error {
	for _, s := range a.open {
		if s.close != nil {
			s.close()
		}
	}
	a.outgoing.CloseIdleConnections()
	var traced error
	if a.tracing != nil {
		end, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		traced = a.tracing.Close(end)
	}
	return errors.Join(traced, a.store.Close())
}

// Known is an error that names every source among names that is not configured or is off.
func (a *App) Known(names []string) error {
	var faults []error
	for _, name := range names {
		if _, ok := a.open[name]; !ok {
			faults = append(faults, fmt.Errorf("there is no source %q that is on; the configured ones are %v", name, a.Config.SourceNames()))
		}
	}
	return errors.Join(faults...)
}

// Find gives the person who has exactly this national number.
func (a *App) Find(ctx context.Context, number string) (care.PersonID, error) {
	n, err := identity.Parse(number, a.pipeline.Rules)
	if err != nil {
		return "", fmt.Errorf("%w: %w", care.ErrInvalid, err)
	}
	return a.store.PersonByIdentifier(ctx, n)
}

// Table is the rules of who may see what, as they are shipped.
func Table() (*access.Table, error) { return access.Shipped() }

// Know notes who a viewer of the configuration is among our persons. It is for those of whom
// that is not known before the sources have told of them.
func (a *App) Know(viewer string, person care.PersonID) {
	v := a.Config.Viewers[viewer]
	v.Person = person
	a.Config.Viewers[viewer] = v
}

// Day reads YYYY-MM-DD as the day's first instant where days are counted; "" is otherwise.
func (a *App) Day(text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, a.zone)
	if err != nil {
		return t, fmt.Errorf("%q is not a day (YYYY-MM-DD): %w", text, care.ErrInvalid)
	}
	return t, nil
}

// Zone is where the instance counts days.
func (a *App) Zone() *time.Location { return a.zone }

// Write writes an answer as text, json or fhir; lang "" is the instance's.
func (a *App) Write(out io.Writer, answer overview.Answer, format string, lang words.Lang) error {
	if lang == "" {
		lang = words.Lang(a.Config.Instance.Language)
	}
	switch format {
	case "json":
		return writeJSON(out, answer)
	case "fhir":
		body, err := consolidate.Bundle(answer.Overview, answer.Contributions, "")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s\n", body)
		return err
	}
	// What has to be done stands first: it is what a tired reader looks for.
	return consolidate.Text(out, answer.Overview, lang, func(out io.Writer) error {
		return findings.Text(out, answer.Findings, lang, a.zone)
	})
}

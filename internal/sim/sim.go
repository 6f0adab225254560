// Package sim owns a whole simulated municipality: one simulator per source, each
// on a loopback address of its own or in a folder, behind the same kind of sign-in
// as the real one. Replacing an address and a key is all that production needs. It
// knows no adapter and nothing of Samsyn's store.
package sim

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"samsyn/internal/outbound"
	"samsyn/internal/sim/barnevernsregister"
	"samsyn/internal/sim/fhirrest"
	"samsyn/internal/sim/fiksarkiv"
	"samsyn/internal/sim/fiksinnsyn"
	"samsyn/internal/sim/fint"
	"samsyn/internal/sim/nhnmsh"
	"samsyn/internal/sim/oneroster"
	"samsyn/internal/sim/sts"
)

// Options say what is simulated. All fields but Port are required.
type Options struct {
	Data fs.FS  // one folder a source: testdata.Families()
	Dir  string // where the drop folders are made
	Now  func() time.Time
	// Port of the first HTTP source; the others follow. 0 lets the system choose.
	Port int
}

// Place is where one source stands and how to sign in there.
type Place struct {
	Name string
	URL  string // "" for a folder
	Dir  string // "" for HTTP
	// Auth and Headers are what a client needs.
	Auth    outbound.Auth
	Headers map[string]string
}

// Municipality is what runs.
type Municipality struct {
	// Places by source name.
	Places map[string]Place
	// Archive, Roster, Messages, Hospital, Health and County are the simulators, for those who change what they hold.
	Archive  *fiksarkivsim.Server
	Roster   *onerostersim.Server
	Messages *nhnmshsim.Server
	Hospital *fhirrestsim.Server
	Health   *fhirrestsim.Server
	County   *fintsim.Server

	servers []*http.Server
	now     func() time.Time
	port    int
}

// The sources' names; each has a folder of this name in the data.
const (
	Barnevernsregister = "barnevernsregister"
	FiksInnsyn         = "fiksinnsyn"
	FiksArkiv          = "fiksarkiv"
	OneRoster          = "oneroster"
	MSH                = "msh-helsestasjon"
	Hospital           = "fhir-sykehus"
	Health             = "fhir-kommune"
	County             = "fint"
)

// apiKey is what Open DIPS calls a subscription key.
const apiKey = "Ocp-Apim-Subscription-Key"

// Start brings the municipality up. Close ends it.
func Start(o Options) (_ *Municipality, err error) {
	m := &Municipality{now: o.Now, Places: map[string]Place{}, port: o.Port}
	defer func() {
		if err != nil {
			_ = m.Close(context.Background()) // the first error is the one to tell
		}
	}()
	for name, deliver := range map[string]func(fs.FS, string) error{Barnevernsregister: barnevernsregistersim.Deliver, FiksInnsyn: fiksinnsynsim.Deliver} {
		data, err := fs.Sub(o.Data, name)
		if err != nil {
			return nil, fmt.Errorf("simulate %s: %w", name, err)
		}
		dir := filepath.Join(o.Dir, name)
		if err := deliver(data, dir); err != nil {
			return nil, fmt.Errorf("simulate %s: %w", name, err)
		}
		m.Places[name] = Place{Name: name, Dir: dir}
	}
	if err := m.open(o); err != nil {
		return nil, err
	}
	return m, nil
}

// open starts the HTTP sources in a fixed order, so that ports are predictable.
func (m *Municipality) open(o Options) error {
	sources := []struct {
		name string
		auth string // kind of sign-in
		// scope that the source asks for
		scope string
		make  func(fs.FS) (http.Handler, error)
		path  string // what follows the address in a client's base
		key   bool   // asks for an API key as well
	}{
		{FiksArkiv, "maskinporten", "ks:fiks", keep(fiksarkivsim.New, &m.Archive), "", false},
		{OneRoster, "oauth2", "https://purl.imsglobal.org/spec/or/v1p2/scope/roster-core.readonly", keep(onerostersim.New, &m.Roster), "", false},
		{MSH, "helseid", "nhn:msh/api", keep(nhnmshsim.New, &m.Messages), "", false},
		{Hospital, "oauth2", "system/*.rs", keep(fhirrestsim.New, &m.Hospital), fhirrestsim.Base, true},
		{Health, "helseid", "kommune:fhir/api", keep(fhirrestsim.New, &m.Health), fhirrestsim.Base, false},
		{County, "oauth2", "fint-client", keep(fintsim.New, &m.County), "", false},
	}
	for _, s := range sources {
		data, err := fs.Sub(o.Data, s.name)
		if err != nil {
			return fmt.Errorf("simulate %s: %w", s.name, err)
		}
		handler, err := s.make(data)
		if err != nil {
			return fmt.Errorf("simulate %s: %w", s.name, err)
		}
		place := Place{Name: s.name}
		auth, client, err := register(s.name, s.auth, s.scope)
		if err != nil {
			return err
		}
		if s.key {
			place.Headers = map[string]string{apiKey: "demo-" + s.name}
			handler = needsKey(place.Headers[apiKey], handler)
		}
		tokens := sts.New(o.Now, client)
		mux := http.NewServeMux()
		mux.Handle("/connect/token", tokens)
		mux.Handle("/", tokens.Protect(s.scope, handler))
		address, err := m.serve(mux)
		if err != nil {
			return fmt.Errorf("simulate %s: %w", s.name, err)
		}
		auth.TokenURL = address + "/connect/token"
		place.URL, place.Auth = address+s.path, auth
		m.Places[s.name] = place
	}
	return nil
}

// keep makes a simulator and remembers it where tests and people find it.
func keep[S any, P interface {
	*S
	http.Handler
}](make func(fs.FS) (*S, error), at **S) func(fs.FS) (http.Handler, error) {
	return func(data fs.FS) (http.Handler, error) {
		s, err := make(data)
		if err != nil {
			return nil, err
		}
		*at = s
		return P(s), nil
	}
}

// register makes one client at a source's authorisation server.
func register(name, kind, scope string) (outbound.Auth, sts.Client, error) {
	auth := outbound.Auth{Kind: kind, ClientID: "samsyn-" + name, Scopes: []string{scope}}
	client := sts.Client{ID: auth.ClientID, Scopes: auth.Scopes, MaxAssertion: 120 * time.Second}
	if kind == "oauth2" {
		auth.Secret.Value, client.Secret = "demo-"+name, "demo-"+name
		return auth, client, nil
	}
	private, public, err := sts.NewKey()
	if err != nil {
		return auth, client, err
	}
	auth.Key.Value, client.Key = private, public
	if kind == "helseid" {
		client.MaxAssertion, client.DPoP = 60*time.Second, true
	}
	return auth, client, nil
}

func needsKey(key string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(apiKey) != key {
			http.Error(w, "access denied due to missing subscription key", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (m *Municipality) serve(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(m.port)))
	if err != nil {
		return "", err
	}
	if m.port != 0 {
		m.port++
	}
	s := &http.Server{Handler: m.dated(h), ReadHeaderTimeout: 5 * time.Second}
	m.servers = append(m.servers, s)
	go func() { _ = s.Serve(l) }() // ends with ErrServerClosed when Close is called
	return "http://" + l.Addr().String(), nil
}

// dated lets answers say that they were made at the municipality's own time.
func (m *Municipality) dated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", m.now().UTC().Format(http.TimeFormat))
		next.ServeHTTP(w, r)
	})
}

// Close ends every simulator.
func (m *Municipality) Close(ctx context.Context) error {
	var errs []error
	for _, s := range m.servers {
		errs = append(errs, s.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

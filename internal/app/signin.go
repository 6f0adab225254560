package app

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"samsyn/internal/api"
	"samsyn/internal/auth"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ops"
	"samsyn/internal/web"
)

// signsIn tells whether people sign in, systemsAsk whether systems come with tokens.
func (c Config) signsIn() bool    { return len(c.Auth.Providers) > 0 }
func (c Config) systemsAsk() bool { return len(c.Auth.Systems) > 0 }

// guarded tells whether this instance may be reached from other machines: somebody asks
// who asks, and what is said on the way is sealed.
func (c Config) guarded() bool {
	return (c.signsIn() || c.systemsAsk()) && strings.HasPrefix(c.Server.Public, "https://") && (c.Server.TLS.Certificate != "" || len(c.Server.TrustedProxies) > 0)
}

func (r *reader) validateSignIn(c *Config) {
	need := func(ok bool, path, format string, args ...any) {
		if !ok {
			r.fault(path, format, args...)
		}
	}
	s := c.Server
	need(loopback(s.Address) || c.guarded(), "server.address",
		"%q is not a loopback address (127.0.0.1:PORT): other machines need sign-in (auth), an https address (server.public), and server.tls or server.trusted_proxies", s.Address)
	need((s.TLS.Certificate == "") == (s.TLS.Key == ""), "server.tls", "needs both certificate and key")
	for _, p := range s.TrustedProxies {
		prefix, err := netip.ParsePrefix(p)
		need(err == nil && (prefix.Bits() > 0), "server.trusted_proxies", "%q is no network (10.1.2.0/24), or is all of them", p)
	}
	if c.signsIn() || c.systemsAsk() {
		need(publicAddress(s.Public, c.Instance.Test), "server.public", "give the https address that others know this instance by, without path")
		_, err := identity.ParseOrganisation(c.Instance.Organisation)
		need(err == nil, "instance.organisation", "give the municipality's organisation number")
	}
	for _, f := range c.Auth.Validate(c.Instance.Test) {
		r.fault("auth."+f.Path, "%s", f.Message)
	}
	for name, sys := range c.Auth.Systems {
		for _, source := range sys.Sources {
			_, known := c.Sources[source]
			need(known, "auth.systems."+name+".sources", "there is no source %q", source)
		}
	}
	seen := map[auth.Subject]string{}
	for _, v := range c.People() {
		given, at := c.Viewers[v.ID], "viewers."+v.ID
		need(v.Role == "" && !c.signsIn() || slices.Contains(care.Roles(), v.Role), at+".role", "%q is none of %v; what is shown beside the name is title", v.Role, care.Roles())
		need(v.Service == "" || v.Service.Valid(), at+".service", "%q is none of %v", v.Service, care.Services())
		if v.Unit != "" {
			_, err := identity.ParseOrganisation(v.Unit)
			need(err == nil, at+".unit", "is no organisation number")
		}
		if v.HPR != "" {
			_, err := identity.ParseHPR(v.HPR)
			need(err == nil, at+".hpr", "is no HPR number")
		}
		need(!v.Duty || v.Service != "", at+".duty", "is for a service: say which one she works in")
		need(!strings.Contains(v.ID, ":"), at, "a viewer's name has no colon")
		for _, sub := range given.Subjects {
			b, err := hex.DecodeString(sub.Number)
			named, numbered := sub.Issuer != "" && sub.Sub != "", err == nil && len(b) == 32
			need(named && sub.Number == "" || numbered && sub.Issuer == "" && sub.Sub == "", at+".subjects", "each is issuer and sub, or number as samsyn number-hash prints it")
			need(seen[sub] == "", at+".subjects", "one of them is %s's too", seen[sub])
			seen[sub] = v.ID
		}
	}
}

func publicAddress(raw string, test bool) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Host != strings.ToLower(u.Host) {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || test && u.Scheme == "http" && ip != nil && ip.IsLoopback()
}

// askers are who may ask this instance: pages is nil where no page may be shown to
// anybody, machines where no system may ask.
type askers struct {
	pages    web.Who
	signIn   *auth.Service // nil where a viewer is chosen
	choices  []care.Viewer // among whom one is chosen
	machines api.Who
	systems  *auth.Systems // nil where none has a token
}

// askers makes them of the configuration. Where nobody signs in, a viewer is chosen without
// proof in a test instance alone; with real people nobody may ask anything.
func (a *App) askers() (askers, error) {
	var out askers
	c := a.Config
	chosen := auth.Chosen{Viewers: c.People(), Header: testHeader}
	if c.Instance.Test {
		out.machines = chosen
	}
	if c.Instance.Test && !c.signsIn() {
		out.choices = c.People()
		out.pages = auth.Chosen{Viewers: out.choices}
	}
	if !c.signsIn() && !c.systemsAsk() {
		return out, nil
	}
	service, err := auth.New(c.Auth, auth.Deps{Store: a.store, Persons: a.store, Client: auth.Outgoing(a.outgoing), Now: a.now, Random: a.random, Log: a.log,
		Public: c.Server.Public, Organisation: c.Instance.Organisation, Rules: a.pipeline.Rules, Directory: c.directory()})
	if err != nil {
		return out, err
	}
	if c.signsIn() {
		out.pages, out.signIn = service, service
	}
	if out.systems, err = service.Systems(); err != nil {
		return out, err
	}
	if c.Instance.Test && !c.guarded() {
		out.machines = either{out.systems, chosen}
	} else {
		out.machines = out.systems
	}
	return out, nil
}

// testHeader names the viewer of a request in test instances.
const testHeader = "X-Samsyn-Viewer"

// either asks for a token where there is one, and takes the header of tests where there is none.
type either struct {
	*auth.Systems
	chosen auth.Chosen
}

func (e either) Viewer(r *http.Request) (care.Viewer, error) {
	if r.Header.Get("Authorization") != "" {
		return e.Systems.Viewer(r)
	}
	return e.chosen.Viewer(r)
}

// mountSignIn puts on e what machines need of sign-in; people's part is pages.
func mountSignIn(e *echo.Echo, who askers) {
	if who.signIn != nil {
		e.POST("/auth/backchannel/:provider", echo.WrapHandler(http.HandlerFunc(who.signIn.ServeBackchannel)))
	}
	if who.systems != nil {
		e.POST(auth.TokenPath, echo.WrapHandler(http.HandlerFunc(who.systems.ServeToken)))
		for _, at := range []string{"/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration"} {
			e.GET(at, echo.WrapHandler(http.HandlerFunc(who.systems.ServeConfiguration)))
		}
	}
}

// proxies are the networks whose word about a request is believed.
func (c Config) proxies() []netip.Prefix {
	var all []netip.Prefix
	for _, p := range c.Server.TrustedProxies {
		if prefix, err := netip.ParsePrefix(p); err == nil { // it was validated
			all = append(all, prefix.Masked())
		}
	}
	return all
}

func among(all []netip.Prefix, address string) bool {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return false
	}
	for _, p := range all {
		if p.Contains(at.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// clientAddress tells which machine asks: the one that the nearest trusted proxy names, else
// the one that we speak to. Nobody else's word counts.
func (c Config) clientAddress() echo.IPExtractor {
	if len(c.Server.TrustedProxies) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range c.proxies() {
		_, network, err := net.ParseCIDR(p.String())
		if err == nil {
			options = append(options, echo.TrustIPRange(network))
		}
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// sealed refuses what came in the open where we are known by an https address: it came
// neither over our own TLS nor through a trusted proxy that says it had it. Programs on
// this machine may still ask for health and metrics.
func (a *App) sealed(next echo.HandlerFunc) echo.HandlerFunc {
	if !strings.HasPrefix(a.Config.Server.Public, "https://") {
		return next
	}
	proxies := a.Config.proxies()
	return func(c echo.Context) error {
		r := c.Request()
		said := r.Header.Values("X-Forwarded-Proto")
		proxied := among(proxies, r.RemoteAddr) && len(said) == 1 && said[0] == "https"
		own := ops.Local(r) && (strings.HasPrefix(r.URL.Path, "/health/") || r.URL.Path == "/metrics")
		if r.TLS == nil && !proxied && !own {
			return echo.NewHTTPError(http.StatusMisdirectedRequest)
		}
		return next(c)
	}
}

// ownName refuses a request that names another host than this machine or the address that
// it is known by: a hostile page could otherwise reach the loopback server through a name
// of its own (DNS rebinding).
func (a *App) ownName(next echo.HandlerFunc) echo.HandlerFunc {
	public := ""
	if u, err := url.Parse(a.Config.Server.Public); err == nil {
		public = u.Host
	}
	return func(c echo.Context) error {
		if public != "" && strings.EqualFold(c.Request().Host, public) {
			return next(c)
		}
		host := c.Request().Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if host = strings.Trim(host, "[]"); host != "localhost" {
			if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
				return echo.NewHTTPError(http.StatusMisdirectedRequest)
			}
		}
		return next(c)
	}
}

// NumberHash is how the directory of this instance knows a national number.
func (a *App) NumberHash(number string) (string, error) {
	n, err := identity.Parse(number, a.pipeline.Rules)
	if err != nil {
		return "", fmt.Errorf("%w: %w", care.ErrInvalid, err)
	}
	return auth.NumberHash(a.store.SignInKey(), n), nil
}

// mayServe refuses a listener on which nobody may be served.
func (a *App) mayServe(l net.Listener) error {
	if loopback(l.Addr().String()) || a.Config.guarded() {
		return nil
	}
	return errors.Join(fmt.Errorf("serve on %s: %w: only loopback is served without sign-in and TLS", l.Addr(), care.ErrDenied), l.Close())
}

// serve serves with our own TLS where there is a certificate.
func (c Config) serve(s *http.Server, l net.Listener) error {
	if c.Server.TLS.Certificate == "" {
		return s.Serve(l)
	}
	return s.ServeTLS(l, c.Server.TLS.Certificate, c.Server.TLS.Key)
}

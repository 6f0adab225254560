package auth

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"samsyn/internal/auth/jwt"
	"samsyn/internal/auth/scope"
	"samsyn/internal/identity"
	"samsyn/internal/outbound"
)

// Config says who may vouch for whom. Each field's comment gives its default.
type Config struct {
	// Idle ends a session that is not used: 30m. Absolute ends every session: 8h.
	Idle     time.Duration `yaml:"idle"`
	Absolute time.Duration `yaml:"absolute"`
	// Providers sign people in. Without any, nobody signs in.
	Providers map[string]Provider `yaml:"providers"`
	// Issuers give systems their tokens, beside our own token endpoint.
	Issuers map[string]Issuer `yaml:"issuers"`
	// Systems are those that may come with a token.
	Systems map[string]System `yaml:"systems"`
}

// Provider is one OpenID provider that people sign in through.
type Provider struct {
	// Kind is helseid, ansattporten or idporten.
	Kind     string `yaml:"kind"`
	Issuer   string `yaml:"issuer"`
	ClientID string `yaml:"client_id"`
	// Key is our private JWK there.
	Key outbound.Secret `yaml:"key"`
	// Title is what people call it. Default: the name.
	Title string `yaml:"title"`
	// Scopes that are asked for. Default: the kind's.
	Scopes []string `yaml:"scopes"`
	// Level of assurance that a sign-in must have at the least, 3 or 4: 4.
	Level int `yaml:"level"`
	// Algorithm that ID tokens are signed with: RS256.
	Algorithm string `yaml:"algorithm"`
	// DPoP sends a proof to the token endpoint: false.
	DPoP bool `yaml:"dpop"`
	// Require names claims that must be there: hpr_number, orgnr_parent, orgnr_child.
	// Default: orgnr_parent at ansattporten (she acts for the municipality), else none.
	Require []string `yaml:"require"`
}

// Issuer is one that gives systems tokens for us.
type Issuer struct {
	// Kind is helseid or maskinporten.
	Kind   string `yaml:"kind"`
	Issuer string `yaml:"issuer"`
	// Audience is what tokens for us are for, and for nobody else.
	Audience string `yaml:"audience"`
	// JWKS is where its keys are. Default: as its metadata says.
	JWKS string `yaml:"jwks"`
	// Algorithms that tokens may be signed with: RS256, RS384, RS512, PS256 and ES256.
	Algorithms []string `yaml:"algorithms"`
	// ScopePrefix stands before our scopes there ("fjordvik:samsyn/"); others' are not looked at.
	ScopePrefix string `yaml:"scope_prefix"`
	// MaxLife is how long a token may live: 120s at maskinporten, 1h at helseid.
	MaxLife time.Duration `yaml:"max_life"`
	// Bearer takes tokens that are bound to no key, from maskinporten alone: false.
	Bearer bool `yaml:"bearer"`
}

// System is one that may come with a token.
type System struct {
	Title string `yaml:"title"`
	// Issuer names who gives it tokens, of issuers; "" is our own token endpoint.
	Issuer string `yaml:"issuer"`
	// ClientID is its name at the issuer.
	ClientID string `yaml:"client_id"`
	// Organisation is its owner's number, which the token must say (orgnr_parent, consumer);
	// not at our own endpoint. Unit is the one below, which the token must say too where it is given.
	Organisation string `yaml:"organisation"`
	Unit         string `yaml:"unit"`
	// Keys is the JWK set with its public keys, for our own endpoint.
	Keys outbound.Secret `yaml:"keys"`
	// Scopes are the most that it may ask for: SMART v2, and push.
	Scopes []string `yaml:"scopes"`
	// Sources are those that it may push to.
	Sources []string `yaml:"sources"`
	// Bearer takes tokens of our own that are bound to no key: false.
	Bearer bool `yaml:"bearer"`
}

// Push is the scope with which a system may push to its sources.
const Push = "push"

// SetDefaults fills in what is not said.
func (c *Config) SetDefaults() {
	c.Idle = cmp.Or(c.Idle, 30*time.Minute)
	c.Absolute = cmp.Or(c.Absolute, 8*time.Hour)
	for name, p := range c.Providers {
		p.Title, p.Level, p.Algorithm = cmp.Or(p.Title, name), cmp.Or(p.Level, 4), cmp.Or(p.Algorithm, "RS256")
		if p.Scopes == nil {
			p.Scopes = kinds[p.Kind].scopes
		}
		if p.Require == nil && kinds[p.Kind].details {
			p.Require = []string{"orgnr_parent"}
		}
		c.Providers[name] = p
	}
	for name, i := range c.Issuers {
		i.MaxLife = cmp.Or(i.MaxLife, map[string]time.Duration{"maskinporten": 120 * time.Second}[i.Kind], time.Hour)
		if i.Algorithms == nil {
			i.Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "ES256"}
		}
		c.Issuers[name] = i
	}
	for name, s := range c.Systems {
		s.Title = cmp.Or(s.Title, name)
		c.Systems[name] = s
	}
}

// Fault is one fault of the configuration, at a path below auth.
type Fault struct{ Path, Message string }

var word = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// Validate gives every fault. test tells that the instance is for synthetic people; then
// providers on this machine may be spoken to without TLS.
func (c Config) Validate(test bool) []Fault {
	var faults []Fault
	need := func(ok bool, path, format string, args ...any) {
		if !ok {
			faults = append(faults, Fault{path, fmt.Sprintf(format, args...)})
		}
	}
	need(c.Idle > 0 && c.Idle <= c.Absolute, "idle", "must be more than nothing and no longer than absolute")
	need(c.Absolute > 0 && c.Absolute <= 24*time.Hour, "absolute", "must be more than nothing and no longer than a day")
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		p, at := c.Providers[name], "providers."+name
		k, known := kinds[p.Kind]
		need(word.MatchString(name), at, "a provider's name is small letters, digits and hyphens")
		need(known, at+".kind", "%q is none of %v", p.Kind, slices.Sorted(maps.Keys(kinds)))
		need(secure(p.Issuer, test), at+".issuer", "give the provider's https address, as its metadata says it")
		need(p.ClientID != "", at+".client_id", "is required")
		need(p.Key.Set(), at+".key", "name the private JWK by file or env")
		need(p.Level == 3 || p.Level == 4, at+".level", "is 3 or 4")
		need(!known || p.Level >= k.lowest, at+".level", "is %d at the least for %s", k.lowest, p.Kind)
		need(len(jwt.Algorithms(p.Algorithm)) == 1, at+".algorithm", "%q is no signature with a private key", p.Algorithm)
		need(slices.Contains(p.Scopes, "openid") || !known, at+".scopes", "openid must be among them")
		for _, r := range p.Require {
			need(slices.Contains(Requirable, r), at+".require", "%q is none of %v", r, Requirable)
		}
		for other, o := range c.Providers {
			need(other <= name || o.Issuer != p.Issuer, at+".issuer", "is %s's too: who answers could not be told", other)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Issuers)) {
		i, at := c.Issuers[name], "issuers."+name
		need(i.Kind == "helseid" || i.Kind == "maskinporten", at+".kind", "%q is none of helseid, maskinporten", i.Kind)
		need(secure(i.Issuer, test), at+".issuer", "give the issuer's https address, as its tokens say it")
		need(i.JWKS == "" || secure(i.JWKS, test), at+".jwks", "give an https address")
		need(i.ScopePrefix != "", at+".scope_prefix", "is required: what stands before our scopes there")
		need(i.Audience != "", at+".audience", "is required: a token for somebody else must not be taken")
		need(len(i.Algorithms) > 0 && len(jwt.Algorithms(i.Algorithms...)) == len(i.Algorithms), at+".algorithms", "may hold signatures with a private key alone")
		need(!i.Bearer || i.Kind == "maskinporten", at+".bearer", "is for maskinporten alone: helseid binds its tokens")
		need(i.MaxLife > 0 && i.MaxLife <= 24*time.Hour, at+".max_life", "is between nothing and a day")
		for other, o := range c.Issuers {
			need(other <= name || o.Issuer != i.Issuer, at+".issuer", "is %s's too", other)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Systems)) {
		s, at := c.Systems[name], "systems."+name
		_, known := c.Issuers[s.Issuer]
		need(word.MatchString(name), at, "a system's name is small letters, digits and hyphens")
		need(s.Issuer == "" || known, at+".issuer", "%q is none of issuers", s.Issuer)
		need(s.ClientID != "", at+".client_id", "is required")
		need(s.Issuer != "" || s.Keys.Set(), at+".keys", "name the JWK set with its public keys by file or env")
		need(s.Issuer == "" || s.Organisation != "", at+".organisation", "is required: the token says whose the system is")
		for _, o := range []struct{ field, number string }{{"organisation", s.Organisation}, {"unit", s.Unit}} {
			_, err := identity.ParseOrganisation(o.number)
			need(o.number == "" || err == nil, at+"."+o.field, "is no organisation number")
		}
		list, err := scope.Of(s.Scopes)
		need(err == nil, at+".scopes", "%v", err)
		need(err != nil || !list.Empty(), at+".scopes", "name at least one")
		need(len(s.Sources) == 0 || err != nil || list.Has(Push), at+".sources", "need the scope push")
		need(!s.Bearer || s.Issuer == "", at+".bearer", "is for our own tokens; see issuers")
		for other, o := range c.Systems {
			need(other <= name || o.Issuer != s.Issuer || o.ClientID != s.ClientID, at+".client_id", "is %s's too", other)
		}
	}
	return faults
}

// secure tells whether an address can be trusted to be whose it says: https, or this very
// machine where the instance is a test.
func secure(raw string, test bool) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(raw, " \\\t\r\n") {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || test && u.Scheme == "http" && ip != nil && ip.IsLoopback()
}

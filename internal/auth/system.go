package auth

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"samsyn/internal/auth/jwt"
	"samsyn/internal/auth/scope"
	"samsyn/internal/care"
)

// Systems knows the systems that come with tokens, and gives tokens to those that have no
// other issuer.
type Systems struct {
	people  *Service
	config  Config
	signing jose.JSONWebKey // of our own tokens; every instance of a store has the same
	issuers map[string]*issuer
	clients map[string]jwt.Fixed // keys of the systems at our own endpoint, by name
}

// issuer is one that gives tokens for us, by its address.
type issuer struct {
	name string
	Issuer

	mu   sync.Mutex
	keys jwt.Keys
	deps Deps
	own  bool
}

// ownLife is how long our own tokens live, as SMART Backend Services bounds it.
const ownLife = 300 * time.Second

// Systems makes what is needed for the configuration's systems.
func (s *Service) Systems() (*Systems, error) {
	private := ed25519.NewKeyFromSeed(hash(s.key, "sign tokens", ""))
	out := &Systems{people: s, config: s.config, signing: jose.JSONWebKey{Key: private, KeyID: "samsyn", Algorithm: string(jose.EdDSA), Use: "sig"},
		issuers: map[string]*issuer{}, clients: map[string]jwt.Fixed{}}
	for name, i := range s.config.Issuers {
		out.issuers[i.Issuer] = &issuer{name: name, Issuer: i, deps: s.Deps}
	}
	out.issuers[s.Public] = &issuer{Issuer: Issuer{Issuer: s.Public, Audience: s.Public, Algorithms: []string{string(jose.EdDSA)}, MaxLife: ownLife}, own: true, keys: jwt.Fixed{out.signing.Public()}}
	for name, sys := range s.config.Systems {
		if sys.Issuer != "" {
			continue
		}
		raw, err := sys.Keys.Read()
		if err != nil {
			return nil, fmt.Errorf("keys of system %s: %w", name, err)
		}
		if out.clients[name], err = jwt.ParseSet([]byte(raw)); err != nil {
			return nil, fmt.Errorf("keys of system %s: %w", name, err)
		}
	}
	return out, nil
}

// set gives the issuer's keys, from where its metadata says that they are.
func (i *issuer) set(ctx context.Context) (jwt.Keys, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.keys != nil {
		return i.keys, nil
	}
	address := i.JWKS
	if address == "" {
		meta, err := discover(ctx, i.deps.Client, i.Issuer.Issuer)
		if err != nil || !secure(meta.JWKS, strings.HasPrefix(i.Issuer.Issuer, "http://")) {
			return nil, away(fmt.Errorf("metadata of issuer %s cannot be had", i.name))
		}
		address = meta.JWKS
	}
	i.keys = &jwt.Remote{URL: address, Client: i.deps.Client, Now: i.deps.Now}
	return i.keys, nil
}

// caller is a system that proved who it is, or a person through it.
type caller struct {
	name   string
	system System
	issuer *issuer
	claims jwt.Claims
	scopes scope.List
}

// proofAlgs are told to who comes without a proof.
const proofAlgs = `algs="ES256 ES384 RS256 PS256"`

func noToken(code, format string, args ...any) *Refusal {
	r := no(ReasonToken, format, args...)
	r.header = "DPoP " + proofAlgs
	if code != "" {
		r.header = fmt.Sprintf("DPoP error=%q, %s", code, proofAlgs)
	}
	return r
}

func noScope(format string, args ...any) *Refusal {
	r := no(ReasonScope, format, args...)
	r.header = `DPoP error="insufficient_scope"`
	return r
}

// caller believes a request's token, and its proof, or refuses. It reads headers alone.
func (s *Systems) caller(r *http.Request) (caller, error) {
	head := r.Header.Values("Authorization")
	if len(head) == 0 {
		return caller{}, noToken("", "no token")
	}
	kind, raw, ok := strings.Cut(head[0], " ")
	kind = strings.ToLower(kind)
	if len(head) != 1 || !ok || raw == "" || strings.Contains(raw, " ") || kind != "dpop" && kind != "bearer" {
		return caller{}, noToken("invalid_request", "one token, as DPoP or Bearer")
	}
	i, ok := s.issuers[jwt.Peek(raw)]
	if !ok {
		return caller{}, noToken("invalid_token", "of an issuer that is not trusted")
	}
	c := caller{issuer: i}
	if err := s.believe(r.Context(), &c, raw); err != nil {
		return caller{}, err
	}
	if err := s.owner(&c); err != nil {
		return caller{}, err
	}
	if err := s.bound(r, c, kind, raw); err != nil {
		return caller{}, err
	}
	return c, s.narrow(&c)
}

// types are those of access tokens: at+jwt everywhere, and what Maskinporten writes.
func (i *issuer) types() []string {
	if i.Kind == "maskinporten" {
		return []string{"at+jwt", "jwt", ""}
	}
	return []string{"at+jwt"}
}

func (s *Systems) believe(ctx context.Context, c *caller, raw string) error {
	keys, err := c.issuer.set(ctx)
	if err != nil {
		return err
	}
	want := jwt.Expect{Types: c.issuer.types(), Algorithms: jwt.Algorithms(c.issuer.Algorithms...), Issuer: c.issuer.Issuer.Issuer, Audience: c.issuer.Audience, Now: s.people.Now(), Skew: skew, MaxLife: c.issuer.MaxLife}
	t, err := jwt.Read(raw, want, func(kid, alg string) (jose.JSONWebKey, error) { return keys.Key(ctx, kid, alg) })
	if errors.Is(err, jwt.ErrRefused) {
		return noToken("invalid_token", "%w", err)
	}
	c.claims = t.Claims
	return refusalOf(err)
}

// owner finds the one system that the token was given to. Names that are shown, such as
// client_name, are not looked at.
func (s *Systems) owner(c *caller) error {
	id, err := c.claims.Text("client_id")
	if err != nil {
		return noToken("invalid_token", "%w", err)
	}
	if _, err := c.claims.Text("jti"); err != nil {
		return noToken("invalid_token", "%w", err)
	}
	for name, sys := range s.config.Systems {
		if sys.Issuer == c.issuer.name && sys.ClientID == id {
			c.name, c.system = name, sys
		}
	}
	if c.name == "" {
		return noToken("invalid_token", "no system of ours")
	}
	switch {
	case c.issuer.own:
		return nil
	case c.issuer.Kind == "maskinporten":
		consumer, err := c.claims.Object("consumer")
		if err != nil {
			return noToken("invalid_token", "%w", err)
		}
		authority, err1 := consumer.Text("authority")
		number, err2 := consumer.Text("ID")
		if err1 != nil || err2 != nil || authority != "iso6523-actorid-upis" || number != "0192:"+c.system.Organisation {
			return noToken("invalid_token", "another organisation's")
		}
		return nil
	}
	k := kinds["helseid"]
	if parent, err := c.claims.Text(k.parent); err != nil || parent != c.system.Organisation {
		return noToken("invalid_token", "another organisation's")
	}
	if child, err := c.claims.Text(k.child); c.system.Unit != "" && (err != nil || child != c.system.Unit) || c.claims.Has(k.child) && err != nil {
		return noToken("invalid_token", "another unit's")
	}
	return nil
}

// bound checks that who sends the token has its key. Only where the configuration says so
// may a token be bound to none.
func (s *Systems) bound(r *http.Request, c caller, kind, raw string) error {
	if !c.claims.Has("cnf") {
		free := c.issuer.own && c.system.Bearer || c.issuer.Kind == "maskinporten" && c.issuer.Bearer
		if !free || kind != "bearer" {
			return noToken("invalid_token", "bound to no key")
		}
		return nil
	}
	cnf, err := c.claims.Object("cnf")
	if err != nil {
		return noToken("invalid_token", "%w", err)
	}
	jkt, err := cnf.Text("jkt")
	if err != nil || len(cnf) != 1 || kind != "dpop" {
		return noToken("invalid_token", "bound in a way that is not DPoP, or sent without")
	}
	proof, err := s.proof(r, raw)
	if err != nil {
		return err
	}
	if proof.JKT != jkt {
		return noToken("invalid_dpop_proof", "the proof is of another key")
	}
	return nil
}

// proof believes the request's proof, once.
func (s *Systems) proof(r *http.Request, token string) (jwt.Proof, error) {
	p, err := jwt.ReadProof(r.Header, r.Method, s.people.Public+r.URL.EscapedPath(), token, s.people.Now())
	if err != nil {
		return p, noToken("invalid_dpop_proof", "%w", err)
	}
	fresh, err := s.people.Store.Once(r.Context(), "proof", p.ID, p.Until)
	if err != nil {
		return p, away(err)
	}
	if !fresh {
		return p, noToken("invalid_dpop_proof", "the proof was used")
	}
	return p, nil
}

// narrow gives the scopes that token and configuration both allow.
func (s *Systems) narrow(c *caller) error {
	said, err := c.claims.List("scope")
	if err != nil {
		return noToken("invalid_token", "%w", err)
	}
	var ours []string
	for _, w := range strings.Split(strings.Join(said, " "), " ") {
		if w, ok := strings.CutPrefix(w, c.issuer.ScopePrefix); ok {
			ours = append(ours, w)
		}
	}
	asked, err := scope.Of(ours)
	if err != nil {
		return noScope("%w", err)
	}
	most, err := scope.Of(c.system.Scopes)
	if err != nil {
		return noScope("%w", err)
	}
	c.scopes = asked.Narrow(most)
	return nil
}

// Viewer gives who asks by a token: the system, or the person who signed in there.
func (s *Systems) Viewer(r *http.Request) (care.Viewer, error) {
	c, err := s.caller(r)
	if err != nil {
		return care.Viewer{}, s.noted(r, err)
	}
	v, err := s.viewer(c)
	return v, s.noted(r, err)
}

// noted logs a refusal, by its reason alone.
func (s *Systems) noted(r *http.Request, err error) error {
	if err != nil && r.Header.Get("Authorization") != "" {
		s.people.Log.Warn("token refused", "error", err)
	}
	return err
}

func (s *Systems) viewer(c caller) (care.Viewer, error) {
	k := kinds["helseid"]
	context, v := "system", care.Viewer{ID: "system:" + c.name, Name: c.system.Title, Role: care.RoleIntegrator, Tenant: cmp.Or(c.system.Organisation, s.people.Organisation),
		Unit: c.system.Unit, Level: 4, Purpose: purposes[care.RoleIntegrator]} // it proved itself with its key
	if c.issuer.Kind == "helseid" {
		for _, name := range []string{k.pid, k.hpr, "helseid://claims/identity/security_level", "helseid://claims/identity/assurance_level"} {
			if c.claims.Has(name) { // whatever speaks of a person must be a whole person
				var err error
				if v, err = s.person(c); err != nil {
					return care.Viewer{}, err
				}
				context = "user"
				break
			}
		}
	}
	scopes := slices.DeleteFunc(slices.Clone(c.scopes.Resources), func(x scope.Scope) bool { return x.Context != context })
	if len(scopes) == 0 {
		return care.Viewer{}, noScope("nothing that may be asked for")
	}
	v.Scopes = scope.List{Resources: scopes}.Strings()
	return v, nil
}

// person is who signed in at a system that asks for her.
func (s *Systems) person(c caller) (care.Viewer, error) {
	p, err := people(kinds["helseid"], c.claims, s.people.Rules, s.people.Now())
	if err != nil {
		return care.Viewer{}, refusedPerson(err)
	}
	p.Kind, p.Issuer = "helseid", c.issuer.Issuer.Issuer
	if p.Level < 4 {
		return care.Viewer{}, refusedPerson(no(ReasonLevel, "level %d, and 4 is needed", p.Level))
	}
	e, ok := s.people.find(p)
	if !ok {
		return care.Viewer{}, refusedPerson(no(ReasonUnknown, "nobody in the directory is she"))
	}
	p.Parent = "" // whose the system is was checked; the directory says whose she is
	p.Child = ""
	v, err := s.people.viewer(e, p)
	if err != nil {
		return care.Viewer{}, refusedPerson(err)
	}
	return v, nil
}

func refusedPerson(err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		r.header = `DPoP error="insufficient_user_authentication"`
	}
	return err
}

// MayPush refuses a request that is no push to this source by a system that may.
func (s *Systems) MayPush(r *http.Request, source string) error {
	c, err := s.caller(r)
	if err != nil {
		return s.noted(r, err)
	}
	if !c.scopes.Has(Push) || !slices.Contains(c.system.Sources, source) {
		return s.noted(r, noScope("no push to this source"))
	}
	return nil
}

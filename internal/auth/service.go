package auth

import (
	"cmp"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"samsyn/internal/care"
	"samsyn/internal/outbound"
)

// Service signs people in and knows their sessions.
type Service struct {
	Deps
	config    Config
	key       []byte
	providers map[string]*provider
}

// New makes the service of a configuration that was validated. It reads the keys, and
// speaks to no provider yet.
func New(c Config, d Deps) (*Service, error) {
	s := &Service{Deps: d, config: c, key: d.Store.SignInKey(), providers: map[string]*provider{}}
	for name, p := range c.Providers {
		raw, err := p.Key.Read()
		if err != nil {
			return nil, fmt.Errorf("key of provider %s: %w", name, err)
		}
		key, err := outbound.ParseKey(raw)
		if err != nil {
			return nil, fmt.Errorf("key of provider %s: %w: %w", name, care.ErrInvalid, err)
		}
		s.providers[name] = &provider{name: name, Provider: p, kind: kinds[p.Kind], key: key, deps: d}
	}
	return s, nil
}

// Offer is one way to sign in.
type Offer struct {
	Provider, Title string
	// Family tells that she must say whether she comes for herself or as a guardian.
	Family bool
}

// Offers gives the ways to sign in, by name.
func (s *Service) Offers() []Offer {
	var out []Offer
	for _, name := range slices.Sorted(maps.Keys(s.providers)) {
		p := s.providers[name]
		out = append(out, Offer{name, p.Title, p.kind.family})
	}
	return out
}

// flow is a sign-in under way. The browser keeps it, sealed; whoever comes back without it
// began in another browser.
type flow struct {
	Provider, State, Nonce, Verifier, Back, As string
	Expires                                    time.Time
}

// flowTime is how long a sign-in may take.
const flowTime = 10 * time.Minute

// Names of cookies, without the prefix that TLS gives them.
const (
	sessionCookie = "samsyn"
	flowCookie    = "samsyn-start"
)

// tls tells whether we are known by an https address.
func (s *Service) tls() bool { return strings.HasPrefix(s.Public, "https://") }

// cookie makes a cookie that is ours alone: with TLS, __Host- binds it to this very host.
func (s *Service) cookie(name, value string, site http.SameSite, age time.Duration) *http.Cookie {
	c := &http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", HttpOnly: true, Secure: s.tls(), SameSite: site, MaxAge: int(age / time.Second)}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

func (s *Service) cookieName(name string) string {
	if s.tls() {
		return "__Host-" + name
	}
	return name
}

// given is the value of the one cookie of this name; "" where there is none or two.
func (s *Service) given(r *http.Request, name string) string {
	all := r.CookiesNamed(s.cookieName(name))
	if len(all) != 1 || len(all[0].Value) > 4096 {
		return ""
	}
	return all[0].Value
}

func (s *Service) callback() string { return s.Public + "/auth/callback" }

// Start begins a sign-in and gives where to send the browser. as is AsSelf or AsGuardian
// where the offer is for family; back is a path of ours that the caller has checked.
func (s *Service) Start(w http.ResponseWriter, r *http.Request, name, as, back string) (to string, err error) {
	p, ok := s.providers[name]
	if !ok || p.kind.family != (as == AsSelf || as == AsGuardian) || !p.kind.family && as != "" {
		return "", no(ReasonForm, "there is no such way to sign in")
	}
	f := flow{Provider: name, Back: back, As: as, Expires: s.Now().Add(flowTime), Verifier: oauth2.GenerateVerifier()}
	if f.State, err = s.random(); err != nil {
		return "", err
	}
	if f.Nonce, err = s.random(); err != nil {
		return "", err
	}
	sealed, err := s.seal("flow", s.callback(), f)
	if err != nil {
		return "", err
	}
	if to, err = p.push(r.Context(), f, s.callback()); err != nil {
		return "", refusalOf(err)
	}
	// Lax: the browser comes back from another site.
	http.SetCookie(w, s.cookie(flowCookie, base64.RawURLEncoding.EncodeToString(sealed), http.SameSiteLaxMode, flowTime))
	return to, nil
}

// Finish ends a sign-in: who came back is who she says, or she is refused. A session of the
// same browser is replaced. back is where she wanted to go.
func (s *Service) Finish(w http.ResponseWriter, r *http.Request) (back string, err error) {
	http.SetCookie(w, s.cookie(flowCookie, "", http.SameSiteLaxMode, 0))
	f, p, err := s.under(r)
	if err != nil {
		return "", err
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", no(ReasonAnswer, "the answer cannot be read")
	}
	// state first: what does not belong to this browser's sign-in is not looked at at all.
	state, err := single(q, "state")
	if err != nil || subtle.ConstantTimeCompare([]byte(state[0]), []byte(f.State)) != 1 {
		return "", no(ReasonExpired, "state is of another sign-in")
	}
	if fresh, err := s.Store.Once(r.Context(), "state", f.State, f.Expires); err != nil {
		return "", away(err)
	} else if !fresh {
		return "", no(ReasonExpired, "the answer was used")
	}
	if iss, err := single(q, "iss"); err != nil || iss[0] != p.Issuer { // RFC 9207
		return "", no(ReasonAnswer, "the answer is another provider's")
	}
	if q.Has("error") {
		if e, err := single(q, "error"); err != nil || e[0] != "access_denied" {
			return "", no(ReasonAnswer, "the provider says that something was wrong")
		}
		return "", no(ReasonCancelled, "she turned back")
	}
	code, err := single(q, "code")
	if err != nil {
		return "", err
	}
	proof, err := p.redeem(r.Context(), f, code[0], s.callback())
	if err != nil {
		return "", refusalOf(err)
	}
	proof.As = f.As
	v, err := s.known(r, p, &proof)
	if err != nil {
		return "", err
	}
	if err := s.begin(w, r, v, proof); err != nil {
		return "", refusalOf(err)
	}
	s.Log.Info("signed in", "provider", p.name, "level", v.Level, "role", v.Role)
	return f.Back, nil
}

// under is the sign-in that this browser began.
func (s *Service) under(r *http.Request) (flow, *provider, error) {
	var f flow
	sealed, err := base64.RawURLEncoding.DecodeString(s.given(r, flowCookie))
	if err != nil || s.unseal("flow", s.callback(), sealed, &f) != nil || !s.Now().Before(f.Expires) {
		return f, nil, no(ReasonExpired, "no sign-in is under way in this browser")
	}
	p, ok := s.providers[f.Provider]
	if !ok {
		return f, nil, no(ReasonExpired, "the provider is not there any more")
	}
	return f, p, nil
}

// known is the viewer whom the proof is about.
func (s *Service) known(r *http.Request, p *provider, proof *proved) (care.Viewer, error) {
	if p.kind.family {
		person, err := s.Persons.PersonByIdentifier(r.Context(), proof.number)
		if err != nil && !errors.Is(err, care.ErrNotFound) {
			return care.Viewer{}, away(err)
		}
		proof.Person = person
		return s.family(*proof, proof.As)
	}
	e, ok := s.find(*proof)
	if !ok {
		return care.Viewer{}, no(ReasonUnknown, "nobody in the directory is she")
	}
	return s.viewer(e, *proof)
}

// begin gives the browser a new session. The key is drawn now: nobody could know it before.
func (s *Service) begin(w http.ResponseWriter, r *http.Request, v care.Viewer, p proved) error {
	secret, err := s.random()
	if err != nil {
		return err
	}
	now := s.Now()
	n := care.Session{ID: sessionID(secret), Viewer: v.ID, Provider: p.Provider, Subject: s.hashed("subject", p.Sub), Provided: s.hashed("provided", p.SID),
		Created: now, Seen: now, Expires: now.Add(s.config.Absolute)}
	if n.Facts, err = s.seal("session", n.ID, p); err != nil {
		return err
	}
	if err := s.Store.PutSession(r.Context(), n, sessionID(s.given(r, sessionCookie))); err != nil {
		return err
	}
	// Strict: no other site makes the browser send it. The page after sign-in leads on by itself.
	http.SetCookie(w, s.cookie(sessionCookie, secret, http.SameSiteStrictMode, s.config.Absolute))
	return nil
}

// End ends this browser's session. to is where the provider ends its own, "" where it
// has no such place or nobody was signed in.
func (s *Service) End(w http.ResponseWriter, r *http.Request) (to string, err error) {
	secret := s.given(r, sessionCookie)
	http.SetCookie(w, s.cookie(sessionCookie, "", http.SameSiteStrictMode, 0))
	if secret == "" {
		return "", nil
	}
	held, err := s.Store.Session(r.Context(), sessionID(secret))
	if err != nil {
		if errors.Is(err, care.ErrNotFound) {
			return "", nil
		}
		return "", away(err)
	}
	if err := s.Store.EndSession(r.Context(), held.ID); err != nil {
		return "", away(err)
	}
	p, ok := s.providers[held.Provider]
	if !ok {
		return "", nil
	}
	meta, _, err := p.discover(r.Context())
	if err != nil || meta.EndSession == "" {
		return "", nil // ours is ended, whatever the provider does
	}
	u, err := url.Parse(meta.EndSession)
	if err != nil {
		return "", nil
	}
	// No id_token_hint: the ID token holds the national number and is not kept.
	u.RawQuery = url.Values{"client_id": {p.ClientID}, "post_logout_redirect_uri": {s.Public + "/logginn"}}.Encode()
	return u.String(), nil
}

// maxForm bounds what comes as a form.
const maxForm = 64 << 10

// ServeBackchannel ends the sessions that a provider says are ended (POST logout_token).
func (s *Service) ServeBackchannel(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	name := strings.TrimPrefix(r.URL.Path, "/auth/backchannel/")
	p, ok := s.providers[name]
	if r.Method != http.MethodPost || !ok || r.ParseForm() != nil || len(r.PostForm["logout_token"]) != 1 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	status := http.StatusOK
	if err := s.ended(r, p, r.PostForm.Get("logout_token")); err != nil {
		s.Log.Warn("logout token refused", "provider", name, "error", err)
		status = http.StatusBadRequest
	}
	w.WriteHeader(status)
}

func (s *Service) ended(r *http.Request, p *provider, raw string) error {
	sub, sid, jti, expires, err := p.logout(r.Context(), raw)
	if err != nil {
		return err
	}
	if fresh, err := s.Store.Once(r.Context(), "logout", p.name+" "+jti, expires); err != nil || !fresh {
		return cmp.Or(err, error(no(ReasonAnswer, "a logout token that was used")))
	}
	if sid != "" {
		sub = "" // one session there, not all of hers
	}
	_, err = s.Store.EndProvided(r.Context(), p.name, s.hashed("subject", sub), s.hashed("provided", sid))
	return err
}

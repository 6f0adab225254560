// Package idp is a simulator of the OpenID providers that Norwegian people sign in with:
// discovery, pushed authorization requests, a page on which one of a few invented people
// is chosen, tokens, and the end of a session. It is strict: it refuses what HelseID
// refuses (lifetimes, a jti that was used, a missing challenge, a wrong proof). It asks
// for no password, so it is for demonstrations and tests with synthetic people alone.
package idp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// User is one who can be chosen. Claims are what is said of her beside sub and name.
type User struct {
	Sub, Name, Note string
	Claims          map[string]any
}

// Client is a registered client.
type Client struct {
	ID          string
	Key         jose.JSONWebKey // public
	Redirects   []string
	AfterLogout []string
	// DPoP asks for a proof at the token endpoint and where requests are pushed.
	DPoP bool
}

// Options are what a provider is made of. All but Users are required.
type Options struct {
	// Synthetic says that the instance which trusts this provider is for synthetic people.
	Synthetic bool
	Issuer    string
	Now       func() time.Time
	Clients   []Client
	Users     []User
}

// Server is a provider.
type Server struct {
	Options
	// Change, where it is given, is a fault: it makes an ID token's payload another one.
	Change func(payload []byte) []byte
	// Answer, where it is given, is a fault: it changes what the browser brings back.
	Answer func(q url.Values)

	key jose.JSONWebKey

	mu     sync.Mutex
	jtis   map[string]time.Time
	pushed map[string]*request // by request_uri
	codes  map[string]*request
	nonce  string
	counts map[string]int // of requests, by path
}

type request struct {
	client  Client
	form    url.Values
	user    User
	sid     string
	expires time.Time
}

// New makes a provider. It refuses to be one for an instance with real people.
func New(o Options) (*Server, error) {
	if !o.Synthetic {
		return nil, errors.New("the simulated provider lets anybody be anybody: it is for instances with synthetic people alone")
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return &Server{Options: o, key: jose.JSONWebKey{Key: private, KeyID: random()[:8], Algorithm: "ES256", Use: "sig"},
		jtis: map[string]time.Time{}, pushed: map[string]*request{}, codes: map[string]*request{}, nonce: random(), counts: map[string]int{}}, nil
}

func random() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Asked is how often an address was asked for.
func (s *Server) Asked(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[path]
}

// Rotate gives the provider another key; the old one is published no more.
func (s *Server) Rotate() error {
	o, err := New(s.Options)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = o.key
	return nil
}

// ServeHTTP is the provider.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	s.mu.Lock()
	s.counts[r.URL.Path]++
	s.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "GET /.well-known/openid-configuration":
		s.discovery(w)
	case "GET /jwks":
		s.mu.Lock()
		key := s.key.Public()
		s.mu.Unlock()
		write(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
	case "POST /par":
		s.push(w, r)
	case "GET /authorize":
		s.choose(w, r)
	case "POST /authorize":
		s.chosen(w, r)
	case "POST /token":
		s.token(w, r)
	case "GET /endsession":
		s.end(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the asker may be gone
}

func refuse(w http.ResponseWriter, status int, code string) {
	write(w, status, map[string]string{"error": code})
}

func (s *Server) discovery(w http.ResponseWriter) {
	write(w, http.StatusOK, map[string]any{
		"issuer": s.Issuer, "authorization_endpoint": s.Issuer + "/authorize", "token_endpoint": s.Issuer + "/token", "jwks_uri": s.Issuer + "/jwks",
		"pushed_authorization_request_endpoint": s.Issuer + "/par", "end_session_endpoint": s.Issuer + "/endsession", "require_pushed_authorization_requests": true,
		"authorization_response_iss_parameter_supported": true, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"ES256"}, "code_challenge_methods_supported": []string{"S256"}, "token_endpoint_auth_methods_supported": []string{"private_key_jwt"},
	})
}

var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.ES384}

// client is who posts, by her assertion: RFC 7523, with HelseID's limits.
func (s *Server) client(r *http.Request) (Client, string) {
	if r.ParseForm() != nil || r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return Client{}, "invalid_request"
	}
	for _, all := range r.PostForm {
		if len(all) != 1 {
			return Client{}, "invalid_request"
		}
	}
	i := slices.IndexFunc(s.Clients, func(c Client) bool { return c.ID == r.PostForm.Get("client_id") })
	if i < 0 {
		return Client{}, "invalid_client"
	}
	c := s.Clients[i]
	head, claims, ok := verify(r.PostForm.Get("client_assertion"), func(jose.Header) any { return c.Key })
	now := s.Now()
	iat, exp := time.Unix(claims.Iat, 0), time.Unix(claims.Exp, 0)
	if !ok || head.ExtraHeaders[jose.HeaderType] != "client-authentication+jwt" || claims.Iss != c.ID || claims.Sub != c.ID || claims.Aud != s.Issuer ||
		exp.Sub(iat) > time.Minute || !now.Before(exp) || now.Sub(iat).Abs() > time.Minute || claims.Jti == "" || !s.once("a "+claims.Jti, exp) {
		return c, "invalid_client"
	}
	if !c.DPoP {
		return c, ""
	}
	return c, s.proof(r)
}

type claims struct {
	Iss, Sub, Aud, Jti, Htm, Htu, Nonce string
	Iat, Exp                            int64
}

func verify(raw string, key func(jose.Header) any) (jose.Header, claims, bool) {
	var c claims
	jws, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return jose.Header{}, c, false
	}
	head := jws.Signatures[0].Protected
	payload, err := jws.Verify(key(head))
	return head, c, err == nil && json.Unmarshal(payload, &c) == nil
}

func (s *Server) proof(r *http.Request) string {
	head, c, ok := verify(r.Header.Get("DPoP"), func(h jose.Header) any { return h.JSONWebKey })
	if !ok || len(r.Header.Values("DPoP")) != 1 || head.ExtraHeaders[jose.HeaderType] != "dpop+jwt" || c.Htm != r.Method || c.Htu != s.Issuer+r.URL.Path ||
		s.Now().Sub(time.Unix(c.Iat, 0)).Abs() > 10*time.Second || c.Jti == "" || !s.once("p "+c.Jti, s.Now().Add(time.Minute)) {
		return "invalid_dpop_proof"
	}
	if c.Nonce != s.nonce {
		return "use_dpop_nonce"
	}
	return ""
}

func (s *Server) once(id string, until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, t := range s.jtis {
		if t.Before(s.Now()) {
			delete(s.jtis, k)
		}
	}
	if _, used := s.jtis[id]; used {
		return false
	}
	s.jtis[id] = until
	return true
}

func (s *Server) fail(w http.ResponseWriter, code string) {
	if code == "use_dpop_nonce" {
		w.Header().Set("DPoP-Nonce", s.nonce)
	}
	refuse(w, http.StatusBadRequest, code)
}

func (s *Server) push(w http.ResponseWriter, r *http.Request) {
	c, code := s.client(r)
	if code != "" {
		s.fail(w, code)
		return
	}
	f := r.PostForm
	if f.Get("response_type") != "code" || !slices.Contains(c.Redirects, f.Get("redirect_uri")) || f.Get("code_challenge_method") != "S256" || len(f.Get("code_challenge")) != 43 ||
		len(f.Get("state")) < 20 || len(f.Get("nonce")) < 20 || !slices.Contains(strings.Fields(f.Get("scope")), "openid") {
		refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	uri := "urn:ietf:params:oauth:request_uri:" + random()
	s.mu.Lock()
	s.pushed[uri] = &request{client: c, form: f, expires: s.Now().Add(time.Minute)}
	s.mu.Unlock()
	write(w, http.StatusCreated, map[string]any{"request_uri": uri, "expires_in": 60})
}

// page is what the demonstration's people see: it belongs to the simulator, not to Samsyn.
var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="nb"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Oppdiktet innlogging</title></head>
<body><main><h1>Hvem er du?</h1><p>Dette er en oppdiktet innlogging for demonstrasjon. Alle personene er oppdiktet.</p>
<form method="post" action="/authorize"><input type="hidden" name="request_uri" value="{{.URI}}">
<ul>{{range .Users}}<li><button type="submit" name="user" value="{{.Sub}}">{{.Name}}</button> {{.Note}}</li>{{end}}</ul>
<p><button type="submit" name="user" value="">Avbryt</button></p></form></main></body></html>
`))

func (s *Server) asked(uri, client string) *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.pushed[uri]
	if q == nil || !s.Now().Before(q.expires) || client != "" && q.client.ID != client {
		return nil
	}
	return q
}

func (s *Server) choose(w http.ResponseWriter, r *http.Request) {
	uri := r.URL.Query().Get("request_uri")
	if s.asked(uri, r.URL.Query().Get("client_id")) == nil || len(r.URL.Query()) != 2 {
		refuse(w, http.StatusBadRequest, "invalid_request_uri")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	_ = page.Execute(w, struct {
		URI   string
		Users []User
	}{uri, s.Users}) // the asker may be gone
}

func (s *Server) chosen(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	q := s.asked(r.PostForm.Get("request_uri"), "")
	if q == nil {
		refuse(w, http.StatusBadRequest, "invalid_request_uri")
		return
	}
	back := url.Values{"state": {q.form.Get("state")}, "iss": {s.Issuer}}
	i := slices.IndexFunc(s.Users, func(u User) bool { return u.Sub == r.PostForm.Get("user") })
	if i < 0 {
		back.Set("error", "access_denied")
	} else {
		code := random()
		given := &request{client: q.client, form: q.form, user: s.Users[i], sid: random(), expires: s.Now().Add(time.Minute)}
		s.mu.Lock()
		delete(s.pushed, r.PostForm.Get("request_uri")) // a request is used once
		s.codes[code] = given
		s.mu.Unlock()
		back.Set("code", code)
	}
	if s.Answer != nil {
		s.Answer(back)
	}
	http.Redirect(w, r, q.form.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	c, code := s.client(r)
	if code != "" {
		s.fail(w, code)
		return
	}
	f := r.PostForm
	s.mu.Lock()
	q := s.codes[f.Get("code")]
	delete(s.codes, f.Get("code"))
	s.mu.Unlock()
	sum := sha256.Sum256([]byte(f.Get("code_verifier")))
	if f.Get("grant_type") != "authorization_code" || q == nil || q.client.ID != c.ID || !s.Now().Before(q.expires) || f.Get("redirect_uri") != q.form.Get("redirect_uri") ||
		subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(q.form.Get("code_challenge"))) != 1 {
		refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	access := random()
	half := sha256.Sum256([]byte(access))
	now := s.Now()
	id := map[string]any{"iss": s.Issuer, "aud": c.ID, "sub": q.user.Sub, "name": q.user.Name, "nonce": q.form.Get("nonce"), "sid": q.sid,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "auth_time": now.Unix(), "at_hash": base64.RawURLEncoding.EncodeToString(half[:16])}
	for name, v := range q.user.Claims {
		id[name] = v
	}
	payload, err := json.Marshal(id)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "server_error")
		return
	}
	if s.Change != nil {
		payload = s.Change(payload)
	}
	raw, err := s.Sign("JWT", payload)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "server_error")
		return
	}
	kind := "Bearer"
	if c.DPoP {
		kind = "DPoP"
	}
	write(w, http.StatusOK, map[string]any{"access_token": access, "token_type": kind, "expires_in": 300, "id_token": raw})
}

// Sign signs any payload as this provider would: an access token, a logout token.
func (s *Server) Sign(typ string, payload []byte) (string, error) {
	s.mu.Lock()
	key := s.key
	s.mu.Unlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

func (s *Server) end(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for _, c := range s.Clients {
		if c.ID == q.Get("client_id") && slices.Contains(c.AfterLogout, q.Get("post_logout_redirect_uri")) {
			http.Redirect(w, r, q.Get("post_logout_redirect_uri"), http.StatusSeeOther)
			return
		}
	}
	refuse(w, http.StatusBadRequest, "invalid_request")
}

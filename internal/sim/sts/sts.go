// Package sts is a simulator of the authorisation servers that Norwegian sources
// stand behind: OAuth2 client credentials, Maskinporten's JWT grant and HelseID's
// private_key_jwt with DPoP. It is strict: it refuses what they refuse (lifetimes,
// reused jti, wrong audience, missing proof). Its tokens are opaque and die with it.
package sts

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Client is a registered machine client: a secret or a public key.
type Client struct {
	ID     string
	Secret string
	Key    jose.JSONWebKey // public
	Scopes []string
	// MaxAssertion is how long an assertion may live: 120 s at Maskinporten, 60 s at HelseID.
	MaxAssertion time.Duration
	// DPoP tells that tokens are bound to a key and each call needs a proof.
	DPoP bool
}

// Server issues and checks tokens.
type Server struct {
	now      func() time.Time
	lifetime time.Duration

	mu      sync.Mutex
	clients map[string]Client
	jtis    map[string]time.Time
	tokens  map[string]issued
	nonce   string
	issued  int
}

type issued struct {
	client string
	scopes []string
	until  time.Time
	jkt    string
}

// New makes a server with the clients; tokens live for five minutes.
func New(now func() time.Time, clients ...Client) *Server {
	s := &Server{now: now, lifetime: 5 * time.Minute, clients: map[string]Client{}, jtis: map[string]time.Time{}, tokens: map[string]issued{}, nonce: random()}
	for _, c := range clients {
		s.clients[c.ID] = c
	}
	return s
}

func random() string {
	b := make([]byte, 18)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Issued is how many tokens were given out.
func (s *Server) Issued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued
}

// Revoke forgets every token, as when a source restarts or a token is withdrawn.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = map[string]issued{}
}

// ServeHTTP is the token endpoint.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	client, code := s.authenticate(r)
	if code != "" {
		refuse(w, http.StatusUnauthorized, code)
		return
	}
	jkt := ""
	if client.DPoP {
		var problem string
		if jkt, problem = s.proof(r, ""); problem != "" {
			w.Header().Set("DPoP-Nonce", s.nonce)
			refuse(w, http.StatusBadRequest, problem)
			return
		}
	}
	scopes := strings.Fields(r.PostForm.Get("scope"))
	if client.DPoP || client.Secret != "" {
		for _, want := range scopes {
			if !contains(client.Scopes, want) {
				refuse(w, http.StatusBadRequest, "invalid_scope")
				return
			}
		}
	} else {
		scopes = client.Scopes
	}
	token := random()
	s.mu.Lock()
	s.tokens[token] = issued{client: client.ID, scopes: scopes, until: s.now().Add(s.lifetime), jkt: jkt}
	s.issued++
	s.mu.Unlock()
	kind := "Bearer"
	if client.DPoP {
		kind = "DPoP"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": kind, "expires_in": int(s.lifetime.Seconds()), "scope": strings.Join(scopes, " ")})
}

func (s *Server) authenticate(r *http.Request) (Client, string) {
	switch r.PostForm.Get("grant_type") {
	case "client_credentials":
		c, ok := s.clients[r.PostForm.Get("client_id")]
		if !ok {
			return c, "invalid_client"
		}
		if c.Secret != "" {
			if r.PostForm.Get("client_secret") != c.Secret {
				return c, "invalid_client"
			}
			return c, ""
		}
		return c, s.assertion(r, c, r.PostForm.Get("client_assertion"), true)
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		for _, c := range s.clients {
			if c.Secret == "" && s.assertion(r, c, r.PostForm.Get("assertion"), false) == "" {
				return c, ""
			}
		}
		return Client{}, "invalid_grant"
	}
	return Client{}, "unsupported_grant_type"
}

type claims struct {
	Iss   string `json:"iss"`
	Sub   string `json:"sub"`
	Aud   string `json:"aud"`
	Scope string `json:"scope"`
	Iat   int64  `json:"iat"`
	Exp   int64  `json:"exp"`
	Jti   string `json:"jti"`
	Htm   string `json:"htm"`
	Htu   string `json:"htu"`
	Ath   string `json:"ath"`
	Nonce string `json:"nonce"`
}

var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

func (s *Server) assertion(r *http.Request, c Client, raw string, subject bool) string {
	jws, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return "invalid_client"
	}
	payload, err := jws.Verify(c.Key)
	if err != nil {
		return "invalid_client"
	}
	var cl claims
	if json.Unmarshal(payload, &cl) != nil {
		return "invalid_client"
	}
	now := s.now()
	iat, exp := time.Unix(cl.Iat, 0), time.Unix(cl.Exp, 0)
	switch {
	case cl.Iss != c.ID, subject && cl.Sub != c.ID, cl.Aud != "http://"+r.Host,
		exp.Sub(iat) > c.MaxAssertion, iat.After(now.Add(10 * time.Second)), iat.Before(now.Add(-c.MaxAssertion)), exp.Before(now),
		cl.Jti == "", !s.once("a:"+c.ID+cl.Jti, exp):
		return "invalid_client"
	}
	if !subject {
		for _, want := range strings.Fields(cl.Scope) {
			if !contains(c.Scopes, want) {
				return "invalid_scope"
			}
		}
	}
	return ""
}

// once is false where the id was used before.
func (s *Server) once(id string, until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, used := s.jtis[id]; used {
		return false
	}
	for k, t := range s.jtis {
		if t.Before(s.now().Add(-time.Minute)) {
			delete(s.jtis, k)
		}
	}
	s.jtis[id] = until
	return true
}

// proof checks a DPoP proof (RFC 9449 § 4.3) and gives the key's thumbprint.
func (s *Server) proof(r *http.Request, token string) (jkt, problem string) {
	const bad = "invalid_dpop_proof"
	if len(r.Header.Values("DPoP")) != 1 {
		return "", bad
	}
	jws, err := jose.ParseSignedCompact(r.Header.Get("DPoP"), algorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return "", bad
	}
	head := jws.Signatures[0].Protected
	if head.ExtraHeaders[jose.HeaderType] != "dpop+jwt" || head.JSONWebKey == nil || !head.JSONWebKey.IsPublic() {
		return "", bad
	}
	payload, err := jws.Verify(head.JSONWebKey)
	if err != nil {
		return "", bad
	}
	var cl claims
	if json.Unmarshal(payload, &cl) != nil {
		return "", bad
	}
	age := s.now().Sub(time.Unix(cl.Iat, 0))
	if cl.Htm != r.Method || cl.Htu != "http://"+r.Host+r.URL.Path || age > 10*time.Second || age < -10*time.Second || cl.Jti == "" {
		return "", bad
	}
	if token == "" && cl.Nonce != s.nonce {
		return "", "use_dpop_nonce"
	}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		if cl.Ath != base64.RawURLEncoding.EncodeToString(sum[:]) {
			return "", bad
		}
	}
	if !s.once("p:"+cl.Jti, s.now().Add(time.Minute)) {
		return "", bad
	}
	sum, err := head.JSONWebKey.Thumbprint(thumbprintHash)
	if err != nil {
		return "", bad
	}
	return base64.RawURLEncoding.EncodeToString(sum), ""
}

// Protect lets a request through to next only with a live token of the scope, and
// a proof where the token is bound.
func (s *Server) Protect(scope string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if problem := s.check(r, scope); problem != "" {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer error=%q", problem))
			status := http.StatusUnauthorized
			if problem == "insufficient_scope" {
				status = http.StatusForbidden
			}
			refuse(w, status, problem)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) check(r *http.Request, scope string) string {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.mu.Lock()
	t, ok := s.tokens[token]
	s.mu.Unlock()
	if !ok || !s.now().Before(t.until) {
		return "invalid_token"
	}
	if scope != "" && !contains(t.scopes, scope) {
		return "insufficient_scope"
	}
	if t.jkt == "" {
		if kind != "Bearer" {
			return "invalid_token"
		}
		return ""
	}
	if kind != "DPoP" {
		return "invalid_token"
	}
	jkt, problem := s.proof(r, token)
	if problem == "" && jkt != t.jkt {
		problem = "invalid_dpop_proof"
	}
	return problem
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

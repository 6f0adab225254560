package auth

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"samsyn/internal/auth/jwt"
	"samsyn/internal/auth/scope"
)

// TokenPath is where our own token endpoint stands.
const TokenPath = "/auth/token"

// maxAssertion is how long a client's assertion may live (SMART Backend Services).
const maxAssertion = 5 * time.Minute

// assertionAlgs are what clients may sign with there.
var assertionAlgs = []string{"RS384", "ES384"}

// tokenError is an answer of RFC 6749 § 5.2.
type tokenError struct {
	status int
	code   string
	err    error
}

func (e *tokenError) Error() string { return e.code + ": " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

func badToken(code, format string, args ...any) *tokenError {
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	return &tokenError{status, code, no(ReasonToken, format, args...)}
}

// ServeToken gives a system a token in exchange for a proof of its key (client_credentials
// with private_key_jwt, SMART Backend Services), bound to the key of its DPoP proof.
func (s *Systems) ServeToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	answer, err := s.token(w, r)
	status := http.StatusOK
	if err != nil {
		s.people.Log.Warn("no token given", "error", err)
		var bad *tokenError
		var refused *Refusal
		switch {
		case errors.As(err, &bad):
			status, answer = bad.status, map[string]any{"error": bad.code}
		case errors.As(err, &refused) && refused.status != http.StatusServiceUnavailable:
			status, answer = http.StatusBadRequest, map[string]any{"error": "invalid_dpop_proof"}
		default:
			status, answer = http.StatusServiceUnavailable, map[string]any{"error": "temporarily_unavailable"}
		}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the asker may be gone
}

func (s *Systems) token(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, &tokenError{http.StatusMethodNotAllowed, "invalid_request", errors.New("another method")}
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return nil, badToken("invalid_request", "no form")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil || r.URL.RawQuery != "" {
		return nil, badToken("invalid_request", "the form cannot be read")
	}
	for _, all := range r.PostForm {
		if len(all) != 1 {
			return nil, badToken("invalid_request", "something is said twice")
		}
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		return nil, badToken("unsupported_grant_type", "another grant")
	}
	name, err := s.client(r)
	if err != nil {
		return nil, err
	}
	scopes, err := s.granted(name, r.PostForm.Get("scope"))
	if err != nil {
		return nil, err
	}
	claims, kind := map[string]any{}, "Bearer"
	if len(r.Header.Values("DPoP")) > 0 || !s.config.Systems[name].Bearer {
		proof, err := s.proof(r, "")
		if err != nil {
			return nil, err
		}
		claims["cnf"], kind = map[string]string{"jkt": proof.JKT}, "DPoP"
	}
	raw, err := s.sign(name, scopes, claims)
	if err != nil {
		return nil, err
	}
	return map[string]any{"access_token": raw, "token_type": kind, "expires_in": int(ownLife.Seconds()), "scope": scopes.String()}, nil
}

// client is the system that the assertion proves.
func (s *Systems) client(r *http.Request) (name string, err error) {
	f := r.PostForm
	raw := f.Get("client_assertion")
	id := jwt.Peek(raw)
	for n, sys := range s.config.Systems {
		if sys.Issuer == "" && sys.ClientID == id {
			name = n
		}
	}
	keys, ok := s.clients[name]
	if !ok || f.Get("client_assertion_type") != assertionType || f.Has("client_id") && f.Get("client_id") != id {
		return "", badToken("invalid_client", "no client of ours")
	}
	want := jwt.Expect{Types: []string{"jwt", "client-authentication+jwt", ""}, Algorithms: jwt.Algorithms(assertionAlgs...), Issuer: id, Audience: s.people.Public + TokenPath,
		Now: s.people.Now(), Skew: skew, MaxLeft: maxAssertion, MaxLife: maxAssertion, IssuedOptional: true}
	t, err := jwt.Read(raw, want, func(kid, alg string) (jose.JSONWebKey, error) {
		if kid == "" {
			return jose.JSONWebKey{}, badToken("invalid_client", "the assertion names no key")
		}
		return keys.Key(r.Context(), kid, alg)
	})
	if err != nil {
		return "", badToken("invalid_client", "%w", err)
	}
	if sub, err := t.Text("sub"); err != nil || sub != id {
		return "", badToken("invalid_client", "the assertion is of another")
	}
	jti, err := t.Text("jti")
	if err != nil {
		return "", badToken("invalid_client", "%w", err)
	}
	fresh, err := s.people.Store.Once(r.Context(), "assertion", id+"\x00"+jti, t.Expires)
	if err != nil {
		return "", away(err)
	}
	if !fresh {
		return "", badToken("invalid_client", "the assertion was used")
	}
	return name, nil
}

// granted is what is asked for, as far as the system may have it.
func (s *Systems) granted(name, asked string) (scope.List, error) {
	want, err := scope.ParseList(asked)
	if err != nil {
		return want, badToken("invalid_scope", "%w", err)
	}
	most, err := scope.Of(s.config.Systems[name].Scopes)
	if err != nil {
		return want, badToken("invalid_scope", "%w", err)
	}
	got := want.Narrow(most)
	if got.Empty() {
		return got, badToken("invalid_scope", "nothing that it may have")
	}
	return got, nil
}

func (s *Systems) sign(name string, scopes scope.List, claims map[string]any) (string, error) {
	jti, err := s.people.random()
	if err != nil {
		return "", err
	}
	now := s.people.Now()
	id := s.config.Systems[name].ClientID
	for k, v := range map[string]any{"iss": s.people.Public, "aud": s.people.Public, "sub": id, "client_id": id, "scope": scopes.String(), "jti": jti, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(ownLife).Unix()} {
		claims[k] = v
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: s.signing}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// ServeConfiguration is .well-known/smart-configuration.
func (s *Systems) ServeConfiguration(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the asker may be gone
		"token_endpoint": s.people.Public + TokenPath, "grant_types_supported": []string{"client_credentials"},
		"token_endpoint_auth_methods_supported": []string{"private_key_jwt"}, "token_endpoint_auth_signing_alg_values_supported": assertionAlgs,
		"dpop_signing_alg_values_supported": strings.Fields("ES256 ES384 RS256 PS256"), "scopes_supported": []string{"system/*.rs", Push},
		"capabilities": []string{"client-confidential-asymmetric", "permission-v2"},
	})
}

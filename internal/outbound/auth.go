package outbound

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Auth says how a machine signs in at a source. Secrets are named, never written:
// by a file or by an environment variable.
type Auth struct {
	// Kind is none (default), oauth2, maskinporten or helseid.
	Kind     string `yaml:"kind"`
	TokenURL string `yaml:"token_url"`
	ClientID string `yaml:"client_id"`
	// Secret of oauth2 client credentials.
	Secret Secret `yaml:"secret"`
	// Key is a private JWK (RSA or EC) for maskinporten and helseid.
	Key    Secret   `yaml:"key"`
	Scopes []string `yaml:"scopes"`
	// Audience of the assertion; default TokenURL's origin.
	Audience string `yaml:"audience"`
	// Resource is Maskinporten's audience restriction of the token, if any.
	Resource string `yaml:"resource"`
}

// Secret names where a secret is kept.
type Secret struct {
	File string `yaml:"file"`
	Env  string `yaml:"env"`
	// Value is for simulators and tests; a configuration file cannot set it.
	Value string `yaml:"-"`
}

// Set tells whether the secret is named at all.
func (s Secret) Set() bool { return s.File != "" || s.Env != "" || s.Value != "" }

// Read gives the secret.
func (s Secret) Read() (string, error) {
	switch {
	case s.Value != "":
		return s.Value, nil
	case s.File != "":
		b, err := os.ReadFile(s.File)
		if err != nil {
			return "", fmt.Errorf("read secret: %w", err)
		}
		return strings.TrimSpace(string(b)), nil
	case s.Env != "":
		if v := os.Getenv(s.Env); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("read secret: environment variable %s is empty", s.Env)
	}
	return "", errors.New("read secret: neither file nor env is given")
}

// Validate gives every fault, each naming its field.
func (a Auth) Validate() []error {
	var faults []error
	need := func(ok bool, field, why string) {
		if !ok {
			faults = append(faults, fmt.Errorf("%s: %s", field, why))
		}
	}
	switch a.Kind {
	case "", "none":
		return nil
	case "oauth2":
		need(a.Secret.Set(), "secret", "name the client secret by file or env")
	case "maskinporten", "helseid":
		need(a.Key.Set(), "key", "name the private JWK by file or env")
	default:
		return []error{fmt.Errorf("kind: %q is none of none, oauth2, maskinporten, helseid", a.Kind)}
	}
	u, err := url.Parse(a.TokenURL)
	need(err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http"), "token_url", "give the token endpoint's full address")
	need(a.ClientID != "", "client_id", "is required")
	need(len(a.Scopes) > 0 || a.Kind == "oauth2", "scopes", "name at least one scope")
	return faults
}

// sign wraps next so that every request carries the machine's token.
func (a Auth) sign(next http.RoundTripper, o Options) (http.RoundTripper, error) {
	switch a.Kind {
	case "", "none":
		return next, nil
	case "oauth2":
		secret, err := a.Secret.Read()
		if err != nil {
			return nil, err
		}
		return &bearer{next: next, tokens: &tokens{url: a.TokenURL, next: next, now: o.Now, form: clientSecret(a, secret)}}, nil
	}
	raw, err := a.Key.Read()
	if err != nil {
		return nil, err
	}
	key, err := parseKey(raw)
	if err != nil {
		return nil, err
	}
	if a.Kind == "maskinporten" {
		return &bearer{next: next, tokens: &tokens{url: a.TokenURL, next: next, now: o.Now, form: jwtGrant(a, key, o)}}, nil
	}
	proofs := &prover{key: key, now: o.Now, random: o.Random}
	return &dpop{next: next, proofs: proofs, tokens: &tokens{url: a.TokenURL, next: next, now: o.Now, form: clientAssertion(a, key, o), proofs: proofs}}, nil
}

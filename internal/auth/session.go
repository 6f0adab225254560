package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"time"

	"samsyn/internal/care"
)

// sessionID is the hash by which the store knows a session; "" for no key.
func sessionID(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// seeAgain is how often it is noted that a session is in use.
const seeAgain = time.Minute

// Viewer gives who is signed in. Each request asks anew: a session that was ended, a person
// who left the directory or got another role, is so from the next request on.
func (s *Service) Viewer(r *http.Request) (care.Viewer, error) {
	id := sessionID(s.given(r, sessionCookie))
	if id == "" {
		return care.Viewer{}, no(ReasonSession, "nobody is signed in")
	}
	held, err := s.Store.Session(r.Context(), id)
	switch {
	case errors.Is(err, care.ErrNotFound):
		return care.Viewer{}, no(ReasonSession, "there is no such session")
	case err != nil:
		return care.Viewer{}, away(err)
	}
	now := s.Now()
	if !now.Before(held.Expires) || now.Sub(held.Created) >= s.config.Absolute || now.Sub(held.Seen) >= s.config.Idle {
		if err := s.Store.EndSession(r.Context(), id); err != nil {
			return care.Viewer{}, away(err)
		}
		return care.Viewer{}, no(ReasonSession, "the session has run out")
	}
	v, err := s.holder(held)
	if err != nil {
		return care.Viewer{}, err
	}
	if now.Sub(held.Seen) >= seeAgain {
		if err := s.Store.SeeSession(r.Context(), id, now); err != nil {
			return care.Viewer{}, away(err)
		}
	}
	return v, nil
}

// holder makes the viewer of a session again, from what was proved and what the directory
// and the configuration say now.
func (s *Service) holder(held care.Session) (care.Viewer, error) {
	var p proved
	if err := s.unseal("session", held.ID, held.Facts, &p); err != nil {
		return care.Viewer{}, no(ReasonSession, "%w", err)
	}
	by, ok := s.providers[held.Provider]
	if !ok || by.name != p.Provider || by.Issuer != p.Issuer || by.Kind != p.Kind || p.Level < by.Level {
		return care.Viewer{}, no(ReasonSession, "the provider is not trusted with this any more")
	}
	if by.kind.family {
		return s.family(p, p.As)
	}
	e, ok := s.entry(held.Viewer)
	if !ok {
		return care.Viewer{}, no(ReasonSession, "she is not in the directory any more")
	}
	v, err := s.viewer(e, p)
	if err != nil {
		return care.Viewer{}, no(ReasonSession, "%w", err)
	}
	return v, nil
}

// FormToken is what each form of this session must send back as the field csrf; "" where
// nobody is signed in.
func (s *Service) FormToken(r *http.Request) string {
	secret := s.given(r, sessionCookie)
	if secret == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(hash(s.key, "form", secret))
}

// Guard refuses a request that would change something and was not sent by a page of ours:
// the browser says where it comes from, and where somebody is signed in the form has the
// token of her session. Requests that only read pass.
func (s *Service) Guard(r *http.Request) error {
	if Safe(r) {
		return nil
	}
	if Foreign(r) {
		return no(ReasonForm, "another site's form")
	}
	want := s.FormToken(r)
	if want == "" {
		return nil // there is nobody whose rights could be used
	}
	r.Body = http.MaxBytesReader(nil, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return no(ReasonForm, "the form cannot be read")
	}
	if got := r.PostForm["csrf"]; len(got) != 1 || subtle.ConstantTimeCompare([]byte(got[0]), []byte(want)) != 1 {
		return no(ReasonForm, "the form has not this session's token")
	}
	return nil
}

// Safe tells whether a request only reads.
func Safe(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// Foreign tells whether a browser says that another site sent the request.
func Foreign(r *http.Request) bool {
	if site := r.Header.Values("Sec-Fetch-Site"); len(site) > 0 {
		return len(site) != 1 || site[0] != "same-origin" && site[0] != "none"
	}
	origin := r.Header.Values("Origin")
	if len(origin) == 0 {
		return false
	}
	u, err := url.Parse(origin[0])
	return len(origin) != 1 || err != nil || u.Host != r.Host
}

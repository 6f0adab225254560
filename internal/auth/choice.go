package auth

import (
	"net/http"
	"slices"

	"samsyn/internal/care"
)

// Chosen is no sign-in: who asks says who she is, and is believed. It is for test
// instances on this machine, with synthetic people, and internal/app gives it to no other.
type Chosen struct {
	Viewers []care.Viewer
	// Header, where it is given, must name the viewer; else the cookie som does, and without
	// one the first viewer asks.
	Header string
}

// Viewer gives the one who was chosen. A viewer of a test is as sure as the strongest sign-in.
func (c Chosen) Viewer(r *http.Request) (care.Viewer, error) {
	if c.Header != "" {
		return c.named(r.Header.Get(c.Header))
	}
	if cookie, err := r.Cookie("som"); err == nil {
		if v, err := c.named(cookie.Value); err == nil {
			return v, nil
		}
	}
	if len(c.Viewers) > 0 {
		return c.named(c.Viewers[0].ID)
	}
	return care.Viewer{}, noToken("", "nobody is configured")
}

func (c Chosen) named(id string) (care.Viewer, error) {
	i := slices.IndexFunc(c.Viewers, func(v care.Viewer) bool { return v.ID == id })
	if i < 0 || id == "" {
		return care.Viewer{}, noToken("", "nobody of that name")
	}
	v := c.Viewers[i]
	v.Level = 4
	if v.Purpose == "" {
		v.Purpose = purposes[v.Role]
	}
	return v, nil
}

// MayPush refuses: a choice proves nothing.
func (Chosen) MayPush(*http.Request, string) error {
	return noToken("", "no token")
}

// FormToken is none: there is no session.
func (Chosen) FormToken(*http.Request) string { return "" }

// Guard refuses another site's form.
func (Chosen) Guard(r *http.Request) error {
	if !Safe(r) && Foreign(r) {
		return no(ReasonForm, "another site's form")
	}
	return nil
}

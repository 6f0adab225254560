package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"samsyn/internal/care"
	"samsyn/internal/words"
)

func (h *Handler) language(c echo.Context) words.Lang {
	if cookie, err := c.Cookie("sprak"); err == nil && slices.Contains(words.Langs(), words.Lang(cookie.Value)) {
		return words.Lang(cookie.Value)
	}
	return h.Language
}

// choose keeps a choice (viewer or language) in a cookie and goes back to the page. A
// value that cannot be chosen changes nothing.
func (h *Handler) choose(name string) echo.HandlerFunc {
	return func(c echo.Context) error {
		if value := c.FormValue(name); h.choosable(name, value) {
			c.SetCookie(&http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		}
		return c.Redirect(http.StatusSeeOther, back(c.FormValue("retur")))
	}
}

func (h *Handler) choosable(name, value string) bool {
	if name == "sprak" {
		return slices.Contains(words.Langs(), words.Lang(value))
	}
	return slices.ContainsFunc(h.Viewers, func(v care.Viewer) bool { return v.ID == value })
}

// back is the page to return to: a path of ours, or the first page. Browsers drop
// tabs and line breaks from an address and read a backslash as a slash, so that
// "/\t/elsewhere" would lead away; any such character is refused.
func back(to string) string {
	odd := strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f })
	if odd || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		return "/"
	}
	return to
}

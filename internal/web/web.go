// Package web owns the coordinators' pages: plain HTML that works without script,
// with a keyboard and on paper. It shows what internal/overview answers and knows
// no SQL, no source and no rule of access.
package web

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"samsyn/internal/care"
	"samsyn/internal/overview"
	"samsyn/internal/words"
)

//go:embed templates/*.html static
var files embed.FS

// Overviews answers for a viewer.
type Overviews interface {
	Overview(ctx context.Context, viewer care.Viewer, person care.PersonID, door string) (overview.Answer, error)
	Children(ctx context.Context, viewer care.Viewer, door string) ([]overview.Answer, error)
}

// States tells how each source's connection is.
type States interface {
	SourceStates(ctx context.Context) ([]care.SourceState, error)
}

// Handler serves the pages. All fields are required.
type Handler struct {
	Overviews Overviews
	States    States
	// Viewers are those who may be chosen while there is no sign-in; the first is the default.
	Viewers  []care.Viewer
	Language words.Lang
	Now      func() time.Time
	Zone     *time.Location
	Log      *slog.Logger

	pages map[string]*template.Template
}

// door is the name of these pages in the access log.
const door = "page"

// Mount parses the templates and puts the pages on e.
func (h *Handler) Mount(e *echo.Echo) error {
	h.pages = map[string]*template.Template{}
	for _, name := range []string{"children", "overview", "sources", "error"} {
		t, err := template.ParseFS(files, "templates/layout.html", "templates/"+name+".html")
		if err != nil {
			return fmt.Errorf("web: parse %s: %w", name, err)
		}
		h.pages[name] = t
	}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	g := e.Group("", h.secure, h.translate)
	g.GET("/", h.children)
	g.GET("/barn/:person", h.overview)
	g.GET("/kilder", h.sources)
	g.POST("/som", h.choose("som"))
	g.POST("/sprak", h.choose("sprak"))
	e.GET("/static/*", echo.WrapHandler(http.StripPrefix("/static/", http.FileServerFS(static))), h.secure)
	return nil
}

// secure sets the headers that keep a page to itself: no script, no frame, no cache, no referrer.
func (h *Handler) secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		head := c.Response().Header()
		head.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cache-Control", "no-store")
		return next(c)
	}
}

// translate turns an error into a page, once. Absent and hidden look alike.
func (h *Handler) translate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if err == nil || c.Response().Committed {
			return err
		}
		p := h.page(c)
		status, title, message := http.StatusInternalServerError, p.Say("web.error.title"), ""
		if errors.Is(err, care.ErrNotFound) || errors.Is(err, care.ErrDenied) {
			status, title, message = http.StatusNotFound, p.Say("web.notfound.title"), p.Say("web.notfound")
		} else {
			id := rand.Text()[:8]
			message = p.Say("web.error", "id", id)
			h.Log.Error("page failed", "id", id, "route", c.Path(), "error", err)
		}
		p.Title = title
		return h.render(c, status, "error", struct {
			Page
			Message string
		}{p, message})
	}
}

func (h *Handler) render(c echo.Context, status int, name string, data any) error {
	var b strings.Builder
	if err := h.pages[name].ExecuteTemplate(&b, "layout", data); err != nil {
		return fmt.Errorf("web: render %s: %w", name, err)
	}
	return c.HTML(status, b.String())
}

func (h *Handler) viewer(c echo.Context) care.Viewer {
	if cookie, err := c.Cookie("som"); err == nil {
		for _, v := range h.Viewers {
			if v.ID == cookie.Value {
				return v
			}
		}
	}
	if len(h.Viewers) > 0 {
		return h.Viewers[0]
	}
	return care.Viewer{}
}

// choose keeps a choice (viewer or language) in a cookie and goes back to the page.
func (h *Handler) choose(name string) echo.HandlerFunc {
	return func(c echo.Context) error {
		if site := c.Request().Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
			return c.NoContent(http.StatusForbidden)
		}
		c.SetCookie(&http.Cookie{Name: name, Value: c.FormValue(name), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		back := c.FormValue("retur")
		if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || strings.ContainsAny(back, "\\\r\n") {
			back = "/"
		}
		return c.Redirect(http.StatusSeeOther, back)
	}
}

func (h *Handler) children(c echo.Context) error {
	p := h.page(c)
	answers, err := h.Overviews.Children(c.Request().Context(), p.Viewer, door)
	if err != nil {
		return err
	}
	p.Title = p.Say("web.children")
	data := childrenPage{Page: p}
	for _, a := range answers {
		data.Children = append(data.Children, childOf(a))
	}
	return h.render(c, http.StatusOK, "children", data)
}

func (h *Handler) overview(c echo.Context) error {
	p := h.page(c)
	a, err := h.Overviews.Overview(c.Request().Context(), p.Viewer, care.PersonID(c.Param("person")), door)
	if err != nil {
		return err
	}
	p.Title = a.Overview.Child.Name
	if p.Title == "" {
		p.Title = p.Say("child.unnamed")
	}
	return h.render(c, http.StatusOK, "overview", overviewOf(p, a))
}

func (h *Handler) sources(c echo.Context) error {
	p := h.page(c)
	states, err := h.States.SourceStates(c.Request().Context())
	if err != nil {
		return err
	}
	p.Title = p.Say("section.sources")
	return h.render(c, http.StatusOK, "sources", sourcesOf(p, states))
}

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
	"log/slog"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/gate"
	"samsyn/internal/overview"
	"samsyn/internal/words"
)

//go:embed templates/*.html static
var files embed.FS

// Overviews answers for a viewer.
type Overviews interface {
	Overview(ctx context.Context, r gate.Request, person care.PersonID) (overview.Answer, error)
	Children(ctx context.Context, r gate.Request) ([]overview.Answer, error)
}

// States tells how each source's connection is.
type States interface {
	SourceStates(ctx context.Context) ([]care.SourceState, error)
}

// Handler serves the pages. All fields but Viewers, SignIn, Runs and Compares are required.
type Handler struct {
	Overviews Overviews
	States    States
	// Runs, where it is given, is shown at /kjoringer.
	Runs Runs
	// Compares, where it is given, is shown at /avstemming.
	Compares Compares
	// Rights, where it is given, is behind the pages of who sees what; Finder finds a child
	// by her number, People are those who can be chosen, Topics what a consent can be limited
	// to, and Glass what breaking the glass takes.
	Rights Rights
	Finder Finder
	People []care.Viewer
	Topics []string
	Glass  access.Glass
	// AccessLog, where it is given, is shown at /barn/…/innsyn.
	AccessLog Log
	// Export, where it is given, is what child and guardians take out at /barn/…/eksport.
	Export Export
	// Who tells who asks.
	Who Who
	// SignIn is how people come in; nil in test instances, where Viewers are those among
	// whom one is chosen. Without any, nobody asks, and the pages say so.
	SignIn   SignIn
	Viewers  []care.Viewer
	Language words.Lang
	Now      func() time.Time
	Zone     *time.Location
	Log      *slog.Logger

	pages map[string]*template.Template
}

// parsed is each page's templates. They are in the program and the same for everybody, so they are parsed once.
var parsed = sync.OnceValues(func() (map[string]*template.Template, error) {
	pages := map[string]*template.Template{}
	for _, name := range []string{"children", "overview", "sources", "runs", "compares", "error", "signin", "onward", "refused", "rights", "accesslog", "office", "glass"} {
		t, err := template.ParseFS(files, "templates/layout.html", "templates/lines.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("web: parse %s: %w", name, err)
		}
		pages[name] = t
	}
	return pages, nil
})

// Mount puts the pages on e. Every address that nobody else answers is answered here: as one that is not found.
func (h *Handler) Mount(e *echo.Echo) error {
	var err error
	if h.pages, err = parsed(); err != nil {
		return err
	}
	g := e.Group("", h.secure, h.translate, h.guard)
	h.mountSignIn(g)
	h.mountRights(g)
	h.mountExport(g)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		g.Add(method, "/", h.children, h.members)
		g.Add(method, "/barn/:person", h.overview, h.members)
		g.Add(method, "/kilder", h.sources, h.members)
		if h.Runs != nil {
			g.Add(method, "/kjoringer", h.runs, h.members)
		}
		if h.Compares != nil {
			for _, form := range []string{"", ".json", ".txt"} {
				g.Add(method, "/avstemming"+form, h.compares, h.members)
			}
		}
		g.Add(method, "/static/:file", h.static)
	}
	if h.SignIn == nil {
		g.POST("/som", h.choose("som"))
	}
	g.POST("/sprak", h.choose("sprak"))
	return nil
}

// policy lets a page load its own style and nothing else, run nothing, and send its
// forms to nobody but us (access.md, T12 and T31).
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// secure sets the headers that keep a page to itself: no script, no frame, no cache, no referrer.
func (h *Handler) secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		head := c.Response().Header()
		for _, line := range [][2]string{
			{"Content-Security-Policy", policy},
			{"X-Content-Type-Options", "nosniff"},
			{"X-Frame-Options", "DENY"},
			{"Referrer-Policy", "no-referrer"},
			{"Cross-Origin-Opener-Policy", "same-origin"},
			{"Cross-Origin-Resource-Policy", "same-origin"},
			{"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
			{"Cache-Control", "no-store"},
		} {
			head.Set(line[0], line[1])
		}
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
		var web *echo.HTTPError
		var limited care.Limited
		status := http.StatusInternalServerError
		switch {
		case errors.As(err, &limited):
			status = http.StatusTooManyRequests
			c.Response().Header().Set("Retry-After", limited.Seconds())
		case errors.Is(err, care.ErrNotFound), errors.Is(err, care.ErrDenied):
			status = http.StatusNotFound
		case errors.Is(err, care.ErrUnavailable):
			status = http.StatusServiceUnavailable
		case errors.As(err, &web):
			status = web.Code
		}
		message := p.Say("web.notfound")
		p.Title = p.Say("web.notfound.title")
		if status == http.StatusTooManyRequests {
			p.Title, message = p.Say("web.limited.title"), p.Say("web.limited")
		}
		if status >= http.StatusInternalServerError {
			id := rand.Text()[:8]
			p.Title, message = p.Say("web.error.title"), p.Say("web.error", "id", id)
			h.Log.Error("page failed", "id", id, "route", c.Path(), "error", err)
		}
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

// static gives one of the few files that pages need; folders are not listed.
func (h *Handler) static(c echo.Context) error {
	name := c.Param("file")
	body, err := files.ReadFile("static/" + path.Base(name))
	if err != nil {
		return fmt.Errorf("static file: %w", care.ErrNotFound)
	}
	return c.Blob(http.StatusOK, mime.TypeByExtension(path.Ext(name)), body)
}

// request is what a page asks for.
func request(p Page) gate.Request {
	r := gate.Request{Viewer: p.Viewer, Door: audit.DoorPage}
	if p.Glass { // she says so herself, and the decision asks whether a session is open
		r.Purpose = care.PurposeBTG
	}
	return r
}

func (h *Handler) children(c echo.Context) error {
	p := h.page(c)
	p.Title = p.Say("web.children")
	data := childrenPage{Page: p}
	if h.asked(c).err == nil {
		answers, err := h.Overviews.Children(c.Request().Context(), request(p))
		if err != nil {
			return err
		}
		for _, a := range answers {
			data.Children = append(data.Children, p.childOf(a))
		}
	}
	return h.render(c, http.StatusOK, "children", data)
}

func (h *Handler) overview(c echo.Context) error {
	p := h.page(c)
	a, err := h.Overviews.Overview(c.Request().Context(), request(p), care.PersonID(c.Param("person")))
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
	return h.render(c, http.StatusOK, "sources", sourcesOf(p, states, h.Runs != nil))
}

package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"samsyn/internal/auth"
	"samsyn/internal/care"
)

// Who tells who asks, and whether a form was sent by a page of ours.
type Who interface {
	Viewer(r *http.Request) (care.Viewer, error)
	FormToken(r *http.Request) string
	Guard(r *http.Request) error
}

// SignIn lets people in and out.
type SignIn interface {
	Offers() []auth.Offer
	Start(w http.ResponseWriter, r *http.Request, provider, as, back string) (to string, err error)
	Finish(w http.ResponseWriter, r *http.Request) (back string, err error)
	End(w http.ResponseWriter, r *http.Request) (to string, err error)
}

// Addresses of sign-in.
const (
	signInPath = "/logginn"
	startPath  = "/auth/start"
)

// mountSignIn puts sign-in on g.
func (h *Handler) mountSignIn(g *echo.Group) {
	if h.SignIn == nil {
		return
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		g.Add(method, signInPath, h.offers)
	}
	g.POST(startPath, h.start)
	g.GET("/auth/callback", h.finish)
	g.POST("/auth/logout", h.end)
}

// asked is who asks, looked up once for each request.
type asked struct {
	viewer care.Viewer
	err    error
}

func (h *Handler) asked(c echo.Context) asked {
	if known, ok := c.Get("asked").(asked); ok {
		return known
	}
	v, err := h.Who.Viewer(c.Request())
	if err != nil {
		v = care.Viewer{}
	}
	known := asked{v, err}
	c.Set("asked", known)
	return known
}

// members lets those in who are signed in; others are led to sign-in, and back after. A
// page that another site led to comes without the cookie, which no other site may send:
// it asks for itself once more, and then it is ours that asks.
func (h *Handler) members(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := h.asked(c).err
		if err == nil || h.SignIn == nil && errors.Is(err, care.ErrDenied) {
			return next(c)
		}
		if !errors.Is(err, care.ErrDenied) {
			return err
		}
		path := back(c.Request().URL.Path)
		if c.Request().Header.Get("Sec-Fetch-Site") == "cross-site" {
			return h.goOn(c, path)
		}
		return c.Redirect(http.StatusSeeOther, signInPath+"?"+url.Values{"retur": {path}}.Encode())
	}
}

// guard refuses forms of others. Choosing a language and beginning to sign in use nobody's
// rights, so they need no token of a session.
func (h *Handler) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		var err error
		if p := r.URL.Path; p == "/sprak" || p == startPath {
			if auth.Foreign(r) {
				return c.NoContent(http.StatusForbidden)
			}
		} else if err = h.Who.Guard(r); errors.Is(err, care.ErrDenied) {
			return c.NoContent(http.StatusForbidden)
		}
		if err != nil {
			return err
		}
		return next(c)
	}
}

// onward is a page that leads on by itself, as one of ours, so that the browser sends our
// cookies. Next is where to.
type onward struct{ Page }

func (h *Handler) goOn(c echo.Context, to string) error {
	p := h.page(c)
	p.Title, p.Next = p.Say("signin.onward"), to
	return h.render(c, http.StatusOK, "onward", onward{p})
}

type offersPage struct {
	Page
	Offers []auth.Offer
	Back   string
}

func (h *Handler) offers(c echo.Context) error {
	p := h.page(c)
	p.Title = p.Say("signin.title")
	return h.render(c, http.StatusOK, "signin", offersPage{p, h.SignIn.Offers(), back(c.QueryParam("retur"))})
}

func (h *Handler) start(c echo.Context) error {
	to, err := h.SignIn.Start(c.Response(), c.Request(), c.FormValue("provider"), c.FormValue("as"), back(c.FormValue("retur")))
	if err != nil {
		return h.refused(c, err)
	}
	return h.goOn(c, to)
}

func (h *Handler) finish(c echo.Context) error {
	to, err := h.SignIn.Finish(c.Response(), c.Request())
	if err != nil {
		return h.refused(c, err)
	}
	return h.goOn(c, back(to))
}

func (h *Handler) end(c echo.Context) error {
	to, err := h.SignIn.End(c.Response(), c.Request())
	if err != nil {
		return h.refused(c, err)
	}
	if to == "" {
		to = signInPath
	}
	c.Set("asked", asked{err: care.ErrDenied}) // she is nobody now
	return h.goOn(c, to)
}

// refused says why somebody was not let in, and logs it by the reason alone.
func (h *Handler) refused(c echo.Context, err error) error {
	var r *auth.Refusal
	if !errors.As(err, &r) {
		return err
	}
	h.Log.Warn("sign-in refused", "error", err)
	status, _ := r.Challenge()
	p := h.page(c)
	p.Title = p.Say("signin.refused")
	return h.render(c, status, "refused", struct {
		Page
		Message string
	}{p, p.Say("signin.refused." + string(r.Reason))})
}

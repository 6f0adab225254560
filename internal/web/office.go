package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/rights"
)

// officePage is the work of koordinerende enhet and revisor: who coordinates for whom, what
// they must hear of, and the emergency sessions that wait for a review.
type officePage struct {
	Page
	Children []appointed
	People   []care.Viewer
	Notices  []care.Notice
	Waiting  []rights.Reviewable
	Unions   []care.Union
	Message  string
	Form     url.Values
}

// appointed is a child with those who are appointed for her.
type appointed struct {
	Person       care.PersonID
	Child        consolidate.Child
	Appointments []care.Appointment
}

// Called gives the name of one of the people, or the id where nobody has it.
func (p officePage) Called(id string) string {
	return rightsPage{Page: p.Page, People: p.People}.Called(id)
}

// Coordinators are those who may be appointed.
func (p officePage) Appointable() []care.Viewer {
	return slices.DeleteFunc(slices.Clone(p.People), func(v care.Viewer) bool { return v.Role != care.RoleKoordinator && v.Role != care.RoleTjenesteyter })
}

// Name gives a child's name as koordinerende enhet may know it.
func (p officePage) Name(person care.PersonID) string {
	i := slices.IndexFunc(p.Children, func(a appointed) bool { return a.Person == person })
	if i < 0 || p.Children[i].Child.Name == "" {
		return p.Say("child.unnamed")
	}
	return p.Children[i].Child.Name
}

func (h *Handler) officeOf(c echo.Context) (officePage, error) {
	p := h.page(c)
	p.Title = p.Say("office.title")
	out := officePage{Page: p, People: h.People, Form: url.Values{}}
	if !p.Reviews() {
		return out, care.ErrNotFound
	}
	ctx, r := c.Request().Context(), h.request(c, p)
	var err error
	if out.Notices, err = h.Rights.Notices(ctx, r); err != nil {
		return out, err
	}
	if out.Waiting, err = h.Rights.Reviews(ctx, r); err != nil || !p.Appoints() {
		return out, err
	}
	answers, err := h.Overviews.Children(ctx, r)
	if err != nil {
		return out, err
	}
	if out.Unions, err = h.Rights.Unions(ctx, r); err != nil {
		return out, err
	}
	for _, a := range answers {
		one := appointed{Person: a.Overview.Person, Child: a.Overview.Child}
		held, err := h.Rights.All(ctx, r, one.Person)
		if err != nil {
			return out, err
		}
		one.Appointments = slices.DeleteFunc(held.Appointments, func(x care.Appointment) bool { return !p.Active(x.Until, x.Ended) })
		out.Children = append(out.Children, one)
	}
	return out, nil
}

func (h *Handler) office(c echo.Context) error {
	out, err := h.officeOf(c)
	if err != nil {
		return err
	}
	return h.render(c, http.StatusOK, "office", out)
}

// officeDone leads back, or shows what was wrong.
func (h *Handler) officeDone(c echo.Context, err error) error {
	switch {
	case err == nil:
		return c.Redirect(http.StatusSeeOther, "/kontor")
	case !errors.Is(err, care.ErrInvalid) && !errors.Is(err, care.ErrNotFound):
		return err
	}
	out, again := h.officeOf(c)
	if again != nil {
		return again
	}
	out.Message, out.Form = out.Say("rights.invalid", "what", h.fault(out.Page, err)), form(c)
	return h.render(c, http.StatusUnprocessableEntity, "office", out)
}

// appoint ties somebody to a child who is named by her whole national number, or who is on
// the page already.
func (h *Handler) appoint(c echo.Context) error {
	p, v := h.page(c), form(c)
	if !p.Appoints() {
		return care.ErrNotFound
	}
	person := care.PersonID(v.Get("barn"))
	if number := strings.ReplaceAll(v.Get("nummer"), " ", ""); number != "" {
		var err error
		if person, err = h.Finder.Find(c.Request().Context(), number); err != nil {
			return h.officeDone(c, errors.Join(care.ErrInvalid, errNumber))
		}
	}
	a := care.Appointment{Person: person, Viewer: v.Get("hvem"), Reason: v.Get("begrunnelse"), From: h.day(v.Get("fra_dag"))}
	if i := slices.IndexFunc(h.People, func(o care.Viewer) bool { return o.ID == a.Viewer }); i >= 0 {
		a.Role = h.People[i].Role
	}
	if until := h.day(v.Get("til_og_med")); !until.IsZero() {
		a.Until = until.AddDate(0, 0, 1)
	}
	_, err := h.Rights.Appoint(c.Request().Context(), h.request(c, p), a)
	return h.officeDone(c, err)
}

// errNumber names the field; the number itself is never repeated.
var errNumber = errors.New("number: nobody has it")

func (h *Handler) review(c echo.Context) error {
	p, v := h.page(c), form(c)
	if !p.Reviews() {
		return care.ErrNotFound
	}
	return h.officeDone(c, h.Rights.Review(c.Request().Context(), h.request(c, p), care.PersonID(v.Get("barn")), v.Get("okt"), v.Get("funn")))
}

// sameChild says that two who were united are one child; it counts when two have said it.
func (h *Handler) sameChild(c echo.Context) error {
	p, v := h.page(c), form(c)
	if !p.Appoints() {
		return care.ErrNotFound
	}
	return h.officeDone(c, h.Rights.ConfirmMerge(c.Request().Context(), h.request(c, p), care.PersonID(v.Get("barn")), care.PersonID(v.Get("forent"))))
}

// lowerAddress lets a child's address be as protected as the sources say now.
func (h *Handler) lowerAddress(c echo.Context) error {
	p, v := h.page(c), form(c)
	if !p.Appoints() {
		return care.ErrNotFound
	}
	return h.officeDone(c, h.Rights.LowerAddress(c.Request().Context(), h.request(c, p), care.PersonID(v.Get("barn"))))
}

// glassPage is the form that opens an emergency session.
type glassPage struct {
	Page
	Codes   []string
	Longest int // characters that the reason must have
	Message string
	Form    url.Values
}

func (h *Handler) emergency(c echo.Context) error {
	p := h.page(c)
	if !p.Staff() {
		return care.ErrNotFound
	}
	p.Title = p.Say("glass.title")
	return h.render(c, http.StatusOK, "glass", glassPage{Page: p, Codes: h.Glass.Codes, Longest: h.Glass.Reason, Form: url.Values{}})
}

// breakGlass opens what the table says for one child, who is named by her whole number, for
// an hour at the most, and shows it.
func (h *Handler) breakGlass(c echo.Context) error {
	p, v := h.page(c), form(c)
	if !p.Staff() {
		return care.ErrNotFound
	}
	person, err := h.Finder.Find(c.Request().Context(), strings.ReplaceAll(v.Get("nummer"), " ", ""))
	if errors.Is(err, care.ErrInvalid) || errors.Is(err, care.ErrNotFound) {
		person, err = "nobody", nil // the way is the same, and the log tells of it
	}
	if err == nil {
		_, err = h.Rights.BreakGlass(c.Request().Context(), h.request(c, p), person, rights.Emergency{Code: v.Get("kode"), Reason: v.Get("begrunnelse"), Told: v.Get("forstatt") == "ja"})
	}
	switch {
	case err == nil:
		return c.Redirect(http.StatusSeeOther, "/barn/"+url.PathEscape(string(person))+"?nod=ja")
	case !errors.Is(err, care.ErrInvalid) && !errors.Is(err, care.ErrNotFound) && !errors.Is(err, care.ErrDenied):
		return err
	}
	p.Title = p.Say("glass.title")
	v.Del("nummer")
	message := p.Say("glass.refused")
	if errors.Is(err, care.ErrInvalid) {
		message = p.Say("rights.invalid", "what", h.fault(p, err))
	}
	return h.render(c, http.StatusUnprocessableEntity, "glass", glassPage{Page: p, Codes: h.Glass.Codes, Longest: h.Glass.Reason, Message: message, Form: v})
}

func (h *Handler) endGlass(c echo.Context) error {
	if err := h.Rights.EndBreakGlass(c.Request().Context(), h.request(c, h.page(c)), care.PersonID(c.Param("person")), c.Param("id")); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/")
}

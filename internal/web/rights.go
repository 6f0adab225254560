package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/gate"
	"samsyn/internal/rights"
)

// Registered tells what is registered about a child, and who would see what.
type Registered interface {
	All(ctx context.Context, r gate.Request, person care.PersonID) (care.Rights, error)
	Preview(ctx context.Context, r gate.Request, viewer care.Viewer, person care.PersonID, with care.Rights) ([]access.Explanation, error)
}

// Consents registers what the entitled say yes and no to.
type Consents interface {
	Propose(ctx context.Context, r gate.Request, c care.Consent) (care.Consent, error)
	Sign(ctx context.Context, r gate.Request, person care.PersonID, id string, s care.Signature) (care.Consent, error)
	Withdraw(ctx context.Context, r gate.Request, person care.PersonID, id string, party care.Party, signer, reason string) (care.Consent, error)
	Renew(ctx context.Context, r gate.Request, person care.PersonID, id string, until time.Time, textVersion, language string) (care.Consent, error)
}

// Shields registers what is kept from somebody.
type Shields interface {
	Block(ctx context.Context, r gate.Request, b care.Block) (care.Block, error)
	Lift(ctx context.Context, r gate.Request, person care.PersonID, id string) error
	Withhold(ctx context.Context, r gate.Request, w care.Withheld) (care.Withheld, error)
	Release(ctx context.Context, r gate.Request, person care.PersonID, id string) error
}

// Office is the work of koordinerende enhet and revisor.
type Office interface {
	Appoint(ctx context.Context, r gate.Request, a care.Appointment) (care.Appointment, error)
	EndAppointment(ctx context.Context, r gate.Request, person care.PersonID, id, reason string) error
	Notices(ctx context.Context, r gate.Request) ([]care.Notice, error)
	Reviews(ctx context.Context, r gate.Request) ([]rights.Reviewable, error)
	Review(ctx context.Context, r gate.Request, person care.PersonID, id, found string) error
	Unions(ctx context.Context, r gate.Request) ([]care.Union, error)
	ConfirmMerge(ctx context.Context, r gate.Request, survivor, merged care.PersonID) error
	LowerAddress(ctx context.Context, r gate.Request, person care.PersonID) error
}

// Glass opens and ends an emergency session.
type Glass interface {
	BreakGlass(ctx context.Context, r gate.Request, person care.PersonID, e rights.Emergency) (care.BreakGlass, error)
	EndBreakGlass(ctx context.Context, r gate.Request, person care.PersonID, id string) error
}

// Rights is all of it.
type Rights interface {
	Registered
	Consents
	Shields
	Office
	Glass
}

// Finder finds a child by her whole national number; care.ErrNotFound where there is none.
type Finder interface {
	Find(ctx context.Context, number string) (care.PersonID, error)
}

// Log gives who has seen what, as child and guardians may read it.
type Log interface {
	AccessLog(ctx context.Context, r gate.Request, person care.PersonID) ([]audit.Line, error)
}

// consentText is the text that is read before a consent is signed (words "consent.text").
const consentText = "samtykke-2026-1"

func (h *Handler) mountRights(g *echo.Group) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if h.AccessLog != nil {
			g.Add(method, "/barn/:person/innsyn", h.accessLog, h.members)
		}
		if h.Rights == nil {
			continue
		}
		g.Add(method, "/barn/:person/tilgang", h.registered, h.members)
		g.Add(method, "/kontor", h.office, h.members)
		g.Add(method, "/nod", h.emergency, h.members)
	}
	if h.Rights == nil {
		return
	}
	for path, f := range map[string]echo.HandlerFunc{
		"/barn/:person/samtykke":             h.propose,
		"/barn/:person/samtykke/:id/signer":  h.sign,
		"/barn/:person/samtykke/:id/trekk":   h.withdraw,
		"/barn/:person/samtykke/:id/forny":   h.renew,
		"/barn/:person/sperring":             h.block,
		"/barn/:person/sperring/:id/opphev":  h.lift,
		"/barn/:person/holdtilbake":          h.withhold,
		"/barn/:person/holdtilbake/:id/del":  h.release,
		"/barn/:person/oppnevning/:id/slutt": h.endAppointment,
		"/kontor/oppnevn":                    h.appoint,
		"/kontor/gjennomgang":                h.review,
		"/kontor/samme":                      h.sameChild,
		"/kontor/adresse":                    h.lowerAddress,
		"/nod":                               h.breakGlass,
		"/barn/:person/nod/:id/slutt":        h.endGlass,
	} {
		g.POST(path, f, h.members)
	}
}

// request is who asks, through the pages.
func (h *Handler) request(c echo.Context, p Page) gate.Request {
	r := request(p)
	r.RequestID = c.Request().Header.Get(echo.HeaderXRequestID)
	return r
}

// rightsPage is what is registered about a child, with what the viewer may do about it.
type rightsPage struct {
	Page
	Person   care.PersonID
	Rights   care.Rights
	People   []care.Viewer // among whom somebody is chosen
	For      string        // whose view is explained
	Explains []access.Explanation
	Topics   []string
	Message  string
	// Proposed is a consent that is about to be registered, with what it would open, by receiver.
	Proposed *care.Consent
	Would    []would
	Form     url.Values
}

// would is what a receiver would see if the consent were signed by all.
type would struct {
	Viewer   care.Viewer
	Explains []access.Explanation
}

// Services are those whose words can be shared.
func (p rightsPage) Services() []care.Service { return care.Services() }

// Family tells whether child or guardian asks; Staff whether one who works for the child does.
func (p Page) Family() bool {
	return p.Viewer.Role == care.RoleBarn || p.Viewer.Role == care.RoleForesatt
}
func (p Page) Staff() bool {
	return p.Viewer.Role == care.RoleKoordinator || p.Viewer.Role == care.RoleTjenesteyter
}

// Child, Coordinates, Appoints and Reviews tell which part of a page is the viewer's.
func (p Page) IsChild() bool     { return p.Viewer.Role == care.RoleBarn }
func (p Page) Appoints() bool    { return p.Viewer.Role == care.RoleKoordinerendeEnhet }
func (p Page) Reviews() bool     { return p.Appoints() || p.Viewer.Role == care.RoleRevisor }
func (p Page) MayWithhold() bool { return p.IsChild() || p.Staff() }

// Called gives the name of one of the people, or the id where nobody has it.
func (p rightsPage) Called(id string) string {
	if i := slices.IndexFunc(p.People, func(v care.Viewer) bool { return v.ID == id }); i >= 0 {
		return p.People[i].Name
	}
	return id
}

// Day writes the day of an instant; "" where there is none.
func (p Page) Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return p.Date(t.In(p.zone))
}

// Runs tells whether something that ends at one of the instants is running.
func (p Page) Active(ends ...time.Time) bool {
	return !slices.ContainsFunc(ends, func(t time.Time) bool { return !t.IsZero() && !p.Now.Before(t) })
}

// Services names services.
func (p Page) Names(all []care.Service) string {
	var out []string
	for _, s := range all {
		out = append(out, p.Say("service."+string(s)))
	}
	return strings.Join(out, ", ")
}

// To names a receiver.
func (p rightsPage) To(r care.Receiver) string {
	var out []string
	if r.Viewer != "" {
		out = append(out, p.Called(r.Viewer))
	}
	if r.Role != "" {
		out = append(out, p.Say("audit.role."+string(r.Role)))
	}
	if r.Service != "" {
		out = append(out, p.Say("service."+string(r.Service)))
	}
	return strings.Join(out, ", ")
}

// Why says in words why a service's words are seen or not.
func (p Page) Why(e access.Explanation) string {
	key := "access.rule." + string(e.Rule)
	if !p.Has(key) {
		key = "access.rule.other"
	}
	text := p.Say(key)
	if c := "access.change." + string(e.Change); !e.Allowed && e.Change != "" && p.Has(c) {
		text += " " + p.Say(c)
	}
	return text
}

// Laws names the grounds of an explanation.
func (p Page) Laws(e access.Explanation) string {
	var out []string
	for _, g := range e.Grounds {
		if text := g.Text + " (" + strings.ReplaceAll(g.Law, " ◇", "") + ")"; !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return strings.Join(out, " ")
}

// Explaining is the page with other explanations, for a part of a template.
func (p rightsPage) Explaining(all []access.Explanation) rightsPage {
	p.Explains = all
	return p
}

// Broken gives the viewer's own emergency sessions that are open.
func (p rightsPage) Broken() []care.BreakGlass {
	var out []care.BreakGlass
	for _, b := range p.Rights.BreakGlass {
		if p.Active(b.Until, b.Ended) {
			out = append(out, b)
		}
	}
	return out
}

// Had tells whether a form that is shown again had a value.
func (p rightsPage) Had(name, value string) bool { return slices.Contains(p.Form[name], value) }

// consentForm is what the part of a form needs that says who signed.
type consentForm struct {
	rightsPage
	ID      string
	Signers []signer
}

// signer is one of the guardians who may have signed.
type signer struct{ ID, Name string }

// ForConsent is the form about who signed a consent.
func (p rightsPage) ForConsent(c care.Consent) consentForm {
	out := consentForm{rightsPage: p, ID: c.ID}
	for i, g := range p.Rights.Guardians {
		id := g.Viewer
		if id == "" {
			id = string(g.Person)
		}
		name := p.Called(id)
		if name == id {
			name = p.Say("rights.guardian", "number", strconv.Itoa(i+1), "code", p.Say("parental."+string(g.Code)))
		}
		out.Signers = append(out.Signers, signer{id, name})
	}
	for _, v := range p.People {
		if v.Service == care.Barnevern && v.ID == p.Viewer.ID {
			out.Signers = append(out.Signers, signer{v.ID, v.Name})
		}
	}
	return out
}

func (h *Handler) rightsOf(c echo.Context) (rightsPage, error) {
	p := h.page(c)
	p.Title = p.Say("rights.title")
	out := rightsPage{Page: p, Person: care.PersonID(c.Param("person")), Topics: h.Topics, Form: url.Values{}}
	if !p.Family() {
		out.People = h.People
	}
	var err error
	out.Rights, err = h.Rights.All(c.Request().Context(), h.request(c, p), out.Person)
	return out, err
}

func (h *Handler) registered(c echo.Context) error {
	out, err := h.rightsOf(c)
	if err != nil {
		return err
	}
	if out.For = c.QueryParam("for"); out.For != "" {
		i := slices.IndexFunc(out.People, func(v care.Viewer) bool { return v.ID == out.For })
		if i < 0 {
			return care.ErrNotFound
		}
		out.Explains, err = h.Rights.Preview(c.Request().Context(), h.request(c, out.Page), out.People[i], out.Person, care.Rights{})
		if err != nil {
			return err
		}
	}
	return h.render(c, http.StatusOK, "rights", out)
}

// told shows the page again with what was wrong; other errors go on.
func (h *Handler) told(c echo.Context, err error) error {
	if !errors.Is(err, care.ErrInvalid) {
		return err
	}
	out, again := h.rightsOf(c)
	if again != nil {
		return again
	}
	out.Message, out.Form = out.Say("rights.invalid", "what", h.fault(out.Page, err)), form(c)
	return h.render(c, http.StatusUnprocessableEntity, "rights", out)
}

// fault names the field that was wrong, in our words where we have them.
func (h *Handler) fault(p Page, err error) string {
	text := err.Error()
	for _, field := range []string{"signatures", "services", "topics", "purpose", "receiver", "until", "text", "language", "voluntary", "signer", "reason", "viewer", "against", "extent", "code", "told", "found", "number"} {
		if strings.Contains(text, field) {
			return p.Say("rights.field." + field)
		}
	}
	return p.Say("rights.field.other")
}

func form(c echo.Context) url.Values {
	v, err := c.FormParams()
	if err != nil {
		return url.Values{}
	}
	return v
}

// done leads back to the page that shows what was done.
func (h *Handler) done(c echo.Context, err error) error {
	if err != nil {
		return h.told(c, err)
	}
	return c.Redirect(http.StatusSeeOther, "/barn/"+url.PathEscape(c.Param("person"))+"/tilgang")
}

// day reads a day of a form as the instant at which it begins.
func (h *Handler) day(text string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, text, h.Zone)
	if err != nil {
		return time.Time{}
	}
	return t
}

// proposal reads the form of a consent.
func (h *Handler) proposal(c echo.Context, p Page) care.Consent {
	v := form(c)
	out := care.Consent{Person: care.PersonID(c.Param("person")), Topics: v["tema"], Purpose: care.Purpose(v.Get("formal")), TextVersion: consentText, Language: string(p.Lang()),
		Voluntary: v.Get("frivillig") == "ja"}
	for _, s := range v["fra"] {
		out.Origins = append(out.Origins, care.Service(s))
	}
	for _, to := range v["til"] {
		out.Receivers = append(out.Receivers, care.Receiver{Viewer: to})
	}
	for _, to := range v["tjeneste"] {
		out.Receivers = append(out.Receivers, care.Receiver{Role: care.RoleTjenesteyter, Service: care.Service(to)})
	}
	if until := h.day(v.Get("til_og_med")); !until.IsZero() {
		out.Until = until.AddDate(0, 0, 1)
	}
	return out
}

// propose first shows what a consent would open, and for whom; only then is it kept.
func (h *Handler) propose(c echo.Context) error {
	p := h.page(c)
	asked := h.proposal(c, p)
	if c.FormValue("bekreftet") == "ja" {
		_, err := h.Rights.Propose(c.Request().Context(), h.request(c, p), asked)
		return h.done(c, err)
	}
	out, err := h.rightsOf(c)
	if err != nil {
		return err
	}
	out.Proposed, out.Form = &asked, form(c)
	for _, r := range asked.Receivers {
		v := care.Viewer{ID: "-", Role: r.Role, Service: r.Service, Tenant: p.Viewer.Tenant, Level: 4}
		if i := slices.IndexFunc(out.People, func(v care.Viewer) bool { return v.ID == r.Viewer }); r.Viewer != "" && i >= 0 {
			v = out.People[i]
			v.Level = 4 // as she is when she has signed in
		} else if r.Viewer != "" {
			continue
		}
		active := asked
		active.ID, active.Status, active.From = "proposed", care.ConsentActive, out.Now
		explains, err := h.Rights.Preview(c.Request().Context(), h.request(c, p), v, out.Person, care.Rights{Consents: []care.Consent{active}})
		if err != nil {
			return err
		}
		out.Would = append(out.Would, would{v, explains})
	}
	return h.render(c, http.StatusOK, "rights", out)
}

func (h *Handler) sign(c echo.Context) error {
	p, v := h.page(c), form(c)
	_, err := h.Rights.Sign(c.Request().Context(), h.request(c, p), care.PersonID(c.Param("person")), c.Param("id"),
		care.Signature{Party: care.Party(v.Get("part")), Signer: v.Get("hvem"), How: v.Get("hvordan")})
	return h.done(c, err)
}

func (h *Handler) withdraw(c echo.Context) error {
	p, v := h.page(c), form(c)
	_, err := h.Rights.Withdraw(c.Request().Context(), h.request(c, p), care.PersonID(c.Param("person")), c.Param("id"), care.Party(v.Get("part")), v.Get("hvem"), v.Get("begrunnelse"))
	return h.done(c, err)
}

func (h *Handler) renew(c echo.Context) error {
	p := h.page(c)
	until := h.day(c.FormValue("til_og_med"))
	if !until.IsZero() {
		until = until.AddDate(0, 0, 1)
	}
	_, err := h.Rights.Renew(c.Request().Context(), h.request(c, p), care.PersonID(c.Param("person")), c.Param("id"), until, consentText, string(p.Lang()))
	return h.done(c, err)
}

func (h *Handler) block(c echo.Context) error {
	p, v := h.page(c), form(c)
	b := care.Block{Person: care.PersonID(c.Param("person")), Viewer: v.Get("hvem"), Group: care.Service(v.Get("gruppe")), Extent: care.BlockAll}
	b.All = b.Viewer == "" && b.Group == ""
	if s := care.Service(v.Get("tjeneste")); s != "" {
		b.Extent, b.Service = care.BlockService, s
	}
	_, err := h.Rights.Block(c.Request().Context(), h.request(c, p), b)
	return h.done(c, err)
}

func (h *Handler) lift(c echo.Context) error {
	return h.done(c, h.Rights.Lift(c.Request().Context(), h.request(c, h.page(c)), care.PersonID(c.Param("person")), c.Param("id")))
}

func (h *Handler) withhold(c echo.Context) error {
	_, err := h.Rights.Withhold(c.Request().Context(), h.request(c, h.page(c)), care.Withheld{Person: care.PersonID(c.Param("person")), Service: care.Service(c.FormValue("tjeneste"))})
	return h.done(c, err)
}

func (h *Handler) release(c echo.Context) error {
	return h.done(c, h.Rights.Release(c.Request().Context(), h.request(c, h.page(c)), care.PersonID(c.Param("person")), c.Param("id")))
}

func (h *Handler) endAppointment(c echo.Context) error {
	err := h.Rights.EndAppointment(c.Request().Context(), h.request(c, h.page(c)), care.PersonID(c.Param("person")), c.Param("id"), c.FormValue("begrunnelse"))
	return h.done(c, err)
}

// logPage is who has seen what of a child.
type logPage struct {
	Page
	Person care.PersonID
	Lines  []audit.Line
}

func (h *Handler) accessLog(c echo.Context) error {
	p := h.page(c)
	p.Title = p.Say("audit.title")
	out := logPage{Page: p, Person: care.PersonID(c.Param("person"))}
	var err error
	if out.Lines, err = h.AccessLog.AccessLog(c.Request().Context(), h.request(c, p), out.Person); err != nil {
		return err
	}
	return h.render(c, http.StatusOK, "accesslog", out)
}

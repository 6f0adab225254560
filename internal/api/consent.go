package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"samsyn/internal/care"
	"samsyn/internal/consent"
	"samsyn/internal/gate"
)

// Registry keeps consents: what is registered, a new one, and the same once more.
type Registry interface {
	All(ctx context.Context, r gate.Request, person care.PersonID) (care.Rights, error)
	Propose(ctx context.Context, r gate.Request, c care.Consent) (care.Consent, error)
	Renew(ctx context.Context, r gate.Request, person care.PersonID, id string, until time.Time, textVersion, language string) (care.Consent, error)
}

// Answers registers what a party says to a consent.
type Answers interface {
	Sign(ctx context.Context, r gate.Request, person care.PersonID, id string, s care.Signature) (care.Consent, error)
	Withdraw(ctx context.Context, r gate.Request, person care.PersonID, id string, party care.Party, signer, reason string) (care.Consent, error)
	Reject(ctx context.Context, r gate.Request, person care.PersonID, id string, party care.Party, signer, reason string) (care.Consent, error)
}

// Consents is both.
type Consents interface {
	Registry
	Answers
}

// mountConsents puts FHIR Consent on g: search by child, create (a proposal), and update. An
// update changes one thing, by the status it asks for: active is a yes, inactive takes it
// back, rejected is a no, and proposed with another end renews it. Whose yes or no it is
// stands in the last verification, and for family it is her own.
func (h *Handler) mountConsents(g *echo.Group) {
	route(g, "/Consent", h.consent, []string{http.MethodGet, http.MethodHead, http.MethodPost}, h.signed, middleware.BodyLimit(maxAsked))
	route(g, "/Consent/:id", h.answerConsent, []string{http.MethodPut}, h.signed, middleware.BodyLimit(maxAsked))
}

func (h *Handler) consent(c echo.Context) error {
	a, err := h.asking(c)
	if err != nil {
		return err
	}
	if c.Request().Method == http.MethodPost {
		return h.proposeConsent(c, a)
	}
	query := c.QueryParams()
	if len(query) != 1 || len(query["patient"]) != 1 {
		return fmt.Errorf("search Consent: patient=… is the one parameter: %w", care.ErrInvalid)
	}
	person := care.PersonID(strings.TrimPrefix(query.Get("patient"), "Patient/"))
	held, err := h.Consents.All(c.Request().Context(), a.Request, person)
	if err != nil {
		return err
	}
	b := bundle{kind: "searchset", total: len(held.Consents), links: []link{{"self", a.base + "/Consent?" + url.Values{"patient": {string(person)}}.Encode()}}}
	slices.SortFunc(held.Consents, func(x, y care.Consent) int { return strings.Compare(x.ID, y.ID) })
	for _, k := range held.Consents {
		r, err := consent.ToFHIR(k)
		if err != nil {
			return err
		}
		b.add(a.base, "match", r)
	}
	b.entries = append(b.entries, entry{Resource: incomplete, Search: &entrySearch{"outcome"}})
	r, err := b.reply()
	if err != nil {
		return err
	}
	return h.write(c, r)
}

func (h *Handler) proposeConsent(c echo.Context, a asking) error {
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return fmt.Errorf("read the consent: %w", err)
	}
	k, err := consent.FromFHIR(body)
	if err != nil {
		return err
	}
	if k.Status != care.ConsentProposed {
		return fmt.Errorf("a new consent is proposed; it is active when everybody has signed: %w", care.ErrInvalid)
	}
	k.ID = "" // ids are the server's: one that is taken would tell of what is there
	made, err := h.Consents.Propose(c.Request().Context(), a.Request, k)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, a.base+"/Consent/"+made.ID)
	return h.writeConsent(c, http.StatusCreated, made)
}

func (h *Handler) answerConsent(c echo.Context) error {
	a, err := h.asking(c)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return fmt.Errorf("read the consent: %w", err)
	}
	k, err := consent.ReadAll(body)
	if err != nil {
		return err
	}
	if k.ID != c.Param("id") {
		return fmt.Errorf("the id is not that of the address: %w", care.ErrInvalid)
	}
	var said care.Signature
	if n := len(k.Signatures); n > 0 {
		said = k.Signatures[n-1]
	}
	ctx := c.Request().Context()
	switch k.Status {
	case care.ConsentActive:
		k, err = h.Consents.Sign(ctx, a.Request, k.Person, k.ID, care.Signature{Party: said.Party, Signer: said.Signer, How: said.How})
	case care.ConsentWithdrawn:
		k, err = h.Consents.Withdraw(ctx, a.Request, k.Person, k.ID, said.Party, said.Signer, "")
	case care.ConsentRejected:
		k, err = h.Consents.Reject(ctx, a.Request, k.Person, k.ID, said.Party, said.Signer, "")
	case care.ConsentProposed:
		k, err = h.Consents.Renew(ctx, a.Request, k.Person, k.ID, k.Until, k.TextVersion, k.Language)
	default:
		return fmt.Errorf("a consent is not made %s here: %w", k.Status, care.ErrInvalid)
	}
	if err != nil {
		return err
	}
	return h.writeConsent(c, http.StatusOK, k)
}

func (h *Handler) writeConsent(c echo.Context, status int, k care.Consent) error {
	r, err := consent.ToFHIR(k)
	if err != nil {
		return err
	}
	return h.write(c, reply{status: status, body: r.Body, version: strconv.Itoa(k.Version), changed: k.Changed})
}

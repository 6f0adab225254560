// Package api owns the machine doors over HTTP: FHIR reading under /fhir, what
// sources push under /adapters, and health. Errors become FHIR OperationOutcomes,
// once, here. It knows no SQL, no source's format and no rule of access.
package api

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"samsyn/adapters"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/gate"
	"samsyn/internal/ingest"
	"samsyn/internal/overview"
)

// Overviews answers for a viewer.
type Overviews interface {
	Overview(ctx context.Context, r gate.Request, person care.PersonID) (overview.Answer, error)
}

// States tells how each source's connection is.
type States interface {
	SourceStates(ctx context.Context) ([]care.SourceState, error)
}

// Push reads one request for a source and stores what it holds; care.ErrNotFound
// where there is no such source or it cannot receive.
type Push interface {
	Push(ctx context.Context, source string, r *http.Request) (ingest.Report, error)
}

// Who tells who asks. Its errors may say with which status and WWW-Authenticate header
// they are to be answered (Challenge).
type Who interface {
	Viewer(r *http.Request) (care.Viewer, error)
	// MayPush refuses a request that is no push to the source by a system that may.
	MayPush(r *http.Request, source string) error
}

// Handler serves the API. PushSecret may be empty: then only systems can push.
type Handler struct {
	Overviews Overviews
	// Records, where it is given, is behind FHIR's reading interactions; Zone is where days are counted.
	Records Records
	Zone    *time.Location
	// Consents, where it is given, is behind FHIR Consent.
	Consents Consents
	States   States
	Push     Push
	// Ready fails where requests cannot be answered; what it gives is told to whoever asks,
	// so it names no person.
	Ready func(ctx context.Context) (any, error)
	// Who may be nil: then nobody can ask, and nothing but health is served.
	Who        Who
	PushSecret string
	Now        func() time.Time
	Log        *slog.Logger

	fhir fhirDoor
}

const (
	fhirJSON = "application/fhir+json; charset=utf-8"
	// maxPush bounds what may be pushed in one request.
	maxPush = "10M"
	// maxAsked bounds a search's form and a batch.
	maxAsked = "256K"
)

// Mount puts the API on e. What is asked for below these addresses and is not there,
// or is asked for in another way, is answered with an OperationOutcome too.
func (h *Handler) Mount(e *echo.Echo) {
	health, read := e.Group("/health", h.translate), []string{http.MethodGet, http.MethodHead}
	route(health, "/live", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, read)
	route(health, "/ready", h.ready, read)
	if h.Who == nil {
		return
	}
	fhir, json, sources := e.Group("/fhir", h.translate), e.Group("/api", h.translate), e.Group("/adapters", h.translate)
	route(fhir, "/Patient/:person/$overview", h.overview, read)
	if h.Consents != nil {
		h.mountConsents(fhir)
	}
	if h.Records != nil {
		h.fhir = fhirDoor{records: h.Records, zone: h.Zone}
		route(fhir, "/*", h.fhirGet, read)
		route(fhir, "/:type/_search", h.fhirSearch, []string{http.MethodPost}, h.signed, middleware.BodyLimit(maxAsked))
		route(fhir, "", h.fhirBatch, []string{http.MethodPost}, h.signed, middleware.BodyLimit(maxAsked))
	}
	route(json, "/barn/:person", h.overviewJSON, read)
	route(sources, "", h.states, read)
	route(sources, "/:source", h.state, read)
	route(sources, "/:source/*", h.push, []string{http.MethodPost, http.MethodPut, http.MethodDelete}, h.pusher, middleware.BodyLimit(maxPush))
}

// route answers at path in these ways and refuses every other one, saying which there are.
func route(g *echo.Group, path string, handle echo.HandlerFunc, methods []string, around ...echo.MiddlewareFunc) {
	refuse := func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderAllow, strings.Join(methods, ", "))
		return echo.ErrMethodNotAllowed
	}
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		if slices.Contains(methods, m) {
			g.Add(m, path, handle, around...)
		} else {
			g.Add(m, path, refuse)
		}
	}
}

// translate turns an error into an OperationOutcome.
func (h *Handler) translate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-store")
		c.Response().Header().Set("X-Content-Type-Options", "nosniff")
		err := next(c)
		if err == nil || c.Response().Committed {
			return err
		}
		status, code, text := status(err)
		var challenge interface{ Challenge() (int, string) }
		switch {
		case errors.As(err, &challenge):
			want, header := challenge.Challenge()
			if status == http.StatusUnauthorized {
				status = want
			}
			if header != "" {
				c.Response().Header().Set("WWW-Authenticate", header)
			}
		case status == http.StatusUnauthorized:
			c.Response().Header().Set("WWW-Authenticate", `Bearer realm="samsyn"`)
		}
		var limited care.Limited
		if errors.As(err, &limited) {
			c.Response().Header().Set("Retry-After", limited.Seconds())
		}
		if status == http.StatusInternalServerError {
			h.Log.Error("request failed", "route", c.Path(), "error", err)
		}
		return c.Blob(status, fhirJSON, outcomeOf(code, text))
	}
}

// outcomeOf is an OperationOutcome with one error.
func outcomeOf(code, text string) json.RawMessage {
	body, err := json.Marshal(map[string]any{"resourceType": "OperationOutcome",
		"issue": []any{map[string]any{"severity": "error", "code": code, "diagnostics": text}}})
	if err != nil { // two texts can always be written
		return json.RawMessage(`{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"exception"}]}`)
	}
	return body
}

// status is the one place where our error kinds meet HTTP and FHIR issue types. What
// HTTP itself refuses (size, method, unknown address) comes first: an adapter that
// could not read a body to its end calls it malformed too.
func status(err error) (status int, code, text string) {
	var web *echo.HTTPError
	var size *http.MaxBytesError
	var limited care.Limited
	switch {
	case errors.As(err, &limited):
		return http.StatusTooManyRequests, issueType(http.StatusTooManyRequests), "You ask for too much in a short time. Try again later."
	case errors.As(err, &web):
		return web.Code, issueType(web.Code), http.StatusText(web.Code)
	case errors.As(err, &size):
		return http.StatusRequestEntityTooLarge, issueType(http.StatusRequestEntityTooLarge), http.StatusText(http.StatusRequestEntityTooLarge)
	}
	table := []struct {
		kind   error
		status int
		code   string
		text   string
	}{
		{care.ErrNotFound, http.StatusNotFound, "not-found", "Not found, or not yours to see."},
		{care.ErrDenied, http.StatusUnauthorized, "security", "Say who asks: with a token that is valid, and covers this."},
		{adapters.ErrMalformed, http.StatusUnprocessableEntity, "invalid", ""},
		{adapters.ErrProtocol, http.StatusBadRequest, "invalid", ""},
		{adapters.ErrUnavailable, http.StatusServiceUnavailable, "transient", "Try again later."},
		{care.ErrInvalid, http.StatusBadRequest, "invalid", ""},
		{care.ErrConflict, http.StatusConflict, "conflict", ""},
		{care.ErrUnavailable, http.StatusServiceUnavailable, "transient", "Try again later."},
		{context.Canceled, 499, "timeout", "The request was cancelled."},
	}
	for _, row := range table {
		if errors.Is(err, row.kind) {
			if row.text == "" {
				row.text = err.Error()
			}
			return row.status, row.code, row.text
		}
	}
	return http.StatusInternalServerError, "exception", "Something went wrong. It is noted in the log."
}

// issueType is FHIR's word (value set issue-type) for what HTTP refuses.
func issueType(code int) string {
	switch code {
	case http.StatusNotFound:
		return "not-found"
	case http.StatusMethodNotAllowed:
		return "not-supported"
	case http.StatusRequestEntityTooLarge:
		return "too-long"
	case http.StatusTooManyRequests:
		return "throttled"
	}
	return "processing"
}

// asking is who asks, through the FHIR door.
func (h *Handler) asking(c echo.Context) (asking, error) {
	v, err := h.Who.Viewer(c.Request())
	if err != nil {
		return asking{}, err
	}
	return asking{Request: gate.Request{Viewer: v, Door: audit.DoorFHIR, RequestID: c.Request().Header.Get(echo.HeaderXRequestID)},
		base: c.Scheme() + "://" + c.Request().Host + "/fhir"}, nil
}

// signed lets in who is known, before a byte of the body is read.
func (h *Handler) signed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, err := h.Who.Viewer(c.Request()); err != nil {
			return err
		}
		return next(c)
	}
}

func (h *Handler) answer(c echo.Context) (overview.Answer, error) {
	v, err := h.Who.Viewer(c.Request())
	if err != nil {
		return overview.Answer{}, err
	}
	return h.Overviews.Overview(c.Request().Context(), gate.Request{Viewer: v, Door: audit.DoorFHIR, RequestID: c.Request().Header.Get(echo.HeaderXRequestID)}, care.PersonID(c.Param("person")))
}

func (h *Handler) overview(c echo.Context) error {
	a, err := h.answer(c)
	if err != nil {
		return err
	}
	body, err := consolidate.Bundle(a.Overview, a.Contributions, c.Scheme()+"://"+c.Request().Host+"/fhir")
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, fhirJSON, body)
}

// overviewJSON gives the overview as the pages see it, findings and lineage included.
func (h *Handler) overviewJSON(c echo.Context) error {
	a, err := h.answer(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"overview": a.Overview, "findings": a.Findings})
}

// stateAnswer is a source's connection, for the whole municipality; it tells of no child.
type stateAnswer struct {
	Source      string       `json:"source"`
	System      string       `json:"system"`
	Service     care.Service `json:"service"`
	Title       string       `json:"title"`
	LastSuccess *time.Time   `json:"lastSuccess,omitempty"`
	LastFailure *time.Time   `json:"lastFailure,omitempty"`
	Failure     string       `json:"failure,omitempty"`
}

func stateOf(s care.SourceState) stateAnswer {
	a := stateAnswer{Source: s.Source, System: s.System, Service: s.Service, Title: s.Title, Failure: s.Failure}
	if !s.LastSuccess.IsZero() {
		a.LastSuccess = &s.LastSuccess
	}
	if !s.LastFailure.IsZero() {
		a.LastFailure = &s.LastFailure
	}
	return a
}

func (h *Handler) states(c echo.Context) error {
	if _, err := h.Who.Viewer(c.Request()); err != nil {
		return err
	}
	all, err := h.States.SourceStates(c.Request().Context())
	if err != nil {
		return err
	}
	out := make([]stateAnswer, len(all))
	for i, s := range all {
		out[i] = stateOf(s)
	}
	return c.JSON(http.StatusOK, out)
}

func (h *Handler) state(c echo.Context) error {
	if _, err := h.Who.Viewer(c.Request()); err != nil {
		return err
	}
	all, err := h.States.SourceStates(c.Request().Context())
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Source == c.Param("source") {
			return c.JSON(http.StatusOK, stateOf(s))
		}
	}
	return care.ErrNotFound
}

// pusher lets in who knows the push secret, and systems with a token for it. It reads no
// byte of the body before.
func (h *Handler) pusher(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		token, found := strings.CutPrefix(c.Request().Header.Get("Authorization"), "Bearer ")
		if h.PushSecret == "" || !found || subtle.ConstantTimeCompare([]byte(token), []byte(h.PushSecret)) != 1 {
			if err := h.Who.MayPush(c.Request(), c.Param("source")); err != nil {
				return err
			}
		}
		return next(c)
	}
}

// push stores what a source sends. 2xx is answered only after it is safely kept;
// what was quarantined is kept too, and the sender is told 422 with the reason.
func (h *Handler) push(c echo.Context) error {
	r := c.Request().Clone(c.Request().Context())
	r.URL.Path = "/" + c.Param("*")
	report, err := h.Push.Push(r.Context(), c.Param("source"), r)
	if err != nil {
		return err
	}
	code := http.StatusOK
	if report.Quarantined > 0 {
		code = http.StatusUnprocessableEntity
	}
	return c.JSON(code, report)
}

func (h *Handler) ready(c echo.Context) error {
	state, err := h.Ready(c.Request().Context())
	if err != nil {
		h.Log.Warn("not ready", "error", err)
		return care.ErrUnavailable
	}
	return c.JSON(http.StatusOK, state)
}

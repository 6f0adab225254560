package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"samsyn/adapters"
	"samsyn/fhir"
	"samsyn/internal/api"
	"samsyn/internal/auth"
	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/ingest"
	"samsyn/internal/overview"
)

// memory is a careless store with the stories in it: it gives all that it has of a person.
type memory struct{ *gatetest.Memory }

var (
	anders = gatetest.Coordinator("anders", "Anders Viken")
	siv    = gatetest.Worker("siv", "Siv Røed", care.Barnevern)
)

func families() memory {
	m := memory{&gatetest.Memory{Careless: true, States: stories.Sources(), People: map[care.PersonID][]care.Contribution{
		"ella": stories.Ella("ella"), "jonas": stories.Jonas("jonas"), "selma": stories.Selma("selma"), "teo": stories.Teo("teo"), "amina": stories.Amina("amina"),
	}, Born: map[care.PersonID]string{"ella": "2014-03-14", "jonas": "2020-09-02", "selma": "2026-08-19", "teo": "2010-05-06", "amina": "2017-11-30"}}}
	from := stories.Now().AddDate(0, -1, 0)
	allBut := slices.DeleteFunc(care.Services(), func(s care.Service) bool { return s == care.Barnevern })
	for _, p := range []care.PersonID{"ella", "jonas", "selma", "teo"} {
		m.Give(p, gatetest.Appointed(anders, p, from, time.Time{}), gatetest.Consented(anders, p, from, allBut...))
	}
	m.Give("amina", gatetest.Appointed(siv, "amina", from, time.Time{}))
	return m
}

// inbox is what stands behind the push door.
type inbox struct {
	report ingest.Report
	err    error
	got    []string
}

func (b *inbox) Push(_ context.Context, source string, r *http.Request) (ingest.Report, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return ingest.Report{}, fmt.Errorf("%w: read the request: %w", adapters.ErrMalformed, err)
	}
	b.got = append(b.got, r.Method+" "+source+" "+r.URL.Path+" "+string(body))
	return b.report, b.err
}

type house struct {
	memory
	*inbox
	ready   error
	secret  string
	handler http.Handler
	logged  bytes.Buffer
}

const secret = "open sesame"

func open(secret string) *house {
	h := &house{inbox: &inbox{}, memory: families(), secret: secret}
	h.as(anders, siv)
	return h
}

// as lets these viewers in, and nobody else.
func (h *house) as(viewers ...care.Viewer) {
	g, err := gatetest.Gate(h.memory, stories.Now, stories.Oslo)
	if err != nil {
		panic(err) // the table is shipped
	}
	e := echo.New()
	(&api.Handler{
		Overviews: &overview.Service{Gate: g}, Records: g, Zone: stories.Oslo, States: h.memory, Push: h.inbox,
		Ready: func(context.Context) (any, error) { return map[string]string{"database": "ok"}, h.ready },
		Who:   auth.Chosen{Viewers: viewers, Header: "X-Samsyn-Viewer"}, PushSecret: h.secret, Now: stories.Now, Log: slog.New(slog.NewTextHandler(&h.logged, nil)),
	}).Mount(e)
	h.handler = e
}

// ask sends a request; headers are "name: value".
func (h *house) ask(method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, body)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && name == "Content-Length" {
			r.ContentLength = n
		}
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

const (
	asAnders = "X-Samsyn-Viewer: anders"
	bearer   = "Authorization: Bearer " + secret
)

// outcome checks that the answer is a valid OperationOutcome and gives its issue type and text.
func outcome(t *testing.T, w *httptest.ResponseRecorder) (code, text string) {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/fhir+json; charset=utf-8" {
		t.Errorf("type %q", got)
	}
	res, err := fhir.Parse(w.Body.Bytes())
	if err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	for _, i := range fhir.Errors(fhir.Validate(res)) {
		t.Errorf("outcome: %+v", i)
	}
	var o struct {
		ResourceType string
		Issue        []struct{ Severity, Code, Diagnostics string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &o); err != nil {
		t.Fatal(err)
	}
	if o.ResourceType != "OperationOutcome" || len(o.Issue) != 1 || o.Issue[0].Severity != "error" {
		t.Fatalf("outcome %s", w.Body)
	}
	return o.Issue[0].Code, o.Issue[0].Diagnostics
}

func TestOverviewIsAValidBundle(t *testing.T) {
	h := open("")
	for _, person := range []string{"ella", "jonas", "selma", "teo"} {
		w := h.ask(http.MethodGet, "/fhir/Patient/"+person+"/$overview", nil, asAnders)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/fhir+json; charset=utf-8" {
			t.Fatalf("%s: status %d, type %s", person, w.Code, w.Header().Get("Content-Type"))
		}
		whole, err := fhir.Parse(w.Body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range fhir.Errors(fhir.Validate(whole)) {
			t.Errorf("%s: %+v", person, i)
		}
		var bundle struct {
			Entry []struct {
				FullURL  string
				Resource json.RawMessage
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &bundle); err != nil {
			t.Fatal(err)
		}
		if len(bundle.Entry) < 5 {
			t.Errorf("%s: %d entries", person, len(bundle.Entry))
		}
		for _, e := range bundle.Entry {
			res, err := fhir.Parse(e.Resource)
			if err != nil {
				t.Fatalf("%s: %v", person, err)
			}
			for _, i := range fhir.Errors(fhir.Validate(res)) {
				t.Errorf("%s: %s/%s: %+v", person, res.Type, res.ID, i)
			}
		}
		if strings.Contains(strings.ToLower(w.Body.String()), "barnevern") {
			t.Errorf("%s: what barnevern says is in the bundle", person)
		}
	}
}

func TestOverviewAsThePagesSeeIt(t *testing.T) {
	w := open("").ask(http.MethodGet, "/api/barn/ella", nil, asAnders)
	var got struct {
		Overview struct{ Marker string }
		Findings []struct{ Rule string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Overview.Marker != "marker.m1" || len(got.Findings) == 0 || got.Findings[0].Rule != "no-coordinator" {
		t.Errorf("%v: %+v", err, got)
	}
}

func TestAbsentAndHiddenAnswerAlike(t *testing.T) {
	hidden, absent := open(""), open("")
	delete(absent.People, "amina")
	for _, path := range []string{"/fhir/Patient/amina/$overview", "/api/barn/amina"} {
		a, b := hidden.ask(http.MethodGet, path, nil, asAnders), absent.ask(http.MethodGet, path, nil, asAnders)
		if a.Code != http.StatusNotFound || a.Code != b.Code || a.Body.String() != b.Body.String() || fmt.Sprint(a.Header()) != fmt.Sprint(b.Header()) {
			t.Errorf("%s: %d %v %s\nabsent: %d %v %s", path, a.Code, a.Header(), a.Body, b.Code, b.Header(), b.Body)
		}
		if code, _ := outcome(t, a); code != "not-found" {
			t.Errorf("%s: issue %s", path, code)
		}
	}
}

func TestWhoDoesNotSaySeesNothing(t *testing.T) {
	h := open("")
	for _, headers := range [][]string{nil, {"X-Samsyn-Viewer: "}, {"X-Samsyn-Viewer: nobody"}, {"X-Samsyn-Viewer: Anders"}, {"Cookie: som=anders"}} {
		for _, path := range []string{"/fhir/Patient/ella/$overview", "/fhir/Patient/nobody/$overview", "/api/barn/ella", "/adapters", "/adapters/fiksarkiv"} {
			w := h.ask(http.MethodGet, path, unread{t}, headers...)
			if code, _ := outcome(t, w); w.Code != http.StatusUnauthorized || code != "security" || w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s as %v: %d %s", path, headers, w.Code, code)
			}
		}
	}
}

func TestEveryErrorKindHasItsOutcome(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
		tells  bool
	}{
		{care.ErrNotFound, 404, "not-found", false}, {care.ErrDenied, 401, "security", false}, {adapters.ErrMalformed, 422, "invalid", true}, {care.ErrInvalid, 400, "invalid", true},
		{adapters.ErrProtocol, 400, "invalid", true}, {adapters.ErrUnavailable, 503, "transient", false}, {adapters.ErrRefused, 500, "exception", false}, {adapters.ErrConfig, 500, "exception", false},
		{care.ErrConflict, 409, "conflict", true}, {care.ErrUnavailable, 503, "transient", false}, {context.Canceled, 499, "timeout", false}, {errors.New("odd"), 500, "exception", false},
		{&http.MaxBytesError{Limit: 1}, 413, "too-long", false}, {echo.ErrStatusRequestEntityTooLarge, 413, "too-long", false}, {echo.ErrUnsupportedMediaType, 415, "processing", false},
	} {
		h := open(secret)
		h.inbox.err = fmt.Errorf("the detail: %w", c.err)
		w := h.ask(http.MethodPost, "/adapters/fiksarkiv/x", strings.NewReader("{}"), bearer)
		code, text := outcome(t, w)
		if w.Code != c.status || code != c.code || strings.Contains(text, "the detail") != c.tells {
			t.Errorf("%v: %d %s %q", c.err, w.Code, code, text)
		}
		if logged := strings.Contains(h.logged.String(), "the detail"); logged != (c.status == 500) {
			t.Errorf("%v: logged: %q", c.err, h.logged.String())
		}
	}
}

func TestStoreThatFailsTellsNothing(t *testing.T) {
	h := open("")
	h.memory.Fails, h.memory.Err = "*", errors.New("disk of secret-host")
	for _, path := range []string{"/fhir/Patient/ella/$overview", "/api/barn/ella", "/adapters", "/adapters/fiksarkiv"} {
		w := h.ask(http.MethodGet, path, nil, asAnders)
		if code, text := outcome(t, w); w.Code != 500 || code != "exception" || strings.Contains(text, "secret-host") {
			t.Errorf("%s: %d %s %s", path, w.Code, code, text)
		}
	}
	if strings.Contains(h.logged.String(), "ella") {
		t.Errorf("the log holds the address: %s", h.logged.String())
	}
}

func TestUnknownAddressesAndOtherMethods(t *testing.T) {
	h := open(secret)
	for _, c := range []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{"GET", "/fhir", 405, "not-supported", "POST"}, {"GET", "/fhir/Binary/ella", 404, "not-found", ""}, {"GET", "/fhir/CarePlan/_search", 405, "not-supported", "POST"}, {"PUT", "/fhir/CarePlan/x", 405, "not-supported", "GET, HEAD"}, {"GET", "/api/x", 404, "not-found", ""},
		{"GET", "/health/x", 404, "not-found", ""}, {"POST", "/adapters/a", 405, "not-supported", "GET, HEAD"}, {"POST", "/fhir/Patient/ella/$overview", 405, "not-supported", "GET, HEAD"},
		{"DELETE", "/api/barn/ella", 405, "not-supported", "GET, HEAD"}, {"GET", "/adapters/fiksarkiv/x", 405, "not-supported", "POST, PUT, DELETE"}, {"PATCH", "/adapters/fiksarkiv/x", 405, "not-supported", "POST, PUT, DELETE"},
	} {
		w := h.ask(c.method, c.path, nil, asAnders)
		if code, _ := outcome(t, w); w.Code != c.status || code != c.code || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %s, allows %q", c.method, c.path, w.Code, code, w.Header().Get("Allow"))
		}
	}
	for _, path := range []string{"/fhir/Patient/ella/$overview", "/api/barn/ella", "/adapters", "/adapters/oneroster"} {
		if w := h.ask(http.MethodHead, path, nil, asAnders); w.Code != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, w.Code)
		}
	}
	if w := h.ask(http.MethodGet, "/fhir/Patient/ella/$overview", nil, asAnders); w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", w.Header())
	}
}

func TestStatesOfSourcesTellOfNoChild(t *testing.T) {
	h := open("")
	w := h.ask(http.MethodGet, "/adapters", nil, asAnders)
	var all []struct {
		Source, Title, Failure   string
		LastSuccess, LastFailure *time.Time
	}
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil || len(all) != len(stories.Sources()) {
		t.Fatalf("%v: %s", err, w.Body)
	}
	for i, s := range stories.Sources() {
		if all[i].Source != s.Source || all[i].Title != s.Title || all[i].Failure != s.Failure || (all[i].LastFailure == nil) != s.LastFailure.IsZero() || !all[i].LastSuccess.Equal(s.LastSuccess) {
			t.Errorf("%+v, want %+v", all[i], s)
		}
	}
	one := h.ask(http.MethodGet, "/adapters/fiksarkiv", nil, asAnders)
	if one.Code != http.StatusOK || !strings.Contains(one.Body.String(), `"source":"fiksarkiv"`) {
		t.Errorf("one source: %d %s", one.Code, one.Body)
	}
	if code, _ := outcome(t, h.ask(http.MethodGet, "/adapters/nothing", nil, asAnders)); code != "not-found" {
		t.Errorf("unknown source: %s", code)
	}
}

func TestHealth(t *testing.T) {
	h := open("")
	if w := h.ask(http.MethodGet, "/health/live", nil); w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Errorf("live: %d %s", w.Code, w.Body)
	}
	if w := h.ask(http.MethodGet, "/health/ready", nil); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != `{"database":"ok"}` {
		t.Errorf("ready: %d %s", w.Code, w.Body)
	}
	h.ready = errors.New("disk of secret-host is full")
	w := h.ask(http.MethodGet, "/health/ready", nil)
	if code, text := outcome(t, w); w.Code != 503 || code != "transient" || strings.Contains(text, "secret-host") {
		t.Errorf("not ready: %d %s %s", w.Code, code, text)
	}
	if w := h.ask(http.MethodGet, "/health/live", nil); w.Code != http.StatusNoContent {
		t.Errorf("alive though not ready: %d", w.Code)
	}
}

package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/overview"
	"samsyn/internal/web"
	"samsyn/internal/words"
)

type compared []web.CompareReport

func (c compared) CompareReports(context.Context) ([]web.CompareReport, error) { return c, nil }

// The page of compares tells per source what was found and done, in every language and form.
func TestComparesTellPerSource(t *testing.T) {
	m := families()
	m.States[0].Skew, m.States[1].Skew = time.Hour, -90*time.Second
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	h := open(t, m, anders)
	h.pages.Compares = compared{{Source: "Kystsykehuset", Who: "schedule", Started: at, Finished: at.Add(2 * time.Second), Listed: 44, Held: 43, Equal: 37, New: 1, Changed: 2, BackDated: 3, Vanished: 4, Repaired: 9, Refused: 1, Asks: "too much vanished"}}
	e := echo.New()
	if err := h.pages.Mount(e); err != nil {
		t.Fatal(err)
	}
	get := func(path string) string {
		t.Helper()
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, w.Code)
		}
		return w.Body.String()
	}
	for path, wants := range map[string][]string{
		"/kilder":          {"Klokken hos kilden går 1h0m0s foran vår", "Klokken hos kilden går 1m30s etter vår"},
		"/avstemming":      {"Kystsykehuset", "44", "37", "too much vanished"},
		"/avstemming.json": {`"source":"Kystsykehuset"`, `"backDated":3`, `"vanished":4`, `"refused":1`},
		"/avstemming.txt":  {"Kystsykehuset", "asks: too much vanished", "2026-11-23T01:00:00Z"},
	} {
		body := get(path)
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q:\n%s", path, want, body)
			}
		}
	}
}

// as lets everybody in as one viewer.
type as struct {
	*gatekeeper
	viewer care.Viewer
}

func (a as) Viewer(*http.Request) (care.Viewer, error) { return a.viewer, nil }

// Where people sign in the page is for those who run the instance; to others there is none.
func TestComparesAreForOperators(t *testing.T) {
	for role, want := range map[care.Role]int{care.RoleDrift: http.StatusOK, care.RoleKoordinator: http.StatusNotFound, "": http.StatusNotFound} {
		m := families()
		who := as{&gatekeeper{}, care.Viewer{ID: "x", Name: "X", Role: role}}
		g, err := gatetest.Gate(m, stories.Now, stories.Oslo)
		if err != nil {
			t.Fatal(err)
		}
		pages := &web.Handler{Overviews: &overview.Service{Gate: g}, States: m, Who: who, SignIn: who, Compares: compared{{Source: "Kystsykehuset"}},
			Language: words.Bokmaal, Now: stories.Now, Zone: stories.Oslo, Log: slog.New(slog.DiscardHandler)}
		e := echo.New()
		if err := pages.Mount(e); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/avstemming", "/avstemming.json", "/avstemming.txt"} {
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			if told := strings.Contains(w.Body.String(), "Kystsykehuset"); w.Code != want || told != (want == http.StatusOK) {
				t.Errorf("%s as %q: status %d, told %t", path, role, w.Code, told)
			}
		}
	}
}

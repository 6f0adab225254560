package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/labstack/echo/v4"

	"samsyn/internal/care"
)

// Compares tells what the last full compare of each source found and did. It tells of no
// child: that a source knows one is itself confidential.
type Compares interface {
	CompareReports(ctx context.Context) ([]CompareReport, error)
}

// CompareReport is what one full compare of a source found, in numbers.
type CompareReport struct {
	Source    string    `json:"source"` // its title
	Who       string    `json:"who"`
	Started   time.Time `json:"started"`
	Finished  time.Time `json:"finished"`
	Listed    int       `json:"listed"`
	Held      int       `json:"held"`
	Equal     int       `json:"equal"`
	New       int       `json:"new"`
	Changed   int       `json:"changed"`
	BackDated int       `json:"backDated"`
	Returned  int       `json:"returned"`
	Vanished  int       `json:"vanished"`
	Repaired  int       `json:"repaired"`
	Refused   int       `json:"refused"`
	Failure   string    `json:"failure,omitempty"`
	Asks      string    `json:"asks,omitempty"`
}

type comparesPage struct {
	Page
	Reports []CompareReport
}

// compares answers as a page, as JSON or as text, by the address. Where people sign in it
// is for those who run the instance; to others there is no such page.
func (h *Handler) compares(c echo.Context) error {
	p := h.page(c)
	if h.SignIn != nil && p.Viewer.Role != care.RoleDrift {
		return fmt.Errorf("compares: %w", care.ErrDenied)
	}
	reports, err := h.Compares.CompareReports(c.Request().Context())
	if err != nil {
		return err
	}
	switch {
	case strings.HasSuffix(c.Path(), ".json"):
		return c.JSON(http.StatusOK, reports)
	case strings.HasSuffix(c.Path(), ".txt"):
		return c.String(http.StatusOK, comparesText(reports))
	}
	p.Title = p.Say("compare.title")
	return h.render(c, http.StatusOK, "compares", comparesPage{p, reports})
}

// comparesText is for programs and for those who print it, as samsyn reconcile is.
func comparesText(reports []CompareReport) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "source\tstarted\tlisted\theld\tequal\tnew\tchanged\tback-dated\treturned\tvanished\trepaired\trefused\t")
	for _, r := range reports {
		ended := r.Failure
		if r.Asks != "" {
			ended = "asks: " + r.Asks
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", r.Source, r.Started.UTC().Format(time.RFC3339), r.Listed, r.Held, r.Equal,
			r.New, r.Changed, r.BackDated, r.Returned, r.Vanished, r.Repaired, r.Refused, ended)
	}
	_ = w.Flush() // a strings.Builder never fails
	return b.String()
}

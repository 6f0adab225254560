package web_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/net/html"

	"samsyn/internal/auth"
	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/overview"
	"samsyn/internal/web"
	"samsyn/internal/words"
)

// memory is a store that holds the stories. It is as careless as a store can be: it
// gives everything that it has of a person, whatever is asked for.
type memory struct{ *gatetest.Memory }

// house is the pages over a memory, with what they logged.
type house struct {
	memory
	handler http.Handler
	pages   *web.Handler
	logged  bytes.Buffer
}

var (
	anders = gatetest.Coordinator("anders", "Anders Viken")
	liv    = gatetest.Coordinator("liv", "Liv Tangen")
	mette  = gatetest.Worker("mette", "Mette Skår", care.Skole)
)

func families() memory {
	claim := func(service care.Service, name, born string) []care.Claim {
		return []care.Claim{{Source: "oneroster", Service: service, Name: name, BirthDate: born, Recorded: stories.Now()}}
	}
	m := memory{&gatetest.Memory{Careless: true, States: stories.Sources(), Err: errors.New("disk full"),
		People: map[care.PersonID][]care.Contribution{
			"ella": stories.Ella("ella"), "jonas": stories.Jonas("jonas"), "selma": stories.Selma("selma"), "teo": stories.Teo("teo"), "amina": stories.Amina("amina"),
		},
		Named: map[care.PersonID][]care.Claim{
			"ella": claim(care.Skole, "Ella Lyngstad", "2014-03-14"), "jonas": claim(care.Skole, "Jonas Myrvang", "2020-09-02"),
			"selma": claim(care.Helsestasjon, "Selma Haugland", "2026-08-19"), "teo": claim(care.Skole, "Teo Sandvik", "2010-05-06"), "amina": claim(care.Barnevern, "Amina Nystrand", "2017-11-30"),
		},
		Born: map[care.PersonID]string{"ella": "2014-03-14", "jonas": "2020-09-02", "selma": "2026-08-19", "teo": "2010-05-06", "amina": "2017-11-30"},
	}}
	for _, p := range []care.PersonID{"ella", "jonas", "selma"} {
		m.see(anders, p, care.Barnevern)
	}
	m.see(liv, "teo")
	m.Give("jonas", gatetest.Appointed(mette, "jonas", since, time.Time{}))
	return m
}

var since = stories.Now().AddDate(0, -1, 0)

// see lets a viewer see what every service says of a person, but not these.
func (m memory) see(v care.Viewer, p care.PersonID, not ...care.Service) {
	m.Give(p, gatetest.Appointed(v, p, since, time.Time{}), gatetest.Consented(v, p, since,
		slices.DeleteFunc(care.Services(), func(s care.Service) bool { return slices.Contains(not, s) })...))
}

func open(t *testing.T, m memory, viewers ...care.Viewer) *house {
	t.Helper()
	h := &house{memory: m}
	g, err := gatetest.Gate(m, stories.Now, stories.Oslo)
	if err != nil {
		t.Fatal(err)
	}
	pages := &web.Handler{
		Overviews: &overview.Service{Gate: g}, States: m, Who: auth.Chosen{Viewers: viewers}, Viewers: viewers,
		Language: words.Bokmaal, Now: stories.Now, Zone: stories.Oslo, Log: slog.New(slog.NewTextHandler(&h.logged, nil)),
	}
	e := echo.New()
	if err := pages.Mount(e); err != nil {
		t.Fatal(err)
	}
	h.handler, h.pages = e, pages
	return h
}

// ask sends one request; cookies are "name=value".
func (h *house) ask(method, path string, form url.Values, cookies ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range cookies {
		r.Header.Add("Cookie", c)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

// page gives the parsed page, which must be there.
func (h *house) page(t *testing.T, path string, cookies ...string) *html.Node {
	t.Helper()
	w := h.ask(http.MethodGet, path, nil, cookies...)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d: %s\n%s", path, w.Code, w.Body, h.logged.String())
	}
	return parse(t, w)
}

func parse(t *testing.T, w *httptest.ResponseRecorder) *html.Node {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// find gives the elements that fit, in order.
func find(n *html.Node, fits func(*html.Node) bool) []*html.Node {
	var out []*html.Node
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && fits(c) {
			out = append(out, c)
		}
	}
	return out
}

func tag(names ...string) func(*html.Node) bool {
	return func(n *html.Node) bool { return slices.Contains(names, n.Data) }
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// class fits elements of a tag that carry the class.
func class(name, c string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == name && slices.Contains(strings.Fields(attr(n, "class")), c) }
}

// id gives the element with the id, which must be there.
func id(t *testing.T, doc *html.Node, want string) *html.Node {
	t.Helper()
	all := find(doc, func(n *html.Node) bool { return attr(n, "id") == want })
	if len(all) != 1 {
		t.Fatalf("%d elements with id %q, want 1", len(all), want)
	}
	return all[0]
}

// text is what a reader sees, with single spaces.
func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func texts(all []*html.Node) []string {
	var out []string
	for _, n := range all {
		out = append(out, text(n))
	}
	return out
}

func contains(t *testing.T, where, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s lacks %q:\n%s", where, w, got)
		}
	}
}

package web_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/labstack/echo/v4"

	"samsyn/internal/auth"
	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/overview"
	"samsyn/internal/web"
	"samsyn/internal/words"
)

// gatekeeper signs everybody in as anders, through a provider at another address.
type gatekeeper struct {
	provider string
	fail     error
}

const theCookie = "samsyn"

func (g *gatekeeper) signed(r *http.Request) bool {
	c, err := r.Cookie(theCookie)
	return err == nil && c.Value == "in"
}

func (g *gatekeeper) Viewer(r *http.Request) (care.Viewer, error) {
	if !g.signed(r) {
		return care.Viewer{}, fmt.Errorf("nobody: %w", care.ErrDenied)
	}
	return anders, g.fail
}

func (g *gatekeeper) FormToken(r *http.Request) string {
	if g.signed(r) {
		return "the-token"
	}
	return ""
}

func (g *gatekeeper) Guard(r *http.Request) error {
	if !auth.Safe(r) && (auth.Foreign(r) || g.signed(r) && r.FormValue("csrf") != "the-token") {
		return fmt.Errorf("form: %w", care.ErrDenied)
	}
	return nil
}

func (g *gatekeeper) Offers() []auth.Offer {
	return []auth.Offer{{Provider: "helseid", Title: "HelseID"}, {Provider: "idporten", Title: "ID-porten", Family: true}}
}

func (g *gatekeeper) Start(w http.ResponseWriter, _ *http.Request, provider, as, back string) (string, error) {
	http.SetCookie(w, &http.Cookie{Name: "back", Value: back, Path: "/", SameSite: http.SameSiteLaxMode})
	return g.provider + "/authorize?" + url.Values{"as": {provider + as}}.Encode(), nil
}

func (g *gatekeeper) Finish(w http.ResponseWriter, r *http.Request) (string, error) {
	c, err := r.Cookie("back")
	if err != nil || r.URL.Query().Get("code") != "good" {
		_, err := (auth.Chosen{}).Viewer(r) // a refusal as auth makes them
		return "", err
	}
	http.SetCookie(w, &http.Cookie{Name: theCookie, Value: "in", Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return c.Value, nil
}

func (g *gatekeeper) End(w http.ResponseWriter, _ *http.Request) (string, error) {
	http.SetCookie(w, &http.Cookie{Name: theCookie, Path: "/", MaxAge: -1})
	return "", nil
}

// closed is the house with sign-in at its door.
func closed(t *testing.T, g *gatekeeper) *house {
	t.Helper()
	h := &house{memory: families()}
	gate, err := gatetest.Gate(h.memory, stories.Now, stories.Oslo)
	if err != nil {
		t.Fatal(err)
	}
	pages := &web.Handler{Overviews: &overview.Service{Gate: gate}, States: h.memory, Who: g, SignIn: g,
		Language: words.Bokmaal, Now: stories.Now, Zone: stories.Oslo, Log: slog.New(slog.NewTextHandler(&h.logged, nil))}
	e := echo.New()
	if err := pages.Mount(e); err != nil {
		t.Fatal(err)
	}
	h.handler = e
	return h
}

func TestWhoIsNotSignedInSeesNothing(t *testing.T) {
	h := closed(t, &gatekeeper{provider: "https://provider.example"})
	for _, path := range []string{"/", "/barn/ella", "/barn/nobody", "/kilder"} {
		for _, cookie := range []string{"", "som=anders", theCookie + "=guess"} {
			w := h.ask(http.MethodGet, path, nil, cookie)
			want := "/logginn?" + url.Values{"retur": {path}}.Encode()
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want || strings.Contains(w.Body.String(), "Ella") {
				t.Errorf("%s with %q: %d to %q", path, cookie, w.Code, w.Header().Get("Location"))
			}
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/barn/ella", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), `content="0; url=/barn/ella"`) || strings.Contains(w.Body.String(), "Lyngstad") {
		t.Errorf("from another site: %d %s", w.Code, w.Body)
	}
	if w := h.ask(http.MethodPost, "/som", url.Values{"som": {"liv"}}); w.Code != http.StatusNotFound {
		t.Errorf("a viewer can be chosen: %d", w.Code)
	}
	page := h.ask(http.MethodGet, "/logginn?retur=//evil.example", nil)
	contains(t, "offers", page.Body.String(), "Logg inn med HelseID", "ID-porten: for meg selv", "ID-porten: for barnet mitt", `name="retur" value="/"`)
	if page.Header().Get("X-Frame-Options") != "DENY" || !strings.Contains(page.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Error("sign-in can be framed")
	}
}

func TestSignedInFormsAndFailures(t *testing.T) {
	g := &gatekeeper{provider: "https://provider.example"}
	h := closed(t, g)
	in := theCookie + "=in"
	contains(t, "children", text(h.page(t, "/", in)), "Ella Lyngstad", "Innlogget som Anders Viken")
	for name, c := range map[string]struct {
		form   url.Values
		cookie string
		status int
	}{"with the token": {url.Values{"csrf": {"the-token"}}, in, 200}, "without": {nil, in, 403}, "with another": {url.Values{"csrf": {"x"}}, in, 403}, "signed out": {nil, "", 200}} {
		if w := h.ask(http.MethodPost, "/auth/logout", c.form, c.cookie); w.Code != c.status {
			t.Errorf("logout %s: %d", name, w.Code)
		}
	}
	if w := h.ask(http.MethodGet, "/auth/callback?code=bad", nil); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "Du ble ikke logget inn") || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("a bad answer: %d %s", w.Code, w.Body)
	}
	g.fail = care.ErrUnavailable
	if w := h.ask(http.MethodGet, "/", nil, in); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "Ella") {
		t.Errorf("sign-in cannot be looked up: %d", w.Code)
	}
	g.fail = errors.New("odd")
	if w := h.ask(http.MethodGet, "/", nil, in); w.Code != http.StatusInternalServerError {
		t.Errorf("an odd failure: %d", w.Code)
	}
}

// arrive waits until a page says true, over as many pages as lead there by themselves: one
// that leads on takes the question with it, and the next is asked again.
func (b *browser) arrive(t *testing.T, script string) {
	t.Helper()
	for {
		if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](script)); err == nil {
			return
		} else if b.ctx.Err() != nil {
			t.Fatalf("%s: %v", script, err)
		}
	}
}

// TestSignInInABrowser: by keyboard, to another site and back, with a cookie that no other
// site can make the browser send, and out again.
func TestSignInInABrowser(t *testing.T) {
	b := start(t)
	g := &gatekeeper{}
	site := httptest.NewServer(closed(t, g).handler)
	t.Cleanup(site.Close)
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>provider</title><link rel="icon" href="data:,"><a id="ok" href="%s/auth/callback?code=good">%s</a><a id="deep" href="%s/barn/ella">deep</a>`, site.URL, r.URL.Query().Get("as"), site.URL)
	}))
	t.Cleanup(provider.Close)
	g.provider = strings.Replace(provider.URL, "127.0.0.1", "localhost", 1) // another site

	b.do(t, chromedp.Navigate(site.URL+"/barn/ella"))
	b.arrive(t, "location.pathname === '/logginn'")
	b.tabTo(t, "form[action='/auth/start'] button")
	b.do(t, chromedp.KeyEvent(kb.Enter))
	b.arrive(t, "document.title === 'provider'")
	if as := tell[string](t, b, "document.querySelector('#ok').textContent"); as != "helseid" {
		t.Errorf("signing in as %q", as)
	}
	b.do(t, chromedp.Click("#ok"))
	b.arrive(t, "document.querySelector('h1')?.textContent === 'Ella Lyngstad'")
	if cookies := tell[string](t, b, "document.cookie"); strings.Contains(cookies, theCookie) {
		t.Errorf("a page can read %q", cookies)
	}
	b.do(t, chromedp.Navigate(g.provider), chromedp.Click("#deep")) // a link on another site
	b.arrive(t, "document.querySelector('h1')?.textContent === 'Ella Lyngstad'")
	b.tabTo(t, "form[action='/auth/logout'] button")
	b.do(t, chromedp.KeyEvent(kb.Enter))
	b.arrive(t, "location.pathname === '/logginn'")
	b.do(t, chromedp.Navigate(site.URL+"/barn/ella"))
	b.arrive(t, "location.pathname === '/logginn'")
	b.quiet(t, "sign-in")
}

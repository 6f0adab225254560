package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long the browser may take for one test; it only bounds a hang.
const patience = 2 * time.Minute

// browser is one tab, with all that the browser complained of.
type browser struct {
	ctx context.Context

	mu    sync.Mutex
	fault []string
}

// start opens a tab in the Chromium of this machine. Without one the test is skipped,
// but not where CI promises that there is one.
func start(t *testing.T) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium here, and CI shall have one")
		}
		t.Skip("SKIPPED: no chromium, chromium-browser or google-chrome: the pages were not tried in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root otherwise
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{ctx: ctx}
	err := chromedp.Listen(ctx, func(e any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := e.(type) {
		case *log.EventEntryAdded:
			b.fault = append(b.fault, fmt.Sprintf("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		case *runtime.EventConsoleAPICalled:
			b.fault = append(b.fault, fmt.Sprintf("console %s", e.Type))
		case *runtime.EventExceptionThrown:
			b.fault = append(b.fault, "exception: "+e.ExceptionDetails.Text)
		case *page.EventJavascriptDialogOpening:
			b.fault = append(b.fault, "dialog: "+e.Message)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// tell asks the page.
func tell[T any](t *testing.T, b *browser, script string) T {
	t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return v
}

func (b *browser) quiet(t *testing.T, where string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.fault {
		t.Errorf("%s: the browser says %s", where, f)
	}
	b.fault = nil
}

// tabTo presses Tab until the element is reached.
func (b *browser) tabTo(t *testing.T, selector string) {
	t.Helper()
	for range 40 {
		b.do(t, chromedp.KeyEvent(kb.Tab))
		if tell[bool](t, b, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			return
		}
	}
	t.Fatalf("Tab never reaches %s", selector)
}

// enter presses Enter and waits for the page that it leads to.
func (b *browser) enter(t *testing.T) {
	t.Helper()
	loaded := chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.KeyEvent(kb.Enter))
	if _, err := chromedp.Run(b.ctx, loaded); err != nil {
		t.Fatal(err)
	}
}

// await waits until the page says true.
func (b *browser) await(t *testing.T, script string) {
	t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](script)); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}

func TestPagesWorkByKeyboardAlone(t *testing.T) {
	b := start(t)
	server := httptest.NewServer(open(t, families(), anders, liv).handler)
	t.Cleanup(server.Close)

	b.do(t, chromedp.Navigate(server.URL+"/"), chromedp.KeyEvent(kb.Tab))
	if got := tell[string](t, b, "document.activeElement.className"); got != "skip" {
		t.Errorf("the first stop is %q, not the way past the menu", got)
	}
	if left := tell[float64](t, b, "document.activeElement.getBoundingClientRect().left"); left < 0 {
		t.Error("the way past the menu cannot be seen when it has focus")
	}
	b.do(t, chromedp.KeyEvent(kb.Enter))
	b.await(t, "document.activeElement.id === 'innhold'")

	b.tabTo(t, ".children a")
	b.enter(t)
	b.await(t, "document.querySelector('h1')?.textContent === 'Ella Lyngstad'")

	b.tabTo(t, "#funn a[href^='#decision-']")
	b.do(t, chromedp.KeyEvent(kb.Enter))
	b.await(t, "document.querySelector(':target')?.textContent.includes('Avlastning i institusjon')")

	b.do(t, chromedp.Navigate(server.URL+"/barn/ella"))
	b.tabTo(t, "#framover details.from > summary")
	b.do(t, chromedp.KeyEvent(kb.Enter))
	b.await(t, "document.querySelector('#framover details.from').open")

	b.do(t, chromedp.Navigate(server.URL+"/"))
	b.tabTo(t, "#som")
	b.do(t, chromedp.KeyEvent(kb.ArrowDown))
	b.tabTo(t, "form[action='/som'] button")
	b.enter(t)
	b.await(t, "document.querySelector('.children')?.textContent.includes('Teo Sandvik')")

	b.tabTo(t, "#sprak")
	b.do(t, chromedp.KeyEvent(kb.ArrowDown))
	b.tabTo(t, "form[action='/sprak'] button")
	b.enter(t)
	b.await(t, "document.documentElement.lang === 'nn'")
	b.quiet(t, "by keyboard")
}

// faults are what can be measured on a page: WCAG 2.1 1.3.1, 1.4.10, 2.4.6, 4.1.1 and 4.1.2.
const faults = `(() => {
  const out = [], say = (...x) => out.push(x.join(' '));
  let level = 0;
  for (const h of document.querySelectorAll('h1,h2,h3,h4,h5,h6')) {
    const l = +h.tagName[1];
    if (l > level + 1) say('heading', h.tagName, h.textContent, 'after level', level);
    if (!h.textContent.trim()) say('empty heading');
    level = l;
  }
  if (document.querySelectorAll('h1').length !== 1) say('h1:', document.querySelectorAll('h1').length);
  for (const l of ['main', 'header', 'footer']) if (document.querySelectorAll('body > ' + l).length !== 1) say('landmark', l);
  for (const c of document.querySelectorAll('select, textarea, input:not([type=hidden])')) if (!c.labels.length || !c.labels[0].textContent.trim()) say('no label', c.outerHTML);
  for (const c of document.querySelectorAll('button, a[href], summary')) if (!c.textContent.trim()) say('no name', c.outerHTML);
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) say('id twice', id);
  for (const ul of document.querySelectorAll('ul')) for (const c of ul.children) if (c.tagName !== 'LI') say('in a list', c.outerHTML);
  const wide = document.documentElement.scrollWidth, room = document.documentElement.clientWidth;
  if (wide > room) say('scrolls sideways:', wide, 'in', room);
  return out;
})()`

func TestPagesReadOnAnyScreen(t *testing.T) {
	b := start(t)
	m := families()
	m.People["jonas"][0].Key = strings.Repeat("x", 300) // nothing that a source says may push the page apart
	server := httptest.NewServer(open(t, m, anders, liv).handler)
	t.Cleanup(server.Close)
	for _, path := range []string{"/", "/kilder", "/barn/ella", "/barn/jonas", "/barn/selma", "/nowhere"} {
		for _, width := range []int64{320, 640, 1280} { // 640 is 1280 at 200 %, 320 is 1280 at 400 %
			b.do(t, chromedp.EmulateViewport(width, 900), chromedp.Navigate(server.URL+path))
			if width == 320 {
				b.do(t, chromedp.Evaluate[chromedp.Void]("document.querySelectorAll('details').forEach(d => d.open = true)"))
			}
			for _, f := range tell[[]string](t, b, faults) {
				t.Errorf("%s at %d px: %s", path, width, f)
			}
		}
		if path != "/nowhere" {
			b.quiet(t, path)
			continue
		}
		b.mu.Lock() // a page that is not found is noted; that shows that complaints reach us
		if len(b.fault) == 0 {
			t.Error("the browser does not complain of a page that is not found")
		}
		b.mu.Unlock()
	}
}

// stage is one server whose house changes: a browser may still ask for the icon of a page
// that it has left, and a server that is gone by then would be a complaint of the browser's.
type stage struct {
	*httptest.Server
	house atomic.Value // http.Handler, wrapped
}

type wrapped struct{ http.Handler }

func newStage(t *testing.T) *stage {
	s := &stage{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.house.Load().(wrapped).ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	return s
}

func (s *stage) show(h http.Handler) { s.house.Store(wrapped{h}) }

func TestNothingThatASourceSaysRuns(t *testing.T) {
	b := start(t)
	server := newStage(t)
	for _, payload := range payloads {
		server.show(open(t, spoiled(t, payload), anders).handler)
		for _, path := range []string{"/", "/barn/ella", "/kilder"} {
			b.do(t, chromedp.Navigate(server.URL+path))
			if got := tell[string](t, b, "document.title"); !strings.HasSuffix(got, "– Samsyn") {
				t.Errorf("%s with %q: title %q", path, payload, got)
			}
			if n := tell[int](t, b, "document.scripts.length + document.querySelectorAll('iframe,img,svg,object,embed,style,base').length"); n > 0 {
				t.Errorf("%s with %q: %d live elements", path, payload, n)
			}
			if at := tell[string](t, b, "location.href"); at != server.URL+path {
				t.Errorf("%s with %q: led to %s", path, payload, at)
			}
			b.quiet(t, fmt.Sprintf("%s with %q", path, payload))
		}
	}
}

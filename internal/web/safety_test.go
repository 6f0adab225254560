package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate/gatetest"
)

// payloads are what a rogue source may say in any of its texts (access.md, T12).
var payloads = []string{
	`<script>document.title='owned'</script>`,
	`"><img src=x onerror=document.title='owned'>`,
	`' onmouseover='document.title=1`,
	`</summary></details></li><form action=https://elsewhere.example><input name=a>`,
	`</title></head><body onload=alert(1)>`,
	"\x01 javascript:alert(1)",
	`<a href="javascript:alert(1)">se her</a>`,
	`<svg><script>alert(1)</script></svg>`,
	`<iframe srcdoc="<script>alert(1)</script>"></iframe>`,
	`<style>body{display:none}</style>`,
	`<meta http-equiv="refresh" content="0;url=//elsewhere.example">`,
	`{{.Viewer}}`,
	`<!--`,
	`&lt;script&gt;alert(1)&lt;/script&gt;`,
	`<template><script>alert(1)</script></template>`,
	`<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`,
}

// spoil puts the payload in every text that people read, with a mark to find it by.
func spoil(v any, payload string) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok && slices.Contains([]string{"display", "text", "title", "description", "contentString", "valueString"}, k) {
				v[k] = s + " " + payload
				continue
			}
			spoil(x, payload)
		}
	case []any:
		for _, x := range v {
			spoil(x, payload)
		}
	}
}

func spoiled(t *testing.T, payload string) memory {
	t.Helper()
	m := families()
	for p, all := range m.People {
		for i, c := range all {
			for j, made := range c.Made {
				var body any
				if err := json.Unmarshal(made.Resource.Body, &body); err != nil {
					t.Fatal(err)
				}
				spoil(body, payload)
				b, err := json.Marshal(body)
				if err != nil {
					t.Fatal(err)
				}
				made.Resource = fhir.Resource{Type: made.Resource.Type, ID: made.Resource.ID, Body: b}
				made.Lineage = []care.Lineage{{Element: made.Resource.Type + "." + payload, Rule: payload, From: []string{payload}}}
				all[i].Made[j] = made
			}
			all[i].Key, all[i].Kind = c.Key+payload, c.Kind+payload
		}
		for i := range m.Named[p] {
			m.Named[p][i].Name += payload
		}
	}
	for i := range m.States {
		m.States[i].Title += payload
		m.States[i].Failure += payload
	}
	return m
}

// ours are the elements that our templates write.
var ours = []string{"html", "head", "meta", "title", "link", "body", "a", "header", "nav", "form", "label", "select", "option", "input", "button", "main", "h1", "h2", "h3",
	"p", "br", "div", "span", "ul", "li", "section", "details", "summary", "code", "footer"}

// alive gives whatever on the page is not what our templates write.
func alive(doc *html.Node) []string {
	var out []string
	for _, n := range find(doc, func(*html.Node) bool { return true }) {
		if !slices.Contains(ours, n.Data) {
			out = append(out, "<"+n.Data+">")
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc", a.Key == "http-equiv":
				out = append(out, n.Data+" "+a.Key)
			case a.Key == "href" || a.Key == "src" || a.Key == "action":
				if !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
					out = append(out, n.Data+" "+a.Key+"="+a.Val)
				}
			}
		}
	}
	return out
}

func TestTextFromASourceIsTextAndNothingElse(t *testing.T) {
	for _, payload := range payloads {
		viewer := liv
		viewer.Name, viewer.Title = "Liv"+payload, payload
		h := open(t, spoiled(t, payload), anders, viewer)
		clean := open(t, families(), anders, liv)
		for path, who := range map[string]string{"/": "anders", "/kilder": "anders", "/barn/ella": "anders", "/barn/jonas": "anders", "/barn/selma": "anders", "/barn/teo": "liv"} {
			doc := h.page(t, path, "som="+who)
			if found := alive(doc); len(found) > 0 {
				t.Errorf("%s with %q: %v", path, payload, found)
			}
			if forms := len(find(doc, tag("form"))); forms != 2 {
				t.Errorf("%s with %q: %d forms", path, payload, forms)
			}
			if !strings.Contains(text(doc), strings.Join(strings.Fields(payload), " ")) && !strings.Contains(payload, "\x01") {
				t.Errorf("%s: %q is not shown as it was said", path, payload)
			}
			if a, b := len(find(doc, tag("h1", "h2"))), len(find(clean.page(t, path, "som="+who), tag("h1", "h2"))); a != b {
				t.Errorf("%s with %q: %d headings, without it %d", path, payload, a, b)
			}
		}
	}
}

func TestAddressIsNotEchoedAsMarkup(t *testing.T) {
	h := open(t, families(), anders)
	w := h.ask(http.MethodGet, "/barn/"+url.PathEscape(`"><script>alert(1)</script>`), nil)
	if found := alive(parse(t, w)); w.Code != http.StatusNotFound || len(found) > 0 {
		t.Errorf("status %d, %v", w.Code, found)
	}
}

func TestHeadersStandOnEveryAnswer(t *testing.T) {
	h := open(t, families(), anders)
	for _, path := range []string{"/", "/barn/ella", "/barn/nobody", "/kilder", "/nowhere", "/static/samsyn.css", "/static/samsyn.svg", "/static/", "/static/nothing.js"} {
		head := h.ask(http.MethodGet, path, nil).Header()
		policy := head.Get("Content-Security-Policy")
		contains(t, path+" policy", policy, "default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'")
		for _, no := range []string{"unsafe", "script-src", "*", "data:", "http"} {
			if strings.Contains(policy, no) {
				t.Errorf("%s: policy holds %q: %s", path, no, policy)
			}
		}
		for key, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Etag": "", "Set-Cookie": "", "Last-Modified": ""} {
			if got := head.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", path, key, got, want)
			}
		}
	}
}

func TestAbsentAndHiddenAnswerAlike(t *testing.T) {
	// The same address is asked for in two worlds: in one barnevern knows Amina, in the other nobody does.
	hidden, absent := families(), families()
	delete(absent.People, "amina")
	delete(absent.Named, "amina")
	over := families() // and in a third the viewer had access until this morning
	over.Give("amina", gatetest.Appointed(anders, "amina", since, stories.Now()), gatetest.Consented(anders, "amina", since, care.Services()...))
	first := open(t, absent, anders).ask(http.MethodGet, "/barn/amina", nil)
	if first.Code != http.StatusNotFound {
		t.Fatalf("absent: status %d", first.Code)
	}
	for name, m := range map[string]memory{"hidden": hidden, "over": over} {
		h := open(t, m, anders)
		w := h.ask(http.MethodGet, "/barn/amina", nil)
		if w.Code != first.Code || w.Body.String() != first.Body.String() || fmt.Sprint(w.Header()) != fmt.Sprint(first.Header()) {
			t.Errorf("%s: answers differ:\n%d %v\n%s\nabsent:\n%d %v\n%s", name, w.Code, w.Header(), w.Body, first.Code, first.Header(), first.Body)
		}
		if h.logged.Len() > 0 {
			t.Errorf("%s: the log tells: %s", name, h.logged.String())
		}
	}
}

func TestHiddenServiceLeavesNoTrace(t *testing.T) {
	all := families()
	all.see(anders, "teo", care.Barnevern)
	less := families()
	less.see(anders, "teo", care.Barnevern)
	less.People["teo"] = slices.DeleteFunc(stories.Teo("teo"), func(c care.Contribution) bool { return c.Service == care.Barnevern })
	for _, path := range []string{"/", "/barn/teo"} {
		a, b := open(t, all, anders).ask(http.MethodGet, path, nil), open(t, less, anders).ask(http.MethodGet, path, nil)
		if a.Body.String() != b.Body.String() {
			t.Errorf("%s: that barnevern knows Teo can be told from the page", path)
		}
		if strings.Contains(strings.ToLower(a.Body.String()), "barnevern") {
			t.Errorf("%s: barnevern is named", path)
		}
	}
}

func TestFailureTellsANumberAndNoMore(t *testing.T) {
	m := families()
	h := open(t, m, anders)
	m.Fails, m.Err = "*", errors.New("disk of secret-host is full")
	for _, path := range []string{"/", "/barn/ella", "/kilder"} {
		h.logged.Reset()
		w := h.ask(http.MethodGet, path, nil)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret-host") {
			t.Errorf("%s: status %d, %s", path, w.Code, w.Body)
		}
		words := strings.Fields(text(find(parse(t, w), tag("main"))[0]))
		number := words[slices.Index(words, "nummer")+1]
		number = strings.TrimSuffix(number, ".")
		contains(t, path+" log", h.logged.String(), "secret-host", "id="+number, "route="+strings.Replace(path, "ella", ":person", 1))
		if strings.Contains(h.logged.String(), "ella") {
			t.Errorf("%s: the log holds the address: %s", path, h.logged.String())
		}
	}
}

func TestChoiceIsKeptAndGoesBackToOurOwnPages(t *testing.T) {
	h := open(t, families(), anders, liv)
	for _, c := range []struct{ name, path, value, back, cookie, location string }{
		{"viewer", "/som", "liv", "/barn/teo", "som=liv", "/barn/teo"},
		{"language", "/sprak", "nn", "/kilder", "sprak=nn", "/kilder"},
		{"unknown viewer", "/som", "siv", "/", "", "/"},
		{"unknown language", "/sprak", "xx", "/", "", "/"},
		{"no way back", "/sprak", "en", "", "sprak=en", "/"},
		{"other site", "/sprak", "en", "https://elsewhere.example/", "sprak=en", "/"},
		{"no scheme", "/sprak", "en", "//elsewhere.example", "sprak=en", "/"},
		{"backslash", "/sprak", "en", `/\elsewhere.example`, "sprak=en", "/"},
		{"tab", "/sprak", "en", "/\t/elsewhere.example", "sprak=en", "/"},
		{"line break", "/sprak", "en", "/\r\nSet-Cookie: a=b", "sprak=en", "/"},
		{"script", "/sprak", "en", "javascript:alert(1)", "sprak=en", "/"},
		{"space before", "/sprak", "en", " //elsewhere.example", "sprak=en", "/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := h.ask(http.MethodPost, c.path, url.Values{strings.Trim(c.path, "/"): {c.value}, "retur": {c.back}})
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != c.location {
				t.Errorf("status %d to %q, want %q", w.Code, w.Header().Get("Location"), c.location)
			}
			cookie := w.Header().Get("Set-Cookie")
			if c.cookie == "" && cookie != "" || !strings.HasPrefix(cookie, c.cookie) {
				t.Errorf("cookie %q, want %q", cookie, c.cookie)
			}
			if cookie != "" {
				contains(t, "cookie", cookie, "HttpOnly", "SameSite=Strict", "Path=/")
			}
		})
	}
}

// TestWayBackNeverLeadsAway reads the way back as browsers do: without tabs and line
// breaks, without what surrounds it, and with a backslash as a slash (WHATWG URL).
func TestWayBackNeverLeadsAway(t *testing.T) {
	h := open(t, families(), anders)
	part := rapid.SampledFrom([]string{"/", "//", `\`, "\t", "\n", "\r", " ", "\x00", "\x7f", "\u00a0", "elsewhere.example", "https:", "javascript:", "@", "?", "#", "%2f", "%5c", ".", "..", "barn", "kilder"})
	rapid.Check(t, func(r *rapid.T) {
		to := strings.Join(rapid.SliceOfN(part, 0, 6).Draw(r, "to"), "")
		got := h.ask(http.MethodPost, "/sprak", url.Values{"sprak": {"nb"}, "retur": {to}}).Header().Get("Location")
		seen := strings.TrimFunc(strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(got), func(c rune) bool { return c <= ' ' })
		seen = strings.ReplaceAll(seen, `\`, "/")
		if !strings.HasPrefix(seen, "/") || strings.HasPrefix(seen, "//") {
			r.Fatalf("%q leads to %q", to, got)
		}
	})
}

func TestChoiceChangesThePage(t *testing.T) {
	h := open(t, families(), anders, liv)
	for _, c := range []struct{ cookie, path, want string }{
		{"som=liv", "/", "Teo Sandvik"}, {"som=nobody", "/", "Ella Lyngstad"}, {"sprak=en", "/", "Children"}, {"sprak=xx", "/", "Barn"},
	} {
		contains(t, c.cookie, text(id(t, h.page(t, c.path, c.cookie), "innhold")), c.want)
	}
	chosen := find(h.page(t, "/", "som=liv"), func(n *html.Node) bool {
		return n.Data == "option" && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "selected" })
	})
	if got := texts(chosen); !slices.Equal(got, []string{"Liv Tangen, barnekoordinator", "Bokmål"}) {
		t.Errorf("chosen %q", got)
	}
}

func TestAnotherSitesFormIsRefused(t *testing.T) {
	h := open(t, families(), anders, liv)
	for _, c := range []struct {
		header, value string
		status        int
	}{
		{"Sec-Fetch-Site", "cross-site", 403}, {"Sec-Fetch-Site", "same-site", 403}, {"Sec-Fetch-Site", "same-origin", 303}, {"Sec-Fetch-Site", "none", 303},
		{"Origin", "https://elsewhere.example", 403}, {"Origin", "null", 403}, {"Origin", "http://example.com", 303},
	} {
		r := httptest.NewRequest(http.MethodPost, "/som", strings.NewReader("som=liv"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(c.header, c.value)
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		if w.Code != c.status || (w.Code == 403) != (w.Header().Get("Set-Cookie") == "") {
			t.Errorf("%s %s: status %d with cookie %q", c.header, c.value, w.Code, w.Header().Get("Set-Cookie"))
		}
	}
}

func TestNobodyConfiguredIsSaid(t *testing.T) {
	m := families()
	h := open(t, m)
	doc := h.page(t, "/")
	contains(t, "first page", text(doc), "Ingen brukere er satt opp")
	if len(find(doc, func(n *html.Node) bool { return attr(n, "id") == "som" })) > 0 {
		t.Error("there is a choice among nobody")
	}
	if w := h.ask(http.MethodGet, "/barn/ella", nil); w.Code != http.StatusNotFound {
		t.Errorf("nobody gets status %d", w.Code)
	}
	h.page(t, "/kilder")
}

func TestOtherAddressesAndMethods(t *testing.T) {
	h := open(t, families(), anders)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/nowhere", 404}, {"GET", "/barn", 404}, {"GET", "/barn/", 404}, {"GET", "/barn/ella/x", 404}, {"GET", "/static/", 404}, {"GET", "/static/../web.go", 404},
		{"GET", "/static/..%2fweb.go", 404}, {"POST", "/", 404}, {"DELETE", "/barn/ella", 404}, {"GET", "/som", 404},
		{"HEAD", "/", 200}, {"HEAD", "/barn/ella", 200}, {"HEAD", "/kilder", 200}, {"HEAD", "/static/samsyn.css", 200}, {"GET", "/static/samsyn.css", 200},
	} {
		w := h.ask(c.method, c.path, nil)
		if w.Code != c.status {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, w.Code, c.status)
		}
		if c.status == 404 && !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s %s: %s", c.method, c.path, w.Header().Get("Content-Type"))
		}
	}
	if h.logged.Len() > 0 {
		t.Errorf("what others ask for wrongly is logged as our failure: %s", h.logged.String())
	}
}

package web_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"samsyn/internal/care"
	"samsyn/mapping"
)

// hostile gives n payloads: each way to run something, in each way to get out of where it
// stands. All of them would change the title of the page, or open a dialog.
func hostile(n int) []string {
	breakout := []string{"", `">`, `'>`, `-->`, `]]>`, `</title>`, `</textarea>`, `</style>`, `</script>`, "</p></li></ul></div>", "`", `\">`, `&quot;>`, "\x01", "\u2028", `"/>`, `</summary></details>`, `</option></select>`, `</template>`, "\xef\xbb\xbf"}
	const run = `document.title='owned'`
	vectors := []string{
		`<script>` + run + `</script>`, `<img src=x onerror="` + run + `">`, `<svg onload="` + run + `">`, `<body onload="` + run + `">`, `<input autofocus onfocus="` + run + `">`, `<details open ontoggle="` + run + `">x</details>`,
		`<video><source onerror="` + run + `"></video>`, `<iframe srcdoc="<script>parent.` + run + `</script>"></iframe>`, `<a href="javascript:` + run + `">x</a>`, `<a href=" &#1;javascript:` + run + `">x</a>`, `<math><mtext></form><form><mglyph><style></math><img src onerror=` + run + `>`,
		`<object data="javascript:` + run + `"></object>`, `<embed src="data:text/html,<script>alert(1)</script>">`, `<form action="javascript:` + run + `"><button>x</button></form>`, `<meta http-equiv=refresh content="0;url=javascript:` + run + `">`,
		`<style>@import 'javascript:` + run + `';*{display:none}</style>`, `<link rel=stylesheet href="data:text/css,*{display:none}">`, `<base href="https://elsewhere.example/">`, `<svg><animate onbegin="` + run + `" attributeName=x dur=1s></svg>`, `<noscript><p title="</noscript><img src=x onerror=` + run + `>">`,
		`[x](javascript:` + run + `)`, `![x](x"onerror="` + run + `)`, `<javascript:` + run + `>`, `{{constructor.constructor("` + run + `")()}}`, `${` + run + `}`, `<scr<script>ipt>` + run + `</scr</script>ipt>`, `<ſcript>` + run + `</ſcript>`, `+ADw-script+AD4-` + run + `+ADw-/script+AD4-`,
	}
	var out []string
	for i := 0; len(out) < n; i++ { // every vector comes before any breakout comes twice with it
		out = append(out, breakout[(i+i/len(vectors))%len(breakout)]+vectors[i%len(vectors)])
	}
	return out
}

// record is one of a source's own records in which every text that it may write freely is a
// payload, the narrative and attached HTML among them.
func poison(v any, next func() string) {
	free := []string{"display", "text", "title", "description", "contentString", "valueString", "comment", "note", "div", "contentType", "name", "value"}
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if _, text := x.(string); text && slices.Contains(free, k) && v["system"] == nil {
				v[k] = next()
				continue
			}
			poison(x, next)
		}
	case []any:
		for _, x := range v {
			poison(x, next)
		}
	}
}

// mapped gives what the hospital says of Ella with payloads, through the shipped maps.
func mapped(t *testing.T, maps *mapping.Set, next func() string) []care.Contribution {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "testdata", "families", "fhir-sykehus", "ella.json"))
	if err != nil {
		t.Fatal(err)
	}
	var whole any
	if err := json.Unmarshal(body, &whole); err != nil {
		t.Fatal(err)
	}
	var out []care.Contribution
	var walk func(v any)
	walk = func(v any) {
		if list, ok := v.([]any); ok {
			for _, x := range list {
				walk(x)
			}
			return
		}
		resource, ok := v.(map[string]any)
		if !ok {
			return
		}
		kind, _ := resource["resourceType"].(string)
		m, known := maps.Map("fhirrest", kind)
		if kind == "Bundle" || !known {
			for _, x := range resource {
				walk(x)
			}
			return
		}
		poison(resource, next)
		resource["text"] = map[string]any{"status": "generated", "div": `<div xmlns="http://www.w3.org/1999/xhtml">` + next() + `</div>`}
		raw, err := json.Marshal(resource)
		if err != nil {
			t.Fatal(err)
		}
		key, _ := resource["id"].(string)
		result, err := m.Apply(mapping.Input{Source: "fhir-sykehus", Kind: kind, Key: key, Media: "application/json", Body: raw})
		if err != nil {
			return // quarantined: it is shown nowhere
		}
		c := care.Contribution{Source: "fhir-sykehus", System: "fhirrest", Kind: kind, Key: key, Version: 1, Service: care.Spesialist, Subject: "Patient/ella", Person: "ella"}
		for _, made := range result.Made {
			c.Made = append(c.Made, care.Made{Resource: made.Resource, Lineage: []care.Lineage{{Element: made.Resource.Type, Rule: next(), From: []string{next()}}}})
		}
		out = append(out, c)
	}
	walk(whole)
	return out
}

// TestSourcesCannotRunAnything shows pages on which every text of a source is a payload to a
// browser. Nothing runs, nothing is even tried (the policy would say so), and no page has an
// element that our templates do not write.
func TestSourcesCannotRunAnything(t *testing.T) {
	n := 84
	if size := os.Getenv("SAMSYN_TEST_SIZE"); size == "ci" || size == "soak" {
		n = 560
	}
	maps, err := mapping.Load(mapping.Shipped)
	if err != nil {
		t.Fatal(err)
	}
	all := hostile(n)
	at, used := 0, map[string]bool{}
	next := func() string {
		p := all[at%len(all)]
		at++
		return p
	}
	b := start(t)
	server := newStage(t)
	shown := 0
	for round := 0; at < n || round == 0; round++ {
		m := families()
		for p, cs := range m.People {
			for i, c := range cs {
				for j, made := range c.Made {
					var body any
					if err := json.Unmarshal(made.Resource.Body, &body); err != nil {
						t.Fatal(err)
					}
					poison(body, next)
					if made.Resource.Body, err = json.Marshal(body); err != nil {
						t.Fatal(err)
					}
					cs[i].Made[j] = made
				}
			}
			for i := range m.Named[p] {
				m.Named[p][i].Name = next()
			}
		}
		for i := range m.States {
			m.States[i].Title, m.States[i].Failure = next(), next()
		}
		said := mapped(t, maps, next)
		if len(said) == 0 {
			t.Fatal("the maps made nothing of the poisoned records")
		}
		m.People["ella"] = append(m.People["ella"], said...)
		h := open(t, m, anders, liv)
		server.show(h.handler)
		for _, path := range []string{"/", "/barn/ella", "/barn/jonas", "/barn/selma", "/kilder"} {
			if found := alive(h.page(t, path, "som=anders")); len(found) > 0 {
				t.Errorf("round %d, %s: %.300v", round, path, found)
			}
			b.do(t, chromedp.Navigate(server.URL+path))
			if title := tell[string](t, b, "document.title"); title == "owned" {
				t.Errorf("round %d, %s: a source has run something", round, path)
			}
			if ran := tell[float64](t, b, "document.scripts.length + document.querySelectorAll('iframe,object,embed,base,style,svg,math,form:not([action^=\"/\"])').length"); ran > 0 {
				t.Errorf("round %d, %s: %v elements of a source's", round, path, ran)
			}
			text := tell[string](t, b, "document.body.textContent")
			for _, p := range all {
				if !used[p] && strings.Contains(text, strings.TrimSpace(strings.Trim(p, "\x01\ufeff\u2028"))) {
					used[p] = true
					shown++
				}
			}
			b.quiet(t, fmt.Sprintf("round %d, %s", round, path))
		}
	}
	if shown < n/8 {
		t.Errorf("only %d of %d payloads came to a page as text: the test tries too little", shown, n)
	}
	t.Logf("%d payloads in %d places, %d of them seen as text, none ran", n, at, shown)
}

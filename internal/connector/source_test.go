package connector_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/internal/connector"
)

// thing is a record of the fake source.
type thing struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Changed string `json:"changed"`
	Gone    bool   `json:"gone,omitempty"`
}

// fake is a source that speaks every kind of paging, in JSON, XML and CSV.
type fake struct {
	paging, format string
	total          bool // answers say how many there are

	mu       sync.Mutex
	things   []string // as they stand on the wire
	asked    []*url.URL
	bodies   []string
	mark     string // what /mark answers
	override func(w http.ResponseWriter, r *http.Request) bool
}

func newFake(paging, format string, n int) *fake {
	f := &fake{paging: paging, format: format, mark: "1000"}
	for i := range n {
		f.put(thing{ID: fmt.Sprintf("k-%d", i+1), Name: fmt.Sprintf("Navn «%d», <&>", i+1), Changed: time.Date(2026, 11, i+1, 8, 0, 0, 0, time.UTC).Format(time.RFC3339)})
	}
	return f
}

// put adds a thing, or takes the place of the one with its id.
func (f *fake) put(t thing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := f.write(t)
	for i, old := range f.things {
		if strings.Contains(old, t.ID) && !strings.Contains(old, t.ID+"0") {
			f.things[i] = text
			return
		}
	}
	f.things = append(f.things, text)
}

func (f *fake) write(t thing) string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	switch f.format {
	case "xml":
		return fmt.Sprintf(`<ting id="%s" endret="%s"><navn>%s</navn></ting>`, t.ID, t.Changed, escape(t.Name))
	case "csv":
		return fmt.Sprintf("%s,%q,%s", t.ID, t.Name, t.Changed)
	}
	b, _ := json.Marshal(t)
	return strings.Replace(string(b), ",", " , ", 1) // blanks that must survive
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.override != nil && f.override(w, r) {
		return
	}
	f.asked = append(f.asked, r.URL)
	if r.URL.Path == "/mark" {
		fmt.Fprintf(w, `{"mark":%q}`, f.mark)
		return
	}
	params := r.URL.Query()
	if r.Method == http.MethodPost {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, "no JSON", http.StatusBadRequest)
			return
		}
		b, _ := json.Marshal(body)
		f.bodies = append(f.bodies, string(b))
		for k, v := range body {
			params.Set(k, fmt.Sprint(v))
		}
	}
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(params.Get(name)); err == nil {
			return n
		}
		return otherwise
	}
	size := number("size", 2)
	from := 0
	switch f.paging {
	case "offset":
		from = number("from", 0)
	case "page":
		from = (number("page", 1) - 1) * size
	case "token", "next", "link":
		from = number("after", 0)
	case "none":
		size = len(f.things)
	}
	from = min(from, len(f.things))
	to := min(from+size, len(f.things))
	f.answer(w, r, f.things[from:to], to)
}

func (f *fake) answer(w http.ResponseWriter, r *http.Request, things []string, to int) {
	more := ""
	if to < len(f.things) {
		next := *r.URL
		q := next.Query()
		q.Set("after", strconv.Itoa(to))
		next.RawQuery = q.Encode()
		more = next.String()
		if f.paging == "link" {
			w.Header().Set("Link", fmt.Sprintf(`</x>; rel="prev", <%s>; rel="next"`, more))
		}
		w.Header().Set("X-After", strconv.Itoa(to))
	}
	switch f.format {
	case "xml":
		next := ""
		if more != "" {
			next = `<neste>` + strings.ReplaceAll(more, "&", "&amp;") + `</neste>`
		}
		fmt.Fprintf(w, `<?xml version="1.0"?><svar xmlns="urn:x"><antall>%d</antall>%s<liste>%s</liste></svar>`, len(f.things), next, strings.Join(things, "\n"))
	case "csv":
		fmt.Fprintf(w, "id,navn,endret\n%s\n", strings.Join(things, "\n"))
	default:
		fields := []string{`"data": {"list": [` + strings.Join(things, ",\n") + `]}`}
		if f.total {
			fields = append(fields, fmt.Sprintf(`"total": %d`, len(f.things)))
		}
		if more != "" {
			fields = append(fields, fmt.Sprintf(`"next": %q, "after": %q`, more, strconv.Itoa(to)))
		}
		fmt.Fprintf(w, "{%s}", strings.Join(fields, ","))
	}
}

// definition reads a connector that was written for the fake.
func definition(t testing.TB, yaml string) *connector.Definition {
	t.Helper()
	d, err := connector.Parse("test/connector.yaml", []byte(yaml))
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	return d
}

var clock = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

func deps() adapters.Deps {
	return adapters.Deps{HTTP: &http.Client{}, Now: func() time.Time { return clock }}
}

// open serves h for the test and opens the connector on it.
func open(t testing.TB, d *connector.Definition, h http.Handler, settings map[string]any) adapters.Adapter {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	all := map[string]any{"url": s.URL}
	for k, v := range settings {
		all[k] = v
	}
	a, err := d.Open(all, deps())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

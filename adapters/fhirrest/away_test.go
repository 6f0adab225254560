package fhirrest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/fhirrest"
	"samsyn/internal/outbound"
)

// TestNextLinkNeverLeadsAway: a rogue source names the next page at another place, in the
// ways that have fooled comparisons of texts (CVE-2026-34361). The real client stands
// behind the adapter's own look at the link.
func TestNextLinkNeverLeadsAway(t *testing.T) {
	var hits atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(other.Close)
	victim := strings.TrimPrefix(other.URL, "http://")
	for _, link := range []string{
		"http://V/", "//V/", `\\V/`, `http:\\V`, "http://S@V/", "http://S.V/", "http://V#@S", "http://V?S", `http://V\@S`, "http://S%2f@V/", "HTTP://V/", "http://localhost:P/", "http://127.1:P/", "http://2130706433:P/", "http://0x7f000001:P/",
		"http://[::ffff:127.0.0.1]:P/", "http://[::1]:P/", "http://0:P/", "http://127.0.0.1.nip.io:P/", "ftp://V/", "file:///etc/passwd", "http://169.254.169.254:P/latest/", "http:V", "https://V/", "\thttp://V/", "http://V/\r\nX: y", "http://①②⑦.0.0.1:P/",
	} {
		asked := 0
		var host string
		source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			body := searchset(strings.NewReplacer("V", victim, "S", host, "P", victim[strings.LastIndex(victim, ":")+1:], `\`, `\\`, "\t", `\t`, "\r", `\r`, "\n", `\n`).Replace(link), goal("g1", "2026-11-01T08:00:00Z"))
			if asked > 1 {
				body = searchset("")
			}
			_, _ = w.Write([]byte(body)) // the client may have gone
		}))
		host = strings.TrimPrefix(source.URL, "http://")
		c := fhirrest.Config{Base: source.URL + "/fhir", Types: []fhirrest.Type{{Type: "Goal"}}}
		client, end, err := outbound.New(outbound.Options{Addresses: c.Addresses(), AllowPrivate: true, Retries: -1})
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Open(adapters.Deps{HTTP: client, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		pages, err := fetch(a, "")
		if err != nil && !errors.Is(err, adapters.ErrProtocol) {
			t.Errorf("%q: %v", link, err)
		}
		if err == nil && asked < 2 {
			t.Errorf("%q: the link is neither refused nor read as the source's own", link)
		}
		if len(pages) == 0 || len(pages[0].Records) != 1 {
			t.Errorf("%q: the page before it is lost", link)
		}
		if hits.Swap(0) > 0 {
			t.Errorf("%q leads to another service", link)
		}
		end()
		source.Close()
	}
}

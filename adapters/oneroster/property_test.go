package oneroster_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pgregory.net/rapid"

	"samsyn/adapters"
	"samsyn/adapters/oneroster"
	"samsyn/internal/sim/oneroster"
)

// inProcess is an http.RoundTripper that calls a handler without a network.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// TestWhatIsHeldIsWhatTheRosterSays changes a roster between passes, many times
// within the same moment, and compares what was handed over with a first reading.
func TestWhatIsHeldIsWhatTheRosterSays(t *testing.T) {
	things := [][2]string{
		{"users", "u-ella"}, {"users", "u-jonas"}, {"users", "u-teo"}, {"users", "u-marit"}, {"users", "u-hanne"}, {"users", "u-metteskar"},
		{"users", "u-karelunde"}, {"classes", "cl-1a"}, {"classes", "cl-7b"}, {"orgs", "sch-lyngbakken"}, {"enrollments", "en-skar-1a"}, {"enrollments", "en-ella-7b"},
	}
	rapid.Check(t, func(rt *rapid.T) {
		s, clock := roster(t), now
		clone := func() adapters.Adapter {
			c := oneroster.Config{Mode: oneroster.REST, URL: "http://roster.example", Limit: rapid.IntRange(1, 5).Draw(rt, "limit")}
			a, err := c.Open(adapters.Deps{HTTP: &http.Client{Transport: inProcess{s}}, Now: func() time.Time { return clock }})
			if err != nil {
				rt.Fatal(err)
			}
			return a
		}
		a := clone()
		held := map[string]string{}
		var cursor adapters.Cursor
		read := func(from adapters.Adapter, since adapters.Cursor, into map[string]string) adapters.Cursor {
			for page, err := range from.Fetch(context.Background(), since) {
				if err != nil {
					rt.Fatal(err)
				}
				for _, r := range page.Records {
					into[r.Key] = fmt.Sprint(r.Deleted, string(r.Body))
				}
				since = page.Next
			}
			return since
		}
		for i := range rapid.IntRange(0, 12).Draw(rt, "steps") {
			if rapid.Bool().Draw(rt, "read") {
				cursor = read(a, cursor, held)
				continue
			}
			clock = clock.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "seconds")) * time.Second)
			at := rapid.SampledFrom(things).Draw(rt, "thing")
			err := s.Edit(at[0], at[1], clock, func(o onerostersim.Object) {
				o["metadata"] = map[string]any{"step": i}
				o["status"] = rapid.SampledFrom([]string{"active", "tobedeleted"}).Draw(rt, "status")
			})
			if err != nil {
				rt.Fatal(err)
			}
		}
		read(a, cursor, held)
		want := map[string]string{}
		read(clone(), "", want)
		for id, body := range want {
			if held[id] != body {
				rt.Errorf("%s is held differently than the roster says", id)
			}
		}
	})
}

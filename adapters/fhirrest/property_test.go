package fhirrest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"samsyn/adapters"
	"samsyn/adapters/fhirrest"
	fhirrestsim "samsyn/internal/sim/fhirrest"
)

// direct serves requests without a socket.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	server := r.Clone(r.Context())
	server.RequestURI = r.URL.RequestURI()
	server.Host = r.URL.Host
	if server.Body == nil {
		server.Body = http.NoBody
	}
	d.handler.ServeHTTP(w, server)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// TestNothingIsLost: however resources change between and during readings, and
// wherever a reading is broken off, the last reading from the saved cursor leaves
// us with the newest version of everything.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sim, err := fhirrestsim.New(fstest.MapFS{})
		if err != nil {
			t.Fatal(err)
		}
		clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		newest := map[string]int{}
		version := 0
		write := func() {
			version++
			clock = clock.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "seconds")) * time.Second)
			kind := rapid.SampledFrom([]string{"Goal", "CarePlan", "Encounter"}).Draw(t, "type")
			id := fmt.Sprintf("r%d", rapid.IntRange(1, 6).Draw(t, "id"))
			newest[kind+"/"+id] = version
			body := fmt.Sprintf(`{"resourceType":%q,"id":%q,"meta":{"versionId":"%d","lastUpdated":%q}}`, kind, id, version, clock.Format(time.RFC3339))
			if err := sim.Put([]byte(body)); err != nil {
				t.Fatal(err)
			}
		}
		history := rapid.Bool().Draw(t, "history")
		a, err := fhirrest.Config{
			Base: "http://fhir.example" + fhirrestsim.Base, PageSize: rapid.IntRange(1, 4).Draw(t, "page"), Overlap: time.Nanosecond,
			Types: []fhirrest.Type{{Type: "Goal", History: history}, {Type: "CarePlan"}, {Type: "Encounter"}},
		}.Open(adapters.Deps{HTTP: &http.Client{Transport: direct{sim}}, Now: func() time.Time { return clock }})
		if err != nil {
			t.Fatal(err)
		}
		held := map[string]string{}
		var cursor adapters.Cursor
		read := func(stop int, meanwhile bool) {
			pages := 0
			for page, err := range a.Fetch(context.Background(), cursor) {
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range page.Records {
					held[r.Kind+"/"+r.Key] = r.Version
				}
				cursor = page.Next
				if pages++; pages == stop {
					return
				}
				if meanwhile {
					write()
				}
			}
		}
		for range rapid.IntRange(1, 5).Draw(t, "rounds") {
			for range rapid.IntRange(0, 8).Draw(t, "writes") {
				write()
			}
			read(rapid.IntRange(0, 4).Draw(t, "stop"), rapid.Bool().Draw(t, "meanwhile"))
		}
		read(0, false)
		for name, v := range newest {
			if held[name] != fmt.Sprint(v) {
				t.Fatalf("%s is held in version %q, and the server has %d", name, held[name], v)
			}
		}
		if len(held) != len(newest) {
			t.Fatalf("%d resources held, %d at the server", len(held), len(newest))
		}
	})
}

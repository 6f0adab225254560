package faultsim_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	faultsim "samsyn/internal/sim/faults"
	fhirrestsim "samsyn/internal/sim/fhirrest"
	onerostersim "samsyn/internal/sim/oneroster"
)

func hospital(t *testing.T) http.Handler {
	t.Helper()
	s, err := fhirrestsim.New(os.DirFS("../../../testdata/families/fhir-sykehus"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// told is what a client sees: status, body as far as it came, and how it ended.
func told(t *testing.T, h http.Handler, n int) string {
	t.Helper()
	return toldIn(t, h, n, 30*time.Second)
}

func toldIn(t *testing.T, h http.Handler, n int, patience time.Duration) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of answers that are broken off, as they are to be
	s.Start()
	defer s.Close()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var out strings.Builder
	for range n {
		req, err := http.NewRequest(http.MethodPost, s.URL+"/fhir/EpisodeOfCare/_search", strings.NewReader("_count=2"))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "source.test" // it stands in the answers' links
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(req)
		if err != nil {
			fmt.Fprintln(&out, "no answer")
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Fprintln(&out, resp.StatusCode, resp.Header.Get("Retry-After"), string(body), err != nil)
	}
	return out.String()
}

func TestCalmChangesNothing(t *testing.T) {
	if a, b := told(t, hospital(t), 3), told(t, faultsim.New(hospital(t), 1), 3); a != b {
		t.Errorf("without a fault:\n%s\nbehind the handler:\n%s", a, b)
	}
}

// TestEveryFaultIsSeen: each fault changes what a client sees, is counted, and is the
// same again from the same seed.
func TestEveryFaultIsSeen(t *testing.T) {
	calm := told(t, hospital(t), 3)
	for _, f := range faultsim.All() {
		t.Run(string(f), func(t *testing.T) {
			var seen []string
			for range 2 {
				h := faultsim.New(hospital(t), 7)
				h.HugeSize, h.Tick = 1000, time.Hour
				h.Set(f, 1)
				patience := 30 * time.Second
				if f == faultsim.SlowStart || f == faultsim.Trickle { // these last as long as anybody waits
					patience = 100 * time.Millisecond
				}
				seen = append(seen, toldIn(t, h, 3, patience))
				if h.Struck(f) == 0 {
					t.Error("the fault did not strike")
				}
				h.Calm()
				if after := told(t, h, 3); strings.Count(after, "Bundle") != strings.Count(calm, "Bundle") {
					t.Error("the fault goes on after it was taken away")
				}
			}
			if f != faultsim.Trickle && seen[0] != seen[1] { // how much trickles is a matter of time
				t.Errorf("the same seed gave\n%s\nand\n%s", seen[0], seen[1])
			}
			if seen[0] == calm {
				t.Error("a client sees nothing of it")
			}
		})
	}
}

func TestOnceStrikesOnce(t *testing.T) {
	h := faultsim.New(hospital(t), 1)
	h.Once(faultsim.Broken, 2)
	lines := strings.Split(strings.TrimSpace(told(t, h, 4)), "\n")
	var struck []int
	for i, l := range lines {
		if strings.HasPrefix(l, "500") {
			struck = append(struck, i)
		}
	}
	if h.Struck(faultsim.Broken) != 1 || len(struck) != 1 || h.Requests() != 4 {
		t.Errorf("struck at %v, %d requests", struck, h.Requests())
	}
}

// TestEarly: who comes back before Retry-After is over is counted.
func TestEarly(t *testing.T) {
	at := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	h := faultsim.New(hospital(t), 1)
	h.Now = func() time.Time { return at }
	h.RetryAfter = time.Minute
	h.Once(faultsim.TooMany, 1)
	told(t, h, 2)
	if h.Early() != 1 {
		t.Errorf("%d came early, want 1", h.Early())
	}
	at = at.Add(2 * time.Minute)
	told(t, h, 1)
	if h.Early() != 1 {
		t.Error("who waited is counted as early")
	}
}

func TestRosterIsUnderstood(t *testing.T) {
	roster, err := onerostersim.New(os.DirFS("../../../testdata/families/oneroster"))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(h http.Handler) string {
		r := httptest.NewRequest(http.MethodGet, "/ims/oneroster/rostering/v1p2/users?limit=3", nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Body.String() + w.Header().Get("Link")
	}
	calm := ask(roster)
	for _, f := range []faultsim.Fault{faultsim.Hide, faultsim.Rekey, faultsim.Skew, faultsim.Empty, faultsim.Duplicate, faultsim.Loop, faultsim.Drift, faultsim.Poison} {
		h := faultsim.New(roster, 3)
		h.Set(f, 1)
		if ask(h) == calm {
			t.Errorf("%s: nothing is seen of it", f)
		}
	}
}

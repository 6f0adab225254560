package nhnmsh_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"samsyn/adapters"
	"samsyn/adapters/nhnmsh"
	nhnmshsim "samsyn/internal/sim/nhnmsh"
)

// direct serves requests without a socket, and fails when it is told to.
type direct struct {
	handler http.Handler
	fails   func() bool
}

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if d.fails() {
		w.WriteHeader(http.StatusServiceUnavailable)
	} else {
		server := r.Clone(r.Context())
		if server.Body == nil {
			server.Body = http.NoBody
		}
		d.handler.ServeHTTP(w, server)
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// TestEveryMessageIsStoredBeforeItIsRead: whatever fails and wherever a run is
// broken off, no message is marked read before we hold it, and once the server
// answers again all are held, answered and read.
func TestEveryMessageIsStoredBeforeItIsRead(t *testing.T) {
	body := string(file(t, good))
	rapid.Check(t, func(t *rapid.T) {
		data := fstest.MapFS{}
		for i := range rapid.IntRange(1, 12).Draw(t, "messages") {
			text := strings.NewReplacer("09:10:00", fmt.Sprintf("09:10:%02d", i), "<MsgId>", fmt.Sprintf("<MsgId>%d-", i)).Replace(body)
			if rapid.IntRange(0, 3).Draw(t, "bad") == 0 {
				text = strings.Replace(text, "<MsgHead", "<!DOCTYPE x><MsgHead", 1)
			}
			data[fmt.Sprintf("m%02d.xml", i)] = &fstest.MapFile{Data: []byte(text)}
		}
		sim, err := nhnmshsim.New(data)
		if err != nil {
			t.Fatal(err)
		}
		unreliable := true
		transport := direct{sim, func() bool { return unreliable && rapid.IntRange(0, 5).Draw(t, "fails") == 0 }}
		page := rapid.IntRange(1, 5).Draw(t, "page")
		held := map[string]bool{}
		run := func() {
			// A new process each time.
			a, err := nhnmsh.Config{Base: "http://msh.example", HerIDs: []int{helsestasjon}, PageSize: page}.
				Open(adapters.Deps{HTTP: &http.Client{Transport: transport}, Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			for p, err := range a.Fetch(context.Background(), "") {
				if err != nil {
					return
				}
				var outcomes []adapters.Outcome
				for _, r := range p.Records {
					held[r.Key] = true
					outcomes = append(outcomes, adapters.Outcome{Kind: r.Kind, Key: r.Key, Stored: true})
				}
				for _, f := range p.Faults {
					held[f.Key] = true
					outcomes = append(outcomes, adapters.Outcome{Kind: f.Kind, Key: f.Key, Reason: f.Err})
				}
				if unreliable && rapid.Bool().Draw(t, "dies") {
					return // after storing, before acknowledging
				}
				if a.(adapters.Acknowledger).Acknowledge(context.Background(), outcomes) != nil {
					return
				}
			}
		}
		check := func(end bool) {
			for _, m := range sim.Messages() {
				if m.Read && !held[key(m)] {
					t.Fatalf("%s is read and not held", m.Name)
				}
				if m.Read && m.AppRec == nil {
					t.Fatalf("%s is read and not answered", m.Name)
				}
				want := "Ok"
				if strings.Contains(string(m.Document), "<!DOCTYPE") {
					want = "Rejected"
				}
				if m.AppRec != nil && m.AppRec.Status != want {
					t.Fatalf("%s is answered %s, want %s", m.Name, m.AppRec.Status, want)
				}
				if end && !m.Read {
					t.Fatalf("%s is still unread", m.Name)
				}
			}
		}
		for range rapid.IntRange(0, 4).Draw(t, "runs") {
			run()
			check(false)
		}
		unreliable = false
		run()
		check(true)
	})
}

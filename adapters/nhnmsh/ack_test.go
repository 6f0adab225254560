package nhnmsh_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/nhnmsh"
)

// acknowledgeAll tells the adapter that every record is stored and every fault quarantined.
func acknowledgeAll(t *testing.T, a adapters.Adapter, p adapters.Page) {
	t.Helper()
	var outcomes []adapters.Outcome
	for _, r := range p.Records {
		outcomes = append(outcomes, adapters.Outcome{Kind: r.Kind, Key: r.Key, Stored: true})
	}
	for _, f := range p.Faults {
		outcomes = append(outcomes, adapters.Outcome{Kind: f.Kind, Key: f.Key, Reason: f.Err})
	}
	if err := a.(adapters.Acknowledger).Acknowledge(context.Background(), outcomes); err != nil {
		t.Fatal(err)
	}
}

func TestEveryMessageIsAnsweredThenRead(t *testing.T) {
	sim := server(t, files(t, true))
	a := open(t, sim, nil)
	pages := 0
	for p, err := range a.Fetch(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		pages++
		acknowledgeAll(t, a, p)
	}
	if pages < 3 {
		t.Errorf("%d pages; acknowledged messages should make room for the next", pages)
	}
	for _, m := range sim.Messages() {
		switch {
		case m.Receiver != helsestasjon:
			if m.Read || m.AppRec != nil {
				t.Errorf("%s: another receiver's copy was answered", m.Name)
			}
		case !m.Read:
			t.Errorf("%s is unread", m.Name)
		case m.IsAppRec:
			if m.AppRec != nil {
				t.Errorf("%s: a receipt was answered with a receipt", m.Name)
			}
		case m.Name == poison:
			if m.AppRec == nil || m.AppRec.Status != "Rejected" || m.AppRec.Errors[0].Code != "T99" {
				t.Errorf("%s was answered with %+v", m.Name, m.AppRec)
			}
		case m.AppRec == nil || m.AppRec.Status != "Ok":
			t.Errorf("%s was answered with %+v", m.Name, m.AppRec)
		}
	}
	for p, err := range a.Fetch(context.Background(), "") {
		t.Errorf("a second pass gives %d things, error %v", p.Listed(), err)
	}
}

func TestNothingIsReadBeforeItIsAcknowledged(t *testing.T) {
	sim := server(t, files(t, true))
	adapterstest.Pass(t, open(t, sim, nil), "")
	for _, m := range sim.Messages() {
		if m.Read || m.AppRec != nil {
			t.Errorf("%s was answered or read by listing alone", m.Name)
		}
	}
}

func TestAcknowledgeIsRepeatable(t *testing.T) {
	sim := server(t, files(t, false))
	m := named(t, sim, good)
	outcome := []adapters.Outcome{{Kind: nhnmsh.KindDialog, Key: key(m), Stored: true}}
	for i := range 3 {
		// A new process each time: nothing is remembered from the listing.
		if err := open(t, sim, nil).(adapters.Acknowledger).Acknowledge(context.Background(), outcome); err != nil {
			t.Fatalf("time %d: %v", i+1, err)
		}
	}
	if m = named(t, sim, good); !m.Read || m.AppRec.Status != "Ok" {
		t.Errorf("read %t, receipt %+v", m.Read, m.AppRec)
	}
}

func TestWhatIsAnswered(t *testing.T) {
	tests := []struct {
		name    string
		outcome adapters.Outcome
		status  string // "" nothing
		read    bool
	}{
		{"stored", adapters.Outcome{Stored: true}, "Ok", true},
		{"quarantined for a reason of ours", adapters.Outcome{Reason: errors.New("code without translation")}, "Ok", true},
		{"the message's own fault", adapters.Outcome{Reason: &nhnmsh.Rejection{Code: "T02", Reason: "x"}}, "Rejected", true},
		{"the message's own fault, known from an earlier run", adapters.Outcome{Reason: fmt.Errorf("then: %w", adapters.ErrMalformed)}, "Rejected", true},
		{"nothing became of it", adapters.Outcome{}, "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sim := server(t, files(t, false))
			test.outcome.Kind, test.outcome.Key = nhnmsh.KindDialog, key(named(t, sim, good))
			if err := open(t, sim, nil).(adapters.Acknowledger).Acknowledge(context.Background(), []adapters.Outcome{test.outcome}); err != nil {
				t.Fatal(err)
			}
			m := named(t, sim, good)
			status := ""
			if m.AppRec != nil {
				status = m.AppRec.Status
			}
			if status != test.status || m.Read != test.read {
				t.Errorf("answered %q and read %t, want %q and %t", status, m.Read, test.status, test.read)
			}
		})
	}
}

func TestFailedReadMarkLeavesTheMessageUnread(t *testing.T) {
	sim := server(t, files(t, false))
	down := true
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down && r.Method == http.MethodPut {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		sim.ServeHTTP(w, r)
	})
	a := open(t, h, nil).(adapters.Acknowledger)
	outcome := []adapters.Outcome{{Kind: nhnmsh.KindDialog, Key: key(named(t, sim, good)), Stored: true}}
	if err := a.Acknowledge(context.Background(), outcome); !errors.Is(err, adapters.ErrUnavailable) {
		t.Fatalf("error %v", err)
	}
	down = false
	if err := a.Acknowledge(context.Background(), outcome); err != nil {
		t.Fatalf("the second time: %v", err)
	}
	if m := named(t, sim, good); !m.Read || m.AppRec.Status != "Ok" {
		t.Errorf("read %t, receipt %+v", m.Read, m.AppRec)
	}
}

// TestSentAgain: a sender who waits too long for a receipt sends the same message once more.
func TestSentAgain(t *testing.T) {
	sim := server(t, files(t, false))
	if err := sim.Add("again.xml", file(t, good)); err != nil {
		t.Fatal(err)
	}
	want := key(named(t, sim, good))
	a := open(t, sim, nil)
	for pass := range 2 {
		given := 0
		for _, p := range adapterstest.Pass(t, a, "") {
			for _, r := range p.Records {
				if r.Key == want {
					given++
				}
			}
			acknowledgeAll(t, a, p)
		}
		if given != 1 {
			t.Errorf("pass %d gives the message %d times", pass+1, given)
		}
	}
	for _, name := range []string{good, "again.xml"} {
		if m := named(t, sim, name); !m.Read || m.AppRec == nil || m.AppRec.Status != "Ok" {
			t.Errorf("%s: read %t, receipt %+v", name, m.Read, m.AppRec)
		}
	}
}

// TestBothDeliveriesAreAnsweredByAnotherProcess: the server tells where a message lies.
func TestBothDeliveriesAreAnsweredByAnotherProcess(t *testing.T) {
	sim := server(t, files(t, false))
	if err := sim.Add("again.xml", file(t, good)); err != nil {
		t.Fatal(err)
	}
	outcome := []adapters.Outcome{{Kind: nhnmsh.KindDialog, Key: key(named(t, sim, good)), Stored: true}}
	if err := open(t, sim, nil).(adapters.Acknowledger).Acknowledge(context.Background(), outcome); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{good, "again.xml"} {
		if m := named(t, sim, name); !m.Read || m.AppRec == nil {
			t.Errorf("%s: read %t, receipt %+v", name, m.Read, m.AppRec)
		}
	}
}

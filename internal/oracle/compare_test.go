package oracle_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"samsyn/internal/access"
	"samsyn/internal/care"
	"samsyn/internal/oracle"
)

// pair is the table, read twice: by the decision and by the oracle.
type pair struct {
	table  *access.Table
	oracle *oracle.Oracle
	oslo   *time.Location
}

func read(t *testing.T) pair {
	t.Helper()
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("../access/table.yaml")
	if err != nil {
		t.Fatal(err)
	}
	o, err := oracle.Read(file, oslo)
	if err != nil {
		t.Fatal(err)
	}
	table, err := access.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return pair{table.In(oslo), o, oslo}
}

// lists gives the names of the lists of a decision as the oracle says them.
func lists(f access.Fields) []string {
	if f.All {
		return []string{oracle.All}
	}
	return slices.Sorted(slices.Values(f.Lists))
}

// The decision and the oracle say the same of whatever is drawn: who may see it, in which
// elements, and that SQL may select it.
func TestTheDecisionIsTheOracles(t *testing.T) {
	items := size(20, 50, 50)
	p := read(t)
	decided, allowed := 0, 0
	check(t, size(250, 4_000, 100_000), func(rt *rapid.T) {
		f, at := facts(rt, p.oslo)
		scope := p.table.Scope(f, at)
		seen := false
		for _, i := range draw(rt, f, items) {
			may, elements := p.oracle.May(f, i.Service, i.Type, i.Marks, i.Record, at)
			d := p.table.Decide(f, i, at)
			decided++
			if may {
				allowed++
				seen = true
			}
			switch at := at.Format(time.RFC3339Nano); {
			case d.Allowed != may:
				rt.Fatalf("%+v at %s: decided %v by %s %s, the oracle says %v\n%s", i, at, d.Allowed, d.Rule, d.Basis, may, text(f))
			case !slices.Equal(lists(d.Fields), elements):
				rt.Fatalf("%+v at %s: decided %v, the oracle says %v\n%s", i, at, lists(d.Fields), elements, text(f))
			case access.Holds(scope.Visible, i) != may:
				rt.Fatalf("%+v at %s: the scope says otherwise than the oracle's %v\n%s", i, at, may, text(f))
			case may && !scope.Fields[i.Service].All && slices.ContainsFunc(elements, func(l string) bool { return !slices.Contains(lists(scope.Fields[i.Service]), l) }):
				rt.Fatalf("%+v at %s: %v leave, the scope has %v at the most\n%s", i, at, elements, lists(scope.Fields[i.Service]), text(f))
			}
		}
		if seen && !scope.Allowed {
			rt.Fatalf("something may be seen, and the scope says %s\n%s", scope.Rule, text(f))
		}
	})
	share := float64(allowed) / float64(decided)
	t.Logf("%d decisions, %.1f %% of them allowed", decided, 100*share)
	// Worlds in which all is refused, or nothing, would compare little.
	if share < 0.1 || share > 0.6 {
		t.Errorf("%.1f %% were allowed: the worlds try too little", 100*share)
	}
}

// text shows the facts, all of them synthetic, so that a failure can be looked into.
func text(f care.Facts) string {
	b, err := json.Marshal(f)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

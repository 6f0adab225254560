package gate_test

import (
	"errors"
	"testing"
	"time"

	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/gate"
	"samsyn/internal/gate/gatetest"
)

// bounds refuses what it is told to.
type bounds struct {
	asks, opens time.Duration
	opened      []string
}

func (b *bounds) Asks(string) time.Duration { return b.asks }

func (b *bounds) Opens(viewer, person string) time.Duration {
	b.opened = append(b.opened, viewer+" "+person)
	return b.opens
}

// TestTooManyNewChildren: what everything else allows is refused, told as too much and not as absent, and the log says
// by which rule; who may not see the child gets the same answer as before, and opens nobody.
func TestTooManyNewChildren(t *testing.T) {
	for name, ask := range map[string]func(g *gate.Gate) (released bool, err error){
		"open": func(g *gate.Gate) (bool, error) {
			o, err := g.Open(t.Context(), asks(anders), "ella")
			return o.Contributions != nil || o.Person != "", err
		},
		"read": func(g *gate.Gate) (bool, error) {
			all, err := g.History(t.Context(), gate.Request{Viewer: anders, Door: audit.DoorFHIR, Interaction: audit.Read}, "CarePlan", "k-ip")
			return all != nil, err
		},
	} {
		m := families()
		m.Old = map[string][]care.ResourceVersion{"CarePlan/k-ip": {ofElla(m, "CarePlan", "k-ip")}}
		g, b := open(t, m), &bounds{opens: time.Minute}
		g.Limits = b
		released, err := ask(g)
		var limited care.Limited
		if released || !errors.As(err, &limited) || limited.Wait != time.Minute || !errors.Is(err, care.ErrUnavailable) || errors.Is(err, care.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if e := events(t, m); len(e) != 1 || e[0].Permit || e[0].Rule != "too-many-new" || e[0].Person != "ella" || len(e[0].Services)+len(e[0].Bases) > 0 {
			t.Errorf("%s: events %+v", name, e)
		}
		b.opens = 0
		if released, err := ask(g); err != nil || !released {
			t.Errorf("%s, below the limit: %v", name, err)
		}
	}
}

// ofElla is a version of what she has.
func ofElla(m *gatetest.Memory, typ, id string) care.ResourceVersion {
	for _, c := range m.People["ella"] {
		for _, d := range c.Made {
			if d.Resource.Type == typ && d.Resource.ID == id {
				return care.ResourceVersion{Record: care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}, Version: 1, Current: true, Service: c.Service, Person: "ella", Resource: d.Resource}
			}
		}
	}
	return care.ResourceVersion{}
}

func TestWhatOpensNobodyIsNotCounted(t *testing.T) {
	m := families()
	g, b := open(t, m), &bounds{opens: time.Minute}
	g.Limits = b
	if _, err := g.Open(t.Context(), asks(anders), "amina"); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("hidden: %v", err)
	}
	if _, err := g.Open(t.Context(), asks(anders), "nobody"); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
	r := asks(anders)
	r.Interaction = audit.Children
	if all, err := g.Children(t.Context(), r); err != nil || len(all) != 3 {
		t.Errorf("her list: %d %v", len(all), err)
	}
	if len(b.opened) > 0 {
		t.Errorf("counted: %v", b.opened)
	}
}

// TestTooMuchIsRefusedBeforeAnythingIsRead, and no line is written for it.
func TestTooMuchIsRefusedBeforeAnythingIsRead(t *testing.T) {
	m := families()
	g := open(t, m)
	g.Limits = &bounds{asks: 2 * time.Second}
	var limited care.Limited
	if _, err := g.Open(t.Context(), asks(anders), "ella"); !errors.As(err, &limited) || limited.Seconds() != "2" {
		t.Errorf("%v", err)
	}
	if _, err := g.Children(t.Context(), asks(anders)); !errors.As(err, &limited) {
		t.Errorf("%v", err)
	}
	if len(m.Asked)+len(m.Lines) > 0 {
		t.Errorf("the store was asked for %v, %d lines", m.Asked, len(m.Lines))
	}
	if s := (care.Limited{Wait: time.Millisecond}).Seconds(); s != "1" {
		t.Errorf("a millisecond is %s seconds", s)
	}
}

package gate

import (
	"time"

	"samsyn/internal/audit"
	"samsyn/internal/care"
)

// Limits bounds how much one viewer asks for. A wait that is not zero is a refusal, and how
// long until it would be none.
type Limits interface {
	// Asks notes that the viewer asks for something.
	Asks(viewer string) (wait time.Duration)
	// Opens notes that the viewer opens a person, whom she may see. It is of persons whom she
	// has not opened before that there can be too many.
	Opens(viewer, person string) (wait time.Duration)
}

// tooManyNew is the rule by which an opening is refused that everything else allows.
const tooManyNew = "too-many-new"

// asks refuses before anything is read. Nothing was decided, and nothing is noted: a flood
// of questions would be one of lines.
func (g *Gate) asks(r Request) error {
	if g.Limits == nil || r.Viewer.ID == "" {
		return nil
	}
	if wait := g.Limits.Asks(r.Viewer.ID); wait > 0 {
		return care.Limited{Wait: wait}
	}
	return nil
}

// opens refuses to release one more new person, and lets the event say so. A list of those to
// whom something ties the viewer opens none of them.
func (g *Gate) opens(r Request, events []audit.Event) error {
	if g.Limits == nil || r.Interaction == audit.Children || len(events) != 1 {
		return nil
	}
	e := &events[0]
	if !e.Permit || e.Failed || e.Person == "" {
		return nil
	}
	wait := g.Limits.Opens(r.Viewer.ID, string(e.Person))
	if wait == 0 {
		return nil
	}
	e.Permit, e.Rule, e.Services, e.Bases, e.Withheld = false, tooManyNew, nil, nil, 0
	return care.Limited{Wait: wait}
}

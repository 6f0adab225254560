package barnevernsregister

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"samsyn/adapters"
)

// Assemble folds a case's deliveries into one document of the register's own format.
// Deliveries are chained by ForrigeId, whatever order they came in. What lies behind a
// gap or a fork is held; the chain up to there is used. Of two first deliveries the
// earlier one's chain is used and the other is held; with none, nothing can be placed.
//
// The whole's Changed is the latest DatoUttrekk that is known of the case, held
// deliveries included: a chain that became shorter because a fork was found must still
// replace the longer one that was believed before.
func (a *adapter) Assemble(group string, parts []adapters.Record) (*adapters.Record, map[string]error, error) {
	held := map[string]error{}
	c := chain{byID: map[string]*delivery{}, next: map[string][]*delivery{}}
	var latest time.Time
	for _, d := range readParts(group, parts, held) {
		c.add(d)
		if d.at.After(latest) {
			latest = d.at
		}
	}
	placed := c.place(held)
	if len(placed) == 0 {
		return nil, held, nil
	}
	last := placed[len(placed)-1]
	whole := &adapters.Record{Kind: Kind, Key: group, Version: last.id, Changed: latest, Media: adapters.XML}
	if last.deleted() {
		whole.Deleted = true
		return whole, held, nil
	}
	whole.Body = fold(placed)
	return whole, held, nil
}

// readParts parses the parts, folds copies of the same bytes, and holds what is no
// delivery of this case. The result is in order of id, so that nothing depends on the
// order of parts.
func readParts(group string, parts []adapters.Record, held map[string]error) []*delivery {
	bodies := map[string][]byte{}
	clash := map[string]bool{}
	var out []*delivery
	for _, p := range parts {
		if first, ok := bodies[p.Key]; ok {
			clash[p.Key] = clash[p.Key] || !bytes.Equal(first, p.Body)
			continue
		}
		bodies[p.Key] = p.Body
		d, err := parse(p.Body)
		switch {
		case err != nil:
			held[p.Key] = err
		case d.id != lower(p.Key) || d.sakID != lower(group):
			held[p.Key] = fmt.Errorf("%w: delivery %s of case %s does not belong to case %s", adapters.ErrProtocol, d.id, d.sakID, group)
		default:
			out = append(out, d)
		}
	}
	for key := range clash {
		if clash[key] {
			held[key] = fmt.Errorf("%w: delivery %s came twice with different content: ask the supplier which of them holds and remove the other", adapters.ErrProtocol, key)
		}
	}
	out = slices.DeleteFunc(out, func(d *delivery) bool { return clash[d.id] })
	slices.SortFunc(out, func(a, b *delivery) int { return strings.Compare(a.id, b.id) })
	return out
}

// chain is a case's deliveries by their links.
type chain struct {
	byID  map[string]*delivery
	roots []*delivery
	next  map[string][]*delivery // id → those that say they follow it
	all   []*delivery
}

func (c *chain) add(d *delivery) {
	c.byID[d.id] = d
	c.all = append(c.all, d)
	if d.prev == "" {
		c.roots = append(c.roots, d)
		return
	}
	c.next[d.prev] = append(c.next[d.prev], d)
}

// place walks from the earliest first delivery as far as the way is clear, and holds the rest.
func (c *chain) place(held map[string]error) []*delivery {
	var placed []*delivery
	done := map[string]bool{}
	slices.SortStableFunc(c.roots, func(a, b *delivery) int { return a.at.Compare(b.at) })
	if len(c.roots) > 0 {
		for at := c.roots[0]; at != nil; {
			placed = append(placed, at)
			done[at.id] = true
			followers := c.next[at.id]
			if len(followers) != 1 || done[followers[0].id] {
				break
			}
			at = followers[0]
		}
	}
	for _, d := range c.all {
		if !done[d.id] {
			held[d.id] = fmt.Errorf("%w: %s", adapters.ErrProtocol, c.why(d))
		}
	}
	return placed
}

// why tells a person what keeps a delivery from being placed: the first thing that is
// wrong on the way back from it.
func (c *chain) why(d *delivery) string {
	seen := map[string]bool{}
	for at := d; ; at = c.byID[at.prev] {
		if seen[at.id] {
			return fmt.Sprintf("delivery %s is part of a ring of deliveries that follow each other: ask the supplier for the case anew, without ForrigeId", d.id)
		}
		seen[at.id] = true
		if at.prev == "" {
			return fmt.Sprintf("the case has %d first deliveries (%s); the earliest is used, and delivery %s is or follows another: ask the supplier which one holds",
				len(c.roots), ids(c.roots), d.id)
		}
		if rivals := c.next[at.prev]; len(rivals) > 1 {
			return fmt.Sprintf("deliveries %s all say that they follow %s, and delivery %s is or follows one of them: ask the supplier which one holds and remove the others",
				ids(rivals), at.prev, d.id)
		}
		if c.byID[at.prev] == nil {
			return fmt.Sprintf("delivery %s waits for delivery %s, which never came: have it sent again", d.id, at.prev)
		}
	}
}

func ids(ds []*delivery) string {
	var out []string
	for _, d := range ds {
		out = append(out, d.id)
	}
	return strings.Join(out, ", ")
}

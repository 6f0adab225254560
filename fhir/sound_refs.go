package fhir

import "strings"

// target is validator.target.
func (c *sound) target(f *fieldRule, said *spoken) bool {
	named := said.typ
	if !isResource(named) {
		named = ""
	}
	pointed := ""
	switch ref := said.reference; {
	case ref == "":
	case ref == "#":
		return false
	case ref[0] == '#':
		c.pending = append(c.pending, localReference{ref, named, f.element.Targets})
		return true
	default:
		var ok bool
		if pointed, _, ok = SplitReference(ref); !ok && !strings.Contains(ref, ":") {
			return false
		}
	}
	return fits(named, pointed, f.element.Targets)
}

func fits(named, pointed string, targets []string) bool {
	if named != "" && pointed != "" && named != pointed {
		return false
	}
	typ := pointed
	if typ == "" {
		typ = named
	}
	if typ == "" || len(targets) == 0 {
		return true
	}
	for _, t := range targets {
		if t == typ {
			return true
		}
	}
	return false
}

// containedFit checks references to contained resources, and dom-3.
func (c *sound) containedFit() bool {
	for _, p := range c.pending {
		typ := ""
		for _, own := range c.contained {
			if own.id == p.ref[1:] {
				typ = own.typ
			}
		}
		if typ == "" || !fits(p.named, typ, p.targets) {
			return false
		}
	}
	for i, own := range c.contained {
		referred := false
		for _, ref := range c.local {
			referred = referred || ref[1:] == own.id
		}
		if !referred || own.id == "" {
			return false
		}
		for _, other := range c.contained[:i] {
			if other.id == own.id {
				return false
			}
		}
	}
	return true
}

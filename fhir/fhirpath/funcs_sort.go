package fhirpath

import "slices"

// sortItems is stable. An empty key sorts first whichever way the key goes (a
// negated nothing is still nothing); keys that cannot be compared keep the order
// they came in.
func sortItems(c *Call) (Collection, error) {
	type entry struct {
		item Item
		keys []any
	}
	entries := make([]entry, len(c.in))
	for i := range c.in {
		entries[i].item = c.in[i]
		if c.Args() == 0 {
			entries[i].keys = []any{c.in[i].system()}
		}
		for k := range c.Args() {
			got, err := c.each(k, i)
			if err != nil {
				return nil, err
			}
			var key any
			if len(got) > 0 {
				if key, err = one(got); err != nil {
					return nil, err
				}
			}
			entries[i].keys = append(entries[i].keys, key)
		}
	}
	var failed error
	slices.SortStableFunc(entries, func(a, b entry) int {
		if err := c.s.spend(1); err != nil {
			failed = err
		}
		for k := range a.keys {
			o, err := sortOrder(a.keys[k], b.keys[k])
			if err != nil {
				failed = err
			}
			if c.site.falling != nil && c.site.falling[k] && a.keys[k] != nil && b.keys[k] != nil {
				o = -o
			}
			if o != 0 {
				return o
			}
		}
		return 0
	})
	if failed != nil {
		return nil, failed
	}
	out := make(Collection, len(entries))
	for i := range entries {
		out[i] = entries[i].item
	}
	return out, nil
}

func sortOrder(x, y any) (int, error) {
	switch {
	case x == nil && y == nil:
		return 0, nil
	case x == nil:
		return -1, nil
	case y == nil:
		return 1, nil
	}
	o, known, err := compareValues(x, y)
	if !known {
		o = 0
	}
	return o, err
}

package consolidate

import (
	"cmp"
	"encoding/json"
	"strings"

	"samsyn/fhir"
)

// label is a concept's text, or the display or code of its first coding.
func (c concept) label() string {
	if c.Text != "" {
		return c.Text
	}
	for _, k := range c.Coding {
		if k.Display != "" {
			return k.Display
		}
	}
	for _, k := range c.Coding {
		if k.Code != "" {
			return k.Code
		}
	}
	return ""
}

// code gives the concept's code in a system, "" where it has none.
func (c concept) code(system string) string {
	for _, k := range c.Coding {
		if k.System == system {
			return k.Code
		}
	}
	return ""
}

func labels(cs []concept) string {
	for _, c := range cs {
		if l := c.label(); l != "" {
			return l
		}
	}
	return ""
}

func codeIn(cs []concept, system string) string {
	for _, c := range cs {
		if k := c.code(system); k != "" {
			return k
		}
	}
	return ""
}

// codes gives the concepts' codings as "system|code", our own systems left out:
// those say what kind of thing it is, not which.
func codes(cs ...concept) []string {
	var out []string
	for _, c := range cs {
		for _, k := range c.Coding {
			kind := k.System == fhir.SystemPlanType || k.System == fhir.SystemCategory || k.System == fhir.SystemMeeting
			if k.Code != "" && k.System != "" && !kind {
				out = append(out, k.System+"|"+k.Code)
			}
		}
	}
	return out
}

// who gives a reference's display, or the name of the resource that it names.
func (sh *shelf) who(r *reference, contained []json.RawMessage) string {
	if r == nil {
		return ""
	}
	if r.Display != "" {
		return r.Display
	}
	if id, ok := strings.CutPrefix(r.Reference, "#"); ok {
		for _, raw := range contained {
			var v struct {
				ID   string
				Name json.RawMessage
			}
			if json.Unmarshal(raw, &v) == nil && v.ID == id {
				return nameOf(v.Name)
			}
		}
	}
	return sh.names[r.Reference]
}

func (sh *shelf) whos(rs []reference, contained []json.RawMessage) []string {
	var out []string
	for i := range rs {
		out = appendNew(out, sh.who(&rs[i], contained))
	}
	return out
}

// kind is the type of what is referred to, where that is said.
func (r reference) kind() string {
	if r.Type != "" {
		return r.Type
	}
	if t, _, ok := strings.Cut(r.Reference, "/"); ok {
		return t
	}
	return ""
}

func (h head) extensionStrings(url string) []string {
	var out []string
	for _, e := range h.Extension {
		if e.URL == url {
			out = appendNew(out, cmp.Or(e.ValueString, e.ValueCodeableConcept.label()))
		}
	}
	return out
}

func (h head) extensionDates(url string) []Moment {
	var out []Moment
	for _, e := range h.Extension {
		if e.URL != url {
			continue
		}
		if d := e.ValueDate + e.ValueDateTime; d != "" {
			out = append(out, d)
		}
	}
	return out
}

func (h head) extensionDate(url string) Moment {
	if ds := h.extensionDates(url); len(ds) > 0 {
		return ds[0]
	}
	return ""
}

// appendNew appends a value that is neither empty nor there already.
func appendNew(list []string, v string) []string {
	if v == "" {
		return list
	}
	for _, have := range list {
		if have == v {
			return list
		}
	}
	return append(list, v)
}

package oneroster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"samsyn/internal/jsonsafe"
)

// object is one thing of a roster. Its fields are read by their exact names:
// encoding/json alone would take "SourcedId" for "sourcedId" and let the last of
// two equal names win.
type object struct {
	id       string
	gone     bool // status tobedeleted
	modified time.Time
	fields   map[string]json.RawMessage
	raw      json.RawMessage
}

var errObject = errors.New("is not a JSON object with names that differ")

// parseObject reads one object. A password, which the standard allows a roster to
// hold in clear text, is taken out before anything is kept.
func parseObject(raw json.RawMessage) (*object, error) {
	if err := jsonsafe.Check(raw, jsonsafe.Limits{}); err != nil {
		return nil, fmt.Errorf("is not sound JSON: %w", err)
	}
	names, fields, err := members(raw)
	if err != nil {
		return nil, err
	}
	o := &object{fields: fields}
	delete(fields, "password")
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range names {
		value, ok := fields[name]
		if !ok {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		key, _ := json.Marshal(name) // a string always marshals
		b.Write(key)
		b.WriteByte(':')
		if err := json.Compact(&b, value); err != nil {
			return nil, fmt.Errorf("the value of %q: %w", name, errObject)
		}
	}
	b.WriteByte('}')
	o.raw = b.Bytes()
	o.id = o.text("sourcedId")
	o.gone = o.text("status") == "tobedeleted"
	if t, err := time.Parse(time.RFC3339, o.text("dateLastModified")); err == nil {
		o.modified = t
	}
	return o, nil
}

// members gives the names of an object in their order, and their values.
func members(raw json.RawMessage) ([]string, map[string]json.RawMessage, error) {
	all, err := jsonsafe.Object(raw, jsonsafe.Limits{})
	if err != nil {
		return nil, nil, errObject
	}
	names, fields := make([]string, len(all)), make(map[string]json.RawMessage, len(all))
	for i, m := range all {
		names[i], fields[m.Name] = m.Name, m.Value
	}
	return names, fields, nil
}

// text gives a field that is a string, "" where it is not.
func (o *object) text(name string) string { return asText(o.fields[name]) }

func asText(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// link gives the sourcedId that a field refers to.
func (o *object) link(name string) string { return linkOf(o.fields[name]) }

func linkOf(raw json.RawMessage) string {
	_, fields, err := members(raw)
	if err != nil {
		return ""
	}
	return asText(fields["sourcedId"])
}

// links gives the sourcedIds that a field refers to; a single link is a list of one.
func (o *object) links(name string) []string {
	var out []string
	for _, raw := range list(o.fields[name]) {
		if id := linkOf(raw); id != "" {
			out = append(out, id)
		}
	}
	return out
}

func list(raw json.RawMessage) []json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	if many, err := jsonsafe.List(raw, len(raw), jsonsafe.Limits{}); err == nil {
		return many
	}
	return []json.RawMessage{raw}
}

// roles gives the roles of a user (1.2: roles, 1.1: role) or of an enrolment (role).
func (o *object) roles() []string {
	out := []string{}
	if r := o.text("role"); r != "" {
		out = append(out, r)
	}
	for _, raw := range list(o.fields["roles"]) {
		if _, fields, err := members(raw); err == nil {
			out = append(out, asText(fields["role"]))
		}
	}
	return out
}

// orgs gives the sourcedIds of the organisations of a user's roles.
func (o *object) orgs() []string {
	out := o.links("orgs")
	for _, raw := range list(o.fields["roles"]) {
		if _, fields, err := members(raw); err == nil {
			if id := linkOf(fields["org"]); id != "" {
				out = append(out, id)
			}
		}
	}
	return out
}

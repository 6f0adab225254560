package consolidate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// Served gives the visible resources of one person as they leave the house: each once,
// in a stable order, with the person as their subject, the version and instant at which
// it was kept, and without labels: a label tells what it protects (DS4P). A source's own
// Patient is left out, for who the person is stands in Person. What cannot be read is
// not served.
func Served(person care.PersonID, contributions []care.Contribution) ([]fhir.Resource, error) {
	var out []fhir.Resource
	err := served(person, contributions, func(body object) error {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("consolidate: write a resource: %w", err)
		}
		typ, _ := body["resourceType"].(string)
		id, _ := body["id"].(string)
		out = append(out, fhir.Resource{Type: typ, ID: id, Body: b})
		return nil
	})
	return out, err
}

// Person gives the Patient resource of a person, as those visible name her.
func Person(o Overview) (fhir.Resource, error) {
	w := bundler{o: o}
	b, err := json.Marshal(w.patient())
	if err != nil {
		return fhir.Resource{}, fmt.Errorf("consolidate: write the person: %w", err)
	}
	return fhir.Resource{Type: "Patient", ID: string(o.Person), Body: b}, nil
}

func served(person care.PersonID, contributions []care.Contribution, give func(object) error) error {
	subject := "Patient/" + string(person)
	seen := map[string]bool{}
	for _, c := range newest(contributions) {
		for _, m := range sortedMade(c.Made) {
			name := m.Resource.Type + "/" + m.Resource.ID
			if m.Resource.Type == "Patient" || seen[name] {
				continue
			}
			seen[name] = true
			body, ok := decoded(m.Resource.Body)
			if !ok {
				continue // it stands as unreadable among the overview's others
			}
			serve(body, subject)
			stamp(body, c.Version, c.Recorded)
			if err := give(body); err != nil {
				return err
			}
		}
	}
	return nil
}

func decoded(b []byte) (object, bool) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber() // a decimal's digits are part of what was said
	var body object
	if dec.Decode(&body) != nil {
		return nil, false
	}
	_, ok := body["resourceType"].(string)
	return body, ok
}

// stamp says which version of what we keep this is, and takes off what is ours alone.
func stamp(body object, version int, recorded time.Time) {
	meta, _ := body["meta"].(object)
	if meta == nil {
		meta = object{}
	}
	delete(meta, "security")
	if version > 0 {
		meta["versionId"] = strconv.Itoa(version)
	}
	if !recorded.IsZero() {
		meta["lastUpdated"] = recorded.UTC().Format(time.RFC3339)
	}
	for _, v := range asList(body["contained"]) {
		if inner, ok := v.(object); ok {
			if m, ok := inner["meta"].(object); ok {
				delete(m, "security")
			}
		}
	}
	if delete(body, "meta"); len(meta) > 0 {
		body["meta"] = meta
	}
}

func asList(v any) list {
	all, _ := v.(list)
	return all
}

// serve points every reference to a patient to the served person: a record is
// about one person at the most.
func serve(v any, subject string) {
	switch v := v.(type) {
	case list:
		for _, e := range v {
			serve(e, subject)
		}
	case object:
		for k, e := range v {
			if s, ok := e.(string); ok && k == "reference" && strings.HasPrefix(s, "Patient/") {
				v[k] = subject
				continue
			}
			serve(e, subject)
		}
	}
}

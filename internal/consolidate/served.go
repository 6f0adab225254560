package consolidate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// Served gives the visible resources of one person as they leave the house: each once,
// in a stable order, with the person as their subject, the instant since which it is as it
// is with a version of that, and without labels: a label tells what it protects (DS4P). A source's own
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
			recorded, _ := kept(c, m)
			if err := stamp(body, recorded); err != nil {
				return fmt.Errorf("consolidate: write a resource: %w", err)
			}
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

// stamp says since when it is as it is, and as which version, and takes off what is ours alone.
func stamp(body object, recorded time.Time) error {
	meta, _ := body["meta"].(object)
	if meta == nil {
		meta = object{}
	}
	delete(meta, "security")
	delete(meta, "versionId")
	delete(meta, "lastUpdated")
	for _, v := range asList(body["contained"]) {
		if inner, ok := v.(object); ok {
			if m, ok := inner["meta"].(object); ok {
				delete(m, "security")
			}
		}
	}
	if !recorded.IsZero() {
		meta["lastUpdated"] = recorded.UTC().Format(time.RFC3339)
	}
	body["meta"] = meta
	whole, err := json.Marshal(body)
	if err != nil {
		return err
	}
	meta["versionId"] = Version(whole, recorded)
	return nil
}

// Version names a version by what is seen of it and since when: a count would tell how often
// what is not seen has changed. The bytes are of a resource as it is served but for its
// version; there are none of one that is gone.
func Version(served []byte, recorded time.Time) string {
	h := sha256.New()
	h.Write(served)
	fmt.Fprintf(h, "\n%d", recorded.UnixNano())
	return hex.EncodeToString(h.Sum(nil)[:16])
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

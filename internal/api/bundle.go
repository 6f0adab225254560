package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"samsyn/fhir"
)

// bundle is a Bundle being written: https://hl7.org/fhir/R4/bundle.html. Bodies are put in
// as they are.
type bundle struct {
	kind    string
	total   int
	links   []link
	entries []entry
}

type link struct {
	Relation string `json:"relation"`
	URL      string `json:"url"`
}

type entry struct {
	FullURL  string          `json:"fullUrl,omitempty"`
	Resource json.RawMessage `json:"resource,omitempty"`
	Search   *entrySearch    `json:"search,omitempty"`
	Request  *entryRequest   `json:"request,omitempty"`
	Response *entryResponse  `json:"response,omitempty"`
}

type entrySearch struct {
	Mode string `json:"mode"`
}

type entryRequest struct {
	Method string `json:"method"`
	URL    string `json:"url"`
}

type entryResponse struct {
	Status       string          `json:"status"`
	ETag         string          `json:"etag,omitempty"`
	LastModified string          `json:"lastModified,omitempty"`
	Outcome      json.RawMessage `json:"outcome,omitempty"`
}

func (b *bundle) add(base, mode string, r fhir.Resource) {
	b.entries = append(b.entries, entry{FullURL: base + "/" + r.Type + "/" + r.ID, Resource: json.RawMessage(r.Body), Search: &entrySearch{mode}})
}

func (b *bundle) reply() (reply, error) {
	out := struct {
		ResourceType string  `json:"resourceType"`
		Type         string  `json:"type"`
		Total        *int    `json:"total,omitempty"`
		Link         []link  `json:"link,omitempty"`
		Entry        []entry `json:"entry,omitempty"`
	}{ResourceType: "Bundle", Type: b.kind, Link: b.links, Entry: b.entries}
	if b.kind == "searchset" || b.kind == "history" {
		out.Total = &b.total
	}
	body, err := json.Marshal(out)
	if err != nil {
		return reply{}, fmt.Errorf("write a bundle: %w", err)
	}
	return reply{status: http.StatusOK, body: body}, nil
}

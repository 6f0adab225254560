package fhirrest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"samsyn/adapters"
	"samsyn/internal/jsonsafe"
)

const (
	// outcomes are the OperationOutcomes that may stand on a page beside its entries.
	outcomes = 16
	// maxLinks bounds a Bundle's links; R4 servers send five.
	maxLinks = 64
	// maxDepth is how deep one resource may nest.
	maxDepth = 64
)

// bundle is as much of a Bundle as paging needs. Entries stay raw: one that is
// not what it should be must not take the others with it.
type bundle struct {
	ResourceType string            `json:"resourceType"`
	Type         string            `json:"type"`
	Link         []link            `json:"link"`
	Entry        []json.RawMessage `json:"entry"`
	Issue        []issue           `json:"issue"` // when an OperationOutcome came instead
}

type link struct {
	Relation string `json:"relation"`
	URL      string `json:"url"`
}

type issue struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
}

type entry struct {
	FullURL  string          `json:"fullUrl"`
	Resource json.RawMessage `json:"resource"`
	Search   struct {
		Mode string `json:"mode"`
	} `json:"search"`
	Request struct {
		Method string `json:"method"`
		URL    string `json:"url"`
	} `json:"request"`
	Response struct {
		LastModified string `json:"lastModified"`
	} `json:"response"`
}

// head is what a record needs to know of its resource.
type head struct {
	ResourceType string `json:"resourceType"`
	ID           string `json:"id"`
	Meta         struct {
		VersionID   string `json:"versionId"`
		LastUpdated string `json:"lastUpdated"`
	} `json:"meta"`
	Issue []issue `json:"issue"`
}

// readBundle reads one answer of at most most entries. An OperationOutcome in place of a
// Bundle is an error: there are no records in it. Only its codes are told on; its texts may
// repeat what was asked for. Entries are only told apart here, so that one that breaks the
// rules of JSON stops nobody but itself.
func readBundle(body []byte, most int) (bundle, error) {
	whole := jsonsafe.Limits{Bytes: int64(len(body))}
	var b bundle
	fields, err := jsonsafe.Object(body, whole)
	if err != nil {
		return b, fmt.Errorf("%w: the answer is not JSON that holds a Bundle: %w", adapters.ErrProtocol, err)
	}
	for name, to := range map[string]any{"resourceType": &b.ResourceType, "type": &b.Type, "link": &b.Link, "issue": &b.Issue} {
		if raw := fields.Get(name); raw != nil {
			if err := jsonsafe.Decode(raw, to, jsonsafe.Limits{}); err != nil {
				return b, fmt.Errorf("%w: the answer's %s is not what a Bundle's should be: %w", adapters.ErrProtocol, name, err)
			}
		}
	}
	if len(b.Link) > maxLinks {
		return b, fmt.Errorf("%w: the answer has %d links", adapters.ErrProtocol, len(b.Link))
	}
	if raw := fields.Get("entry"); raw != nil && string(raw) != "null" {
		switch b.Entry, err = jsonsafe.List(raw, most, whole); {
		case errors.Is(err, jsonsafe.ErrTooMany):
			return b, fmt.Errorf("%w: the answer has more than %d entries; set page_size lower, or max_entries higher where resources are included", adapters.ErrProtocol, most)
		case err != nil:
			return b, fmt.Errorf("%w: the answer's entries cannot be told apart: %w", adapters.ErrProtocol, err)
		}
	}
	switch b.ResourceType {
	case "Bundle":
	case "OperationOutcome":
		return b, fmt.Errorf("%w: the server answers with an OperationOutcome: %s", adapters.ErrProtocol, codes(b.Issue))
	default:
		return b, fmt.Errorf("%w: the answer is not a Bundle", adapters.ErrProtocol)
	}
	if b.Type != "searchset" && b.Type != "history" {
		return b, fmt.Errorf("%w: the answer is a Bundle that is neither a searchset nor a history", adapters.ErrProtocol)
	}
	return b, nil
}

func codes(issues []issue) string {
	if len(issues) == 0 {
		return "without an issue"
	}
	var out bytes.Buffer
	for i, is := range issues {
		if i > 0 {
			out.WriteString(", ")
		}
		// Codes are from a closed list in R4; a free text here is not told on.
		fmt.Fprintf(&out, "%s/%s", word(is.Severity), word(is.Code))
	}
	return out.String()
}

func word(s string) string {
	if s == "" || len(s) > 32 {
		return "unknown"
	}
	for _, r := range s {
		if r != '-' && (r < 'a' || r > 'z') {
			return "unknown"
		}
	}
	return s
}

// record makes a record of one entry. Exactly one of record, fault and nothing
// (an informational outcome) comes back.
// The record's body is a part of raw.
func (a *adapter) record(raw json.RawMessage, asked string, at place) (*adapters.Record, *adapters.Fault) {
	if resource, h, sure := scanEntry(raw); sure {
		if r, fine := a.plain(resource, h); fine {
			return r, nil
		}
	}
	return a.strictly(raw, asked, at.String())
}

// strictly is record without the short way.
func (a *adapter) strictly(raw json.RawMessage, asked, where string) (*adapters.Record, *adapters.Fault) {
	content := raw // of a fault: the resource as soon as there is one
	fault := func(kind, key, format string, args ...any) *adapters.Fault {
		return &adapters.Fault{
			Kind: kind, Key: key, Where: where, Media: adapters.JSON, Body: bytes.Clone(content),
			Err: fmt.Errorf("%w: %s", adapters.ErrMalformed, fmt.Sprintf(format, args...)),
		}
	}
	e, err := a.entry(raw)
	if err != nil && len(e.Resource) > 0 {
		// Where the resource's own top can be read it says which record is held back.
		content = e.Resource
		if h, trusted := headOf(e.Resource); trusted && typeName.MatchString(h.ResourceType) && isID(h.ID) && !hasNationalNumber(h.ID) {
			return nil, fault(h.ResourceType, h.ID, "%v; ask the server's owner", err)
		}
	}
	if err != nil {
		return nil, fault(asked, where, "the entry is not what a Bundle entry should be: %v; ask the server's owner", err)
	}
	if e.Request.Method == "DELETE" {
		return deleted(e, asked, where, fault)
	}
	if len(e.Resource) == 0 || string(e.Resource) == "null" {
		return nil, fault(asked, where, "the entry holds no resource")
	}
	content = e.Resource
	var h head
	if err := jsonsafe.Fill(e.Resource, &h); err != nil {
		return nil, fault(asked, where, "resourceType, id or meta is not what R4 says")
	}
	if h.ResourceType == "OperationOutcome" {
		return nil, a.outcome(h, asked, where, raw)
	}
	return a.check(e.Resource, h, where, fault)
}

// entry reads an entry strictly. On an error the resource is still given where the entry's
// own fields can be told apart.
func (a *adapter) entry(raw json.RawMessage) (entry, error) {
	var e entry
	// The resource's own size is looked at later, with its name. The entry is one level around it.
	err := jsonsafe.Check(raw, jsonsafe.Limits{Bytes: int64(len(raw)), Depth: maxDepth + 1})
	if err == nil {
		return e, jsonsafe.Fill(raw, &e)
	}
	if fields, apart := jsonsafe.Object(raw, jsonsafe.Limits{Bytes: int64(len(raw))}); apart == nil {
		e.Resource = fields.Get("resource")
	}
	return e, err
}

// headOf reads the top of a resource that is otherwise not to be trusted. It is told apart
// from a resource whose own top is broken, or says a thing twice.
func headOf(resource json.RawMessage) (head, bool) {
	var h head
	fields, err := jsonsafe.Object(resource, jsonsafe.Limits{Bytes: int64(len(resource))})
	if err != nil {
		return h, false
	}
	for name, to := range map[string]any{"resourceType": &h.ResourceType, "id": &h.ID} {
		if raw := fields.Get(name); raw != nil && jsonsafe.Decode(raw, to, jsonsafe.Limits{}) != nil {
			return h, false
		}
	}
	return h, true
}

// place is where an entry stands: on which page, and its number.
type place struct {
	page string
	n    int
}

func (p place) String() string { return fmt.Sprintf("%s, entry %d", p.page, p.n) }

// plain is check for what nothing is wrong with; false leaves the reason to check.
func (a *adapter) plain(body json.RawMessage, h head) (*adapters.Record, bool) {
	fine := true
	r, _ := a.check(body, h, "", func(string, string, string, ...any) *adapters.Fault {
		fine = false
		return nil
	})
	return r, fine && h.ResourceType != "OperationOutcome"
}

// check turns a resource whose JSON was checked into a record if its head can be trusted.
func (a *adapter) check(body json.RawMessage, h head, where string, fault func(kind, key, format string, args ...any) *adapters.Fault) (*adapters.Record, *adapters.Fault) {
	kind, key := h.ResourceType, h.ID
	if !a.asked[kind] && !typeName.MatchString(kind) {
		return nil, fault("resource", where, "resourceType is missing or is not a resource type")
	}
	if !isID(key) {
		return nil, fault(kind, where, "id is missing or is not a FHIR id")
	}
	if hasNationalNumber(key) {
		return nil, fault(kind, where, "the server uses a national number as id; such ids are not taken in")
	}
	if len(body) > a.config.MaxResource {
		return nil, fault(kind, key, "the resource is %d bytes, more than max_resource (%d); raise it if this is right", len(body), a.config.MaxResource)
	}
	changed, err := instant(h.Meta.LastUpdated)
	if err != nil {
		return nil, fault(kind, key, "meta.lastUpdated is not an instant")
	}
	return &adapters.Record{
		Kind: kind, Key: key, Version: h.Meta.VersionID, Changed: changed,
		Media: adapters.JSON, Body: body,
	}, nil
}

// deleted reads a history entry that says that a resource is gone.
func deleted(e entry, asked, where string, fault func(kind, key, format string, args ...any) *adapters.Fault) (*adapters.Record, *adapters.Fault) {
	kind, key, ok := typeAndID(e.Request.URL)
	if !ok {
		kind, key, ok = typeAndID(e.FullURL)
	}
	if !ok || hasNationalNumber(key) {
		return nil, fault(asked, where, "a deletion that does not say of what (request.url)")
	}
	changed, err := instant(e.Response.LastModified)
	if err != nil {
		return nil, fault(kind, key, "response.lastModified is not an instant")
	}
	return &adapters.Record{Kind: kind, Key: key, Changed: changed, Media: adapters.JSON, Deleted: true}, nil
}

// outcome: a warning inside a searchset says that the answer is not the whole
// answer, so it is kept as a fault; mere information is not.
func (a *adapter) outcome(h head, asked, where string, raw json.RawMessage) *adapters.Fault {
	serious := h.Issue[:0:0]
	for _, is := range h.Issue {
		if is.Severity != "information" {
			serious = append(serious, is)
		}
	}
	if len(serious) == 0 && len(h.Issue) > 0 {
		return nil
	}
	return &adapters.Fault{
		Kind: "OperationOutcome", Key: asked, Where: where, Media: adapters.JSON, Body: bytes.Clone(raw),
		Err: fmt.Errorf("%w: the server says of its own answer: %s; ask its owner", adapters.ErrProtocol, codes(serious)),
	}
}

// isID tells whether s is an id in R4: [A-Za-z0-9.-]{1,64}.
func isID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '-' || c == '.') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func instant(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, s)
}

// typeAndID reads "Encounter/e1", with or without a base and a _history part.
func typeAndID(ref string) (kind, id string, ok bool) {
	parts := splitPath(ref)
	for i := len(parts) - 2; i >= 0; i-- {
		if typeName.MatchString(parts[i]) && isID(parts[i+1]) {
			return parts[i], parts[i+1], true
		}
	}
	return "", "", false
}

func splitPath(s string) []string {
	var out []string
	for _, p := range bytes.FieldsFunc([]byte(s), func(r rune) bool { return r == '/' || r == '?' }) {
		out = append(out, string(p))
	}
	return out
}

// hasNationalNumber tells whether a run of exactly eleven digits in s passes the
// check of the second control digit, which is the same for every kind of national
// number, today and from 2032. It errs on the careful side: it is used to keep
// numbers out of keys and addresses, never to recognise a person.
func hasNationalNumber(s string) bool {
	run := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] >= '0' && s[i] <= '9' {
			run++
			continue
		}
		if run == 11 && secondControlDigit(s[i-11:i]) {
			return true
		}
		run = 0
	}
	return false
}

func secondControlDigit(digits string) bool {
	weights := [11]int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1}
	sum := 0
	for i, w := range weights {
		n, err := strconv.Atoi(digits[i : i+1])
		if err != nil {
			return false
		}
		sum += n * w
	}
	return sum%11 == 0
}

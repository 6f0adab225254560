package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"samsyn/fhir"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/gate"
	"samsyn/internal/overview"
	"samsyn/internal/search"
)

// Records releases what a viewer may see of one person, or of one resource.
type Records interface {
	Open(ctx context.Context, r gate.Request, person care.PersonID) (gate.Opened, error)
	Children(ctx context.Context, r gate.Request) ([]gate.Opened, error)
	History(ctx context.Context, r gate.Request, typ, id string) ([]care.ResourceVersion, error)
}

// fhirDoor answers FHIR's reading interactions: https://hl7.org/fhir/R4/http.html. Everything
// is chosen from what was released for one person; absent and hidden are one answer.
type fhirDoor struct {
	records Records
	zone    *time.Location
}

// reply is an answer before it is written.
type reply struct {
	status int
	body   []byte
	// version and changed are of a single resource; they make ETag and Last-Modified.
	version string
	changed time.Time
}

// asking is one request as the doors see it: who asks, and the server's address.
type asking struct {
	gate.Request
	base string // "https://host/fhir"
}

// get answers a path below /fhir with its query. A batch asks it entry by entry, so every
// entry is decided and logged by itself.
func (d *fhirDoor) get(ctx context.Context, a asking, path string, query url.Values) (reply, error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	bare := func() error {
		if len(query) > 0 {
			return fmt.Errorf("no parameters are taken here: %w", care.ErrInvalid)
		}
		return nil
	}
	switch {
	case !slices.Contains(search.Types(), parts[0]):
		return reply{}, care.ErrNotFound
	case len(parts) == 1:
		return d.search(ctx, a, parts[0], query)
	case len(parts) == 2:
		if err := bare(); err != nil {
			return reply{}, err
		}
		return d.read(ctx, a, parts[0], parts[1])
	case parts[0] == "Patient" && len(parts) == 3 && parts[2] == "$everything":
		if err := bare(); err != nil {
			return reply{}, err
		}
		return d.everything(ctx, a, care.PersonID(parts[1]))
	case len(parts) == 3 && parts[2] == "_history":
		if err := bare(); err != nil {
			return reply{}, err
		}
		return d.history(ctx, a, parts[0], parts[1])
	case len(parts) == 4 && parts[2] == "_history":
		if err := bare(); err != nil {
			return reply{}, err
		}
		return d.vread(ctx, a, parts[0], parts[1], parts[3])
	}
	return reply{}, care.ErrNotFound
}

// read gives one resource. A Patient is the person as those visible name her.
func (d *fhirDoor) read(ctx context.Context, a asking, typ, id string) (reply, error) {
	a.Interaction = audit.Read
	if typ == "Patient" {
		o, err := d.person(ctx, a, care.PersonID(id))
		if err != nil {
			return reply{}, err
		}
		p, err := patient(o)
		return reply{status: http.StatusOK, body: p.Body}, err
	}
	all, err := d.records.History(ctx, a.Request, typ, id)
	if err != nil {
		return reply{}, err
	}
	i := slices.IndexFunc(all, func(v care.ResourceVersion) bool { return v.Current })
	if i < 0 {
		return reply{}, care.ErrNotFound
	}
	return one(all[i])
}

// person releases one person of whom the viewer, and the program she uses, may see who she is.
func (d *fhirDoor) person(ctx context.Context, a asking, id care.PersonID) (gate.Opened, error) {
	o, err := d.records.Open(ctx, a.Request, id)
	if err == nil && !seesPatient(o) {
		err = care.ErrNotFound
	}
	return o, err
}

// seesPatient tells whether any service's Patient may be seen: a program whose scopes are of
// other types reads no Patient, be it one without a name.
func seesPatient(o gate.Opened) bool {
	return slices.ContainsFunc(o.Scope.Visible, func(v care.Visible) bool { return len(v.Types) == 0 || slices.Contains(v.Types, "Patient") })
}

// vread gives one version. One that was removed is as absent as one that never was.
func (d *fhirDoor) vread(ctx context.Context, a asking, typ, id, version string) (reply, error) {
	a.Interaction = audit.VRead
	all, err := d.records.History(ctx, a.Request, typ, id)
	if err != nil {
		return reply{}, err
	}
	for _, v := range all {
		if v.Deleted {
			continue
		}
		if r, err := one(v); err != nil || r.version == version {
			return r, err
		}
	}
	return reply{}, care.ErrNotFound
}

func one(v care.ResourceVersion) (reply, error) {
	if v.Deleted {
		return reply{}, care.ErrNotFound
	}
	r, err := servedVersion(v)
	if err != nil {
		return reply{}, err
	}
	version, err := versionOf(r)
	return reply{status: http.StatusOK, body: r.Body, version: version, changed: v.Recorded}, err
}

// versionOf reads the version that a served resource says it is.
func versionOf(r fhir.Resource) (string, error) {
	var said struct {
		Meta struct {
			VersionID string `json:"versionId"`
		} `json:"meta"`
	}
	if err := json.Unmarshal(r.Body, &said); err != nil {
		return "", fmt.Errorf("read the version of what is served: %w", err)
	}
	return said.Meta.VersionID, nil
}

// servedVersion is a version as it leaves the house.
func servedVersion(v care.ResourceVersion) (fhir.Resource, error) {
	all, err := consolidate.Served(v.Person, []care.Contribution{{Source: v.Record.Source, Kind: v.Record.Kind, Key: v.Record.Key, Service: v.Service,
		Person: v.Person, Recorded: v.Recorded, Made: []care.Made{{Resource: v.Resource}}}})
	if err != nil {
		return fhir.Resource{}, err
	}
	if len(all) != 1 {
		return fhir.Resource{}, care.ErrNotFound
	}
	return all[0], nil
}

func (d *fhirDoor) history(ctx context.Context, a asking, typ, id string) (reply, error) {
	a.Interaction = audit.History
	all, err := d.records.History(ctx, a.Request, typ, id)
	if err != nil {
		return reply{}, err
	}
	b := bundle{kind: "history", total: len(all)}
	for _, v := range all {
		e := entry{FullURL: a.base + "/" + typ + "/" + id, Request: &entryRequest{Method: "PUT", URL: typ + "/" + id},
			Response: &entryResponse{Status: "200", LastModified: stamp(v.Recorded)}}
		if v.Deleted {
			e.Request.Method, e.Response.ETag = "DELETE", etag(consolidate.Version(nil, v.Recorded))
		} else {
			r, err := one(v)
			if err != nil {
				return reply{}, err
			}
			e.Resource, e.Response.ETag = r.body, etag(r.version)
		}
		b.entries = append(b.entries, e)
	}
	return b.reply()
}

// search answers Type?…; it is always of one person, or of the viewer's own children.
func (d *fhirDoor) search(ctx context.Context, a asking, typ string, query url.Values) (reply, error) {
	a.Interaction, a.Query = audit.Search, typ+"?"+query.Encode()
	q, err := search.Parse(typ, query)
	if err != nil {
		return reply{}, err
	}
	if typ == "Patient" {
		return d.patients(ctx, a, q, query)
	}
	if q.Patient == "" {
		return reply{}, fmt.Errorf("search %s: say of which child: patient=…: %w", typ, care.ErrInvalid)
	}
	var visible []fhir.Resource
	o, err := d.records.Open(ctx, a.Request, q.Patient)
	switch {
	case errors.Is(err, care.ErrNotFound): // of a child who is not there nothing is found
	case err != nil:
		return reply{}, err
	default:
		if visible, err = everythingOf(o); err != nil {
			return reply{}, err
		}
	}
	return d.found(a, q, query, visible)
}

// patients searches among the children of whom the viewer may see something.
func (d *fhirDoor) patients(ctx context.Context, a asking, q search.Query, query url.Values) (reply, error) {
	opened, err := d.records.Children(ctx, a.Request)
	if err != nil {
		return reply{}, err
	}
	var visible []fhir.Resource
	for _, o := range opened {
		if q.Patient != "" && o.Person != q.Patient || !seesPatient(o) {
			continue
		}
		p, err := patient(o)
		if err != nil {
			return reply{}, err
		}
		visible = append(visible, p)
	}
	return d.found(a, q, query, visible)
}

func (d *fhirDoor) found(a asking, q search.Query, query url.Values, visible []fhir.Resource) (reply, error) {
	res, err := q.Run(visible, d.zone)
	if err != nil {
		return reply{}, err
	}
	b := bundle{kind: "searchset", total: res.Total, links: []link{{"self", a.base + "/" + q.Type + "?" + query.Encode()}}}
	if res.After != "" {
		next := url.Values{}
		for k, v := range query {
			next[k] = v
		}
		next.Set("_after", res.After)
		b.links = append(b.links, link{"next", a.base + "/" + q.Type + "?" + next.Encode()})
	}
	for _, r := range res.Match {
		b.add(a.base, "match", r)
	}
	for _, r := range res.Include {
		b.add(a.base, "include", r)
	}
	b.entries = append(b.entries, entry{Resource: incomplete, Search: &entrySearch{"outcome"}})
	return b.reply()
}

// incomplete stands in every answer to a search, of everybody for everybody (marker M1): as
// it is constant it tells nothing.
var incomplete = json.RawMessage(`{"resourceType":"OperationOutcome","id":"m1","issue":[{"severity":"information","code":"informational","details":{"text":"There may be more that you may not see. Ask the service or the family."}}]}`)

func (d *fhirDoor) everything(ctx context.Context, a asking, person care.PersonID) (reply, error) {
	a.Interaction = audit.Search
	a.Query = "Patient/$everything"
	o, err := d.person(ctx, a, person)
	if err != nil {
		return reply{}, err
	}
	all, err := everythingOf(o)
	if err != nil {
		return reply{}, err
	}
	p, err := patient(o)
	if err != nil {
		return reply{}, err
	}
	b := bundle{kind: "searchset", total: len(all) + 1}
	for _, r := range append([]fhir.Resource{p}, all...) {
		b.add(a.base, "match", r)
	}
	b.entries = append(b.entries, entry{Resource: incomplete, Search: &entrySearch{"outcome"}})
	return b.reply()
}

func everythingOf(o gate.Opened) ([]fhir.Resource, error) {
	return consolidate.Served(o.Person, o.Contributions)
}

func patient(o gate.Opened) (fhir.Resource, error) {
	a, err := overview.Of(o)
	if err != nil {
		return fhir.Resource{}, err
	}
	return consolidate.Person(a.Overview)
}

// fhirGet answers a GET below /fhir.
func (h *Handler) fhirGet(c echo.Context) error {
	if c.Param("*") == "metadata" { // it tells of nobody, and a client asks before it signs in
		r, err := h.fhir.capabilities(asking{base: c.Scheme() + "://" + c.Request().Host + "/fhir"})
		if err != nil {
			return err
		}
		return h.write(c, r)
	}
	a, err := h.asking(c)
	if err != nil {
		return err
	}
	r, err := h.fhir.get(c.Request().Context(), a, c.Param("*"), c.QueryParams())
	if err != nil {
		return err
	}
	return h.write(c, r)
}

// fhirSearch answers POST Type/_search: the same as GET, with what is asked for in the body,
// where it stands in no log.
func (h *Handler) fhirSearch(c echo.Context) error {
	a, err := h.asking(c)
	if err != nil {
		return err
	}
	if len(c.QueryParams()) > 0 {
		return fmt.Errorf("parameters stand in the body of a POST: %w", care.ErrInvalid)
	}
	form, err := c.FormParams()
	if err != nil {
		return fmt.Errorf("read the form: %w", care.ErrInvalid)
	}
	r, err := h.fhir.get(c.Request().Context(), a, c.Param("type"), form)
	if err != nil {
		return err
	}
	return h.write(c, r)
}

func (h *Handler) write(c echo.Context, r reply) error {
	if r.version != "" {
		c.Response().Header().Set("ETag", etag(r.version))
	}
	if !r.changed.IsZero() {
		c.Response().Header().Set("Last-Modified", r.changed.UTC().Format(http.TimeFormat))
	}
	return c.Blob(r.status, fhirJSON, r.body)
}

func etag(version string) string { return `W/"` + version + `"` }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

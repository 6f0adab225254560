package fhirrest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"samsyn/adapters"
	"samsyn/internal/jsonsafe"
)

// Receive reads one resource that a FHIR client pushes: PUT {type}/{id}, PUT
// {type} (Helsenorge's timeavtaler, where the resource itself carries its id or
// booking number) or DELETE {type}/{id}. The page carries no cursor: what is
// pushed does not move what is fetched.
func (a *adapter) Receive(_ context.Context, r *http.Request) (adapters.Page, error) {
	kind, id, err := a.target(r)
	if err != nil {
		return adapters.Page{}, err
	}
	if r.Method == http.MethodDelete {
		if id == "" {
			return adapters.Page{}, fmt.Errorf("%w: DELETE needs {type}/{id}", adapters.ErrProtocol)
		}
		return adapters.Page{Records: []adapters.Record{{Kind: kind, Key: id, Changed: a.deps.Now().UTC(), Media: adapters.JSON, Deleted: true}}}, nil
	}
	if r.Method != http.MethodPut {
		return adapters.Page{}, fmt.Errorf("%w: only PUT and DELETE are taken in", adapters.ErrProtocol)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(a.config.MaxResource)+1))
	if err != nil {
		return adapters.Page{}, fmt.Errorf("%w: the request broke off", adapters.ErrUnavailable)
	}
	if len(body) > a.config.MaxResource {
		return adapters.Page{}, fmt.Errorf("%w: the resource is more than max_resource (%d bytes)", adapters.ErrMalformed, a.config.MaxResource)
	}
	var h struct {
		head
		Identifier []struct {
			System string `json:"system"`
			Value  string `json:"value"`
		} `json:"identifier"`
	}
	if err := jsonsafe.Check(body, jsonsafe.Limits{Bytes: int64(len(body)), Depth: maxDepth}); err != nil {
		return a.refused(kind, id, body, err)
	}
	if err := jsonsafe.Fill(body, &h); err != nil {
		return adapters.Page{}, fmt.Errorf("%w: the body is not a resource in JSON", adapters.ErrMalformed)
	}
	if h.ResourceType != kind {
		return adapters.Page{}, fmt.Errorf("%w: the body is not a %s", adapters.ErrMalformed, kind)
	}
	if id != "" && h.ID != "" && h.ID != id {
		return adapters.Page{}, fmt.Errorf("%w: the address and the body name different ids", adapters.ErrMalformed)
	}
	if h.ID == "" {
		h.ID = id
	}
	if h.ID == "" && len(h.Identifier) > 0 {
		h.ID = h.Identifier[0].Value
	}
	if h.Meta.VersionID == "" {
		h.Meta.VersionID = strings.Trim(strings.TrimPrefix(r.Header.Get("If-Match"), "W/"), `"`)
	}
	var wrong error
	record, _ := a.check(body, h.head, kind, func(_, _, format string, args ...any) *adapters.Fault {
		wrong = fmt.Errorf("%w: %s", adapters.ErrMalformed, fmt.Sprintf(format, args...))
		return nil
	})
	if wrong != nil {
		return adapters.Page{}, wrong
	}
	return adapters.Page{Records: []adapters.Record{*record}}, nil
}

// refused keeps a body that breaks the rules of JSON, where the address says of which
// resource it is; what it says of itself is not believed.
func (a *adapter) refused(kind, id string, body []byte, why error) (adapters.Page, error) {
	err := fmt.Errorf("%w: %w", adapters.ErrMalformed, why)
	if id == "" || errors.Is(why, jsonsafe.ErrMalformed) || errors.Is(why, jsonsafe.ErrNotUTF8) {
		return adapters.Page{}, err // it is no resource at all
	}
	return adapters.Page{Faults: []adapters.Fault{{Kind: kind, Key: id, Where: "pushed " + kind, Err: err, Body: body, Media: adapters.JSON}}}, nil
}

// target reads type and id off the end of the path.
func (a *adapter) target(r *http.Request) (kind, id string, err error) {
	parts := splitPath(r.URL.Path)
	configured := func(s string) bool {
		return slices.ContainsFunc(a.config.Types, func(t Type) bool { return t.Type == s })
	}
	switch n := len(parts); {
	case n >= 1 && configured(parts[n-1]):
		return parts[n-1], "", nil
	case n >= 2 && configured(parts[n-2]) && isID(parts[n-1]) && !hasNationalNumber(parts[n-1]):
		return parts[n-2], parts[n-1], nil
	}
	return "", "", fmt.Errorf("%w: the address must end in {type}/{id} with a type that this source is configured for", adapters.ErrProtocol)
}

// Check asks for the server's CapabilityStatement, which holds no person's data.
func (a *adapter) Check(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base.JoinPath("metadata").String(), nil)
	if err != nil {
		return fmt.Errorf("%w: base", adapters.ErrConfig)
	}
	body, err := a.send(req)
	if err != nil {
		return fmt.Errorf("read metadata: %w", err)
	}
	var c struct {
		ResourceType string `json:"resourceType"`
		FHIRVersion  string `json:"fhirVersion"`
	}
	if err := jsonsafe.Decode(body, &c, jsonsafe.Limits{}); err != nil || c.ResourceType != "CapabilityStatement" {
		return fmt.Errorf("read metadata: %w: the answer is not a CapabilityStatement", adapters.ErrProtocol)
	}
	if !strings.HasPrefix(c.FHIRVersion, "4.0") {
		return fmt.Errorf("read metadata: %w: the server does not speak FHIR R4 (4.0.x)", adapters.ErrProtocol)
	}
	return nil
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// maxBatch is how many entries one batch may have.
const maxBatch = 50

// fhirBatch answers a batch of GETs, each as if it were asked alone: its own decision, its
// own line in the log, its own error. A transaction is refused, for nothing is written here.
func (h *Handler) fhirBatch(c echo.Context) error {
	a, err := h.asking(c)
	if err != nil {
		return err
	}
	if len(c.QueryParams()) > 0 {
		return fmt.Errorf("no parameters are taken here: %w", care.ErrInvalid)
	}
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return fmt.Errorf("read the batch: %w", err)
	}
	asked, err := readBatch(body)
	if err != nil {
		return err
	}
	b := bundle{kind: "batch-response"}
	for _, u := range asked {
		b.entries = append(b.entries, h.batched(c.Request().Context(), a, u))
	}
	r, err := b.reply()
	if err != nil {
		return err
	}
	return h.write(c, r)
}

// readBatch reads which addresses a batch asks for. It is read as strictly as a resource.
func readBatch(body []byte) ([]string, error) {
	res, err := fhir.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("read the batch: %w: %w", care.ErrInvalid, err)
	}
	var in struct {
		ResourceType string `json:"resourceType"`
		Type         string `json:"type"`
		Entry        []struct {
			Resource json.RawMessage `json:"resource"`
			Request  struct {
				Method string `json:"method"`
				URL    string `json:"url"`
			} `json:"request"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(res.Body, &in); err != nil {
		return nil, fmt.Errorf("read the batch: %w", care.ErrInvalid)
	}
	if in.ResourceType != "Bundle" || in.Type != "batch" || len(in.Entry) > maxBatch {
		return nil, fmt.Errorf("a Bundle of type batch with at most %d entries is wanted: %w", maxBatch, care.ErrInvalid)
	}
	var asked []string
	for i, e := range in.Entry {
		if e.Request.Method != http.MethodGet || e.Resource != nil || e.Request.URL == "" {
			return nil, fmt.Errorf("entry %d is no GET: %w", i+1, care.ErrInvalid)
		}
		asked = append(asked, e.Request.URL)
	}
	return asked, nil
}

// batched answers one entry.
func (h *Handler) batched(ctx context.Context, a asking, address string) entry {
	u, err := url.Parse(address)
	var r reply
	switch {
	case err != nil || u.IsAbs() || u.Host != "" || u.User != nil || strings.HasPrefix(u.Path, "/") || u.Fragment != "":
		err = fmt.Errorf("an address below this one is wanted: %w", care.ErrInvalid)
	default:
		var query url.Values
		if query, err = url.ParseQuery(u.RawQuery); err != nil {
			err = fmt.Errorf("its parameters cannot be read: %w", care.ErrInvalid)
			break
		}
		r, err = h.fhir.get(ctx, a, u.Path, query)
	}
	if err != nil {
		status, code, text := status(err)
		if status == http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
			h.Log.Error("request failed", "route", "/fhir (batch)", "error", err)
		}
		return entry{Response: &entryResponse{Status: strconv.Itoa(status), Outcome: outcomeOf(code, text)}}
	}
	e := entry{Resource: r.body, Response: &entryResponse{Status: strconv.Itoa(r.status)}}
	if r.version != "" {
		e.Response.ETag = etag(r.version)
	}
	if !r.changed.IsZero() {
		e.Response.LastModified = stamp(r.changed)
	}
	return e
}

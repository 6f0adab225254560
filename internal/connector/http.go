package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"samsyn/adapters"
)

// call is one request.
type call struct {
	method  string
	address *url.URL
	query   url.Values
	body    any // nil: none
	form    bool
	accept  string
	max     int64
}

// parameter is what paging or cursor adds to a call.
type parameter struct {
	name, in string
	value    any
}

// fill puts settings in the place of {name}.
func (a *adapter) fill(text string, escape func(string) string) string {
	return placeholder.ReplaceAllStringFunc(text, func(m string) string { return escape(a.values[m[1:len(m)-1]]) })
}

func plain(s string) string { return s }

// address puts a path of the connector behind the source's url.
func (a *adapter) address(path string) *url.URL {
	u := *a.base
	raw := strings.TrimSuffix(a.base.EscapedPath(), "/") + a.fill(path, url.PathEscape)
	if p, err := url.PathUnescape(raw); err == nil {
		u.Path, u.RawPath = p, raw
	}
	return &u
}

// call builds the listing's request with its parameters.
func (a *adapter) call(l *Listing, more []parameter) call {
	r := l.HTTP
	c := call{method: r.Method, address: a.address(r.Path), query: url.Values{}, form: r.Form, accept: r.Accept, max: int64(r.MaxMB) << 20}
	for name, text := range r.Query {
		if v := a.fill(text, plain); v != "" {
			c.query.Set(name, v)
		}
	}
	c.body = a.fillBody(r.Body)
	for _, p := range more {
		if p.in == inQuery {
			c.query.Set(p.name, fmt.Sprint(p.value))
			continue
		}
		body, _ := c.body.(map[string]any)
		body = maps.Clone(body)
		if body == nil {
			body = map[string]any{}
		}
		body[p.name] = p.value
		c.body = body
	}
	return c
}

func (a *adapter) fillBody(v any) any {
	switch v := v.(type) {
	case string:
		return a.fill(v, plain)
	case map[string]any:
		out := map[string]any{}
		for k, item := range v {
			out[k] = a.fillBody(item)
		}
		return out
	case []any:
		out := []any{}
		for _, item := range v {
			out = append(out, a.fillBody(item))
		}
		return out
	}
	return v
}

// reply is an answer with status 200.
type reply struct {
	body   []byte
	header http.Header
}

// where names a request without its query, which may hold a token.
func (c call) where() string { return c.method + " " + c.address.EscapedPath() }

// ask sends one request. Nothing of the answer's text is repeated in an error.
func (a *adapter) ask(ctx context.Context, c call) (reply, error) {
	u := *c.address
	if len(c.query) > 0 {
		u.RawQuery = c.query.Encode()
	}
	if text, _ := url.QueryUnescape(u.String()); showsNationalNumber(text) || showsNationalNumber(u.String()) {
		return reply{}, fmt.Errorf("%w: an address would hold what may be a national number; it is not sent", adapters.ErrProtocol)
	}
	if a.limit != nil {
		if err := a.limit.Wait(ctx); err != nil {
			return reply{}, fmt.Errorf("%w: wait for the source's rate limit: %w", adapters.ErrUnavailable, err)
		}
	}
	body, media := c.encode()
	req, err := http.NewRequestWithContext(ctx, c.method, u.String(), body)
	if err != nil {
		return reply{}, fmt.Errorf("%w: build the request", adapters.ErrConfig)
	}
	req.Header.Set("Accept", c.accept)
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return reply{}, ctx.Err()
		}
		return reply{}, fmt.Errorf("%w: %w", adapters.ErrUnavailable, bare(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return reply{}, fmt.Errorf("%w: %s answers %d", kindOf(resp.StatusCode), c.where(), resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, c.max+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return reply{}, ctx.Err()
	case err != nil:
		return reply{}, fmt.Errorf("%w: the answer breaks off: %w", adapters.ErrUnavailable, err)
	case int64(len(data)) > c.max:
		return reply{}, fmt.Errorf("%w: the answer is larger than %d bytes; lower size", adapters.ErrProtocol, c.max)
	}
	return reply{body: data, header: resp.Header}, nil
}

// bare takes the address, which may hold a token, out of an error.
func bare(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}

func (c call) encode() (io.Reader, string) {
	switch {
	case c.body == nil:
		return nil, ""
	case c.form:
		form := url.Values{}
		for name, v := range c.body.(map[string]any) { // the definition was checked for it
			form.Set(name, fmt.Sprint(v))
		}
		return strings.NewReader(form.Encode()), "application/x-www-form-urlencoded"
	}
	data, _ := json.Marshal(c.body) // it came out of YAML: maps, lists, texts and numbers
	return bytes.NewReader(data), adapters.JSON
}

func kindOf(status int) error {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return adapters.ErrRefused
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		return adapters.ErrUnavailable
	}
	return adapters.ErrProtocol
}

var (
	linkForm = regexp.MustCompile(`<([^<>]*)>\s*((?:;[^,<]*)*)`)
	relForm  = regexp.MustCompile(`(?i);\s*rel\s*=\s*"?([^";]*)"?`)
)

// headerValue gives a header's value; of Link the address of rel=next (RFC 8288).
func headerValue(h http.Header, name string) string {
	if !strings.EqualFold(name, "Link") {
		return h.Get(name)
	}
	for _, line := range h.Values("Link") {
		for _, l := range linkForm.FindAllStringSubmatch(line, -1) {
			if rel := relForm.FindStringSubmatch(l[2]); rel != nil {
				for _, r := range strings.Fields(rel[1]) {
					if strings.EqualFold(r, "next") {
						return l[1]
					}
				}
			}
		}
	}
	return ""
}

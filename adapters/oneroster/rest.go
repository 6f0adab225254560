package oneroster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"samsyn/adapters"
	"samsyn/internal/jsonsafe"
)

const (
	maxPage = 10 << 20 // bytes of one answer
	// maxObjects bounds the objects of one answer, where limit does not ask for more.
	maxObjects = 1000
	// maxPages ends a listing that would never end.
	maxPages = 100_000
	// readings is how often a collection is read when it changes meanwhile.
	readings = 3
)

// rest reads a OneRoster 1.2 server. No address holds anything about a person:
// only collections are asked for, never an object by its number or name.
type rest struct {
	client *http.Client
	base   *url.URL // …/ims/oneroster/rostering/v1p2/
	limit  int
}

var errMoved = errors.New("the collection changed while it was read")

func (s *rest) check(ctx context.Context) error {
	_, err := s.page(ctx, s.address("orgs", 1, 0, ""), "orgs")
	return err
}

func (s *rest) read(ctx context.Context) (*roster, mark, error) {
	r := newRoster()
	for _, c := range collections {
		if err := s.collection(ctx, r, c); err != nil {
			return nil, mark{}, fmt.Errorf("%s: %w", c, err)
		}
	}
	return r, r.mark(), nil
}

// collection reads one collection into r, again from its beginning where it changed meanwhile.
func (s *rest) collection(ctx context.Context, r *roster, name string) error {
	for i := 1; ; i++ {
		one := newRoster()
		n := 0
		err := s.list(ctx, name, "", func(raw json.RawMessage) bool {
			n++
			one.put(name, fmt.Sprintf("GET %s, object %d", name, n), raw, false)
			return true
		})
		if errors.Is(err, errMoved) && i < readings {
			continue
		}
		if err != nil {
			return err
		}
		r.things[name] = one.things[name]
		r.faults = append(r.faults, one.faults...)
		return nil
	}
}

// unchanged asks each collection for what changed at the mark or later and compares
// it with what the mark knows. A server that cannot filter is read in full.
func (s *rest) unchanged(ctx context.Context, m mark) (bool, error) {
	if m.Latest.IsZero() {
		return false, nil
	}
	same := true
	var at []string
	for _, c := range collections {
		filter := fmt.Sprintf("dateLastModified>='%s'", m.Latest.Format("2006-01-02T15:04:05.000Z"))
		err := s.list(ctx, c, filter, func(raw json.RawMessage) bool {
			o, err := parseObject(raw)
			if err != nil || o.id == "" || !o.modified.Equal(m.Latest) {
				same = false
				return false
			}
			at = append(at, c+" "+string(o.raw))
			return true
		})
		var status *statusInfo
		if errors.As(err, &status) && status.code == http.StatusBadRequest {
			return false, nil
		}
		if err != nil && !errors.Is(err, errMoved) {
			return false, fmt.Errorf("%s: %w", c, err)
		}
		if err != nil || !same {
			return false, nil
		}
	}
	return sum(at) == m.Sum, nil
}

func (s *rest) address(collection string, limit, offset int, filter string) *url.URL {
	u := s.base.JoinPath(collection)
	q := url.Values{"limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}, "sort": {"sourcedId"}, "orderBy": {"asc"}}
	if filter != "" {
		q.Set("filter", filter)
	}
	u.RawQuery = q.Encode()
	return u
}

// list calls each for every object of a collection until it gives false.
func (s *rest) list(ctx context.Context, collection, filter string, each func(json.RawMessage) bool) error {
	next := s.address(collection, s.limit, 0, filter)
	visited := map[string]bool{}
	read, total := 0, -1
	for page := 0; next != nil; page++ {
		if page >= maxPages || visited[next.String()] {
			return fmt.Errorf("%w: the next-links go round in a circle", adapters.ErrProtocol)
		}
		visited[next.String()] = true
		p, err := s.page(ctx, next, collection)
		if err != nil {
			return err
		}
		if page > 0 && p.total != total {
			return fmt.Errorf("%w: %w: it held %d objects, then %d", adapters.ErrUnavailable, errMoved, total, p.total)
		}
		total = p.total
		for _, raw := range p.objects {
			read++
			if !each(raw) {
				return nil
			}
		}
		switch {
		case p.next != "":
			if len(p.objects) == 0 {
				return fmt.Errorf("%w: an empty page has a next-link", adapters.ErrProtocol)
			}
			if next, err = s.follow(next, p.next); err != nil {
				return err
			}
		case p.total > read && len(p.objects) > 0:
			next = s.address(collection, s.limit, read, filter)
		default:
			if p.total >= 0 && p.total != read {
				return fmt.Errorf("%w: %w: it holds %d objects and gave %d", adapters.ErrUnavailable, errMoved, p.total, read)
			}
			next = nil
		}
	}
	return nil
}

// follow gives the next address, which must lie on the configured origin and in the same collection.
func (s *rest) follow(from *url.URL, link string) (*url.URL, error) {
	u, err := from.Parse(link)
	if err != nil || u.Scheme != s.base.Scheme || u.Host != s.base.Host || u.User != nil || u.Path != from.Path {
		return nil, fmt.Errorf("%w: a next-link leads away from %s", adapters.ErrProtocol, from.Path)
	}
	u.Fragment = ""
	return u, nil
}

// answer is one page of a collection. total is -1 where the server does not say.
type answer struct {
	objects []json.RawMessage
	next    string
	total   int
}

func (s *rest) page(ctx context.Context, u *url.URL, collection string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return answer{}, fmt.Errorf("%w: build the request", adapters.ErrConfig)
	}
	req.Header.Set("Accept", adapters.JSON)
	resp, err := s.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return answer{}, ctx.Err()
		}
		return answer{}, fmt.Errorf("%w: %w", adapters.ErrUnavailable, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return answer{}, ctx.Err()
	case err != nil:
		return answer{}, fmt.Errorf("%w: the answer breaks off: %w", adapters.ErrUnavailable, err)
	case resp.StatusCode != http.StatusOK:
		return answer{}, parseStatus(resp.StatusCode, body)
	case len(body) > maxPage:
		return answer{}, fmt.Errorf("%w: the answer is larger than %d bytes; lower limit", adapters.ErrProtocol, maxPage)
	}
	// The objects are only told apart here: one that is broken stops nobody but itself.
	fields, err := jsonsafe.Object(body, jsonsafe.Limits{Bytes: maxPage})
	if err != nil {
		return answer{}, fmt.Errorf("%w: the answer is no object in JSON: %w", adapters.ErrProtocol, err)
	}
	objects, err := jsonsafe.List(fields.Get(collection), max(maxObjects, s.limit), jsonsafe.Limits{Bytes: maxPage})
	switch {
	case errors.Is(err, jsonsafe.ErrTooMany):
		return answer{}, fmt.Errorf("%w: the answer holds more than %d objects though fewer were asked for", adapters.ErrProtocol, max(maxObjects, s.limit))
	case err != nil:
		return answer{}, fmt.Errorf("%w: the answer holds no list %q", adapters.ErrProtocol, collection)
	}
	out := answer{objects: objects, next: nextLink(resp.Header.Values("Link")), total: -1}
	if text := resp.Header.Get("X-Total-Count"); text != "" {
		if out.total, err = strconv.Atoi(text); err != nil || out.total < 0 {
			return answer{}, fmt.Errorf("%w: X-Total-Count is no number", adapters.ErrProtocol)
		}
	}
	return out, nil
}

var linkForm = regexp.MustCompile(`<([^<>]*)>\s*((?:;[^,<]*)*)`)
var relForm = regexp.MustCompile(`(?i);\s*rel\s*=\s*"?([^";]*)"?`)

// nextLink finds rel=next in Link headers (RFC 8288).
func nextLink(headers []string) string {
	for _, h := range headers {
		for _, l := range linkForm.FindAllStringSubmatch(h, -1) {
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

// statusInfo is an imsx_StatusInfo, or what a server answers instead of one.
type statusInfo struct {
	kind  error
	code  int
	minor string
}

func (e *statusInfo) Error() string {
	if e.minor == "" {
		return fmt.Sprintf("%v: the server answers %d", e.kind, e.code)
	}
	return fmt.Sprintf("%v: the server answers %d (%s)", e.kind, e.code, e.minor)
}

func (e *statusInfo) Unwrap() error { return e.kind }

// minors are the codes of imsx_codeMinorFieldValue. Other texts of the server are not repeated.
var minors = map[string]error{
	"unauthorisedrequest": adapters.ErrRefused, "unauthorized": adapters.ErrRefused, "forbidden": adapters.ErrRefused,
	"server_busy": adapters.ErrUnavailable, "internal_server_error": adapters.ErrUnavailable,
	"invalid_filter_field": adapters.ErrProtocol, "invalid_selection_field": adapters.ErrProtocol, "invalid_sort_field": adapters.ErrProtocol,
	"invalid_uuid": adapters.ErrProtocol, "unknownobject": adapters.ErrProtocol, "invaliddata": adapters.ErrProtocol,
	"deletefailure": adapters.ErrProtocol, "fullsuccess": adapters.ErrProtocol,
}

func parseStatus(code int, body []byte) error {
	e := &statusInfo{kind: adapters.ErrProtocol, code: code}
	var info struct {
		Minor struct {
			Fields []struct {
				Value string `json:"imsx_codeMinorFieldValue"`
			} `json:"imsx_codeMinorField"`
		} `json:"imsx_CodeMinor"`
	}
	if jsonsafe.Decode(body, &info, jsonsafe.Limits{}) == nil {
		for _, f := range info.Minor.Fields {
			if kind, ok := minors[f.Value]; ok {
				e.kind, e.minor = kind, f.Value
			}
		}
	}
	switch {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		e.kind = adapters.ErrRefused
	case code == http.StatusTooManyRequests, code >= 500:
		e.kind = adapters.ErrUnavailable
	}
	return e
}

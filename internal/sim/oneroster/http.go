package onerostersim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

const base = "/ims/oneroster/rostering/v1p2/"

// problem is what an imsx_StatusInfo says.
type problem struct {
	status      int
	minor, text string
}

// ServeHTTP answers GET on a collection or on one of its objects.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if p := s.answer(w, r); p != nil {
		w.WriteHeader(p.status)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"imsx_codeMajor": "failure", "imsx_severity": "error", "imsx_description": p.text,
			"imsx_CodeMinor": map[string]any{"imsx_codeMinorField": []any{map[string]any{
				"imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": p.minor,
			}}},
		})
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) *problem {
	path, ok := strings.CutPrefix(r.URL.Path, base)
	collection, id, one := strings.Cut(path, "/")
	switch {
	case s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token:
		return &problem{http.StatusUnauthorized, "unauthorisedrequest", "the request was not authorised"}
	case r.Method != http.MethodGet:
		return &problem{http.StatusMethodNotAllowed, "invaliddata", "only GET"}
	case !ok || !slices.Contains(collections, collection):
		return &problem{http.StatusNotFound, "unknownobject", "no such collection"}
	case one:
		return s.one(w, collection, id)
	}
	q, p := parseQuery(r.URL.Query())
	if p != nil {
		return p
	}
	if q.filter != nil && s.NoFilter {
		return &problem{http.StatusBadRequest, "invalid_filter_field", "filters are not supported"}
	}
	var hits []Object
	for _, o := range s.things[collection] {
		if q.filter == nil || q.filter.holds(o) {
			hits = append(hits, o)
		}
	}
	if q.sort != "" {
		sort.SliceStable(hits, func(i, j int) bool {
			if q.descending {
				i, j = j, i
			}
			return hits[i].text(q.sort) < hits[j].text(q.sort)
		})
	}
	total := len(hits)
	page := hits[min(q.offset, total):min(q.offset+q.limit, total)]
	w.Header().Set("X-Total-Count", strconv.Itoa(total))
	if links := links(r.URL, q, total); links != "" && !s.NoLinks {
		w.Header().Set("Link", links)
	}
	s.served += len(page)
	if page == nil {
		page = []Object{}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{collection: page})
	return nil
}

func (s *Server) one(w http.ResponseWriter, collection, id string) *problem {
	for _, o := range s.things[collection] {
		if o.text("sourcedId") == id {
			singular := map[string]string{"classes": "class"}[collection]
			if singular == "" {
				singular = strings.TrimSuffix(collection, "s")
			}
			_ = json.NewEncoder(w).Encode(map[string]any{singular: o})
			return nil
		}
	}
	return &problem{http.StatusNotFound, "unknownobject", "no such object"}
}

// links gives first, prev, next and last with relative addresses, which RFC 8288 allows.
func links(u *url.URL, q query, total int) string {
	var out []string
	add := func(rel string, offset int) {
		v := u.Query()
		v.Set("limit", strconv.Itoa(q.limit))
		v.Set("offset", strconv.Itoa(offset))
		out = append(out, fmt.Sprintf(`<%s?%s>; rel="%s"`, u.Path, v.Encode(), rel))
	}
	if q.offset+q.limit < total {
		add("next", q.offset+q.limit)
		add("last", (total-1)/q.limit*q.limit)
	}
	if q.offset > 0 {
		add("first", 0)
		add("prev", max(0, q.offset-q.limit))
	}
	return strings.Join(out, ", ")
}

type query struct {
	limit, offset int
	sort          string
	descending    bool
	filter        *filter
}

var fieldForm = regexp.MustCompile(`^[A-Za-z]+$`)

func parseQuery(v url.Values) (query, *problem) {
	q := query{limit: 100}
	for name, values := range v {
		if len(values) != 1 {
			return q, &problem{http.StatusBadRequest, "invaliddata", "a parameter stands twice"}
		}
		value, err := values[0], error(nil)
		switch name {
		case "limit":
			q.limit, err = strconv.Atoi(value)
		case "offset":
			q.offset, err = strconv.Atoi(value)
		case "sort":
			if q.sort = value; !fieldForm.MatchString(value) {
				return q, &problem{http.StatusBadRequest, "invalid_sort_field", "sort"}
			}
		case "orderBy":
			if q.descending = value == "desc"; value != "desc" && value != "asc" {
				return q, &problem{http.StatusBadRequest, "invalid_sort_field", "orderBy"}
			}
		case "filter":
			var p *problem
			if q.filter, p = parseFilter(value); p != nil {
				return q, p
			}
		default:
			return q, &problem{http.StatusBadRequest, "invalid_selection_field", "unknown parameter"}
		}
		if err != nil || q.limit < 1 || q.offset < 0 {
			return q, &problem{http.StatusBadRequest, "invaliddata", "limit and offset are numbers"}
		}
	}
	return q, nil
}

// filter is one predicate; the standard's AND and OR are not simulated.
type filter struct{ field, predicate, value string }

var filterForm = regexp.MustCompile(`^([A-Za-z]+)(>=|<=|!=|=|>|<|~)'([^']*)'$`)

func parseFilter(text string) (*filter, *problem) {
	m := filterForm.FindStringSubmatch(text)
	if m == nil || !slices.Contains([]string{"dateLastModified", "status", "sourcedId"}, m[1]) {
		return nil, &problem{http.StatusBadRequest, "invalid_filter_field", "filter"}
	}
	return &filter{m[1], m[2], m[3]}, nil
}

// holds compares as text: all dates are written alike here.
func (f *filter) holds(o Object) bool {
	c := strings.Compare(o.text(f.field), f.value)
	switch f.predicate {
	case "=":
		return c == 0
	case "!=":
		return c != 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	}
	return strings.Contains(o.text(f.field), f.value)
}

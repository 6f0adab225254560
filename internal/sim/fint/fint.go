// Package fintsim simulates FINT's (Novari's) REST API as a consumer sees it: lists
// of resources in HAL JSON with size, offset, sinceTimeStamp and next-links, each
// list's last-updated and cache/size, and one resource by its systemid. It refuses
// what the real one refuses and does not know the adapter.
package fintsim

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// places says where each file's list stands.
var places = map[string]string{"otungdom": "/utdanning/ot/otungdom"}

// Server is a FINT API. It is an http.Handler and safe for concurrent use.
type Server struct {
	mu    sync.Mutex
	lists map[string]*list // by path
	asked []url.URL
}

type list struct {
	entries []entry
	updated time.Time
}

type entry struct {
	id      string
	body    json.RawMessage
	updated time.Time
}

// started is when the lists were filled that nobody has changed since.
var started = time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)

// New reads <resource>.json of data: bodies of the lists' own answers.
func New(data fs.FS) (*Server, error) {
	s := &Server{lists: map[string]*list{}}
	for name, at := range places {
		body, err := fs.ReadFile(data, name+".json")
		if err != nil {
			return nil, fmt.Errorf("read FINT's data: %w", err)
		}
		var answer struct {
			Embedded struct {
				Entries []json.RawMessage `json:"_entries"`
			} `json:"_embedded"`
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return nil, fmt.Errorf("read %s.json: %w", name, err)
		}
		s.lists[at] = &list{updated: started}
		for _, e := range answer.Embedded.Entries {
			if err := s.Put(name, e, started); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// Put adds a resource, or takes the place of the one with its systemId, changed at that time.
func (s *Server) Put(resource string, body json.RawMessage, at time.Time) error {
	var head struct {
		SystemID struct {
			Value string `json:"identifikatorverdi"`
		} `json:"systemId"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return fmt.Errorf("put a %s: %w", resource, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lists[places[resource]]
	e := entry{id: head.SystemID.Value, body: body, updated: at}
	if i := slices.IndexFunc(l.entries, func(x entry) bool { return x.id == e.id && e.id != "" }); i >= 0 {
		l.entries[i] = e
	} else {
		l.entries = append(l.entries, e)
	}
	l.updated = at
	return nil
}

// Remove takes a resource away. FINT tells nobody: only last-updated moves.
func (s *Server) Remove(resource, id string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lists[places[resource]]
	l.entries = slices.DeleteFunc(l.entries, func(e entry) bool { return e.id == id })
	l.updated = at
}

// Asked gives the addresses that were asked for.
func (s *Server) Asked() []url.URL {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// ServeHTTP answers GET on a list, on what is told about it, or on one of its resources.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, *r.URL)
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if l := s.lists[r.URL.Path]; l != nil {
		l.serve(w, r)
		return
	}
	up := path.Dir(r.URL.Path)
	switch l, last := s.lists[up], path.Base(r.URL.Path); {
	case l != nil && last == "last-updated":
		write(w, map[string]string{"lastUpdated": strconv.FormatInt(l.updated.UnixMilli(), 10)})
	case s.lists[path.Dir(up)] != nil && path.Base(up) == "cache" && last == "size":
		write(w, map[string]int{"size": len(s.lists[path.Dir(up)].entries)})
	case s.lists[path.Dir(up)] != nil && path.Base(up) == "systemid":
		for _, e := range s.lists[path.Dir(up)].entries {
			if e.id == last {
				write(w, e.body)
				return
			}
		}
		http.NotFound(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (l *list) serve(w http.ResponseWriter, r *http.Request) {
	number := func(name string) (int64, bool) {
		text := r.URL.Query().Get(name)
		n, err := strconv.ParseInt(text, 10, 64)
		return n, text == "" || err == nil && n >= 0
	}
	size, ok1 := number("size")
	offset, ok2 := number("offset")
	since, ok3 := number("sinceTimeStamp")
	if !ok1 || !ok2 || !ok3 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var hits []entry
	for _, e := range l.entries {
		if since == 0 || e.updated.UnixMilli() > since {
			hits = append(hits, e)
		}
	}
	total := int64(len(hits))
	if size == 0 {
		size = total
	}
	page := hits[min(offset, total):min(offset+size, total)]
	bodies := []json.RawMessage{}
	for _, e := range page {
		bodies = append(bodies, e.body)
	}
	links := map[string]any{"self": link(r, size, offset)}
	if offset+size < total {
		links["next"] = link(r, size, offset+size)
	}
	if offset > 0 {
		links["prev"] = link(r, size, max(0, offset-size))
	}
	write(w, map[string]any{"_embedded": map[string]any{"_entries": bodies}, "_links": links, "total_items": len(l.entries), "size": len(page), "offset": offset})
}

// link is absolute, as FINT's are.
func link(r *http.Request, size, offset int64) []map[string]string {
	q := r.URL.Query()
	q.Set("size", strconv.FormatInt(size, 10))
	q.Set("offset", strconv.FormatInt(offset, 10))
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return []map[string]string{{"href": scheme + "://" + r.Host + r.URL.Path + "?" + q.Encode()}}
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/hal+json")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // whoever asked has gone
}

// Package fhirrestsim owns a simulator of a FHIR R4 server over REST: POST _search,
// Bundle paging with opaque next links, _history with deletions, read, and
// metadata. It serves resource files as they are and refuses what a strict server
// refuses; it understands no resource beyond the search parameters it lists.
package fhirrestsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Base is the path below which the server answers: a client's base is the server's
// address with Base after it.
const Base = "/fhir"

// Server holds resources. It is an http.Handler.
type Server struct {
	mux *http.ServeMux

	mu sync.Mutex
	// versions are the versions of each Type/id, oldest first.
	versions map[string][]version
	searches map[string]search
	next     int
}

// version is one state of a resource; gone marks a deletion.
type version struct {
	kind, id string
	body     json.RawMessage
	tree     map[string]any
	changed  time.Time
	gone     bool
}

// New reads every *.json at the top of data: a resource, or a Bundle of type
// collection. Files in the folder "versions" are earlier versions of the same resources.
func New(data fs.FS) (*Server, error) {
	s := &Server{mux: http.NewServeMux(), versions: map[string][]version{}, searches: map[string]search{}}
	for _, pattern := range []string{"versions/*.json", "*.json"} {
		names, err := fs.Glob(data, pattern)
		if err != nil {
			return nil, fmt.Errorf("list resources: %w", err)
		}
		for _, name := range names {
			body, err := fs.ReadFile(data, name)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", path.Base(name), err)
			}
			if err := s.load(body); err != nil {
				return nil, fmt.Errorf("read %s: %w", path.Base(name), err)
			}
		}
	}
	s.mux.HandleFunc("GET "+Base+"/metadata", s.metadata)
	s.mux.HandleFunc("GET "+Base, s.page)
	s.mux.HandleFunc("POST "+Base+"/{type}/_search", s.search)
	s.mux.HandleFunc("GET "+Base+"/{type}", s.refuseGetSearch)
	s.mux.HandleFunc("GET "+Base+"/{type}/_history", s.history)
	s.mux.HandleFunc("GET "+Base+"/{type}/{id}", s.read)
	return s, nil
}

func (s *Server) load(body []byte) error {
	var bundle struct {
		ResourceType string `json:"resourceType"`
		Entry        []struct {
			Resource json.RawMessage `json:"resource"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(body, &bundle); err != nil {
		return err
	}
	if bundle.ResourceType != "Bundle" {
		return s.Put(body)
	}
	for _, e := range bundle.Entry {
		if err := s.Put(e.Resource); err != nil {
			return err
		}
	}
	return nil
}

// Put adds a resource or a new version of one.
func (s *Server) Put(body []byte) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, body); err != nil {
		return err
	}
	v := version{body: compact.Bytes()}
	if err := json.Unmarshal(v.body, &v.tree); err != nil {
		return err
	}
	v.kind, _ = v.tree["resourceType"].(string)
	v.id, _ = v.tree["id"].(string)
	if v.kind == "" || v.id == "" {
		return fmt.Errorf("a resource has no resourceType or no id")
	}
	if meta, ok := v.tree["meta"].(map[string]any); ok {
		if text, ok := meta["lastUpdated"].(string); ok {
			at, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				return fmt.Errorf("%s/%s: meta.lastUpdated: %w", v.kind, v.id, err)
			}
			v.changed = at
		}
	}
	s.keep(v)
	return nil
}

// Delete removes a resource; _history tells of it.
func (s *Server) Delete(kind, id string, at time.Time) {
	s.keep(version{kind: kind, id: id, changed: at, gone: true})
}

// Rewind takes a resource back to its first version, as if the later ones had not been written yet.
func (s *Server) Rewind(kind, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.versions[kind+"/"+id]; len(all) > 0 {
		s.versions[kind+"/"+id] = all[:1]
	}
}

// Forget takes a resource away without a word: neither a search nor _history tells of it.
func (s *Server) Forget(kind, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.versions, kind+"/"+id)
}

// Get gives the current version of a resource, nil where there is none.
func (s *Server) Get(kind, id string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.current(kind + "/" + id); ok {
		return bytes.Clone(v.body)
	}
	return nil
}

func (s *Server) keep(v version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := v.kind + "/" + v.id
	s.versions[name] = append(s.versions[name], v)
}

// current gives the version that stands. s.mu is held.
func (s *Server) current(name string) (version, bool) {
	all := s.versions[name]
	if len(all) == 0 || all[len(all)-1].gone {
		return version{}, false
	}
	return all[len(all)-1], true
}

// all gives every current resource of a type in the order of its ids. s.mu is held.
func (s *Server) all(kind string) []version {
	var out []version
	for name := range s.versions {
		if v, ok := s.current(name); ok && v.kind == kind {
			out = append(out, v)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}

// ServeHTTP speaks the protocol.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if accept := r.Header.Get("Accept"); accept != "" && accept != "*/*" && !strings.Contains(accept, "json") {
		refuse(w, http.StatusNotAcceptable, "not-supported", "only application/fhir+json is spoken")
		return
	}
	if nationalNumber.MatchString(r.URL.RequestURI()) {
		refuse(w, http.StatusBadRequest, "security", "a national number must not stand in an address; use POST _search")
		return
	}
	s.mux.ServeHTTP(w, r)
}

func (s *Server) metadata(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"resourceType": "CapabilityStatement", "status": "active", "date": "2026-01-01", "kind": "instance",
		"fhirVersion": "4.0.1", "format": []string{"json"},
		"implementation": map[string]any{"description": "Samsyn's simulator of a FHIR server"},
		"rest":           []any{map[string]any{"mode": "server"}},
	})
}

func (s *Server) read(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.PathValue("type") + "/" + r.PathValue("id")
	v, ok := s.current(name)
	switch {
	case ok:
		answer(w, http.StatusOK, v.body)
	case len(s.versions[name]) > 0:
		refuse(w, http.StatusGone, "deleted", "the resource has been deleted")
	default:
		refuse(w, http.StatusNotFound, "not-found", "the resource is not known")
	}
}

func (s *Server) refuseGetSearch(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusMethodNotAllowed, "not-supported", "search is by POST _search")
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	answer(w, status, map[string]any{
		"resourceType": "OperationOutcome",
		"issue":        []any{map[string]any{"severity": "error", "code": code, "diagnostics": text}},
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/fhir+json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody to tell
}

func count(text string) (int, error) {
	if text == "" {
		return 50, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 {
		return 0, fmt.Errorf("_count must be between 1 and 1000")
	}
	return n, nil
}

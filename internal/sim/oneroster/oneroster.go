// Package onerostersim simulates a OneRoster 1.2 rostering server, and writes the
// same roster as OneRoster 1.1 CSV zip files. It owns paging, filtering and the
// standard's error form, and refuses what a real server refuses. It does not know
// the adapter.
package onerostersim

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"sort"
	"sync"
	"time"
)

// collections are what the server serves, each from <name>.json.
var collections = []string{"orgs", "academicSessions", "courses", "classes", "users", "enrollments"}

// Object is one thing of the roster.
type Object map[string]any

func (o Object) text(field string) string {
	s, _ := o[field].(string)
	return s
}

// Server is the roster. It is an http.Handler and safe for concurrent use.
type Server struct {
	// Token, where set, must come as a bearer token.
	Token string
	// NoFilter makes the server refuse every filter, as small ones do.
	NoFilter bool
	// NoLinks leaves the Link headers out, as some do.
	NoLinks bool

	mu     sync.Mutex
	things map[string][]Object
	served int
}

// New reads <collection>.json of data: bodies of the collections' own answers.
func New(data fs.FS) (*Server, error) {
	s := &Server{things: map[string][]Object{}}
	for _, c := range collections {
		body, err := fs.ReadFile(data, c+".json")
		if err != nil {
			return nil, fmt.Errorf("read the roster: %w", err)
		}
		var answer map[string][]Object
		if err := json.Unmarshal(body, &answer); err != nil {
			return nil, fmt.Errorf("read %s.json: %w", c, err)
		}
		s.things[c] = answer[c]
		s.sort(c)
	}
	return s, nil
}

func (s *Server) sort(collection string) {
	list := s.things[collection]
	sort.SliceStable(list, func(i, j int) bool { return list[i].text("sourcedId") < list[j].text("sourcedId") })
}

// Put adds an object, or takes the place of the one with its sourcedId, changed at
// that time. An object without a sourcedId is added as it is.
func (s *Server) Put(collection string, o Object, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o["dateLastModified"] = stamp(at)
	list := s.things[collection]
	for i := range list {
		if id := list[i].text("sourcedId"); id != "" && id == o.text("sourcedId") {
			list[i] = o
			return
		}
	}
	s.things[collection] = append(list, o)
	s.sort(collection)
}

// Edit changes an object in place, changed at that time.
func (s *Server) Edit(collection, id string, at time.Time, edit func(Object)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.things[collection] {
		if o.text("sourcedId") == id {
			edit(o)
			o["dateLastModified"] = stamp(at)
			return nil
		}
	}
	return fmt.Errorf("%s holds no %s", collection, id)
}

// Retire marks an object tobedeleted, as the standard says goodbye.
func (s *Server) Retire(collection, id string, at time.Time) error {
	return s.Edit(collection, id, at, func(o Object) { o["status"] = "tobedeleted" })
}

// Forget takes an object away without a word, as servers should not.
func (s *Server) Forget(collection, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.things[collection]
	for i, o := range list {
		if o.text("sourcedId") == id {
			s.things[collection] = append(list[:i:i], list[i+1:]...)
			return nil
		}
	}
	return fmt.Errorf("%s holds no %s", collection, id)
}

// IDs lists what a collection holds.
func (s *Server) IDs(collection string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, o := range s.things[collection] {
		out = append(out, o.text("sourcedId"))
	}
	return out
}

// Served is how many objects have been given away.
func (s *Server) Served() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

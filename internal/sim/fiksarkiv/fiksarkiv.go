// Package fiksarkivsim simulates a case archive that speaks KS Fiks Arkiv v2 over
// the HTTP gateway form of adapters/fiksarkiv. It owns the evaluation of
// `innsyn.sok` over a set of cases and journal entries, and refuses what the
// published schema refuses. It does not know the adapter.
package fiksarkivsim

import (
	"fmt"
	"io/fs"
	"sort"
	"strings"
	"sync"
	"time"

	"samsyn/internal/xmlsafe"
)

// object is one case or journal entry with the date that the archive searches by
// and never shows.
type object struct {
	node    *xmlsafe.Node
	changed time.Time
}

func (o object) id() string { return o.node.Value("systemID") }

// Server is the archive. It is an http.Handler and safe for concurrent use.
type Server struct {
	// Account is the Fiks IO account that messages must be for; any where it is empty.
	Account string
	// Token, where set, must come as a bearer token.
	Token string
	// MaxTake caps what is given at a time, as some archives do; 0 is no cap.
	MaxTake int

	mu      sync.Mutex
	cases   []object
	entries []object
	// Searches counts the innsyn.sok messages that were answered.
	searches int
	fault    string
}

// New reads every *.xml of data: sokeresultat utvidet documents, whose results the
// archive then holds. An object counts as changed when it was made, archived or
// closed, whichever came last.
func New(data fs.FS) (*Server, error) {
	s := &Server{}
	names, err := fs.Glob(data, "*.xml")
	if err != nil {
		return nil, fmt.Errorf("list the archive's files: %w", err)
	}
	for _, name := range names {
		body, err := fs.ReadFile(data, name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		root, err := xmlsafe.ParseBytes(body, xmlsafe.Limits{})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		for _, r := range root.Child("resultatListe").All("resultat") {
			for _, n := range r.Children {
				if err := s.add(n, time.Time{}); err != nil {
					return nil, fmt.Errorf("read %s: %w", name, err)
				}
			}
		}
	}
	if len(s.cases)+len(s.entries) == 0 {
		return nil, fmt.Errorf("no case and no journal entry in %d files", len(names))
	}
	return s, nil
}

// Add puts one saksmappe or journalpostMedSaksmappe into the archive as changed at
// that time, in the place of the one with the same systemID.
func (s *Server) Add(body []byte, changed time.Time) error {
	root, err := xmlsafe.ParseBytes(body, xmlsafe.Limits{})
	if err != nil {
		return fmt.Errorf("add to the archive: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(root, changed)
}

func (s *Server) add(n *xmlsafe.Node, changed time.Time) error {
	list := &s.entries
	switch n.Name {
	case "saksmappe":
		list = &s.cases
	case "journalpostMedSaksmappe":
	default:
		return fmt.Errorf("%s is neither a case nor a journal entry", n.Name)
	}
	if changed.IsZero() {
		for _, field := range []string{"opprettetDato", "arkivertDato", "avsluttetDato"} {
			if t, err := time.Parse(time.RFC3339, n.Value(field)); err == nil && t.After(changed) {
				changed = t
			}
		}
	}
	o := object{node: n, changed: changed}
	for i := range *list {
		if id := (*list)[i].id(); id != "" && id == o.id() {
			(*list)[i] = o
			return nil
		}
	}
	*list = append(*list, o)
	return nil
}

// Rename gives the object with the systemID another title, changed at that time.
func (s *Server) Rename(id, title string, at time.Time) error {
	return s.touch(id, at, func(n *xmlsafe.Node) { n.Child("tittel").Text = title })
}

// Shield gives the object another tilgangsrestriksjon, changed at that time.
func (s *Server) Shield(id, code string, at time.Time) error {
	return s.touch(id, at, func(n *xmlsafe.Node) { n.Child("skjerming", "tilgangsrestriksjon", "kode").Text = code })
}

// Break takes the systemID away from the object, as no archive should.
func (s *Server) Break(id string) error {
	return s.touch(id, time.Time{}, func(n *xmlsafe.Node) {
		for i, c := range n.Children {
			if c.Name == "systemID" {
				n.Children = append(n.Children[:i], n.Children[i+1:]...)
				return
			}
		}
	})
}

func (s *Server) touch(id string, at time.Time, edit func(*xmlsafe.Node)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range []*[]object{&s.cases, &s.entries} {
		for i := range *list {
			if o := &(*list)[i]; o.id() == id {
				edit(o.node)
				if !at.IsZero() {
					o.changed = at
				}
				return nil
			}
		}
	}
	return fmt.Errorf("the archive holds no %s", id)
}

// Delete takes the object out of the archive, which leaves no trace in any answer.
func (s *Server) Delete(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range []*[]object{&s.cases, &s.entries} {
		for i := range *list {
			if (*list)[i].id() == id {
				*list = append((*list)[:i:i], (*list)[i+1:]...)
				return nil
			}
		}
	}
	return fmt.Errorf("the archive holds no %s", id)
}

// Fail makes every message be answered by this kind of feilmelding
// ("serverfeil", "ugyldigforespoersel", "ikkefunnet"); "" ends it.
func (s *Server) Fail(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = kind
}

// Searches is how many searches have been answered.
func (s *Server) Searches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.searches
}

// find gives the nodes that a search asks for, sorted, before take and skip. The caller holds mu.
func (s *Server) find(q *request) []*xmlsafe.Node {
	list := s.entries
	if q.result == "saksmappe" {
		list = s.cases
	}
	var hits []object
	for _, o := range list {
		if q.matches(o) {
			hits = append(hits, o)
		}
	}
	sort.SliceStable(hits, func(i, j int) bool {
		return sortKey(hits[i].node, q.sort) < sortKey(hits[j].node, q.sort)
	})
	out := make([]*xmlsafe.Node, len(hits))
	for i, o := range hits {
		out[i] = shown(o.node, q.include)
	}
	return out
}

// sortKey makes a text that sorts as the field does.
func sortKey(n *xmlsafe.Node, field string) string {
	switch {
	case strings.HasSuffix(field, "OpprettetDato"):
		t, err := time.Parse(time.RFC3339, n.Value("opprettetDato"))
		if err != nil {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	case field == "journalpostJournaldato":
		return n.Value("journaldato")
	}
	return fmt.Sprintf("%4s/%12s/%6s", n.Value("saksaar"), n.Value("sakssekvensnummer"), n.Value("journalpostnummer"))
}

// onRequest are the parts that an archive leaves out unless they are asked for.
var onRequest = map[string]bool{
	"noekkelord": true, "kryssreferanse": true, "part": true, "merknad": true, "presedens": true,
	"dokumentbeskrivelse": true, "korrespondansepart": true, "avskrivning": true, "dokumentflyt": true,
}

func shown(n *xmlsafe.Node, include map[string]bool) *xmlsafe.Node {
	out := *n
	out.Children = nil
	for _, c := range n.Children {
		if !onRequest[c.Name] || include[c.Name] {
			out.Children = append(out.Children, c)
		}
	}
	return &out
}

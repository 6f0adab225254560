package mapkit

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"strings"

	"samsyn/mapping"
)

//go:embed static
var static embed.FS

// Watch is a page on this machine: record left, map in the middle, resources and
// faults right, as one types. It keeps nothing: each request brings map and record.
type Watch struct {
	Tables fs.FS  // with codes/
	File   string // "maps/fiksinnsyn/mappe.yaml"
	Map    string // its text at first
	Record Record // at first
	Name   string // of the record's file
	// Save writes the map's text to its file; nil, the usual, offers no saving.
	Save func(text string) error
}

// maxWatched bounds what one request may bring.
const maxWatched = 20 << 20

// watchPolicy lets the page load its own two files and talk to itself alone.
const watchPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the page. Other hosts' names are refused, so that no page elsewhere
// can reach it through a name that it points here.
func (w *Watch) Handler() (http.Handler, error) {
	page, err := template.ParseFS(static, "static/watch.html")
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	files, err := fs.Sub(static, "static")
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(rw, map[string]any{"Map": w.Map, "File": w.File, "Record": string(w.Record.Body), "Name": w.Name, "Save": w.Save != nil}) // the reader may have gone
	})
	own := http.FileServerFS(files)
	mux.Handle("GET /watch.js", own)
	mux.Handle("GET /watch.css", own)
	mux.HandleFunc("POST /apply", w.apply)
	if w.Save != nil {
		mux.HandleFunc("POST /save", w.save)
	}
	return guarded(mux), nil
}

func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", watchPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !local(r.Host) {
			http.Error(rw, "this page is this machine's own", http.StatusForbidden)
			return
		}
		if r.Method == http.MethodPost {
			if origin := r.Header.Get("Origin"); origin != "http://"+r.Host || r.Header.Get("Content-Type") != "application/json" {
				http.Error(rw, "only this page may ask", http.StatusForbidden)
				return
			}
			r.Body = http.MaxBytesReader(rw, r.Body, maxWatched)
		}
		next.ServeHTTP(rw, r)
	})
}

func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// asked is what the page sends.
type asked struct {
	Map    string `json:"map"`
	Record string `json:"record"`
}

// Watched is what the page shows.
type Watched struct {
	Findings []WatchedFinding `json:"findings,omitempty"`
	Fault    *Fault           `json:"fault,omitempty"`
	Message  string           `json:"message,omitempty"`
	Outcome  json.RawMessage  `json:"outcome,omitempty"`
}

// WatchedFinding is a fault of the map's text.
type WatchedFinding struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Refused bool   `json:"refused"`
}

// Try compiles a map's text and maps a record's with it.
func (w *Watch) Try(text, record string) (Watched, error) {
	var out Watched
	m, findings, err := mapping.One(w.Tables, w.File, []byte(text))
	if err != nil {
		return out, err
	}
	for _, f := range findings {
		message := f.Message
		if f.Suggestion != "" {
			message += " (" + f.Suggestion + ")"
		}
		out.Findings = append(out.Findings, WatchedFinding{f.Line, f.Column, message, f.Refused})
	}
	if m == nil {
		return out, nil
	}
	r := w.Record
	r.Body = []byte(record)
	made := Apply(m, r)
	out.Fault, out.Message, out.Outcome = made.Where, made.Fault, made.JSON()
	return out, nil
}

func (w *Watch) apply(rw http.ResponseWriter, r *http.Request) {
	q, ok := read(rw, r)
	if !ok {
		return
	}
	out, err := w.Try(q.Map, q.Record)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(out) // the reader may have gone
}

func (w *Watch) save(rw http.ResponseWriter, r *http.Request) {
	q, ok := read(rw, r)
	if !ok {
		return
	}
	if err := w.Save(q.Map); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.WriteHeader(http.StatusNoContent)
}

func read(rw http.ResponseWriter, r *http.Request) (q asked, ok bool) {
	err := json.NewDecoder(r.Body).Decode(&q)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(rw, "too much", http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(rw, "send map and record as JSON", http.StatusBadRequest)
	}
	return q, err == nil
}

package fhirrestsim

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// nationalNumber is eleven digits on their own.
var nationalNumber = regexp.MustCompile(`(?:^|[^0-9])[0-9]{11}(?:[^0-9]|$)`)

// search is an answer that is being paged through, as it stood when it was asked for.
type search struct {
	kind    string // searchset or history
	entries []json.RawMessage
	count   int
}

func (s *Server) search(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		refuse(w, http.StatusUnsupportedMediaType, "not-supported", "POST _search takes a form body")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid", "the form cannot be read")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.filter(r.PathValue("type"), r.PostForm, strings.Contains(r.Header.Get("Prefer"), "handling=strict"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid", err.Error())
		return
	}
	var entries []json.RawMessage
	listed := map[string]bool{}
	var include []version
	for _, v := range s.all(r.PathValue("type")) {
		if !f.keeps(v) {
			continue
		}
		if f.short {
			v = shortened(v)
		}
		entries = append(entries, matched(r, v, "match"))
		listed[v.kind+"/"+v.id] = true
		if f.include {
			include = append(include, v)
		}
	}
	for _, v := range include {
		for _, name := range references(v.tree) {
			if other, ok := s.current(name); ok && !listed[name] {
				listed[name] = true
				entries = append(entries, matched(r, other, "include"))
			}
		}
	}
	s.start(w, r, search{kind: "searchset", entries: entries, count: f.count})
}

// start keeps the answer and gives its first page.
func (s *Server) start(w http.ResponseWriter, r *http.Request, found search) {
	s.next++
	handle := "s" + strconv.Itoa(s.next)
	s.searches[handle] = found
	s.give(w, r, handle, 0)
}

// page answers a next link.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	offset, err := strconv.Atoi(q.Get("_getpagesoffset"))
	if _, ok := s.searches[q.Get("_getpages")]; !ok || err != nil || offset < 0 {
		refuse(w, http.StatusGone, "not-found", "the search is not known or has expired")
		return
	}
	s.give(w, r, q.Get("_getpages"), offset)
}

func (s *Server) give(w http.ResponseWriter, r *http.Request, handle string, offset int) {
	found := s.searches[handle]
	end := min(offset+found.count, len(found.entries))
	address := func(at int) string {
		q := url.Values{"_getpages": {handle}, "_getpagesoffset": {strconv.Itoa(at)}}
		return "http://" + r.Host + Base + "?" + q.Encode()
	}
	links := []any{map[string]string{"relation": "self", "url": address(offset)}}
	if end < len(found.entries) {
		links = append(links, map[string]string{"relation": "next", "url": address(end)})
	} else {
		delete(s.searches, handle)
	}
	bundle := map[string]any{"resourceType": "Bundle", "type": found.kind, "link": links}
	if found.kind == "searchset" {
		bundle["total"] = len(found.entries)
	}
	if offset < end {
		bundle["entry"] = found.entries[offset:end]
	}
	answer(w, http.StatusOK, bundle)
}

func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	n, err := count(q.Get("_count"))
	since := time.Time{}
	if text := q.Get("_since"); text != "" && err == nil {
		since, err = time.Parse(time.RFC3339Nano, text)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid", "_count or _since is not valid")
		return
	}
	var versions []version
	for _, all := range s.versions {
		for i := len(all) - 1; i >= 0; i-- {
			if all[i].kind == r.PathValue("type") && !all[i].changed.Before(since) {
				versions = append(versions, all[i])
			}
		}
	}
	sort.SliceStable(versions, func(i, j int) bool { // newest first; ids keep it repeatable
		if !versions[i].changed.Equal(versions[j].changed) {
			return versions[i].changed.After(versions[j].changed)
		}
		return versions[i].id < versions[j].id
	})
	var entries []json.RawMessage
	for _, v := range versions {
		entries = append(entries, told(r, v))
	}
	s.start(w, r, search{kind: "history", entries: entries, count: n})
}

func matched(r *http.Request, v version, mode string) json.RawMessage {
	return encode(map[string]any{
		"fullUrl": fullURL(r, v), "resource": v.body, "search": map[string]string{"mode": mode},
	})
}

// shortened is a resource with its id and meta alone, marked as R4 says.
func shortened(v version) version {
	meta := map[string]any{"tag": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}}}
	if own, ok := v.tree["meta"].(map[string]any); ok {
		for _, name := range []string{"versionId", "lastUpdated"} {
			if text, ok := own[name]; ok {
				meta[name] = text
			}
		}
	}
	v.body = encode(map[string]any{"resourceType": v.kind, "id": v.id, "meta": meta})
	return v
}

func told(r *http.Request, v version) json.RawMessage {
	method, status := "PUT", "200"
	e := map[string]any{"fullUrl": fullURL(r, v)}
	if v.gone {
		method, status = "DELETE", "204"
	} else {
		e["resource"] = v.body
	}
	e["request"] = map[string]string{"method": method, "url": v.kind + "/" + v.id}
	response := map[string]string{"status": status}
	if !v.changed.IsZero() {
		response["lastModified"] = v.changed.Format(time.RFC3339Nano)
	}
	e["response"] = response
	return encode(e)
}

func fullURL(r *http.Request, v version) string {
	return fmt.Sprintf("http://%s%s/%s/%s", r.Host, Base, v.kind, v.id)
}

func encode(v any) json.RawMessage {
	out, err := json.Marshal(v)
	if err != nil { // only trees that came from JSON are encoded
		panic(err)
	}
	return out
}

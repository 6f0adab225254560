package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"samsyn/fhir"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/search"
)

// answerBundle is what these tests read of a Bundle.
type answerBundle struct {
	Type  string
	Total int
	Link  []struct{ Relation, URL string }
	Entry []struct {
		FullURL  string
		Resource json.RawMessage
		Search   struct{ Mode string }
		Response struct {
			Status, ETag string
			Outcome      json.RawMessage
		}
	}
}

// bundleOf checks that an answer is a valid Bundle of valid resources and reads it.
func bundleOf(t *testing.T, w *httptest.ResponseRecorder) answerBundle {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	whole, err := fhir.Parse(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range fhir.Errors(fhir.Validate(whole)) {
		t.Errorf("%+v", i)
	}
	var b answerBundle
	if err := json.Unmarshal(whole.Body, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b answerBundle) matches() (ids []string) {
	for _, e := range b.Entry {
		if r, err := fhir.Parse(e.Resource); err == nil && e.Search.Mode == "match" {
			ids = append(ids, r.Type+"/"+r.ID)
		}
	}
	return ids
}

// versions makes every resource of the stories one that has been there since its first version.
func (h *house) versions() {
	h.Old = map[string][]care.ResourceVersion{}
	for p, cs := range h.People {
		for _, c := range cs {
			for _, m := range c.Made {
				name := m.Resource.Type + "/" + m.Resource.ID
				h.Old[name] = []care.ResourceVersion{{Version: 2, Recorded: c.Recorded, Record: care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}, Service: c.Service,
					Person: p, Current: true, Marks: care.MarksOf(m.Resource), Resource: m.Resource},
					{Version: 1, Recorded: c.Recorded.AddDate(0, -1, 0), Record: care.RecordRef{Source: c.Source, Kind: c.Kind, Key: c.Key}, Service: c.Service,
						Person: p, Marks: care.MarksOf(m.Resource), Resource: m.Resource}}
				if m.Resource.Type == "CarePlan" { // that had another title
					h.Old[name][1].Resource.Body = bytes.Replace(m.Resource.Body, []byte(`"title":"`), []byte(`"title":"Utkast: `), 1)
				}
			}
		}
	}
}

func TestSearchGivesWhatIsVisibleOfOneChild(t *testing.T) {
	h := open("")
	seen := map[string]bool{}
	for _, typ := range search.Types() {
		if typ == "Patient" {
			continue
		}
		w := h.ask(http.MethodGet, "/fhir/"+typ+"?patient=teo", nil, asAnders)
		b := bundleOf(t, w)
		if len(b.matches()) != b.Total {
			t.Errorf("%s: %d of %d", typ, len(b.matches()), b.Total)
		}
		for _, m := range b.matches() {
			seen[m] = true
		}
		if strings.Contains(strings.ToLower(w.Body.String()), "barnevern") {
			t.Errorf("%s: what barnevern says is found", typ)
		}
		form := h.post("/fhir/"+typ+"/_search", "patient=teo", "application/x-www-form-urlencoded", asAnders)
		if form.Body.String() != w.Body.String() {
			t.Errorf("%s: POST answers otherwise than GET", typ)
		}
	}
	want := map[string]bool{}
	for _, c := range h.People["teo"] {
		for _, m := range c.Made {
			if c.Service != care.Barnevern && m.Resource.Type != "Patient" && slices.Contains(search.Types(), m.Resource.Type) {
				want[m.Resource.Type+"/"+m.Resource.ID] = true
			}
		}
	}
	if len(want) < 5 || fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("found %v\nwant  %v", seen, want)
	}
}

func (h *house) post(path, body, kind string, headers ...string) *httptest.ResponseRecorder {
	return h.ask(http.MethodPost, path, strings.NewReader(body), append(headers, "Content-Type: "+kind)...)
}

func TestHiddenAndAbsentAreSearchedAlike(t *testing.T) {
	for _, query := range []string{"CarePlan?patient=%s", "CarePlan?patient=%s&_summary=count", "CarePlan?patient=%s&_include=CarePlan:goal", "Encounter?patient=%s&_sort=-date&_count=1",
		"Patient?patient=%s", "Patient/%s", "Patient/%s/$everything", "Patient/%s/$overview"} {
		hidden := open("").ask(http.MethodGet, "/fhir/"+fmt.Sprintf(query, "amina"), nil, asAnders)
		absent := open("").ask(http.MethodGet, "/fhir/"+fmt.Sprintf(query, "nobody"), nil, asAnders)
		a, b := strings.ReplaceAll(hidden.Body.String(), "amina", "X"), strings.ReplaceAll(absent.Body.String(), "nobody", "X")
		if hidden.Code != absent.Code || a != b || fmt.Sprint(hidden.Header()) != fmt.Sprint(absent.Header()) {
			t.Errorf("%s: hidden %d %s\nabsent %d %s", query, hidden.Code, a, absent.Code, b)
		}
	}
}

// A program whose scopes are of other types reads no Patient, not even one without a name.
func TestScopesOfOtherTypesReadNoPatient(t *testing.T) {
	for _, k := range []struct {
		scope                   string
		read, everything, found int
	}{
		{"system/CarePlan.rs", http.StatusNotFound, http.StatusNotFound, 0},
		{"system/Patient.rs", http.StatusOK, http.StatusOK, 1},
	} {
		h := open("")
		narrowed := anders
		narrowed.Scopes = []string{k.scope}
		h.as(narrowed)
		if w := h.ask(http.MethodGet, "/fhir/Patient/teo", nil, asAnders); w.Code != k.read {
			t.Errorf("%s: read with %d", k.scope, w.Code)
		}
		if w := h.ask(http.MethodGet, "/fhir/Patient/teo/$everything", nil, asAnders); w.Code != k.everything {
			t.Errorf("%s: everything with %d", k.scope, w.Code)
		}
		if b := bundleOf(t, h.ask(http.MethodGet, "/fhir/Patient?_id=teo", nil, asAnders)); b.Total != k.found {
			t.Errorf("%s: %d found", k.scope, b.Total)
		}
	}
}

func TestEachResourceIsReadWithItsVersions(t *testing.T) {
	h := open("")
	h.versions()
	read, refused := 0, 0
	for name, versions := range h.Old {
		v := versions[0]
		visible := v.Person != "amina" && v.Service != care.Barnevern && v.Resource.Type != "Patient" && slices.Contains(search.Types(), v.Resource.Type)
		tag, tags := "", []string{}
		for _, path := range []string{"/fhir/" + name, "/fhir/" + name + "/_history", "/fhir/" + name + "/_history/1"} {
			w := h.ask(http.MethodGet, path, nil, asAnders)
			if !visible {
				if v.Resource.Type == "Patient" {
					continue // a source's own Patient is not served; the person is
				}
				refused++
				if code, _ := outcome(t, w); w.Code != http.StatusNotFound || code != "not-found" {
					t.Errorf("%s: %d", path, w.Code)
				}
				continue
			}
			read++
			switch {
			case strings.HasSuffix(path, "/1"): // versions are not counted
				if w.Code != http.StatusNotFound {
					t.Errorf("%s: %d", path, w.Code)
				}
			case w.Code != http.StatusOK:
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			case strings.HasSuffix(path, "_history"):
				b := bundleOf(t, w)
				for _, e := range b.Entry {
					tags = append(tags, e.Response.ETag)
				}
				want := map[bool]int{true: 2, false: 1}[v.Resource.Type == "CarePlan"] // what did not change is one version
				if b.Type != "history" || b.Total != want || len(tags) != want || tags[0] != tag {
					t.Errorf("%s: %d versions %v, wanted %d and %s first", path, b.Total, tags, want, tag)
				}
			default:
				r, err := fhir.Parse(w.Body.Bytes())
				if err != nil || r.Type+"/"+r.ID != name {
					t.Errorf("%s gives %s/%s, %v", path, r.Type, r.ID, err)
				}
				if tag = w.Header().Get("ETag"); !strings.HasPrefix(tag, `W/"`) || len(tag) != 36 {
					t.Errorf("%s: ETag %s", path, tag)
				}
			}
		}
		for _, tag := range tags {
			path := "/fhir/" + name + "/_history/" + strings.Trim(tag, `W/"`)
			if w := h.ask(http.MethodGet, path, nil, asAnders); w.Code != http.StatusOK || w.Header().Get("ETag") != tag {
				t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("ETag"))
			}
		}
	}
	if read == 0 || refused == 0 {
		t.Fatalf("%d read, %d refused", read, refused)
	}
	if w := h.ask(http.MethodGet, "/fhir/Goal/nothing/_history", nil, asAnders); w.Code != http.StatusNotFound {
		t.Errorf("history of nothing: %d", w.Code)
	}
}

func TestPatientIsThePersonAsTheVisibleNameHer(t *testing.T) {
	h := open("")
	h.Named = map[care.PersonID][]care.Claim{"teo": {{Source: "oneroster", Service: care.Skole, Name: "Teo Sandvik", BirthDate: "2010-05-06"}, {Source: "fiksinnsyn", Service: care.Barnevern, Name: "Teo Skjult"}}}
	w := h.ask(http.MethodGet, "/fhir/Patient/teo", nil, asAnders)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Teo Sandvik") || strings.Contains(w.Body.String(), "Skjult") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	b := bundleOf(t, h.ask(http.MethodGet, "/fhir/Patient", nil, asAnders))
	if got := b.matches(); !slices.Equal(got, []string{"Patient/ella", "Patient/jonas", "Patient/selma", "Patient/teo"}) {
		t.Errorf("own children: %v", got)
	}
	if b := bundleOf(t, h.ask(http.MethodGet, "/fhir/Patient?_id=teo", nil, asAnders)); b.Total != 1 {
		t.Errorf("by id: %d", b.Total)
	}
}

// TestBatchDecidesEntryByEntry: an entry is answered as if it were asked alone, and logged so.
func TestBatchDecidesEntryByEntry(t *testing.T) {
	h := open("")
	h.versions()
	addresses := []string{"Patient/teo", "Patient/amina", "CarePlan?patient=teo", "CarePlan?patient=teo&name=x", "Binary/1", "https://elsewhere/Patient/teo", "../health/ready", "Patient/teo/$everything"}
	var entries []string
	for _, a := range addresses {
		entries = append(entries, fmt.Sprintf(`{"request":{"method":"GET","url":%q}}`, a))
	}
	before := len(h.Lines)
	w := h.post("/fhir", `{"resourceType":"Bundle","type":"batch","entry":[`+strings.Join(entries, ",")+`]}`, "application/fhir+json", asAnders)
	b := bundleOf(t, w)
	var status []string
	for _, e := range b.Entry {
		status = append(status, e.Response.Status)
	}
	if want := []string{"200", "404", "200", "400", "404", "400", "404", "200"}; !slices.Equal(status, want) {
		t.Errorf("status %v, want %v", status, want)
	}
	if logged := len(h.Lines) - before; logged != 4 {
		t.Errorf("%d lines in the log for four entries that concern a child", logged)
	}
	for i, a := range addresses {
		alone := h.ask(http.MethodGet, "/fhir/"+strings.TrimPrefix(a, "../"), nil, asAnders)
		if b.Entry[i].Resource != nil && alone.Body.String() != string(b.Entry[i].Resource) {
			t.Errorf("%s is answered otherwise in a batch", a)
		}
	}
}

func TestBatchThatWritesIsRefused(t *testing.T) {
	for _, body := range []string{
		`{"resourceType":"Bundle","type":"transaction","entry":[]}`, `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"DELETE","url":"Patient/teo"}}]}`,
		`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/teo"},"resource":{"resourceType":"Patient"}}]}`,
		`{"resourceType":"Bundle","type":"batch","TYPE":"transaction","entry":[]}`, `{"resourceType":"Patient"}`, `[]`, ``,
		`{"resourceType":"Bundle","type":"batch","entry":[` + strings.TrimSuffix(strings.Repeat(`{"request":{"method":"GET","url":"Patient/x"}},`, 51), ",") + `]}`,
	} {
		h := open("")
		w := h.post("/fhir", body, "application/fhir+json", asAnders)
		if code, _ := outcome(t, w); w.Code != http.StatusBadRequest || code != "invalid" || len(h.Lines) > 0 {
			t.Errorf("%.80s: %d %s, %d lines logged", body, w.Code, code, len(h.Lines))
		}
	}
}

func TestUnsignedQuestionIsRefusedUnread(t *testing.T) {
	for _, path := range []string{"/fhir", "/fhir/CarePlan/_search"} {
		w := open("").ask(http.MethodPost, path, unread{t}, "Content-Length: 100", "Content-Type: application/x-www-form-urlencoded")
		if code, _ := outcome(t, w); w.Code != http.StatusUnauthorized || code != "security" {
			t.Errorf("%s: %d %s", path, w.Code, code)
		}
	}
}

func TestPagesFollowTheirLinks(t *testing.T) {
	h := open("")
	whole := bundleOf(t, h.ask(http.MethodGet, "/fhir/Encounter?patient=ella&_sort=date", nil, asAnders))
	next, got := "/fhir/Encounter?patient=ella&_sort=date&_count=1", []string(nil)
	for range whole.Total + 2 {
		b := bundleOf(t, h.ask(http.MethodGet, next, nil, asAnders))
		got = append(got, b.matches()...)
		if next = ""; len(b.Link) > 1 {
			u, err := url.Parse(b.Link[1].URL)
			if err != nil {
				t.Fatal(err)
			}
			next = u.RequestURI()
		}
		if next == "" {
			break
		}
	}
	if whole.Total < 2 || !slices.Equal(got, whole.matches()) {
		t.Errorf("pages give %v, the whole is %v", got, whole.matches())
	}
}

func TestEveryAnswerToASearchIsLoggedAlsoWhenEmpty(t *testing.T) {
	for _, c := range []struct {
		path   string
		permit bool
	}{{"CarePlan?patient=teo", true}, {"CarePlan?patient=teo&_id=none", true}, {"CarePlan?patient=amina", false}, {"CarePlan?patient=nobody", false}, {"Patient?_id=none", true}} {
		h := open("")
		h.ask(http.MethodGet, "/fhir/"+c.path, nil, asAnders)
		events, err := h.Events()
		if err != nil || len(events) == 0 {
			t.Fatalf("%s: %d events, %v", c.path, len(events), err)
		}
		for _, e := range events {
			if e.Interaction != audit.Search || e.Permit != c.permit || e.Viewer.ID != "anders" || e.Door != audit.DoorFHIR {
				t.Errorf("%s: %+v", c.path, e)
			}
		}
	}
}

func TestCapabilitiesAreTheSameForEverybody(t *testing.T) {
	a, b := open("").ask(http.MethodGet, "/fhir/metadata", nil), open("").ask(http.MethodGet, "/fhir/metadata", nil, asAnders)
	if a.Code != http.StatusOK || a.Body.String() != b.Body.String() {
		t.Fatalf("%d, %d", a.Code, b.Code)
	}
	r, err := fhir.Parse(a.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range fhir.Errors(fhir.Validate(r)) {
		t.Errorf("%+v", i)
	}
}

package oneroster_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"samsyn/adapters"
	"samsyn/adapters/oneroster"
)

func lastError(a adapters.Adapter, since adapters.Cursor) error {
	var end error
	for _, err := range a.Fetch(context.Background(), since) {
		end = err
	}
	return end
}

func answering(status int, header map[string]string, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func TestAnswersThatAreErrors(t *testing.T) {
	info := func(minor string) string {
		return `{"imsx_codeMajor":"failure","imsx_severity":"error","imsx_description":"navnet hennes","imsx_CodeMinor":{"imsx_codeMinorField":[{"imsx_codeMinorFieldName":"TargetEndSystem","imsx_codeMinorFieldValue":"` + minor + `"}]}}`
	}
	const one = `{"orgs":[{"sourcedId":"a"},{"sourcedId":"b"}]}`
	for _, c := range []struct {
		name    string
		handler http.Handler
		want    error
		says    string
	}{
		{"not signed in", answering(401, nil, info("unauthorisedrequest")), adapters.ErrRefused, "unauthorisedrequest"},
		{"forbidden", answering(403, nil, ""), adapters.ErrRefused, "403"},
		{"busy", answering(429, nil, info("server_busy")), adapters.ErrUnavailable, "server_busy"},
		{"down", answering(500, nil, "<html>"), adapters.ErrUnavailable, "500"},
		{"bad request", answering(400, nil, info("invaliddata")), adapters.ErrProtocol, "invaliddata"},
		{"unknown minor", answering(422, nil, info("navnet hennes")), adapters.ErrProtocol, "422"},
		{"redirect", http.RedirectHandler("http://elsewhere.invalid/", http.StatusFound), adapters.ErrProtocol, "302"},
		{"no JSON", answering(200, nil, "ok"), adapters.ErrProtocol, "orgs"},
		{"other list", answering(200, nil, `{"users":[]}`), adapters.ErrProtocol, "orgs"},
		{"list twice", answering(200, nil, `{"orgs":[],"orgs":[]}`), adapters.ErrProtocol, "orgs"},
		{"count", answering(200, map[string]string{"X-Total-Count": "mange"}, one), adapters.ErrProtocol, "X-Total-Count"},
		{"next elsewhere", answering(200, map[string]string{"Link": `<http://elsewhere.invalid/ims/oneroster/rostering/v1p2/orgs>; rel="next"`}, one), adapters.ErrProtocol, "leads away"},
		{"next in another collection", answering(200, map[string]string{"Link": `</ims/oneroster/rostering/v1p2/users?offset=2>; rel=next`}, one), adapters.ErrProtocol, "leads away"},
		{"next with a user", answering(200, map[string]string{"Link": `<//u:p@elsewhere.invalid/ims/oneroster/rostering/v1p2/orgs>; rel="next"`}, one), adapters.ErrProtocol, "leads away"},
		{"circle", answering(200, map[string]string{"Link": `</ims/oneroster/rostering/v1p2/orgs?offset=2>; rel="prev", <?offset=2>; title="x"; rel="last next"`}, one), adapters.ErrProtocol, "circle"},
		{"empty page with next", answering(200, map[string]string{"Link": `<?offset=2>; rel="next"`}, `{"orgs":[]}`), adapters.ErrProtocol, "empty page"},
		{"fewer than counted", answering(200, map[string]string{"X-Total-Count": "7"}, `{"orgs":[]}`), adapters.ErrUnavailable, "7 objects"},
	} {
		t.Run(c.name, func(t *testing.T) {
			end := lastError(overREST(t, c.handler), "")
			if !errors.Is(end, c.want) || !strings.Contains(end.Error(), c.says) {
				t.Errorf("error %v, want %v with %q", end, c.want, c.says)
			}
			if end != nil && strings.Contains(end.Error(), "navnet hennes") {
				t.Error("the error repeats the server's own text")
			}
		})
	}
	if err := lastError(overREST(t, roster(t)), "x"); !errors.Is(err, adapters.ErrConfig) {
		t.Errorf("a cursor that cannot be read: error %v", err)
	}
}

func TestServersThatCannotFilterOrLink(t *testing.T) {
	s := roster(t)
	s.NoLinks = true
	a := overREST(t, s)
	records, _, cursor := all(t, a, "")
	if len(records) != 3 {
		t.Errorf("%d pupils without next-links, want three", len(records))
	}
	s.NoFilter = true
	if again, _, _ := all(t, a, cursor); len(again) != 3 {
		t.Errorf("%d pupils from a server that cannot filter, want everything again", len(again))
	}
}

func TestARosterThatChangesWhileItIsRead(t *testing.T) {
	s := roster(t)
	forgot := false
	a := overREST(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r)
		if !forgot && strings.HasSuffix(r.URL.Path, "/users") {
			forgot = true // the first of a full page goes, and the rest move up
			if err := s.Forget("users", "u-ella"); err != nil {
				t.Error(err)
			}
		}
	}))
	records, _, _ := all(t, a, "")
	if _, ok := records["u-jonas"]; !ok || len(records) != 2 {
		t.Errorf("%d pupils, want the two who are left, none lost by the move", len(records))
	}
}

// archive writes a zip file from name, content, name, content …
func archive(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		f, err := w.Create(pairs[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func manifest(kind string) string {
	return "propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nfile.orgs," + kind + "\nfile.classes," + kind + "\nfile.users," + kind + "\nfile.enrollments," + kind + "\n"
}

const header = "sourcedId,status,dateLastModified,role\n"

func TestZipFilesThatCannotBeRead(t *testing.T) {
	whole := []string{"manifest.csv", manifest("bulk"), "orgs.csv", header, "classes.csv", header, "users.csv", header, "enrollments.csv", header}
	with := func(i int, content string) []string {
		out := append([]string(nil), whole...)
		out[i] = content
		return out
	}
	many := append([]string(nil), whole...)
	for i := range 64 {
		many = append(many, fmt.Sprintf("x%d.csv", i), "")
	}
	for _, c := range []struct {
		name string
		body []byte
		says string
	}{
		{"cut", archive(t, whole...)[:60], "no whole zip"},
		{"no manifest", archive(t, whole[2:]...), "manifest.csv"},
		{"other version", archive(t, with(1, "oneroster.version,1.2\n")...), "oneroster.version"},
		{"manifest silent", archive(t, with(1, "oneroster.version,1.1\n")...), "bulk, delta or absent"},
		{"delta first", archive(t, with(1, manifest("delta"))...), "nothing before it"},
		{"absent", archive(t, with(1, manifest("absent"))...), "in bulk"},
		{"file missing", archive(t, whole[:8]...), "promises enrollments.csv"},
		{"file twice", archive(t, append(whole, "users.csv", header)...), "twice"},
		{"no header", archive(t, with(7, "")...), "header"},
		{"quote", archive(t, with(7, header+"a,\"b\n")...), "users.csv"},
		{"many files", archive(t, many...), "holds 69 files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a.zip"), c.body, 0o600); err != nil {
				t.Fatal(err)
			}
			end := lastError(open(t, oneroster.Config{Mode: oneroster.CSV, Folder: dir}), "")
			if !errors.Is(end, adapters.ErrProtocol) || !strings.Contains(end.Error(), c.says) || !strings.Contains(end.Error(), "a.zip") && c.name != "absent" {
				t.Errorf("error %v, want ErrProtocol with %q and the file's name", end, c.says)
			}
		})
	}
}

func TestPathsInZipFilesAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	body := archive(t, "../../evil.csv", "x", "/orgs.csv", "x", "manifest.csv", manifest("bulk"), "orgs.csv", header, "classes.csv", header,
		"users.csv", header+"u-1,active,,student\nu-2,active\n", "enrollments.csv", header)
	if err := os.WriteFile(filepath.Join(dir, "a.zip"), body, 0o600); err != nil {
		t.Fatal(err)
	}
	records, faults, _ := all(t, open(t, oneroster.Config{Mode: oneroster.CSV, Folder: dir}), "")
	if len(records) != 1 || len(faults) != 1 || !strings.Contains(faults[0].Where, "users.csv, line 3") {
		t.Errorf("%d records and faults %v, want one pupil and a fault for the short row", len(records), faults)
	}
}

// TestFixturesAreValidBySchema holds the families' roster to the published OpenAPI.
// Four of its properties are described as lists of links or roles, are lists in the
// 1EdTech standard, and are typed as one object; here they are lists.
func TestFixturesAreValidBySchema(t *testing.T) {
	path := filepath.Join(sharedDir(t, "formats/oneroster"), "oneroster-1.2-openapi.yml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var api any
	if err := yaml.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(api)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	schemas := doc.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)
	for _, f := range [][2]string{{"user", "agents"}, {"user", "roles"}, {"org", "children"}, {"class", "terms"}} {
		property := schemas[f[0]].(map[string]any)["properties"].(map[string]any)[f[1]].(map[string]any)
		if property["type"] != "object" {
			t.Errorf("the schema of %s.%s is no longer wrong; take it off this list", f[0], f[1])
		}
		property["type"], property["items"] = "array", map[string]any{"type": "object"}
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("oneroster.json", doc); err != nil {
		t.Fatal(err)
	}
	for collection, name := range map[string]string{"orgs": "org", "academicSessions": "academicSession", "courses": "course", "classes": "class", "users": "user", "enrollments": "enrollment"} {
		schema, err := compiler.Compile("oneroster.json#/components/schemas/" + name)
		if err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(filepath.Join(families, collection+".json"))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		list, _ := doc.(map[string]any)[collection].([]any)
		if len(list) == 0 {
			t.Errorf("%s.json holds nothing", collection)
		}
		for i, o := range list {
			if err := schema.Validate(o); err != nil {
				t.Errorf("%s.json, object %d: %v", collection, i+1, err)
			}
		}
	}
}

// sharedDir finds a folder of ../shared, beside the repository.
func sharedDir(t *testing.T, name string) string {
	t.Helper()
	shared := os.Getenv("SAMSYN_SHARED")
	if shared == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for ; ; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			if dir == filepath.Dir(dir) {
				t.Fatal("no go.mod above the test")
			}
		}
		shared = filepath.Join(dir, "..", "shared")
	}
	path := filepath.Join(shared, name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not here", path)
		}
		t.Skipf("NOT VALIDATED: %s is not here", path)
	}
	return path
}

// onTheWire is an http.RoundTripper that gives the same answer to everything.
type onTheWire []byte

func (body onTheWire) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Link": {`<?offset=1>; rel="next"`}}, Body: io.NopCloser(bytes.NewReader(body))}, nil
}

func mustKeepItsWord(t *testing.T, a adapters.Adapter) {
	t.Helper()
	pages := 0
	for page, err := range a.Fetch(context.Background(), "") {
		if err != nil {
			if !errors.Is(err, adapters.ErrProtocol) && !errors.Is(err, adapters.ErrUnavailable) {
				t.Errorf("error of no kind: %v", err)
			}
			return
		}
		for _, r := range page.Records {
			if r.Key == "" || !r.Deleted && !json.Valid(r.Body) {
				t.Errorf("a record without a key or a readable body")
			}
		}
		if pages++; pages > 1000 {
			t.Fatal("no end")
		}
	}
}

func FuzzCollection(f *testing.F) {
	f.Add([]byte(`{"orgs":[{"sourcedId":"s","status":"active"}],"classes":[{"sourcedId":"c","classType":"homeroom","school":{"sourcedId":"s"}}],"users":[{"sourcedId":"u","roles":[{"role":"student","org":{"sourcedId":"s"}}],"agents":[{"sourcedId":"u"}]}],"enrollments":[{"sourcedId":"e","role":"student","user":{"sourcedId":"u"},"class":{"sourcedId":"c"}}]}`))
	f.Add([]byte(`{"orgs":[],"classes":[],"users":[{"sourcedId":"u","role":"student","SourcedId":"x"}],"enrollments":[null,3,"x",{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := deps()
		d.HTTP = &http.Client{Transport: onTheWire(body)}
		a, err := oneroster.Config{Mode: oneroster.REST, URL: "http://roster.invalid"}.Open(d)
		if err != nil {
			t.Fatal(err)
		}
		mustKeepItsWord(t, a)
	})
}

func FuzzZip(f *testing.F) {
	f.Add(archive(f, "manifest.csv", manifest("bulk"), "orgs.csv", header, "classes.csv", header, "users.csv", header+"u-1,active,,student\n", "enrollments.csv", header))
	f.Fuzz(func(t *testing.T, body []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.zip"), body, 0o600); err != nil {
			t.Fatal(err)
		}
		mustKeepItsWord(t, open(t, oneroster.Config{Mode: oneroster.CSV, Folder: dir}))
	})
}

func FuzzUsersCSV(f *testing.F) {
	f.Add("sourcedId,role,orgSourcedIds,agentSourcedIds,userIds\nu-1,student,\"a,b\",,{Feide:x}\n")
	f.Add("\xef\xbb\xbfsourcedId\n\"a\n")
	f.Fuzz(func(t *testing.T, users string) {
		dir := t.TempDir()
		body := archive(t, "manifest.csv", manifest("bulk"), "orgs.csv", header, "classes.csv", header, "users.csv", users, "enrollments.csv", header)
		if err := os.WriteFile(filepath.Join(dir, "a.zip"), body, 0o600); err != nil {
			t.Fatal(err)
		}
		mustKeepItsWord(t, open(t, oneroster.Config{Mode: oneroster.CSV, Folder: dir}))
	})
}

package onerostersim

import (
	"archive/zip"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// columns are the CSV 1.1 columns of each file, in the standard's order.
var columns = map[string][]string{
	"orgs":             {"sourcedId", "status", "dateLastModified", "name", "type", "identifier", "parentSourcedId"},
	"academicSessions": {"sourcedId", "status", "dateLastModified", "title", "type", "startDate", "endDate", "parentSourcedId", "schoolYear"},
	"courses":          {"sourcedId", "status", "dateLastModified", "schoolYearSourcedId", "title", "courseCode", "grades", "orgSourcedId", "subjects", "subjectCodes"},
	"classes":          {"sourcedId", "status", "dateLastModified", "title", "grades", "courseSourcedId", "classCode", "classType", "location", "schoolSourcedId", "termSourcedIds", "subjects", "subjectCodes", "periods"},
	"users":            {"sourcedId", "status", "dateLastModified", "enabledUser", "orgSourcedIds", "role", "username", "userIds", "givenName", "familyName", "middleName", "identifier", "email", "sms", "phone", "agentSourcedIds", "grades", "password"},
	"enrollments":      {"sourcedId", "status", "dateLastModified", "classSourcedId", "schoolSourcedId", "userSourcedId", "role", "primary", "beginDate", "endDate"},
}

// absent are the files that this roster never holds.
var absent = []string{"categories", "classResources", "courseResources", "demographics", "lineItems", "resources", "results"}

// WriteBulk writes the whole roster as one zip file. As the standard says of bulk,
// what is tobedeleted is left out and status and dateLastModified are empty.
func (s *Server) WriteBulk(w io.Writer) error { return s.write(w, "bulk", time.Time{}) }

// WriteDelta writes what changed at that time or later, with status and date.
func (s *Server) WriteDelta(w io.Writer, since time.Time) error { return s.write(w, "delta", since) }

func (s *Server) write(w io.Writer, kind string, since time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	archive := zip.NewWriter(w)
	manifest := [][]string{{"propertyName", "value"}, {"manifest.version", "1.0"}, {"oneroster.version", "1.1"}}
	for _, c := range collections {
		manifest = append(manifest, []string{"file." + c, kind})
	}
	for _, c := range absent {
		manifest = append(manifest, []string{"file." + c, "absent"})
	}
	manifest = append(manifest, []string{"source.systemName", "Fjordvik skoleadministrasjon"}, []string{"source.systemCode", ""})
	if err := table(archive, "manifest.csv", manifest); err != nil {
		return err
	}
	for _, c := range collections {
		rows := [][]string{columns[c]}
		for _, o := range s.things[c] {
			if kind == "bulk" && o.text("status") == "tobedeleted" || kind == "delta" && o.text("dateLastModified") < stamp(since) {
				continue
			}
			row := make([]string, len(columns[c]))
			for i, name := range columns[c] {
				if kind == "bulk" && (name == "status" || name == "dateLastModified") {
					continue
				}
				row[i] = cell(o, name)
			}
			rows = append(rows, row)
		}
		if err := table(archive, c+".csv", rows); err != nil {
			return err
		}
	}
	return archive.Close()
}

func table(archive *zip.Writer, name string, rows [][]string) error {
	f, err := archive.Create(name)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	out := csv.NewWriter(f)
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// cell says one field of an object as CSV 1.1 does.
func cell(o Object, column string) string {
	switch column {
	case "orgSourcedIds":
		var out []string
		for _, r := range objects(o["roles"]) {
			out = append(out, linkID(r["org"]))
		}
		return strings.Join(out, ",")
	case "role":
		if roles := objects(o["roles"]); len(roles) > 0 {
			return roles[0].text("role")
		}
	case "userIds":
		var out []string
		for _, u := range objects(o["userIds"]) {
			out = append(out, "{"+u.text("type")+":"+u.text("identifier")+"}")
		}
		return strings.Join(out, ",")
	case "enabledUser":
		return "true"
	case "agentSourcedIds":
		return ids(o["agents"])
	case "termSourcedIds":
		return ids(o["terms"])
	}
	if name, ok := strings.CutSuffix(column, "SourcedId"); ok && !slices.Contains([]string{"", "sourced"}, name) {
		return linkID(o[name])
	}
	switch v := o[column].(type) {
	case string:
		return v
	case bool:
		return fmt.Sprint(v)
	case []any:
		var out []string
		for _, e := range v {
			out = append(out, fmt.Sprint(e))
		}
		return strings.Join(out, ",")
	}
	return ""
}

func objects(v any) []Object {
	list, _ := v.([]any)
	var out []Object
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			out = append(out, Object(m))
		}
	}
	return out
}

func ids(v any) string {
	var out []string
	for _, o := range objects(v) {
		out = append(out, o.text("sourcedId"))
	}
	return strings.Join(out, ",")
}

func linkID(v any) string {
	m, _ := v.(map[string]any)
	s, _ := m["sourcedId"].(string)
	return s
}

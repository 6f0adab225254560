package oneroster

import (
	"encoding/json"
	"strings"
)

// link is a reference as REST writes it.
type link struct {
	SourcedID string `json:"sourcedId"`
	Type      string `json:"type"`
}

type role struct {
	RoleType string `json:"roleType"`
	Role     string `json:"role"`
	Org      link   `json:"org"`
}

type userID struct {
	Type       string `json:"type"`
	Identifier string `json:"identifier"`
}

// restForm writes one CSV row the way the REST binding says the same thing, so that
// one map serves both. Empty columns are left out; columns that are not named here
// (sms, phone, password) are not carried.
func restForm(collection string, row map[string]string) json.RawMessage {
	out := map[string]any{}
	text := func(column string) {
		if v := row[column]; v != "" {
			out[column] = v
		}
	}
	to := func(name, column, kind string) {
		if v := row[column]; v != "" {
			out[name] = link{v, kind}
		}
	}
	for _, column := range []string{"sourcedId", "dateLastModified"} {
		text(column)
	}
	out["status"] = "active" // empty in bulk
	if v := row["status"]; v != "" {
		out["status"] = v
	}
	switch collection {
	case "orgs":
		text("name")
		text("type")
		text("identifier")
		to("parent", "parentSourcedId", "org")
	case "classes":
		text("title")
		text("classCode")
		text("classType")
		if g := split(row["grades"]); g != nil {
			out["grades"] = g
		}
		to("school", "schoolSourcedId", "org")
	case "users":
		for _, column := range []string{"username", "identifier", "givenName", "familyName", "middleName", "email"} {
			text(column)
		}
		var roles []role
		for i, org := range split(row["orgSourcedIds"]) {
			kind := "secondary"
			if i == 0 {
				kind = "primary"
			}
			roles = append(roles, role{kind, row["role"], link{org, "org"}})
		}
		if roles != nil {
			out["roles"] = roles
		} else {
			text("role")
		}
		var agents []link
		for _, id := range split(row["agentSourcedIds"]) {
			agents = append(agents, link{id, "user"})
		}
		if agents != nil {
			out["agents"] = agents
		}
		if g := split(row["grades"]); g != nil {
			out["grades"] = g
		}
		if ids := userIDs(row["userIds"]); ids != nil {
			out["userIds"] = ids
		}
	case "enrollments":
		text("role")
		text("beginDate")
		text("endDate")
		to("user", "userSourcedId", "user")
		to("class", "classSourcedId", "class")
		to("school", "schoolSourcedId", "org")
		if v := row["primary"]; v != "" {
			out["primary"] = v == "true"
		}
	}
	b, _ := json.Marshal(out) // strings, lists and booleans always marshal; keys come sorted
	return b
}

// split reads a quoted comma list.
func split(s string) []string {
	var out []string
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// userIDs reads "{Feide:kari@fjordvik.example},{…}".
func userIDs(s string) []userID {
	var out []userID
	for _, part := range split(s) {
		kind, id, ok := strings.Cut(strings.Trim(part, "{}"), ":")
		if ok {
			out = append(out, userID{kind, id})
		}
	}
	return out
}

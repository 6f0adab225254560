package consolidate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/words"
)

// Bundle gives the overview as a FHIR searchset: the person, one merged CarePlan
// and one merged CareTeam, each with its Provenance, what disagrees as
// DetectedIssues, the visible resources themselves with the person as their
// subject, and an OperationOutcome that says that more may exist (marker M1) and
// which sources are not current. The contributions must be those that the overview
// was built from. base is the server's address ("http://host/fhir"), which makes
// the entries' fullUrl.
func Bundle(o Overview, contributions []care.Contribution, base string) ([]byte, error) {
	w := bundler{o: o, base: strings.TrimSuffix(base, "/"), subject: object{"reference": "Patient/" + string(o.Person)}}
	w.add("match", w.patient())
	w.add("match", w.carePlan())
	w.add("match", w.careTeam())
	w.add("include", w.provenance("CarePlan/"+w.id("plan"), w.o.Plan.Sources))
	w.add("include", w.provenance("CareTeam/"+w.id("team"), teamSources(w.o.Team)))
	for i, d := range o.Disagreements {
		w.add("include", w.issue(i, d))
	}
	if err := w.visible(contributions); err != nil {
		return nil, err
	}
	w.add("outcome", w.outcome())
	out, err := json.Marshal(object{"resourceType": "Bundle", "type": "searchset", "timestamp": instant(o.Now), "total": 3, "entry": w.entries})
	if err != nil {
		return nil, fmt.Errorf("consolidate: write the bundle: %w", err)
	}
	return out, nil
}

type (
	object = map[string]any
	list   = []any
)

type bundler struct {
	o       Overview
	base    string
	subject object
	entries list
}

func (w *bundler) id(part string) string { return string(w.o.Person) + "-" + part }

// add adds an entry; nil resources are none.
func (w *bundler) add(mode string, resource object) {
	if resource == nil {
		return
	}
	e := object{"resource": resource, "search": object{"mode": mode}}
	if id, ok := resource["id"].(string); ok && w.base != "" {
		e["fullUrl"] = w.base + "/" + resource["resourceType"].(string) + "/" + id
	}
	w.entries = append(w.entries, e)
}

func (w *bundler) patient() object {
	p := object{"resourceType": "Patient", "id": string(w.o.Person)}
	if n := w.o.Child.Name; n != "" {
		p["name"] = list{object{"text": n}}
	}
	if d := w.o.Child.BirthDate; d != "" {
		p["birthDate"] = d
	}
	return p
}

func (w *bundler) carePlan() object {
	plan := w.o.Plan
	p := object{
		"resourceType": "CarePlan", "id": w.id("plan"), "status": oneOf(plan.Status, "unknown", requestStatuses), "intent": "plan",
		"subject": w.subject, "careTeam": list{object{"reference": "CareTeam/" + w.id("team")}},
	}
	kind := object{"system": fhir.SystemPlanType, "code": PlanMerged}
	if plan.Individual { // only where a source has one: nobody is given a plan by our merging
		kind["code"] = PlanIndividual
	}
	p["category"] = list{object{"coding": list{kind}}}
	put(p, "title", plan.Title)
	putPeriod(p, "period", plan.Period)
	var basedOn, goals, activities list
	for _, part := range plan.Plans {
		basedOn = append(basedOn, object{"reference": part.Sources[0].Resource})
	}
	for _, g := range plan.Goals {
		for _, s := range g.Sources {
			if strings.HasPrefix(s.Resource, "Goal/") {
				goals = append(goals, object{"reference": s.Resource})
			}
		}
	}
	for _, a := range plan.Activities {
		d := object{"status": activityStatus(a.Status)}
		put(d, "description", a.Title)
		putPeriod(d, "scheduledPeriod", a.Period)
		var by list
		for _, r := range a.Responsible {
			by = append(by, object{"display": r})
		}
		putList(d, "performer", by)
		activities = append(activities, object{"detail": d})
	}
	putList(p, "basedOn", basedOn)
	putList(p, "goal", goals)
	putList(p, "activity", activities)
	return p
}

func (w *bundler) careTeam() object {
	t := object{"resourceType": "CareTeam", "id": w.id("team"), "status": "active", "subject": w.subject}
	var ps list
	for _, p := range slices.Concat(w.o.Team.Current, w.o.Team.Former) {
		member := object{}
		put(member, "display", p.Name)
		put(member, "type", p.Type)
		if p.HPR != "" {
			member["identifier"] = object{"system": fhir.SystemHPR, "value": p.HPR}
		}
		one := object{}
		if len(member) > 0 {
			one["member"] = member
		}
		var roles list
		for _, f := range p.Functions {
			if f.Current != p.Current {
				continue // what somebody was is in the source's own CareTeam
			}
			role := object{}
			put(role, "text", f.Role)
			if f.Code != "" {
				role["coding"] = list{object{"system": fhir.SystemRole, "code": f.Code}}
			}
			if len(role) > 0 && !containsJSON(roles, role) {
				roles = append(roles, role)
			}
		}
		putList(one, "role", roles)
		if len(p.Organisations) > 0 && p.Type == "Practitioner" {
			one["onBehalfOf"] = object{"display": p.Organisations[0]}
		}
		putPeriod(one, "period", p.Period)
		if len(one) > 0 {
			ps = append(ps, one)
		}
	}
	putList(t, "participant", ps)
	return t
}

// provenance says from which resources of which sources a merged one was made.
func (w *bundler) provenance(target string, refs []SourceRef) object {
	var agents, entities list
	var seen, named []string
	for _, r := range refs {
		if !slices.Contains(seen, r.Title) {
			seen = append(seen, r.Title)
			agents = append(agents, object{"who": object{"display": r.Title}})
		}
		if !slices.Contains(named, r.Resource) {
			named = append(named, r.Resource)
			entities = append(entities, object{"role": "source", "what": object{"reference": r.Resource}})
		}
	}
	if len(agents) == 0 {
		return nil // nobody said anything of it
	}
	_, part, _ := strings.Cut(target, "/")
	return object{"resourceType": "Provenance", "id": part + "-from", "target": list{object{"reference": target}},
		"recorded": instant(w.o.Now), "agent": agents, "entity": entities}
}

func teamSources(t Team) []SourceRef {
	var refs []SourceRef
	for _, p := range slices.Concat(t.Current, t.Former) {
		refs = append(refs, p.Sources...)
	}
	return refs
}

// issue says a disagreement as a DetectedIssue, the resources that disagree implicated.
func (w *bundler) issue(i int, d Disagreement) object {
	var implicated list
	var named []string
	for _, s := range d.Sides {
		for _, r := range s.Sources {
			if r.Resource != "" && !slices.Contains(named, r.Resource) {
				named = append(named, r.Resource)
				implicated = append(implicated, object{"reference": r.Resource})
			}
		}
	}
	out := object{"resourceType": "DetectedIssue", "id": w.id(fmt.Sprintf("issue-%d", i+1)), "status": "final", "patient": w.subject,
		"identifiedDateTime": instant(w.o.Now), "detail": words.In(words.Bokmaal).Say("disagreement."+d.About, "matter", d.Matter)}
	putList(out, "implicated", implicated)
	return out
}

// visible adds the resources themselves, as they are served.
func (w *bundler) visible(contributions []care.Contribution) error {
	return served(w.o.Person, contributions, func(body object) error {
		w.add("include", body)
		return nil
	})
}

// outcome always holds marker M1, and a warning for each source that is not current.
func (w *bundler) outcome() object {
	nb := words.In(words.Bokmaal)
	issues := list{object{"severity": "information", "code": "informational", "details": object{"text": nb.Say(MarkerM1)}}}
	for _, s := range w.o.More { // FHIR's word for what is there and not shown
		issues = append(issues, object{"severity": "information", "code": "suppressed", "details": object{"text": nb.Say("marker.m2", "service", nb.Say("service."+string(s)))}})
	}
	for _, s := range w.o.Sources {
		if s.State != SourceFresh {
			issues = append(issues, object{"severity": "warning", "code": "incomplete", "details": object{"text": s.Title + ": " + sourceState(nb, s)}})
		}
	}
	return object{"resourceType": "OperationOutcome", "id": w.id("outcome"), "issue": issues}
}

func instant(t time.Time) string { return t.Format(time.RFC3339) }

func put(o object, key, value string) {
	if strings.TrimSpace(value) != "" {
		o[key] = value
	}
}

func putList(o object, key string, values list) {
	if len(values) > 0 {
		o[key] = values
	}
}

func putPeriod(o object, key string, p Period) {
	out := object{}
	put(out, "start", string(p.Start))
	put(out, "end", string(p.End))
	if len(out) > 0 {
		o[key] = out
	}
}

func containsJSON(values list, v object) bool {
	want, err := json.Marshal(v)
	return err == nil && slices.ContainsFunc(values, func(have any) bool {
		b, err := json.Marshal(have)
		return err == nil && bytes.Equal(b, want)
	})
}

var (
	requestStatuses  = []string{"draft", "active", "on-hold", "revoked", "completed", "unknown"}
	activityStatuses = []string{"not-started", "scheduled", "in-progress", "on-hold", "completed", "cancelled", "stopped", "unknown"}
)

func oneOf(code, otherwise string, codes []string) string {
	if slices.Contains(codes, code) {
		return code
	}
	return otherwise
}

// activityStatus says a request's status as that of a plan's activity.
func activityStatus(status string) string {
	if slices.Contains(activityStatuses, status) {
		return status
	}
	return map[string]string{"ahead": "not-started", "runs": "in-progress", "rests": "on-hold", "done": "completed", "stopped": "stopped", "": "unknown"}[statusMeaning[status]]
}

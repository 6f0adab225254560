package fhir

import "strings"

const (
	conditionVerification = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
	conditionClinical     = "http://terminology.hl7.org/CodeSystem/condition-clinical"
	allergyVerification   = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
)

func resourceInvariants() map[string][]invariant {
	return map[string][]invariant{
		"Appointment": {
			rule("app-2", "an appointment has both start and end, or neither", func(m map[string]any) bool { return present(m, "start") == present(m, "end") }),
			rule("app-3", "only a proposed, cancelled or waitlisted appointment may lack start and end", func(m map[string]any) bool {
				return present(m, "start") && present(m, "end") || oneOf(text(m, "status"), "proposed", "cancelled", "waitlist")
			}),
			rule("app-4", "a cancelationReason is only for an appointment that is cancelled or no-show", func(m map[string]any) bool {
				return !has(m, "cancelationReason") || oneOf(text(m, "status"), "no-show", "cancelled")
			}),
			startBeforeEnd,
		},
		"Appointment.participant": {rule("app-1", "a participant has a type or an actor", func(m map[string]any) bool { return anyOf(m, "type", "actor") })},
		"AllergyIntolerance": {
			rule("ait-1", "clinicalStatus is needed unless it was entered in error", func(m map[string]any) bool {
				return has(m, "clinicalStatus") || coded(child(m, "verificationStatus"), allergyVerification, "entered-in-error")
			}),
			rule("ait-2", "what was entered in error has no clinicalStatus", func(m map[string]any) bool {
				return !has(m, "clinicalStatus") || !coded(child(m, "verificationStatus"), allergyVerification, "entered-in-error")
			}),
		},
		"Bundle":               bundleInvariants(),
		"CarePlan.activity":    {rule("cpl-3", "an activity has a reference or a detail, not both", func(m map[string]any) bool { return !has(m, "detail") || !has(m, "reference") })},
		"CareTeam.participant": {careTeamOnBehalf},
		"Condition": {
			rule("con-4", "a condition that has abated is inactive, resolved or in remission", func(m map[string]any) bool {
				return !hasPrefixed(m, "abatement") || coded(child(m, "clinicalStatus"), conditionClinical, "resolved", "remission", "inactive")
			}),
			rule("con-5", "what was entered in error has no clinicalStatus", func(m map[string]any) bool {
				return !has(m, "clinicalStatus") || !coded(child(m, "verificationStatus"), conditionVerification, "entered-in-error")
			}),
		},
		"Condition.stage":    {rule("con-1", "a stage has a summary or an assessment", func(m map[string]any) bool { return anyOf(m, "summary", "assessment") })},
		"Condition.evidence": {rule("con-2", "evidence has a code or details", func(m map[string]any) bool { return anyOf(m, "code", "detail") })},
		"Consent":            {rule("ppc-1", "a consent has a policy or a policyRule", func(m map[string]any) bool { return anyOf(m, "policy", "policyRule") })},
		"Goal.target": {rule("gol-1", "a target with a detail needs a measure", func(m map[string]any) bool {
			return !hasPrefixed(m, "detail") || has(m, "measure")
		})},
		"Observation": {
			rule("obs-6", "a dataAbsentReason stands only where there is no value", func(m map[string]any) bool { return !has(m, "dataAbsentReason") || !hasPrefixed(m, "value") }),
			rule("obs-7", "where a component has the observation's own code, the observation has no value", func(m map[string]any) bool {
				return !hasPrefixed(m, "value") || !componentRepeatsCode(m)
			}),
		},
		"Observation.referenceRange": {rule("obs-3", "a reference range has a low, a high or a text", func(m map[string]any) bool { return anyOf(m, "low", "high", "text") })},
		"Organization": {
			rule("org-1", "an organisation has a name or an identifier", func(m map[string]any) bool { return anyOf(m, "name", "identifier") }),
			rule("org-2", "an organisation's address is not of use home", func(m map[string]any) bool { return !anyUse(m, "address", "home") }),
			rule("org-3", "an organisation's telecom is not of use home", func(m map[string]any) bool { return !anyUse(m, "telecom", "home") }),
		},
		"Patient.contact":            {rule("pat-1", "a contact has a name, telecom, address or organisation", func(m map[string]any) bool { return anyOf(m, "name", "telecom", "address", "organization") })},
		"QuestionnaireResponse.item": {rule("qrs-1", "an item has answers or items below it, not both", func(m map[string]any) bool { return !has(m, "answer") || !has(m, "item") })},
		"ServiceRequest":             {rule("prr-1", "an orderDetail needs a code", implies("orderDetail", "code"))},
	}
}

func oneOf(s string, of ...string) bool {
	for _, o := range of {
		if s == o {
			return true
		}
	}
	return false
}

// startBeforeEnd is no invariant of R4, but an appointment that ends before it starts is
// a mistake of the source that no reader can use.
func startBeforeEnd(v *validator, m map[string]any, at *node, _ *root) {
	start, end := text(m, "start"), text(m, "end")
	if isInstant(start) && isInstant(end) && after(start, end) {
		v.report(Error, at, RuleValue, "the appointment ends before it starts")
	}
}

// careTeamOnBehalf is ctm-1. A member who cannot be looked at here may be a
// practitioner; only one who is certainly something else is a fault.
func careTeamOnBehalf(v *validator, m map[string]any, at *node, r *root) {
	if !has(m, "onBehalfOf") {
		return
	}
	member := child(m, "member")
	typ := text(member, "type")
	if ref := text(member, "reference"); strings.HasPrefix(ref, "#") && len(ref) > 1 {
		typ = r.contained[ref[1:]]
	} else if t, _, ok := SplitReference(ref); ok {
		typ = t
	}
	if typ != "" && typ != "Practitioner" {
		v.report(Error, at, "ctm-1", "onBehalfOf stands only beside a member who is a Practitioner")
	}
}

func anyUse(m map[string]any, key, use string) bool {
	for _, item := range list(m, key) {
		item, _ := item.(map[string]any)
		if text(item, "use") == use {
			return true
		}
	}
	return false
}

func componentRepeatsCode(m map[string]any) bool {
	for _, own := range list(child(m, "code"), "coding") {
		own, _ := own.(map[string]any)
		if text(own, "code") == "" {
			continue
		}
		for _, c := range list(m, "component") {
			c, _ := c.(map[string]any)
			if coded(child(c, "code"), text(own, "system"), text(own, "code")) {
				return true
			}
		}
	}
	return false
}

func bundleInvariants() []invariant {
	entries := func(ok func(bundle, entry map[string]any) bool) func(map[string]any) bool {
		return func(m map[string]any) bool {
			for _, e := range list(m, "entry") {
				if e, isObject := e.(map[string]any); isObject && !ok(m, e) {
					return false
				}
			}
			return true
		}
	}
	return []invariant{
		rule("bdl-1", "a total stands only in a searchset or history", func(m map[string]any) bool {
			return !present(m, "total") || oneOf(text(m, "type"), "searchset", "history")
		}),
		rule("bdl-2", "entry.search stands only in a searchset", entries(func(b, e map[string]any) bool { return !has(e, "search") || text(b, "type") == "searchset" })),
		rule("bdl-3", "entry.request stands in every entry of a batch, transaction or history, and in no other", entries(func(b, e map[string]any) bool {
			return has(e, "request") == oneOf(text(b, "type"), "batch", "transaction", "history")
		})),
		rule("bdl-4", "entry.response stands in every entry of a response or history, and in no other", entries(func(b, e map[string]any) bool {
			return has(e, "response") == oneOf(text(b, "type"), "batch-response", "transaction-response", "history")
		})),
		rule("bdl-5", "an entry has a resource, a request or a response", entries(func(_, e map[string]any) bool { return anyOf(e, "resource", "request", "response") })),
		rule("bdl-8", "a fullUrl names no version", entries(func(_, e map[string]any) bool { return !strings.Contains(text(e, "fullUrl"), "/_history/") })),
		rule("bdl-7", "two entries have the same fullUrl", func(m map[string]any) bool {
			seen := map[string]bool{}
			return text(m, "type") == "history" || entries(func(_, e map[string]any) bool {
				url := text(e, "fullUrl")
				if url == "" {
					return true
				}
				key := url + " " + text(child(child(e, "resource"), "meta"), "versionId")
				twice := seen[key]
				seen[key] = true
				return !twice
			})(m)
		}),
	}
}

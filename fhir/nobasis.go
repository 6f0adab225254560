package fhir

import "strings"

// noBasisHolders gives the resources whose identifiers no-basis says something of.
func noBasisHolders() map[string]bool {
	all := map[string]bool{}
	for _, k := range identifierSystems {
		for _, h := range strings.Fields(k.holders) {
			all[h] = true
		}
	}
	return all
}

// noBasisIdentifier checks the value of an identifier whose system is one of Norway's,
// and that the system is written as no-basis writes it. The value is never shown.
func noBasisIdentifier(v *validator, m map[string]any, at *node, _ *root) {
	system := text(m, "system")
	k, ok := findSystem(system)
	if !ok {
		return
	}
	if system != k.uri {
		v.report(Warning, at.child("system"), RuleNoBasis, "the system of "+k.short+" is written "+k.uri)
	}
	if value := text(m, "value"); value != "" && !k.form(value) {
		v.report(Error, at.child("value"), RuleNoBasis, "a number of "+k.short+" has "+k.explain)
	}
}

// noBasisHolder checks that a resource bears only numbers of its own kind: a patient has
// no HPR number, an organisation no fødselsnummer.
func noBasisHolder(resource string) invariant {
	return func(v *validator, m map[string]any, at *node, _ *root) {
		for i, item := range list(m, "identifier") {
			item, _ := item.(map[string]any)
			k, ok := findSystem(text(item, "system"))
			if !ok || strings.Contains(" "+k.holders+" ", " "+resource+" ") {
				continue
			}
			v.report(Error, &node{at.child("identifier"), "", i}, RuleNoBasis, "a number of "+k.short+" does not belong on a "+resource)
		}
	}
}

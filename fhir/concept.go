package fhir

import (
	models "github.com/samply/golang-fhir-models/fhir-models/fhir"
)

// Code systems that are ours, for what Norwegian law names and no code system has.
const (
	SystemPlanType = "urn:samsyn:plantype"
	SystemCategory = "urn:samsyn:category"
	SystemMeeting  = "urn:samsyn:meeting"
)

// Codes of SystemPlanType: kinds of plans.
const (
	PlanIndividuell = "individuell-plan"
	PlanTiltak      = "tiltaksplan"
	PlanIOP         = "iop"
	PlanRuskontrakt = "ruskontrakt"
)

// Codes of SystemCategory: what a ServiceRequest is.
const (
	CategoryVedtak     = "vedtak"
	CategoryHenvisning = "henvisning"
	CategoryTiltak     = "tiltak"
)

// MeetingAnsvarsgruppe is SystemMeeting's code of an ansvarsgruppemøte.
const MeetingAnsvarsgruppe = "ansvarsgruppe"

// SystemRole is code list 9034, Helsepersonells funksjoner mv. (Volven, Helsedirektoratet).
const SystemRole = "urn:oid:2.16.578.1.12.4.1.1.9034"

// Codes of SystemRole that Samsyn asks for.
const (
	RoleFastlege              = "6"
	RoleKoordinatorIP         = "8"
	RolePrimaerkontakt        = "9"
	RoleKoordinatorSpesialist = "18"
	RoleKontaktlege           = "19"
	RoleKontaktpsykolog       = "20"
	RoleHelsefagligKontakt    = "21"
)

// RoleDisplay gives the list's name for a code of SystemRole; "" for one it lacks.
func RoleDisplay(code string) string {
	switch code {
	case "3":
		return "Behandlingsansvarlig lege"
	case "4":
		return "Journalansvarlig"
	case "5":
		return "Informasjonsansvarlig"
	case RoleFastlege:
		return "Fastlege"
	case "7":
		return "Faglig ansvarlig for vedtak i psykisk helsevern"
	case RoleKoordinatorIP:
		return "Koordinator Individuell plan"
	case RolePrimaerkontakt:
		return "Primærkontakt"
	case "10":
		return "Utskrivende lege"
	case "11":
		return "Utskrivende sykepleier"
	case "12":
		return "Instituerende lege"
	case "13":
		return "Innleggende lege"
	case "14":
		return "Ansvarlig jordmor"
	case "15":
		return "Vikar for fastlege"
	case "16":
		return "Turnuslege"
	case "17":
		return "Forløpskoordinator kreft"
	case RoleKoordinatorSpesialist:
		return "Koordinator (spesialisthelsetjenesteloven)"
	case RoleKontaktlege:
		return "Kontaktlege"
	case RoleKontaktpsykolog:
		return "Kontaktpsykolog"
	case RoleHelsefagligKontakt:
		return "Helsefaglig kontakt"
	case "22":
		return "Kontakt i primærhelseteam"
	case "23":
		return "Ønsket behandler"
	case "24":
		return "Kontakt hos mottaker"
	}
	return ""
}

// Role gives the concept of a code of list 9034; false for one that the list lacks.
func Role(code string) (models.CodeableConcept, bool) {
	display := RoleDisplay(code)
	return Concept(SystemRole, code, display), display != ""
}

// Coding makes a coding; an empty system or display is left out.
func Coding(system, code, display string) models.Coding {
	c := models.Coding{Code: &code}
	if system != "" {
		c.System = &system
	}
	if display != "" {
		c.Display = &display
	}
	return c
}

// Concept makes a concept of one coding.
func Concept(system, code, display string) models.CodeableConcept {
	return models.CodeableConcept{Coding: []models.Coding{Coding(system, code, display)}}
}

// Text makes a concept of the source's words alone.
func Text(s string) models.CodeableConcept {
	return models.CodeableConcept{Text: &s}
}

// HasCoding tells whether a concept has a code of a system.
func HasCoding(c models.CodeableConcept, system, code string) bool {
	for _, k := range c.Coding {
		if k.System != nil && k.Code != nil && *k.System == system && *k.Code == code {
			return true
		}
	}
	return false
}

// ConceptDisplay gives what a person may read of a concept: its text, else the first
// display, else the first code.
func ConceptDisplay(c models.CodeableConcept) string {
	if c.Text != nil && *c.Text != "" {
		return *c.Text
	}
	for _, k := range c.Coding {
		if k.Display != nil && *k.Display != "" {
			return *k.Display
		}
	}
	for _, k := range c.Coding {
		if k.Code != nil {
			return *k.Code
		}
	}
	return ""
}

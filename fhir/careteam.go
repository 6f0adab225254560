package fhir

import (
	models "github.com/samply/golang-fhir-models/fhir-models/fhir"
)

// NewCareTeam makes a team. Its status is optional in FHIR but not here: a team that
// nobody knows to be active tells a coordinator nothing.
// https://hl7.org/fhir/R4/careteam.html
func NewCareTeam(status models.CareTeamStatus, subject models.Reference) models.CareTeam {
	return models.CareTeam{Status: &status, Subject: &subject}
}

// NewParticipant makes a member of a team with one role.
func NewParticipant(member models.Reference, role models.CodeableConcept) models.CareTeamParticipant {
	return models.CareTeamParticipant{Member: &member, Role: []models.CodeableConcept{role}}
}

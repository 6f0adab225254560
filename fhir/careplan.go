package fhir

import (
	models "github.com/samply/golang-fhir-models/fhir-models/fhir"
)

// samply's zero values are valid codes (an empty CarePlan is a draft proposal), so what
// FHIR requires is a parameter here and cannot be forgotten.

// NewCarePlan makes a plan. https://hl7.org/fhir/R4/careplan.html
func NewCarePlan(status models.RequestStatus, intent models.CarePlanIntent, subject models.Reference) models.CarePlan {
	return models.CarePlan{Status: status, Intent: intent, Subject: subject}
}

// NewActivity makes an activity that the plan itself describes.
func NewActivity(status models.CarePlanActivityStatus, description string) models.CarePlanActivity {
	d := models.CarePlanActivityDetail{Status: status}
	if description != "" {
		d.Description = &description
	}
	return models.CarePlanActivity{Detail: &d}
}

// NewGoal makes a goal. https://hl7.org/fhir/R4/goal.html
func NewGoal(status models.GoalLifecycleStatus, description models.CodeableConcept, subject models.Reference) models.Goal {
	return models.Goal{LifecycleStatus: status, Description: description, Subject: subject}
}

// NewServiceRequest makes a request: a vedtak, a referral, a measure.
// https://hl7.org/fhir/R4/servicerequest.html
func NewServiceRequest(status models.RequestStatus, intent models.RequestIntent, subject models.Reference) models.ServiceRequest {
	return models.ServiceRequest{Status: status, Intent: intent, Subject: subject}
}

// NewEpisodeOfCare makes a service that runs over time.
// https://hl7.org/fhir/R4/episodeofcare.html
func NewEpisodeOfCare(status models.EpisodeOfCareStatus, patient models.Reference) models.EpisodeOfCare {
	return models.EpisodeOfCare{Status: status, Patient: patient}
}

// NewEncounter makes a contact or meeting. class is of
// http://terminology.hl7.org/CodeSystem/v3-ActCode (AMB, HH, IMP, VR …).
// https://hl7.org/fhir/R4/encounter.html
func NewEncounter(status models.EncounterStatus, class models.Coding, subject models.Reference) models.Encounter {
	return models.Encounter{Status: status, Class: class, Subject: &subject}
}

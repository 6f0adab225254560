package oracle_test

import "encoding/json"

// bodies are resources with every element that a list of the table names, and some that
// none does. Each free text names a place, Fjellvik; the codes are such that may leave with
// a hidden address.
var bodies = func() map[string]map[string]any {
	all := map[string]map[string]any{}
	for typ, body := range map[string]string{
		"CarePlan": `{"extension": [{"url": "urn:samsyn:evaluation", "valueDate": "2026-02-10"}, {"url": "urn:samsyn:evaluation-due", "valueDate": "2026-08-10"}, {"url": "urn:samsyn:annet", "valueString": "Fjellvik"}],
			"identifier": [{"system": "urn:x", "value": "Fjellvik-1"}], "status": "active", "intent": "plan", "category": [{"coding": [{"system": "urn:samsyn:plantype", "code": "iop", "display": "Fjellvik"}]}],
			"title": "Plan i Fjellvik", "description": "Om Fjellvik", "subject": {"reference": "Patient/x"}, "period": {"start": "2026-01-01"}, "created": "2026-01-01", "author": {"display": "Fjellvik"},
			"careTeam": [{"reference": "CareTeam/t"}], "goal": [{"reference": "Goal/g"}], "note": [{"text": "Fjellvik"}],
			"activity": [{"reference": {"reference": "ServiceRequest/s"}}, {"detail": {"kind": "Task", "code": {"text": "Fjellvik"}, "status": "in-progress", "scheduledPeriod": {"start": "2026-01-01"}, "performer": [{"display": "Fjellvik"}], "description": "Fjellvik"}}]}`,
		"CareTeam": `{"identifier": [{"system": "urn:x", "value": "Fjellvik"}], "status": "active", "category": [{"text": "Fjellvik"}], "name": "Team Fjellvik", "subject": {"reference": "Patient/x"}, "period": {"start": "2026-01-01"},
			"participant": [{"role": [{"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9034", "code": "8"}]}], "member": {"type": "Practitioner", "display": "Berit, Fjellvik"}, "onBehalfOf": {"display": "Fjellvik"}, "period": {"start": "2026-01-01"}}],
			"managingOrganization": [{"display": "Fjellvik"}], "note": [{"text": "Fjellvik"}]}`,
		"Goal": `{"identifier": [{"value": "Fjellvik"}], "lifecycleStatus": "active", "achievementStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/goal-achievement", "code": "improving"}]}, "category": [{"text": "Fjellvik"}],
			"description": {"text": "Svømme i Fjellvik"}, "subject": {"reference": "Patient/x"}, "startDate": "2026-01-01", "target": [{"measure": {"text": "Fjellvik"}, "dueDate": "2027-01-01"}], "statusDate": "2026-01-02", "expressedBy": {"reference": "Patient/x"}, "note": [{"text": "Fjellvik"}]}`,
		"EpisodeOfCare": `{"identifier": [{"value": "Fjellvik"}], "status": "active", "type": [{"text": "Fjellvik"}], "patient": {"reference": "Patient/x"}, "managingOrganization": {"display": "Fjellvik"}, "period": {"start": "2026-01-01"},
			"referralRequest": [{"reference": "ServiceRequest/s"}], "careManager": {"display": "Fjellvik"}, "team": [{"reference": "CareTeam/t"}], "account": [{"display": "Fjellvik"}]}`,
		"ServiceRequest": `{"extension": [{"url": "urn:samsyn:startfrist", "valueDate": "2026-02-10"}, {"url": "urn:samsyn:klagefrist", "valueDate": "2026-08-10"}, {"url": "urn:samsyn:lov", "valueString": "Fjellvik"}],
			"status": "active", "intent": "order", "category": [{"coding": [{"system": "urn:samsyn:category", "code": "vedtak"}]}], "code": {"text": "Avlastning i Fjellvik"}, "subject": {"reference": "Patient/x"},
			"occurrencePeriod": {"start": "2026-06-15"}, "authoredOn": "2026-05-20", "requester": {"display": "Fjellvik"}, "performer": [{"display": "Fjellvik"}], "basedOn": [{"reference": "CarePlan/p"}], "note": [{"text": "Fjellvik"}]}`,
		"Appointment": `{"status": "booked", "appointmentType": {"coding": [{"system": "urn:samsyn:meeting", "code": "ansvarsgruppe"}]}, "serviceType": [{"text": "Fjellvik"}], "start": "2026-12-10T09:00:00+01:00", "end": "2026-12-10T10:00:00+01:00",
			"basedOn": [{"reference": "ServiceRequest/s"}], "participant": [{"actor": {"display": "Fjellvik"}, "status": "accepted"}], "description": "Fjellvik", "comment": "Fjellvik"}`,
		"Encounter": `{"status": "finished", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}, "type": [{"coding": [{"system": "urn:samsyn:meeting", "code": "ansvarsgruppe"}]}], "serviceType": {"text": "Fjellvik"},
			"subject": {"reference": "Patient/x"}, "episodeOfCare": [{"reference": "EpisodeOfCare/e"}], "basedOn": [{"reference": "ServiceRequest/s"}], "appointment": [{"reference": "Appointment/a"}], "participant": [{"individual": {"display": "Fjellvik"}}],
			"period": {"start": "2026-10-15T13:00:00+02:00"}, "location": [{"location": {"display": "Fjellvik"}, "status": "completed"}], "serviceProvider": {"display": "Fjellvik"}, "reasonCode": [{"text": "Fjellvik"}]}`,
		"Communication":     `{"status": "completed", "subject": {"reference": "Patient/x"}, "sent": "2026-10-15T13:00:00+02:00", "received": "2026-10-16T13:00:00+02:00", "sender": {"display": "Fjellvik"}, "payload": [{"contentString": "Fjellvik"}]}`,
		"DocumentReference": `{"status": "current", "subject": {"reference": "Patient/x"}, "date": "2026-10-15T13:00:00+02:00", "type": {"text": "Fjellvik"}, "description": "Fjellvik", "content": [{"attachment": {"title": "Fjellvik"}}]}`,
		"Condition": `{"clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}, "verificationStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]},
			"category": [{"text": "Fjellvik"}], "severity": {"text": "Fjellvik"}, "code": {"text": "Fjellvik"}, "subject": {"reference": "Patient/x"}, "onsetDateTime": "2026-01-01", "recordedDate": "2026-01-02", "note": [{"text": "Fjellvik"}]}`,
		"Observation": `{"status": "final", "category": [{"text": "Fjellvik"}], "code": {"text": "Fjellvik"}, "subject": {"reference": "Patient/x"}, "effectiveDateTime": "2026-01-01", "valueString": "Fjellvik", "interpretation": [{"text": "Fjellvik"}], "note": [{"text": "Fjellvik"}]}`,
	} {
		var o map[string]any
		if err := json.Unmarshal([]byte(body), &o); err != nil {
			panic(err) // it stands above
		}
		all[typ] = o
	}
	return all
}()

package stories

import "samsyn/internal/care"

const (
	kommuneOrg = "Fjordvik kommune"
	habu       = "Habilitering for barn og unge (HABU)"
)

// Ella is twelve: her coordinator quit, her relief never started, one meeting is
// told twice and two things are told differently.
func Ella(p care.PersonID) []care.Contribution {
	return []care.Contribution{
		Say("fhir-kommune", care.Koordinering, p, "CarePlan/ip-ella", "2026-02-10", R{
			"resourceType": "CarePlan", "id": "k-ip", "status": "active", "intent": "plan", "title": "Individuell plan for Ella",
			"category": plantype("individuell-plan", "Individuell plan"), "period": period("2024-02-01", ""),
			"extension": L{date("evaluation", "2026-02-10"), date("evaluation-due", "2026-08-10")},
			"goal":      L{R{"reference": "Goal/k-g1"}, R{"reference": "Goal/k-g2"}},
			"activity": L{
				R{"detail": R{"status": "in-progress", "description": "Fysioterapi", "scheduledPeriod": period("2024-02-01", ""), "performer": L{display("Ole Strand")}}},
				R{"detail": R{"status": "not-started", "description": "Avlastning", "performer": L{display("Tildelingskontoret, Fjordvik")}}},
				R{"detail": R{"status": "not-started", "description": "Overgang til Sundet ungdomsskole"}},
			},
		},
			R{"resourceType": "Goal", "id": "k-g1", "lifecycleStatus": "active", "description": text("Gå med rullator mellom klasserommene"),
				"expressedBy": R{"reference": "Patient/fhir-kommune-" + string(p)}},
			R{"resourceType": "Goal", "id": "k-g2", "lifecycleStatus": "active", "description": text("Anfallsfri skoledag"), "target": L{R{"dueDate": "2027-06-20"}}},
		),
		Say("fhir-kommune", care.Koordinering, p, "CareTeam/ct-ella", "2026-09-01", R{
			"resourceType": "CareTeam", "id": "k-ct", "status": "active", "participant": L{
				member(role("8", "Koordinator individuell plan"), practitioner("Berit Holmen", "9900011"), kommuneOrg, "2024-02-01", "2026-08-31"),
				member(L{text("Fysioterapeut")}, practitioner("Ole Strand", "9900053"), habu, "", ""),
				member(L{text("Mor")}, R{"type": "RelatedPerson", "display": "Marit Lyngstad"}, "", "", ""),
			},
		}),
		Say("fhir-kommune", care.Kommune, p, "ServiceRequest/sr-avlastning-ella", "2026-05-20", R{
			"resourceType": "ServiceRequest", "id": "k-sr", "status": "active", "intent": "order", "category": category("vedtak"),
			"code":       code("urn:oid:2.16.578.1.12.4.1.1.9151", "8", "Avlastning i institusjon"),
			"authoredOn": "2026-05-20", "occurrencePeriod": period("2026-06-15", "2027-06-14"), "requester": display("Tildelingskontoret, Fjordvik"),
			"extension": L{law("helse- og omsorgstjenesteloven § 3-2 første ledd nr. 6"), date("startfrist", "2026-06-15"), date("klagefrist", "2026-06-10")},
		}),
		Say("fhir-kommune", care.Koordinering, p, "Appointment/ap-ella", "2026-11-01", R{
			"resourceType": "Appointment", "id": "k-ap", "status": "booked", "appointmentType": meeting(),
			"start": "2026-12-10T09:00:00+01:00", "end": "2026-12-10T10:00:00+01:00",
			"participant": L{R{"actor": display("PPT Fjordvik"), "status": "accepted"}},
		}),
		Say("fiksarkiv", care.Kommune, p, "journalpost/vedtak-avlastning", "2026-05-21", R{
			"resourceType": "ServiceRequest", "id": "a-sr", "status": "active", "intent": "order", "category": category("vedtak"),
			"code": text("Vedtak om avlastning"), "authoredOn": "2026-05-20", "supportingInfo": L{R{"reference": "DocumentReference/a-letter"}},
			"extension": L{law("Helse- og omsorgstjenesteloven § 3-2 nr. 6")},
		}, R{
			"resourceType": "DocumentReference", "id": "a-letter", "status": "current", "type": text("Vedtak"), "date": "2026-05-20T00:00:00+02:00",
			"description": "Vedtak om avlastning", "content": L{R{"attachment": R{"contentType": "application/pdf", "title": "Vedtak om avlastning"}}},
		}),
		Say("fiksarkiv", care.PPT, p, "journalpost/sakkyndig", "2026-03-12", R{
			"resourceType": "DocumentReference", "id": "a-sv", "status": "current", "type": text("Sakkyndig vurdering"), "date": "2026-03-12T00:00:00+01:00",
			"description": "Sakkyndig vurdering", "content": L{R{"attachment": R{"title": "Sakkyndig vurdering"}}},
		}),
		Say("fiksarkiv", care.Skole, p, "journalpost/vedtak-opplaring", "2026-04-20", R{
			"resourceType": "ServiceRequest", "id": "a-to", "status": "active", "intent": "order", "category": category("vedtak"),
			"code": text("Individuelt tilrettelagt opplæring"), "authoredOn": "2026-04-20", "occurrencePeriod": period("2026-08-17", "2027-06-20"),
			"extension": L{law("Opplæringslova § 11-6")},
		}),
		Say("fiksarkiv", care.Skole, p, "journalpost/iop", "2026-08-28", R{
			"resourceType": "CarePlan", "id": "a-iop", "status": "active", "intent": "plan", "title": "IOP 2026/2027", "category": plantype("iop", "Individuell opplæringsplan"),
			"period": period("2026-08-28", ""), "supportingInfo": L{R{"reference": "DocumentReference/a-iopdoc"}},
		}, R{
			"resourceType": "DocumentReference", "id": "a-iopdoc", "status": "current", "date": "2026-08-28T00:00:00+02:00", "description": "IOP 2026/2027",
			"content": L{R{"attachment": R{"title": "IOP 2026/2027"}}},
		}),
		Say("fiksarkiv", care.Kommune, p, "journalpost/referat", "2026-10-16", R{
			"resourceType": "Encounter", "id": "a-enc", "status": "finished", "class": R{"code": "AMB"}, "type": L{meeting()}, "period": period("2026-10-15", "2026-10-15"),
		}, R{
			"resourceType": "DocumentReference", "id": "a-min", "status": "current", "date": "2026-10-15T00:00:00+02:00", "description": "Referat fra ansvarsgruppemøte 15.10.2026",
			"content": L{R{"attachment": R{"title": "Referat"}}}, "context": R{"encounter": L{R{"reference": "Encounter/a-enc"}}},
		}),
		Say("fhir-sykehus", care.Spesialist, p, "Encounter/meeting", "2026-10-16", R{
			"resourceType": "Encounter", "id": "s-enc", "status": "finished", "class": R{"code": "AMB"}, "type": L{meeting()},
			"period": period("2026-10-15T13:00:00+02:00", "2026-10-15T14:00:00+02:00"), "serviceProvider": display(habu),
		}),
		Say("fhir-sykehus", care.Spesialist, p, "Encounter/nevro", "2026-09-17", R{
			"resourceType": "Encounter", "id": "s-nevro", "status": "finished", "class": R{"code": "AMB"}, "type": L{text("Nevrologisk kontroll")},
			"period": period("2026-09-17T10:00:00+02:00", "2026-09-17T10:45:00+02:00"), "serviceProvider": display("Barne- og ungdomsavdelingen"),
			"participant": L{R{"individual": display("Dr. Nina Brekke")}},
		}),
		Say("fhir-sykehus", care.Spesialist, p, "Appointment/nevro", "2026-09-17", R{
			"resourceType": "Appointment", "id": "s-ap", "status": "booked", "description": "Nevrologisk kontroll", "start": "2026-12-02T10:30:00+01:00", "end": "2026-12-02T11:00:00+01:00",
			"participant": L{R{"actor": R{"display": "Dr. Nina Brekke", "type": "Practitioner"}, "status": "accepted"}},
		}),
		Say("fhir-sykehus", care.Spesialist, p, "Appointment/ansvarsgruppe", "2026-10-30", R{
			"resourceType": "Appointment", "id": "s-ag", "status": "booked", "appointmentType": meeting(), "start": "2026-12-10T12:30:00+01:00", "end": "2026-12-10T13:30:00+01:00",
			"participant": L{R{"actor": display(habu), "status": "accepted"}},
		}),
		Say("fhir-sykehus", care.Spesialist, p, "CarePlan/habu", "2026-07-01", R{
			"resourceType": "CarePlan", "id": "s-plan", "status": "active", "intent": "plan", "title": "Habiliteringsplan", "category": plantype("habilitering", "Habiliteringsplan"),
			"period":   period("2025-01-10", ""),
			"activity": L{R{"detail": R{"status": "completed", "description": "fysioterapi", "scheduledPeriod": period("", "2026-06-30"), "performer": L{display("Strand, Ole")}}}},
		}),
		Say("fhir-sykehus", care.Spesialist, p, "EpisodeOfCare/habu", "2016-01-11", R{
			"resourceType": "EpisodeOfCare", "id": "s-eoc", "status": "active", "type": L{text("Habilitering")}, "period": period("2016-01-11", ""), "managingOrganization": display(habu),
		}),
		Say("fhir-sykehus", care.Spesialist, p, "ServiceRequest/ref", "2015-12-01", R{
			"resourceType": "ServiceRequest", "id": "s-ref", "status": "completed", "intent": "order", "category": category("henvisning"), "code": text("Henvisning til HABU"),
			"authoredOn": "2015-12-01", "requester": display("Dr. Hugo Lie"), "performer": L{display(habu)},
		}),
		Say("fhir-sykehus", care.Spesialist, p, "CareTeam/habu", "2025-01-10", R{
			"resourceType": "CareTeam", "id": "s-ct", "status": "active", "participant": L{
				member(L{text("Fysioterapeut")}, practitioner("Strand, Ole", "9900053"), habu, "2025-01-10", ""),
				member(role("19", "Kontaktlege"), practitioner("Dr. Nina Brekke", "9900045"), "Barne- og ungdomsavdelingen", "", ""),
			},
		}),
		Say("oneroster", care.Skole, p, "pupil/ella", "2026-08-17", R{
			"resourceType": "CareTeam", "id": "o-ct", "status": "active", "participant": L{
				member(L{text("Kontaktlærer")}, practitioner("Kåre Lunde", ""), "Lyngbakken skole", "2026-08-17", ""),
				member(L{text("Mor")}, R{"type": "RelatedPerson", "display": "Marit Lyngstad"}, "", "", ""),
				member(L{text("Far")}, R{"type": "RelatedPerson", "display": "Ove Lyngstad"}, "", "", ""),
				member(L{text("Skole")}, R{"type": "Organization", "display": "Lyngbakken skole"}, "", "", ""),
			},
		}),
		Say("msh-helsestasjon", care.Spesialist, p, "message/1", "2026-11-02", R{
			"resourceType": "Communication", "id": "m-1", "status": "completed", "sent": "2026-11-02T09:12:00+01:00", "topic": text("Ansvarsgruppemøte"),
			"sender": display(habu), "recipient": L{display("Fjordvik helsestasjon")}, "payload": L{R{"contentString": "Vi har satt av 10. desember kl. 12.30 til ansvarsgruppemøtet."}},
		}),
		Say("msh-helsestasjon", care.Helsestasjon, p, "message/2", "2026-11-04", R{
			"resourceType": "Communication", "id": "m-2", "status": "completed", "sent": "2026-11-04T11:00:00+01:00", "topic": text("Ansvarsgruppemøte"),
			"sender": display("Fjordvik helsestasjon"), "recipient": L{display(habu)}, "inResponseTo": L{R{"reference": "Communication/m-1"}},
			"payload": L{R{"contentString": "Vi kommer."}},
		}),
	}
}

package stories

import "samsyn/internal/care"

const bup = "BUP Fjordvik poliklinikk"

// Jonas is six: two services run the same parent programme, and his IOP is missing.
func Jonas(p care.PersonID) []care.Contribution {
	return []care.Contribution{
		Say("fhir-kommune", care.Koordinering, p, "CarePlan/ip-jonas", "2026-09-20", R{
			"resourceType": "CarePlan", "id": "k-ip", "status": "active", "intent": "plan", "title": "Individuell plan for Jonas", "category": plantype("individuell-plan", "Individuell plan"),
			"period": period("2026-09-20", ""), "extension": L{date("evaluation-due", "2027-03-20")},
		}),
		Say("fhir-kommune", care.Koordinering, p, "CareTeam/ct-jonas", "2026-09-01", R{
			"resourceType": "CareTeam", "id": "k-ct", "status": "active",
			"participant": L{member(role("8", "Koordinator individuell plan"), practitioner("Anders Viken", "9900029"), kommuneOrg, "2026-09-01", "")},
		}),
		Say("fhir-kommune", care.Kommune, p, "EpisodeOfCare/dua", "2026-09-15", R{
			"resourceType": "EpisodeOfCare", "id": "k-dua", "status": "active", "type": L{text("De utrolige årene")}, "period": period("2026-09-15", ""), "managingOrganization": display(kommuneOrg),
		}),
		Say("fhir-sykehus", care.BUP, p, "EpisodeOfCare/dua", "2026-10-01", R{
			"resourceType": "EpisodeOfCare", "id": "s-dua", "status": "active", "type": L{text("De utrolige årene")}, "period": period("2026-10-01", ""), "managingOrganization": display(bup),
			"careManager": display("Psykolog Maja Dyrdal"),
		}),
		Say("fiksarkiv", care.Barnehage, p, "journalpost/spes", "2025-02-11", R{
			"resourceType": "ServiceRequest", "id": "a-sph", "status": "completed", "intent": "order", "category": category("vedtak"), "code": text("Spesialpedagogisk hjelp"),
			"authoredOn": "2025-02-11", "occurrencePeriod": period("2025-02-11", "2026-07-31"), "extension": L{law("Barnehageloven § 31")},
		}),
		Say("fiksarkiv", care.Skole, p, "journalpost/ito", "2026-06-09", R{
			"resourceType": "ServiceRequest", "id": "a-ito", "status": "active", "intent": "order", "category": category("vedtak"), "code": text("Individuelt tilrettelagt opplæring"),
			"authoredOn": "2026-06-09", "occurrencePeriod": period("2026-08-17", "2027-06-20"), "extension": L{law("Opplæringslova § 11-6")},
		}),
		Say("msh-helsestasjon", care.BUP, p, "message/1", "2026-10-05", R{
			"resourceType": "CareTeam", "id": "m-ct", "status": "active", "participant": L{member(role("20", "Kontaktpsykolog"), practitioner("Psykolog Maja Dyrdal", "9900061"), bup, "", "")},
		}),
	}
}

// Selma is three months old and came home from intensive care.
func Selma(p care.PersonID) []care.Contribution {
	return []care.Contribution{
		Say("fhir-sykehus", care.Spesialist, p, "Encounter/stay", "2026-10-05", R{
			"resourceType": "Encounter", "id": "s-stay", "status": "finished", "class": R{"code": "IMP"}, "type": L{text("Innleggelse, nyfødt intensiv")},
			"period": period("2026-08-19", "2026-10-05"), "serviceProvider": display("Nyfødt intensiv"),
		}),
		Say("fhir-sykehus", care.Spesialist, p, "CareTeam/ct", "2026-10-05", R{
			"resourceType": "CareTeam", "id": "s-ct", "status": "active",
			"participant": L{member(role("18", "Koordinator (spesialisthelsetjenesten)"), practitioner("Dr. Eva Moen", "9900096"), "Nyfødt intensiv", "2026-08-19", "2026-10-05")},
		}),
		Say("fhir-kommune", care.Koordinering, p, "CareTeam/ct", "2026-10-06", R{
			"resourceType": "CareTeam", "id": "k-ct", "status": "active", "participant": L{
				member(role("8", "Koordinator individuell plan"), practitioner("Anders Viken", "9900029"), kommuneOrg, "2026-09-01", ""),
				member(L{text("Helsesykepleier")}, practitioner("Gunn Aasen", "9900037"), "Fjordvik helsestasjon og skolehelsetjeneste", "", ""),
			},
		}),
		Say("fhir-kommune", care.Helsestasjon, p, "EpisodeOfCare/visits", "2026-10-06", R{
			"resourceType": "EpisodeOfCare", "id": "k-hv", "status": "active", "type": L{text("Hjemmebesøk")}, "period": period("2026-10-06", ""),
			"managingOrganization": display("Fjordvik helsestasjon og skolehelsetjeneste"),
		}),
		Say("fhir-sykehus", care.Spesialist, p, "Appointment/follow", "2026-10-05", R{
			"resourceType": "Appointment", "id": "s-ap", "status": "booked", "description": "Oppfølging etter nyfødt intensiv", "start": "2026-12-15T11:00:00+01:00", "end": "2026-12-15T11:45:00+01:00",
			"participant": L{R{"actor": display("Nyfødt intensiv"), "status": "accepted"}},
		}),
	}
}

// Teo is sixteen: two coordinators, and a plan that was never evaluated.
func Teo(p care.PersonID) []care.Contribution {
	return append(TeoBarnevern(p),
		Say("fhir-sykehus", care.BUP, p, "EpisodeOfCare/bup", "2025-11-10", R{
			"resourceType": "EpisodeOfCare", "id": "s-bup", "status": "active", "type": L{text("Poliklinisk behandling")}, "period": period("2025-11-10", ""), "managingOrganization": display(bup),
		}),
		Say("fhir-sykehus", care.BUP, p, "Appointment/bup", "2026-11-10", R{
			"resourceType": "Appointment", "id": "s-ap", "status": "booked", "description": "Samtale", "start": "2026-11-30T14:00:00+01:00", "end": "2026-11-30T14:45:00+01:00",
			"participant": L{R{"actor": display("Psykolog Maja Dyrdal"), "status": "accepted"}},
		}),
		Say("msh-helsestasjon", care.BUP, p, "message/1", "2026-10-12", R{
			"resourceType": "CareTeam", "id": "m-ct", "status": "active",
			"participant": L{member(role("8", "Koordinator individuell plan"), practitioner("Dr. Stian Kvam", "9900070"), bup, "", "")},
		}),
		Say("fhir-kommune", care.Koordinering, p, "CareTeam/ct", "2026-08-20", R{
			"resourceType": "CareTeam", "id": "k-ct", "status": "active",
			"participant": L{member(role("8", "Koordinator individuell plan"), practitioner("Liv Tangen", "9900088"), kommuneOrg, "2026-08-20", "")},
		}),
		Say("fhir-kommune", care.Kommune, p, "CarePlan/rus", "2026-08-20", R{
			"resourceType": "CarePlan", "id": "k-rus", "status": "active", "intent": "plan", "title": "Ruskontrakt", "category": plantype("ruskontrakt", "Ruskontrakt"),
			"period": period("2026-08-20", "2027-02-20"), "activity": L{R{"detail": R{"status": "in-progress", "description": "Urinprøver", "performer": L{display("Liv Tangen")}}}},
		}),
		Say("oneroster", care.Skole, p, "pupil/teo", "2026-08-17", R{
			"resourceType": "CareTeam", "id": "o-ct", "status": "active", "participant": L{
				member(L{text("Kontaktlærer")}, practitioner("Pål Eide", ""), "Sundet ungdomsskole", "", ""),
				member(L{text("Mor")}, R{"type": "RelatedPerson", "display": "Trine Sandvik"}, "", "", ""),
			},
		}),
	)
}

// TeoBarnevern is what barnevern alone says of Teo.
func TeoBarnevern(p care.PersonID) []care.Contribution {
	return []care.Contribution{
		Say("barnevernsregister", care.Barnevern, p, "sak/teo", "2026-11-01",
			R{"resourceType": "CarePlan", "id": "b-plan", "status": "active", "intent": "plan", "title": "Tiltaksplan", "category": plantype("tiltaksplan", "Tiltaksplan"),
				"period": period("2025-12-01", ""), "activity": L{R{"reference": R{"reference": "ServiceRequest/b-t1"}}}},
			R{"resourceType": "ServiceRequest", "id": "b-t1", "status": "active", "intent": "plan", "category": category("tiltak"), "code": text("Støttekontakt"),
				"occurrencePeriod": period("2026-01-15", ""), "basedOn": L{R{"reference": "ServiceRequest/b-v1"}}, "performer": L{display("Siv Røed")}},
			R{"resourceType": "ServiceRequest", "id": "b-t2", "status": "completed", "intent": "plan", "category": category("tiltak"), "code": text("Deltakelse i ansvarsgruppe"),
				"occurrencePeriod": period("2026-01-15", "2026-06-30")},
			R{"resourceType": "ServiceRequest", "id": "b-v1", "status": "active", "intent": "order", "category": category("vedtak"), "code": text("Hjelpetiltak"), "authoredOn": "2025-12-15",
				"extension": L{law("Barnevernsloven § 3-1")}},
			R{"resourceType": "EpisodeOfCare", "id": "b-case", "status": "active", "type": L{text("Barnevernssak")}, "period": period("2025-10-02", ""), "managingOrganization": display("Fjordvik barneverntjeneste")},
		),
		Say("fiksinnsyn", care.Barnevern, p, "mappe/teo", "2026-11-15",
			R{"resourceType": "CareTeam", "id": "i-ct", "status": "active", "participant": L{
				member(L{text("Saksansvarlig")}, practitioner("Siv Røed", ""), "Fjordvik barneverntjeneste", "", ""),
				member(L{text("Far")}, R{"type": "RelatedPerson", "display": "Rune Dahl"}, "", "", "")}},
			R{"resourceType": "ServiceRequest", "id": "i-v", "status": "active", "intent": "order", "category": category("vedtak"), "code": text("Vedtak om hjelpetiltak"), "authoredOn": "2026-11-10",
				"extension": L{law("Barnevernsloven § 3-1"), date("klagefrist", "2026-12-01")}},
			R{"resourceType": "Encounter", "id": "i-enc", "status": "finished", "class": R{"code": "AMB"}, "type": L{meeting()}, "period": period("2026-10-28", "2026-10-28")},
		),
	}
}

// Amina is known to barnevern alone.
func Amina(p care.PersonID) []care.Contribution {
	return []care.Contribution{Say("barnevernsregister", care.Barnevern, p, "sak/amina", "2026-09-01",
		R{"resourceType": "EpisodeOfCare", "id": "b-case", "status": "active", "type": L{text("Barnevernssak")}, "period": period("2026-09-01", ""), "managingOrganization": display("Fjordvik barneverntjeneste")})}
}

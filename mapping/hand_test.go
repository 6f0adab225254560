package mapping_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"strconv"
	"time"

	"samsyn/fhir"
)

// The record as hand-written Go reads it.
type benchPlan struct {
	Saksnummer  string   `json:"saksnummer"`
	Beskrivelse string   `json:"beskrivelse"`
	GjelderFra  string   `json:"gjelderFra"`
	GjelderTil  string   `json:"gjelderTil"`
	Opprettet   string   `json:"opprettet"`
	Barn        benchKid `json:"barn"`
	Maal        []struct {
		Nr      int    `json:"nr"`
		Tekst   string `json:"tekst"`
		Status  string `json:"status"`
		Fra     string `json:"fra"`
		Merknad string `json:"merknad,omitempty"`
	} `json:"maal"`
	Tiltak []struct {
		Hva       string `json:"hva"`
		Kode      string `json:"kode"`
		Status    string `json:"status"`
		Fra       string `json:"fra"`
		Til       string `json:"til"`
		Ansvarlig string `json:"ansvarlig"`
		Maal      []int  `json:"maal"`
	} `json:"tiltak"`
	Deltakere []struct {
		Navn       string `json:"navn"`
		Rolle      string `json:"rolle"`
		HPR        string `json:"hpr"`
		Virksomhet string `json:"virksomhet"`
	} `json:"deltakere"`
}

type benchKid struct {
	ID   string `json:"id"`
	Fnr  string `json:"fnr"`
	Fodt string `json:"fodt"`
	Navn string `json:"navn"`
}

// What hand-written Go makes of it, as encoding/json likes it best: typed structs.
type (
	handPlan struct {
		ResourceType string           `json:"resourceType"`
		ID           string           `json:"id"`
		Contained    []any            `json:"contained,omitempty"`
		Identifier   []handIdentifier `json:"identifier,omitempty"`
		Status       string           `json:"status"`
		Intent       string           `json:"intent"`
		Category     []handConcept    `json:"category,omitempty"`
		Title        string           `json:"title,omitempty"`
		Description  string           `json:"description,omitempty"`
		Subject      handReference    `json:"subject"`
		Period       *handPeriod      `json:"period,omitempty"`
		Created      string           `json:"created,omitempty"`
		CareTeam     []handReference  `json:"careTeam,omitempty"`
		Goal         []handReference  `json:"goal,omitempty"`
		Activity     []handActivity   `json:"activity,omitempty"`
	}
	handIdentifier struct {
		System string `json:"system,omitempty"`
		Value  string `json:"value,omitempty"`
	}
	handConcept struct {
		Coding []handCoding `json:"coding,omitempty"`
		Text   string       `json:"text,omitempty"`
	}
	handCoding struct {
		System  string `json:"system,omitempty"`
		Code    string `json:"code,omitempty"`
		Display string `json:"display,omitempty"`
	}
	handReference struct {
		Reference  string          `json:"reference,omitempty"`
		Type       string          `json:"type,omitempty"`
		Identifier *handIdentifier `json:"identifier,omitempty"`
		Display    string          `json:"display,omitempty"`
	}
	handPeriod struct {
		Start string `json:"start,omitempty"`
		End   string `json:"end,omitempty"`
	}
	handActivity struct {
		Detail handDetail `json:"detail"`
	}
	handDetail struct {
		Code            handConcept     `json:"code"`
		Goal            []handReference `json:"goal,omitempty"`
		Status          string          `json:"status"`
		ScheduledPeriod *handPeriod     `json:"scheduledPeriod,omitempty"`
		Performer       []handReference `json:"performer,omitempty"`
		Description     string          `json:"description,omitempty"`
	}
	handTeam struct {
		ResourceType string            `json:"resourceType"`
		ID           string            `json:"id"`
		Status       string            `json:"status"`
		Participant  []handParticipant `json:"participant,omitempty"`
	}
	handParticipant struct {
		Role       []handConcept `json:"role,omitempty"`
		Member     handReference `json:"member"`
		OnBehalfOf handReference `json:"onBehalfOf"`
	}
	handGoal struct {
		ResourceType    string        `json:"resourceType"`
		ID              string        `json:"id"`
		LifecycleStatus string        `json:"lifecycleStatus"`
		Description     handConcept   `json:"description"`
		Subject         handReference `json:"subject"`
		StartDate       string        `json:"startDate,omitempty"`
		Note            []handNote    `json:"note,omitempty"`
	}
	handNote struct {
		Text string `json:"text"`
	}
)

// The code tables, and the zone, that a program would have made at its start.
var (
	handGoalStatus    = map[string]string{"aktivt": "active", "nådd": "completed"}
	handMeasureStatus = map[string]string{"ikke startet": "not-started", "pågår": "in-progress", "ferdig": "completed"}
	handOslo          = time.FixedZone("CET", 3600)
	handIDs           = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
)

func handDay(s string) string {
	d, err := time.Parse("02.01.2006", s)
	if err != nil {
		return ""
	}
	return d.Format("2006-01-02")
}

func handID(kind, key string) string {
	h := hmac.New(sha256.New, demoKey)
	h.Write([]byte("kilde\x00" + kind + "\x00" + key))
	return handIDs.EncodeToString(h.Sum(nil))[:26]
}

// handWritten is benchMap in Go.
func handWritten(body []byte) (fhir.Resource, error) {
	var in benchPlan
	if err := json.Unmarshal(body, &in); err != nil {
		return fhir.Resource{}, err
	}
	created, err := time.ParseInLocation("2006-01-02T15:04:05", in.Opprettet, handOslo)
	if err != nil {
		return fhir.Resource{}, err
	}
	subject := handReference{Reference: "Patient/" + handID("subject", in.Barn.ID)}
	plan := handPlan{
		ResourceType: "CarePlan", ID: handID("plan", in.Saksnummer), Identifier: []handIdentifier{{"urn:sak", in.Saksnummer}}, Status: "active", Intent: "plan",
		Category: []handConcept{{Coding: []handCoding{{"urn:samsyn:plantype", "individuell-plan", "Individuell plan"}}}},
		Title:    "Individuell plan " + in.Saksnummer, Description: in.Beskrivelse, Subject: subject,
		Period: &handPeriod{handDay(in.GjelderFra), handDay(in.GjelderTil)}, Created: created.Format(time.RFC3339),
		CareTeam: []handReference{{Reference: "#team"}},
		Goal:     make([]handReference, 0, len(in.Maal)), Activity: make([]handActivity, 0, len(in.Tiltak)),
	}
	team := handTeam{ResourceType: "CareTeam", ID: "team", Status: "active", Participant: make([]handParticipant, 0, len(in.Deltakere))}
	for i := range in.Deltakere {
		d := &in.Deltakere[i]
		team.Participant = append(team.Participant, handParticipant{
			Role:       []handConcept{{Coding: []handCoding{{fhir.SystemRole, d.Rolle, fhir.RoleDisplay(d.Rolle)}}}},
			Member:     handReference{Type: "Practitioner", Display: d.Navn, Identifier: &handIdentifier{fhir.SystemHPR, d.HPR}},
			OnBehalfOf: handReference{Display: d.Virksomhet},
		})
	}
	plan.Contained = append(make([]any, 0, 1+len(in.Maal)), &team)
	for i := range in.Maal {
		m := &in.Maal[i]
		goal := &handGoal{ResourceType: "Goal", ID: "maal-" + strconv.Itoa(m.Nr), LifecycleStatus: handGoalStatus[m.Status],
			Description: handConcept{Text: m.Tekst}, Subject: subject, StartDate: handDay(m.Fra)}
		if m.Merknad != "" {
			goal.Note = []handNote{{m.Merknad}}
		}
		plan.Contained = append(plan.Contained, goal)
		plan.Goal = append(plan.Goal, handReference{Reference: "#" + goal.ID})
	}
	for i := range in.Tiltak {
		t := &in.Tiltak[i]
		refs := make([]handReference, len(t.Maal))
		for j, n := range t.Maal {
			refs[j].Reference = "#maal-" + strconv.Itoa(n)
		}
		plan.Activity = append(plan.Activity, handActivity{handDetail{
			Status: handMeasureStatus[t.Status], Description: t.Hva,
			Code:            handConcept{Coding: []handCoding{{System: "urn:oid:2.16.578.1.12.4.1.1.9151", Code: t.Kode}}},
			ScheduledPeriod: &handPeriod{handDay(t.Fra), handDay(t.Til)},
			Performer:       []handReference{{Display: t.Ansvarlig}}, Goal: refs,
		}})
	}
	out, err := json.Marshal(&plan)
	return fhir.Resource{Type: "CarePlan", ID: plan.ID, Body: out}, err
}

package consent

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"samsyn/fhir"
	"samsyn/internal/care"
)

// Systems and extensions of the FHIR form. A consent is R4 Consent with scope
// patient-privacy (https://hl7.org/fhir/R4/consent.html): the services whose words are
// shared are actors with role CST (custodian), the receivers actors with role IRCP, and
// what is excepted stands in nested provisions that deny.
const (
	SystemService = "urn:samsyn:tjeneste"
	SystemRole    = "urn:samsyn:rolle"
	SystemViewer  = "urn:samsyn:bruker"
	SystemTopic   = "urn:samsyn:tema"
	SystemSigner  = "urn:samsyn:underskriver"

	policyText         = "urn:samsyn:samtykketekst:"
	extensionVoluntary = "urn:samsyn:frivillig"
	extensionParty     = "urn:samsyn:part"
	extensionHow       = "urn:samsyn:maate"
	extensionRecorder  = "urn:samsyn:registrert-av"
	extensionWithdrawn = "urn:samsyn:trukket"
	extensionChangedBy = "urn:samsyn:endret-av"

	systemParticipation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	systemActReason     = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	systemScope         = "http://terminology.hl7.org/CodeSystem/consentscope"
	systemActCode       = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
)

// The FHIR form, as it is written and read. Only what is here is read.
type (
	wire struct {
		ResourceType string        `json:"resourceType"`
		ID           string        `json:"id,omitempty"`
		Meta         *wireMeta     `json:"meta,omitempty"`
		Language     string        `json:"language,omitempty"`
		Extension    []wireExt     `json:"extension,omitempty"`
		Status       string        `json:"status"`
		Scope        wireConcept   `json:"scope"`
		Category     []wireConcept `json:"category"`
		Patient      wireRef       `json:"patient"`
		DateTime     string        `json:"dateTime,omitempty"`
		Policy       []wirePolicy  `json:"policy,omitempty"`
		Verification []wireVerify  `json:"verification,omitempty"`
		Provision    wireProvision `json:"provision"`
	}
	wireMeta struct {
		VersionID string `json:"versionId,omitempty"`
	}
	wireExt struct {
		URL           string `json:"url"`
		ValueBoolean  *bool  `json:"valueBoolean,omitempty"`
		ValueCode     string `json:"valueCode,omitempty"`
		ValueString   string `json:"valueString,omitempty"`
		ValueDateTime string `json:"valueDateTime,omitempty"`
	}
	wireCoding struct {
		System string `json:"system,omitempty"`
		Code   string `json:"code"`
	}
	wireConcept struct {
		Coding []wireCoding `json:"coding"`
	}
	wireID struct {
		System string `json:"system"`
		Value  string `json:"value"`
	}
	wireRef struct {
		Reference  string  `json:"reference,omitempty"`
		Identifier *wireID `json:"identifier,omitempty"`
	}
	wirePolicy struct {
		URI string `json:"uri"`
	}
	wireVerify struct {
		Extension        []wireExt `json:"extension,omitempty"`
		Verified         bool      `json:"verified"`
		VerifiedWith     wireRef   `json:"verifiedWith"`
		VerificationDate string    `json:"verificationDate"`
	}
	wirePeriod struct {
		Start string `json:"start,omitempty"`
		End   string `json:"end,omitempty"`
	}
	wireActor struct {
		Role      wireConcept `json:"role"`
		Reference wireRef     `json:"reference"`
	}
	wireProvision struct {
		Type      string          `json:"type,omitempty"`
		Period    *wirePeriod     `json:"period,omitempty"`
		Actor     []wireActor     `json:"actor,omitempty"`
		Purpose   []wireCoding    `json:"purpose,omitempty"`
		Code      []wireConcept   `json:"code,omitempty"`
		Provision []wireProvision `json:"provision,omitempty"`
	}
)

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func concept(system, code string) wireConcept { return wireConcept{[]wireCoding{{system, code}}} }

func actor(role, system, value string) wireActor {
	return wireActor{Role: concept(systemParticipation, role), Reference: wireRef{Identifier: &wireID{system, value}}}
}

// ToFHIR writes a consent as a FHIR R4 Consent.
func ToFHIR(c care.Consent) (fhir.Resource, error) {
	yes := c.Voluntary
	w := wire{ResourceType: "Consent", ID: c.ID, Language: c.Language, Status: string(c.Status), DateTime: instant(c.Changed),
		Scope: concept(systemScope, "patient-privacy"), Category: []wireConcept{concept(systemActCode, "INFA")}, Patient: wireRef{Reference: "Patient/" + string(c.Person)},
		Extension: []wireExt{{URL: extensionVoluntary, ValueBoolean: &yes}}}
	if c.Version > 0 {
		w.Meta = &wireMeta{strconv.Itoa(c.Version)}
	}
	if c.ChangedBy != "" {
		w.Extension = append(w.Extension, wireExt{URL: extensionChangedBy, ValueString: c.ChangedBy})
	}
	w.Policy = []wirePolicy{{policyText + c.TextVersion}}
	p := wireProvision{Type: "permit"}
	if !c.From.IsZero() || !c.Until.IsZero() {
		p.Period = &wirePeriod{instant(c.From), instant(c.Until)}
	}
	for _, s := range c.Origins {
		p.Actor = append(p.Actor, actor("CST", SystemService, string(s)))
	}
	for _, r := range c.Receivers {
		// A receiver that is described by several marks is several actors in one nested permit.
		var marks []wireActor
		for _, m := range [][2]string{{SystemRole, string(r.Role)}, {SystemService, string(r.Service)}, {SystemViewer, r.Viewer}} {
			if m[1] != "" {
				marks = append(marks, actor("IRCP", m[0], m[1]))
			}
		}
		p.Provision = append(p.Provision, wireProvision{Type: "permit", Actor: marks})
	}
	if c.Purpose != "" {
		p.Purpose = []wireCoding{{systemActReason, string(c.Purpose)}}
	}
	for _, t := range c.Topics {
		p.Code = append(p.Code, concept(SystemTopic, t))
	}
	for _, t := range c.ExceptTopics {
		p.Provision = append(p.Provision, wireProvision{Type: "deny", Code: []wireConcept{concept(SystemTopic, t)}})
	}
	for _, v := range c.ExceptViewers {
		p.Provision = append(p.Provision, wireProvision{Type: "deny", Actor: []wireActor{actor("IRCP", SystemViewer, v)}})
	}
	w.Provision = p
	for _, s := range c.Signatures {
		v := wireVerify{Verified: s.Withdrawn.IsZero(), VerifiedWith: wireRef{Identifier: &wireID{SystemSigner, s.Signer}}, VerificationDate: instant(s.At),
			Extension: []wireExt{{URL: extensionParty, ValueCode: string(s.Party)}}}
		if s.How != "" {
			v.Extension = append(v.Extension, wireExt{URL: extensionHow, ValueCode: s.How})
		}
		if s.Recorder != "" {
			v.Extension = append(v.Extension, wireExt{URL: extensionRecorder, ValueString: s.Recorder})
		}
		if !s.Withdrawn.IsZero() {
			v.Extension = append(v.Extension, wireExt{URL: extensionWithdrawn, ValueDateTime: instant(s.Withdrawn)})
		}
		w.Verification = append(w.Verification, v)
	}
	b, err := json.Marshal(w)
	if err != nil {
		return fhir.Resource{}, fmt.Errorf("write a consent: %w", err)
	}
	return fhir.Resource{Type: "Consent", ID: c.ID, Body: b}, nil
}

// FromFHIR reads what a Consent asks for: the services, topics, purpose, receivers, period,
// text and language. What only Samsyn may say (version, who changed it, signatures) is
// read by ReadAll alone. Errors wrap care.ErrInvalid and show no value.
func FromFHIR(body []byte) (care.Consent, error) {
	c, err := ReadAll(body)
	if err != nil {
		return care.Consent{}, err
	}
	c.Version, c.Changed, c.ChangedBy, c.Signatures = 0, time.Time{}, "", nil
	return c, nil
}

// ReadAll reads all that ToFHIR writes.
func ReadAll(body []byte) (care.Consent, error) {
	r, err := fhir.Parse(body)
	if err != nil {
		return care.Consent{}, fmt.Errorf("read a consent: %w: %w", care.ErrInvalid, err)
	}
	if faults := fhir.Errors(fhir.Validate(r)); len(faults) > 0 {
		return care.Consent{}, fmt.Errorf("read a consent: %s: %w", faults[0].Path, care.ErrInvalid)
	}
	var w wire
	if err := json.Unmarshal(r.Body, &w); err != nil || w.ResourceType != "Consent" {
		return care.Consent{}, fmt.Errorf("read a consent: it is none: %w", care.ErrInvalid)
	}
	in := reading{}
	c := care.Consent{ID: w.ID, Language: w.Language, Status: care.ConsentStatus(w.Status), Changed: in.time(w.DateTime, "dateTime")}
	if w.Meta != nil && w.Meta.VersionID != "" {
		if c.Version, err = strconv.Atoi(w.Meta.VersionID); err != nil {
			in.fault("meta.versionId")
		}
	}
	typ, id, ok := fhir.SplitReference(w.Patient.Reference)
	if !ok || typ != "Patient" {
		in.fault("patient.reference")
	}
	c.Person = care.PersonID(id)
	if len(w.Scope.Coding) != 1 || w.Scope.Coding[0] != (wireCoding{systemScope, "patient-privacy"}) {
		in.fault("scope")
	}
	for _, e := range w.Extension {
		switch e.URL {
		case extensionVoluntary:
			c.Voluntary = e.ValueBoolean != nil && *e.ValueBoolean
		case extensionChangedBy:
			c.ChangedBy = e.ValueString
		}
	}
	if len(w.Policy) != 1 || len(w.Policy[0].URI) < len(policyText) || w.Policy[0].URI[:len(policyText)] != policyText {
		in.fault("policy.uri")
	} else {
		c.TextVersion = w.Policy[0].URI[len(policyText):]
	}
	in.provision(w.Provision, &c)
	for i, v := range w.Verification {
		c.Signatures = append(c.Signatures, in.signature(v, fmt.Sprintf("verification[%d]", i)))
	}
	if in.first != "" {
		return care.Consent{}, fmt.Errorf("read a consent: %s: not as this server reads it (docs/access.md): %w", in.first, care.ErrInvalid)
	}
	return c, nil
}

// reading keeps the first element that could not be read.
type reading struct{ first string }

func (in *reading) fault(path string) {
	if in.first == "" {
		in.first = path
	}
}

func (in *reading) time(s, path string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		in.fault(path)
	}
	return t.UTC()
}

func (in *reading) provision(p wireProvision, c *care.Consent) {
	if p.Type != "permit" {
		in.fault("provision.type")
	}
	if p.Period != nil {
		c.From, c.Until = in.time(p.Period.Start, "provision.period.start"), in.time(p.Period.End, "provision.period.end")
	}
	for _, a := range p.Actor {
		role, id := in.actor(a, "provision.actor")
		if role != "CST" || id.System != SystemService || !care.Service(id.Value).Valid() {
			in.fault("provision.actor")
		}
		c.Origins = append(c.Origins, care.Service(id.Value))
	}
	switch {
	case len(p.Purpose) == 1 && p.Purpose[0].System == systemActReason:
		c.Purpose = care.Purpose(p.Purpose[0].Code)
	case len(p.Purpose) > 0:
		in.fault("provision.purpose")
	}
	c.Topics = in.topics(p.Code, "provision.code")
	for _, n := range p.Provision {
		in.nested(n, c)
	}
}

func (in *reading) nested(p wireProvision, c *care.Consent) {
	const path = "provision.provision"
	if len(p.Provision) > 0 || p.Period != nil || len(p.Purpose) > 0 {
		in.fault(path)
	}
	switch {
	case p.Type == "deny" && len(p.Code) > 0 && len(p.Actor) == 0:
		c.ExceptTopics = append(c.ExceptTopics, in.topics(p.Code, path+".code")...)
	case p.Type == "deny" && len(p.Actor) == 1 && len(p.Code) == 0:
		role, id := in.actor(p.Actor[0], path+".actor")
		if role != "IRCP" || id.System != SystemViewer {
			in.fault(path + ".actor")
		}
		c.ExceptViewers = append(c.ExceptViewers, id.Value)
	case p.Type == "permit" && len(p.Actor) > 0 && len(p.Code) == 0:
		var r care.Receiver
		for _, a := range p.Actor {
			role, id := in.actor(a, path+".actor")
			switch {
			case role != "IRCP":
				in.fault(path + ".actor.role")
			case id.System == SystemRole && r.Role == "" && slices.Contains(care.Roles(), care.Role(id.Value)):
				r.Role = care.Role(id.Value)
			case id.System == SystemService && r.Service == "" && care.Service(id.Value).Valid():
				r.Service = care.Service(id.Value)
			case id.System == SystemViewer && r.Viewer == "":
				r.Viewer = id.Value
			default:
				in.fault(path + ".actor.reference")
			}
		}
		c.Receivers = append(c.Receivers, r)
	default:
		in.fault(path)
	}
}

func (in *reading) actor(a wireActor, path string) (role string, id wireID) {
	if len(a.Role.Coding) != 1 || a.Role.Coding[0].System != systemParticipation || a.Reference.Identifier == nil || a.Reference.Identifier.Value == "" {
		in.fault(path)
		return "", wireID{}
	}
	return a.Role.Coding[0].Code, *a.Reference.Identifier
}

func (in *reading) topics(codes []wireConcept, path string) []string {
	var out []string
	for _, k := range codes {
		if len(k.Coding) != 1 || k.Coding[0].System != SystemTopic || k.Coding[0].Code == "" {
			in.fault(path)
			continue
		}
		out = append(out, k.Coding[0].Code)
	}
	return out
}

func (in *reading) signature(v wireVerify, path string) care.Signature {
	s := care.Signature{At: in.time(v.VerificationDate, path+".verificationDate")}
	if v.VerifiedWith.Identifier == nil || v.VerifiedWith.Identifier.System != SystemSigner {
		in.fault(path + ".verifiedWith")
	} else {
		s.Signer = v.VerifiedWith.Identifier.Value
	}
	for _, e := range v.Extension {
		switch e.URL {
		case extensionParty:
			s.Party = care.Party(e.ValueCode)
		case extensionHow:
			s.How = e.ValueCode
		case extensionRecorder:
			s.Recorder = e.ValueString
		case extensionWithdrawn:
			s.Withdrawn = in.time(e.ValueDateTime, path+".extension")
		}
	}
	if !s.Party.Valid() {
		in.fault(path + ".extension")
	}
	if v.Verified != s.Withdrawn.IsZero() {
		in.fault(path + ".verified")
	}
	return s
}

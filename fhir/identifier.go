package fhir

import (
	"strings"

	models "github.com/samply/golang-fhir-models/fhir-models/fhir"
)

// The identifier systems of Norway (HL7 Norway no-basis 2.2; OIDs of Norsk helsenett and
// Helsedirektoratet).
const (
	SystemFNR  = "urn:oid:2.16.578.1.12.4.1.4.1"   // fødselsnummer
	SystemDNR  = "urn:oid:2.16.578.1.12.4.1.4.2"   // D-nummer
	SystemFHN  = "urn:oid:2.16.578.1.12.4.1.4.3"   // felles hjelpenummer
	SystemHPR  = "urn:oid:2.16.578.1.12.4.1.4.4"   // helsepersonellnummer
	SystemDUF  = "urn:oid:2.16.578.1.12.4.1.4.5"   // number of the immigration authorities
	SystemENH  = "urn:oid:2.16.578.1.12.4.1.4.101" // organisation number
	SystemRESH = "urn:oid:2.16.578.1.12.4.1.4.102" // unit of the specialist health service
	SystemHER  = "urn:oid:2.16.578.1.12.4.1.2"     // address register
)

// identifierSystem is what no-basis and the registers say of one system.
type identifierSystem struct {
	short   string
	uri     string
	aliases []string            // other spellings in use
	person  bool                // numbers a person as such, one national number each
	form    func(s string) bool // the value's form; check digits are internal/identity's
	explain string
	holders string // resources that may bear it
}

// identifierSystems is no-basis' NamingSystems as data. no-basis publishes both an OID
// and a URL of each; sources also write the bare OID.
var identifierSystems = []identifierSystem{
	{"FNR", SystemFNR, []string{"http://hl7.no/fhir/NamingSystem/FNR"}, true, digits(11, 11), "11 digits", "Patient Person RelatedPerson Practitioner"},
	{"DNR", SystemDNR, []string{"http://hl7.no/fhir/NamingSystem/DNR"}, true, digits(11, 11), "11 digits", "Patient Person RelatedPerson Practitioner"},
	{"FHN", SystemFHN, []string{"http://hl7.no/fhir/NamingSystem/FHNR", "http://hl7.no/fhir/NamingSystem/FHN"}, true, digits(11, 11), "11 digits", "Patient Person RelatedPerson"},
	{"HPR", SystemHPR, []string{"http://hl7.no/fhir/NamingSystem/HPR"}, false, digits(1, 9), "up to 9 digits", "Practitioner PractitionerRole Person"},
	{"DUF", SystemDUF, []string{"http://hl7.no/fhir/NamingSystem/DUFN", "http://hl7.no/fhir/NamingSystem/DUF"}, true, digits(12, 12), "12 digits", "Patient Person RelatedPerson"},
	{"ENH", SystemENH, []string{"http://hl7.no/fhir/NamingSystem/ENH"}, false, digits(9, 9), "9 digits", "Organization HealthcareService Location"},
	{"RESH", SystemRESH, []string{"http://hl7.no/fhir/NamingSystem/RESH"}, false, digits(1, 12), "up to 12 digits", "Organization HealthcareService Location"},
	{"HER", SystemHER, []string{"http://hl7.no/fhir/NamingSystem/HER"}, false, digits(1, 12), "up to 12 digits", "Organization HealthcareService Location Practitioner PractitionerRole"},
}

func digits(least, most int) func(string) bool {
	return func(s string) bool { return len(s) >= least && len(s) <= most && allDigits(s) }
}

// findSystem finds a system by URI, bare OID, URL or short name.
func findSystem(s string) (*identifierSystem, bool) {
	for i := range identifierSystems {
		k := &identifierSystems[i]
		if s == k.uri || s == k.short || s == strings.TrimPrefix(k.uri, "urn:oid:") {
			return k, true
		}
		for _, a := range k.aliases {
			if s == a {
				return k, true
			}
		}
	}
	return nil, false
}

// CanonicalSystem gives the one URI that we write for an identifier system: short names
// ("FNR"), bare OIDs and no-basis' URLs become urn:oid; others are given back as they are.
func CanonicalSystem(s string) string {
	if k, ok := findSystem(s); ok {
		return k.uri
	}
	return s
}

// SystemName gives the short name of a known system ("FNR", "HPR"), else "".
func SystemName(system string) string {
	if k, ok := findSystem(system); ok {
		return k.short
	}
	return ""
}

// IsNational tells whether a system numbers persons: FNR, DNR, FHN, DUF. Such values
// never stand in a key, id, log line, message or URL.
func IsNational(system string) bool {
	k, ok := findSystem(system)
	return ok && k.person
}

// Identifier makes an identifier with the canonical system.
func Identifier(system, value string) models.Identifier {
	system = CanonicalSystem(system)
	return models.Identifier{System: &system, Value: &value}
}

// EquivalentIdentifiers tells whether two identifiers mean the same: the same system in
// any spelling and the same value but for white space. One without system or value is
// equivalent to none.
func EquivalentIdentifiers(a, b models.Identifier) bool {
	if a.System == nil || b.System == nil || a.Value == nil || b.Value == nil {
		return false
	}
	value := identifierValue(*a.Value)
	return value != "" && value == identifierValue(*b.Value) && *a.System != "" && CanonicalSystem(*a.System) == CanonicalSystem(*b.System)
}

func identifierValue(s string) string { return strings.Join(strings.Fields(s), "") }

// FindIdentifier gives the value of the first identifier of a system, in any spelling.
func FindIdentifier(ids []models.Identifier, system string) (string, bool) {
	system = CanonicalSystem(system)
	for _, id := range ids {
		if id.System != nil && id.Value != nil && CanonicalSystem(*id.System) == system {
			return *id.Value, true
		}
	}
	return "", false
}

package care

import (
	"bytes"
	"encoding/json"

	"samsyn/fhir"
)

// AddressLevel is how protected a person's address is (Folkeregisteret, adressebeskyttelse).
type AddressLevel int

// The levels, the highest last.
const (
	AddressOpen             AddressLevel = iota // ugradert
	AddressKlient                               // klientadresse
	AddressFortrolig                            // fortrolig (code 7)
	AddressStrengtFortrolig                     // strengt fortrolig (code 6)
)

// Hidden tells whether nothing may be shown from which the address can be inferred.
func (a AddressLevel) Hidden() bool { return a >= AddressFortrolig }

// Marks is what decides about a resource beside its service, as bits that SQL can ask
// for: the person's address level as the resource says it, the labels of meta.security,
// and whether it was entered in error.
type Marks uint32

// The two lowest bits are an AddressLevel; the others are these.
const (
	addressBits    Marks = 3
	MarkThirdParty Marks = 1 << (iota + 1) // about, or told by, somebody else than the child
	MarkInError                            // entered-in-error
	MarkRestricted                         // confidentiality R
	MarkVery                               // confidentiality V
	MarkPsychiatry                         // PSY, MH
	MarkSubstance                          // ETH, SUD, ALC, OPIOIDUD
	MarkSexual                             // SEX, STD, HIV, PREGNANT
	MarkViolence                           // SDV, DV, CHILDABUSE
	MarkNotifier                           // a notifier (melder) is named
	MarkUnknown                            // a label that nobody knows: most restrictive
)

// AllMarks has every bit but the address level.
const AllMarks = MarkThirdParty | MarkInError | MarkRestricted | MarkVery | MarkPsychiatry | MarkSubstance | MarkSexual | MarkViolence | MarkNotifier | MarkUnknown

// Systems of labels.
const (
	SystemConfidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	SystemActCode         = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	// SystemAddress: ugradert, klientadresse, fortrolig, strengt-fortrolig.
	SystemAddress = "urn:samsyn:adressegradering"
	// SystemMark: third-party, notifier.
	SystemMark = "urn:samsyn:merke"
)

// labels is every label that is known, by system and code. A label of these systems that
// does not stand here, and one of another system that is not silent, is MarkUnknown.
var labels = map[string]map[string]Marks{
	SystemConfidentiality: {"U": 0, "L": 0, "M": 0, "N": 0, "R": MarkRestricted, "V": MarkVery},
	SystemActCode: {"PSY": MarkPsychiatry, "MH": MarkPsychiatry, "PSYTHPN": MarkPsychiatry, "ETH": MarkSubstance, "ETHUD": MarkSubstance, "SUD": MarkSubstance,
		"ALC": MarkSubstance, "OPIOIDUD": MarkSubstance, "SEX": MarkSexual, "STD": MarkSexual, "HIV": MarkSexual, "PREGNANT": MarkSexual,
		"SDV": MarkViolence, "DV": MarkViolence, "VIO": MarkViolence, "CHILDABUSE": MarkViolence},
	SystemAddress: {"ugradert": Marks(AddressOpen), "klientadresse": Marks(AddressKlient), "fortrolig": Marks(AddressFortrolig), "strengt-fortrolig": Marks(AddressStrengtFortrolig)},
	SystemMark:    {"third-party": MarkThirdParty, "notifier": MarkNotifier | MarkThirdParty},
}

// silent systems give labels that say something else than how confidential it is, or say
// it once more in the source's own words beside one of the systems above.
var silent = map[string]bool{
	"urn:samsyn:tilgangsrestriksjon": true, "urn:samsyn:gradering": true, "urn:samsyn:tilgangsgruppe": true,
	"http://terminology.hl7.org/CodeSystem/v3-ObservationValue": true, "http://terminology.hl7.org/CodeSystem/v3-ActReason": true,
}

// Address gives the address level among the marks.
func (m Marks) Address() AddressLevel { return AddressLevel(m & addressBits) }

// Labels gives the marks without the address level.
func (m Marks) Labels() Marks { return m &^ addressBits }

// With adds other marks: every label of both, and the higher address level.
func (m Marks) With(o Marks) Marks {
	return m.Labels() | o.Labels() | max(m&addressBits, o&addressBits)
}

// Labelled tells whether a resource may have labels, without decoding it: the word stands in
// it, or something is written by its number, which may be a letter of that word.
func Labelled(r fhir.Resource) bool {
	return bytes.Contains(r.Body, []byte(`"security"`)) || bytes.Contains(r.Body, []byte(`\u`))
}

// MarksOf reads a resource's marks. Labels of what it contains count too, and a resource
// that cannot be read has MarkUnknown.
func MarksOf(r fhir.Resource) Marks {
	// Most resources have neither, and are not decoded for it.
	if !Labelled(r) && !bytes.Contains(r.Body, []byte(`"entered-in-error"`)) {
		return 0
	}
	type head struct {
		Meta struct {
			Security []struct {
				System string `json:"system"`
				Code   string `json:"code"`
			} `json:"security"`
		} `json:"meta"`
		Status             any    `json:"status"`
		VerificationStatus any    `json:"verificationStatus"`
		LifecycleStatus    string `json:"lifecycleStatus"`
	}
	var whole struct {
		head
		Contained []head `json:"contained"`
	}
	if json.Unmarshal(r.Body, &whole) != nil {
		return MarkUnknown
	}
	var m Marks
	for _, h := range append(whole.Contained, whole.head) {
		for _, l := range h.Meta.Security {
			known, ok := labels[l.System][l.Code]
			switch {
			case ok:
				m = m.With(known)
			case !silent[l.System]:
				m |= MarkUnknown
			}
		}
		text, _ := json.Marshal([]any{h.Status, h.VerificationStatus, h.LifecycleStatus})
		if bytes.Contains(text, []byte(`"entered-in-error"`)) {
			m |= MarkInError
		}
	}
	return m
}

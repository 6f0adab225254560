package consolidate

import (
	"encoding/json"
	"strings"
)

// The structs below are our own narrow reading of the resources. Generated FHIR
// structs fail a whole resource on one unknown code and lose contained; here codes
// are plain strings and an element of an unexpected type is left out alone.

type coding struct{ System, Code, Display string }

type concept struct {
	Coding []coding
	Text   string
}

type identifier struct{ System, Value string }

type reference struct {
	Reference, Type, Display string
	Identifier               *identifier
}

type extension struct {
	URL                  string
	ValueString          string
	ValueDate            Moment
	ValueDateTime        Moment
	ValueCodeableConcept concept
}

type note struct {
	AuthorReference *reference
	Text            string
}

// head is what all resources have.
type head struct {
	Status     string
	Identifier []identifier
	Extension  []extension
	Contained  []json.RawMessage
}

type carePlan struct {
	head
	Intent         string
	Category       []concept
	Title          string
	Description    string
	Period         Period
	Created        Moment
	Author         *reference
	Goal           []reference
	SupportingInfo []reference
	Note           []note
	Activity       []struct {
		Reference *reference
		Detail    *struct {
			Code            concept
			Status          string
			Description     string
			ScheduledPeriod Period
			Performer       []reference
		}
	}
}

type careTeam struct {
	head
	Period      Period
	Participant []struct {
		Role       []concept
		Member     reference
		OnBehalfOf *reference
		Period     Period
	}
}

type goal struct {
	head
	LifecycleStatus   string
	AchievementStatus concept
	Description       concept
	StartDate         Moment
	Target            []struct{ DueDate Moment }
	ExpressedBy       *reference
}

type serviceRequest struct {
	head
	Intent           string
	Category         []concept
	Code             concept
	AuthoredOn       Moment
	OccurrencePeriod Period
	Requester        *reference
	Performer        []reference
	ReasonCode       []concept
	SupportingInfo   []reference
	BasedOn          []reference
	Note             []note
}

type episode struct {
	head
	Type                 []concept
	Period               Period
	ManagingOrganization *reference
	CareManager          *reference
	ReferralRequest      []reference
}

type encounter struct {
	head
	Type            []concept
	ServiceType     concept
	Period          Period
	ServiceProvider *reference
	Appointment     []reference
	BasedOn         []reference
	Participant     []struct{ Individual *reference }
	Location        []struct{ Location reference }
}

type appointment struct {
	head
	AppointmentType concept
	ServiceType     []concept
	Description     string
	Start, End      Moment
	BasedOn         []reference
	Participant     []struct{ Actor *reference }
}

type communication struct {
	head
	Category             []concept
	Topic                concept
	Sent, Received       Moment
	Sender               *reference
	Recipient            []reference
	PartOf, InResponseTo []reference
	Payload              []struct {
		ContentString    string
		ContentReference *reference
	}
}

type documentReference struct {
	head
	Type        concept
	Date        Moment
	Description string
	Author      []reference
	Custodian   *reference
	Content     []struct {
		Attachment struct {
			Title    string
			Creation Moment
		}
	}
	Context struct{ Encounter, Related []reference }
}

type patient struct {
	head
	BirthDate string
	Name      []humanName
}

type humanName struct {
	Use, Text, Family string
	Given             []string
}

func (n humanName) String() string {
	if n.Text != "" {
		return n.Text
	}
	return strings.TrimSpace(strings.Join(n.Given, " ") + " " + n.Family)
}

type relatedPerson struct {
	head
	Active       *bool
	Relationship []concept
	Period       Period
}

// anything is a resource that has no room of its own in the overview.
type anything struct {
	head
	Code              concept
	Type              json.RawMessage
	RecordedDate      Moment
	Date              Moment
	EffectiveDateTime Moment
	Name              json.RawMessage
	Telecom           []struct{ System, Value string }
}

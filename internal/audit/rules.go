package audit

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"time"

	"gopkg.in/yaml.v3"

	"samsyn/internal/care"
)

//go:embed snooping.yaml
var shippedRules []byte

// Rules are the limits beyond which the log looks like snooping (snooping.yaml tells what
// each means). A rule that is left out of a file finds nothing.
type Rules struct {
	Version string `yaml:"version"`
	Hours   struct {
		From  clock `yaml:"from"`
		Until clock `yaml:"until"`
	} `yaml:"hours"`
	MassBrowsing *struct {
		Within  time.Duration `yaml:"within"`
		Persons int           `yaml:"persons"`
	} `yaml:"mass-browsing"`
	NoRelation *struct {
		Roles []care.Role `yaml:"roles"`
		Opens int         `yaml:"opens"`
	} `yaml:"no-relation"`
	RepeatedDenials *struct {
		Within  time.Duration `yaml:"within"`
		Persons int           `yaml:"persons"`
	} `yaml:"repeated-denials"`
	SelfMadeBasis *struct {
		Within time.Duration `yaml:"within"`
	} `yaml:"self-made-basis"`
	OutsideHours *struct {
		Persons  int            `yaml:"persons"`
		Nights   int            `yaml:"nights"`
		Within   time.Duration  `yaml:"within"`
		OnDuty   []care.Service `yaml:"on-duty"`
		Purposes []care.Purpose `yaml:"purposes"`
	} `yaml:"outside-hours"`
	OwnFamily *struct {
		Opens int `yaml:"opens"`
	} `yaml:"own-family"`
	SameSurname *struct {
		Share    float64 `yaml:"share"`
		Children int     `yaml:"children"`
	} `yaml:"same-surname"`
	ColleaguesChild *struct {
		Decided time.Duration `yaml:"decided"`
	} `yaml:"colleagues-child"`
	BreakGlassHabit *struct {
		Within time.Duration `yaml:"within"`
		Times  int           `yaml:"times"`
	} `yaml:"break-glass-habit"`
	AppointmentEnd *struct {
		Before   time.Duration `yaml:"before"`
		Opens    int           `yaml:"opens"`
		After    time.Duration `yaml:"after"`
		Attempts int           `yaml:"attempts"`
	} `yaml:"appointment-end"`
	IDGuessing *struct {
		Within time.Duration `yaml:"within"`
		IDs    int           `yaml:"ids"`
	} `yaml:"id-guessing"`
	UnusualMany *struct {
		Persons int     `yaml:"persons"`
		Own     float64 `yaml:"own"`
		Peers   float64 `yaml:"peers"`
		Weeks   int     `yaml:"weeks"`
	} `yaml:"unusual-many"`
	SameChild *struct {
		Within time.Duration `yaml:"within"`
		Opens  int           `yaml:"opens"`
	} `yaml:"same-child"`
	ManyExports *struct {
		Within  time.Duration `yaml:"within"`
		Persons int           `yaml:"persons"`
	} `yaml:"many-exports"`
}

// clock is a time of day in minutes after midnight, written "06:00".
type clock int

// UnmarshalYAML reads "06:00".
func (c *clock) UnmarshalYAML(n *yaml.Node) error {
	t, err := time.Parse("15:04", n.Value)
	if err != nil {
		return fmt.Errorf("line %d: a time of day is written as 06:00", n.Line)
	}
	*c = clock(t.Hour()*60 + t.Minute())
	return nil
}

// maxRules bounds a file of rules in bytes.
const maxRules = 1 << 20

// LoadRules reads a file of rules. The error wraps care.ErrInvalid and tells every limit
// that makes no sense.
func LoadRules(file []byte) (*Rules, error) {
	if len(file) > maxRules {
		return nil, fmt.Errorf("%w: the rules of snooping are too large", care.ErrInvalid)
	}
	d := yaml.NewDecoder(bytes.NewReader(file))
	d.KnownFields(true)
	var r Rules
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("%w: the rules of snooping: %w", care.ErrInvalid, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: the rules of snooping are one document", care.ErrInvalid)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return &r, nil
}

// ShippedRules gives the rules that Samsyn is delivered with.
func ShippedRules() (*Rules, error) { return LoadRules(shippedRules) }

func (r *Rules) check() error {
	var faults []error
	need := func(rule string, ok bool) {
		if !ok {
			faults = append(faults, fmt.Errorf("%w: the rules of snooping: %s: a limit is missing or not above nothing", care.ErrInvalid, rule))
		}
	}
	need("version", r.Version != "")
	need("hours", r.Hours.From < r.Hours.Until)
	if x := r.MassBrowsing; x != nil {
		need("mass-browsing", x.Within > 0 && x.Persons > 1)
	}
	if x := r.NoRelation; x != nil {
		need("no-relation", len(x.Roles) > 0 && x.Opens > 0)
	}
	if x := r.RepeatedDenials; x != nil {
		need("repeated-denials", x.Within > 0 && x.Persons > 1)
	}
	if x := r.SelfMadeBasis; x != nil {
		need("self-made-basis", x.Within > 0)
	}
	if x := r.OutsideHours; x != nil {
		need("outside-hours", x.Within > 0 && x.Persons > 0 && x.Nights > 0)
	}
	if x := r.OwnFamily; x != nil {
		need("own-family", x.Opens > 0)
	}
	if x := r.SameSurname; x != nil {
		need("same-surname", x.Share > 0 && x.Share <= 1 && x.Children > 0)
	}
	if x := r.ColleaguesChild; x != nil {
		need("colleagues-child", x.Decided >= 0)
	}
	if x := r.BreakGlassHabit; x != nil {
		need("break-glass-habit", x.Within > 0 && x.Times > 1)
	}
	if x := r.AppointmentEnd; x != nil {
		need("appointment-end", x.Before > 0 && x.Opens > 0 && x.After > 0 && x.Attempts > 0)
	}
	if x := r.IDGuessing; x != nil {
		need("id-guessing", x.Within > 0 && x.IDs > 1)
	}
	if x := r.UnusualMany; x != nil {
		need("unusual-many", x.Persons > 1 && x.Own >= 1 && x.Peers >= 1 && x.Weeks > 0)
	}
	if x := r.SameChild; x != nil {
		need("same-child", x.Within > 0 && x.Opens > 1)
	}
	if x := r.ManyExports; x != nil {
		need("many-exports", x.Within > 0 && x.Persons > 0)
	}
	return errors.Join(faults...)
}

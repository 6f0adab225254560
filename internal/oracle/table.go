package oracle

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"samsyn/internal/care"
)

// Oracle is the table as it is read here. It does not change.
type Oracle struct {
	table table
	zone  *time.Location
}

// table is the file, word for word.
type table struct {
	Version string
	Regimes map[string]struct {
		Law      string
		Services []string
	}
	Topics    map[string][]string
	Always    []string
	Ages      []ages
	Adult     int
	Roles     map[string]role
	Guardians struct {
		Codes []string
		One   bool `yaml:"one-at-the-childs-address"`
	}
	Bases      []base
	Fields     map[string]map[string][]string
	Rules      []rule
	BreakGlass struct {
		HPR     bool
		Duty    []string
		Minutes int
		Reason  int
		Codes   []string
	} `yaml:"break-glass"`
	Markers []struct {
		Origins []string
		Known   string
	}
	Address struct {
		Fields map[string][]string
		Codes  map[string]map[string]string
	}
}

// days are the first and the last day of a row, YYYY-MM-DD; "" is open.
type days struct {
	From  string `yaml:"gyldigFra"`
	Until string `yaml:"gyldigTil"`
}

func (d days) on(day string) bool {
	return (d.From == "" || d.From <= day) && (d.Until == "" || day <= d.Until)
}

type ages struct {
	days     `yaml:",inline"`
	Services []string
	Law      string
	Child    struct{ Limited, Full int }
	Guardian struct{ Limited, None int }
	Consent  struct {
		Heard, Weight, Child, Guardians int
		One                             bool `yaml:"one-is-enough"`
	}
}

type role struct {
	Level     int
	Tenant    string
	Relations []string
	Purposes  []string
	Clearance []string
	Own       string
}

type base struct {
	days      `yaml:",inline"`
	Code      string
	Law       string
	Text      string
	Given     string
	Needs     []string
	MaxDays   int `yaml:"max-days"`
	Origins   []string
	To        []string
	Relations []string
	Own       bool
	Objection bool
	Shares    string
}

type rule struct {
	Roles     []string
	Basis     string
	WorksIn   []string `yaml:"works-in"`
	Stage     string
	Origins   []string
	Purposes  []string
	Clearance []string
	Fields    string
}

// Read reads the table. zone is where its days are counted.
func Read(b []byte, zone *time.Location) (*Oracle, error) {
	o := &Oracle{zone: zone}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true) // a word that is not understood here may change what the others mean
	if err := d.Decode(&o.table); err != nil {
		return nil, fmt.Errorf("read the table: %w: %w", care.ErrInvalid, err)
	}
	return o, nil
}

// covers tells whether a list of regimes and services has the service.
func (o *Oracle) covers(list []string, s care.Service) bool {
	return s != "" && slices.ContainsFunc(list, func(n string) bool {
		return n == string(s) || slices.Contains(o.table.Regimes[n].Services, string(s))
	})
}

// marksOf gives the marks that words of a clearance name.
func marksOf(names []string) (m care.Marks) {
	for _, n := range names {
		m |= map[string]care.Marks{"restricted": care.MarkRestricted, "very": care.MarkVery, "psychiatry": care.MarkPsychiatry,
			"substance": care.MarkSubstance, "sexual": care.MarkSexual, "violence": care.MarkViolence}[n]
	}
	return m
}

func (o *Oracle) day(at time.Time) string { return at.In(o.zone).Format(time.DateOnly) }

// turned tells whether one born on a day has turned so many years on another day, which
// is asked by whether the birthday has come. known is false where the day of birth is not.
func turned(born string, years int, day string) (has, known bool) {
	b, err := time.Parse(time.DateOnly, born)
	if err != nil || born > day {
		return false, false
	}
	// Go makes 29 February of a year that has none into 1 March, which is the table's rule too.
	birthday := time.Date(b.Year()+years, b.Month(), b.Day(), 0, 0, 0, 0, time.UTC)
	return birthday.Format(time.DateOnly) <= day, true
}

// ages gives the row of the age table for a service on a day.
func (o *Oracle) ages(s care.Service, day string) (ages, bool) {
	i := slices.IndexFunc(o.table.Ages, func(a ages) bool { return a.on(day) && o.covers(a.Services, s) })
	if i < 0 {
		return ages{}, false
	}
	return o.table.Ages[i], true
}

// stage gives how much the child or a guardian may see of a service: "full", "limited" or
// "none", by the child's age.
func (o *Oracle) stage(f care.Facts, s care.Service, at time.Time) string {
	a, ok := o.ages(s, o.day(at))
	if !ok {
		return "none"
	}
	has := func(years int) bool { h, _ := turned(f.Born, years, o.day(at)); return h }
	if _, known := turned(f.Born, 0, o.day(at)); !known {
		return "none"
	}
	switch guardian := f.Viewer.Role == care.RoleForesatt; {
	case guardian && has(a.Guardian.None), !guardian && !has(a.Child.Limited):
		return "none"
	case guardian && has(a.Guardian.Limited), !guardian && !has(a.Child.Full):
		return "limited"
	}
	return "full"
}

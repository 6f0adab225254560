package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"regexp"

	"samsyn/fhir"
)

// Option changes how a Set is loaded.
type Option func(*options)

type options struct{ profiles *fhir.Profiles }

// WithProfiles judges what the maps make by profiles too: an error refuses the record as
// R4's own rules do, a warning is counted in the Result. The maps' revisions change with
// the profiles, so that what is held is judged again.
func WithProfiles(p *fhir.Profiles) Option { return func(o *options) { o.profiles = p } }

// Warning is what a profile doubts in what a record makes, which is made all the same.
type Warning struct {
	Rule    string `json:"rule"`    // "kommune:service-start"
	Element string `json:"element"` // "EpisodeOfCare.period.start", without places in lists
	Line    int    `json:"line"`    // in the map, where the resource begins
	Message string `json:"message"`
	Count   int    `json:"count"`
}

var places = regexp.MustCompile(`\[\d+\]`)

// judge asks the profiles of a resource that is valid R4; count is as in invalid.
func (r *run) judge(typ string, v *value, count int) error {
	profiles := r.m.profiles
	if !profiles.Concern(typ) {
		return nil
	}
	issues := profiles.ValidateValue(typ, (*seen)(v))
	for i := range issues {
		if issues[i].Severity == fhir.Error {
			return r.invalid(v, &issues[i], count)
		}
	}
	for _, issue := range issues {
		r.warn(issue, lineOf(v))
	}
	return nil
}

func (r *run) warn(issue fhir.Issue, line int) {
	element := places.ReplaceAllString(issue.Path, "")
	for i := range r.warnings {
		if w := &r.warnings[i]; w.Rule == issue.Rule && w.Element == element && w.Line == line {
			w.Count++
			return
		}
	}
	r.warnings = append(r.warnings, Warning{issue.Rule, element, line, issue.Message, 1})
}

// seen is a made value as profiles look at it, without decoding what was just made.
type seen value

// Field gives a member of an object.
func (s *seen) Field(name string) fhir.Value {
	if s.kind == object {
		for i := range s.kids {
			if s.kids[i].name == name {
				return (*seen)(&s.kids[i])
			}
		}
	}
	return nil
}

// Len is the length of a list.
func (s *seen) Len() int {
	if s.kind == list {
		return len(s.kids)
	}
	return -1
}

// At gives an item of a list.
func (s *seen) At(i int) fhir.Value {
	if s.kids[i].kind == none {
		return nil
	}
	return (*seen)(&s.kids[i])
}

// Text gives a text.
func (s *seen) Text() string {
	if s.kind == text {
		return s.text
	}
	return ""
}

// Plain gives the value as encoding/json decodes it.
func (s *seen) Plain() any { return (*value)(s).plain() }

// judgedBy makes profiles part of a map and of its revision.
func (m *Map) judgedBy(p *fhir.Profiles) {
	if p.Revision() == "" {
		return
	}
	m.profiles = p
	sum := sha256.Sum256([]byte(m.revision + "\x00profiles\x00" + p.Revision()))
	m.revision = hex.EncodeToString(sum[:16])
}

// profilesDir is where a pin keeps the profiles beside maps/ and codes/.
const profilesDir = "profiles"

// pinnedProfiles loads the profiles of a pin; nil where it was made without any.
func pinnedProfiles(pin fs.FS) (*fhir.Profiles, error) {
	files, err := fs.Glob(pin, path.Join(profilesDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, err
	}
	sub, err := fs.Sub(pin, profilesDir)
	if err != nil {
		return nil, err
	}
	return fhir.LoadProfiles(sub)
}

package auth

import (
	"cmp"
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"samsyn/internal/care"
	"samsyn/internal/identity"
)

// Person is one entry of the directory: a viewer as the municipality says that she is, and
// how providers know her. Her role stands here and comes from no token.
type Person struct {
	Viewer   care.Viewer
	Subjects []Subject
}

// Subject is how a provider knows somebody: by its own name for her, or by her national
// number, of which the directory has the hash (NumberHash).
type Subject struct {
	Issuer string `yaml:"issuer"`
	Sub    string `yaml:"sub"`
	Number string `yaml:"number"`
}

// purposes are what each role asks for as a rule.
var purposes = map[care.Role]care.Purpose{
	care.RoleKoordinator: care.PurposeCOC, care.RoleKoordinerendeEnhet: care.PurposeHOPERAT, care.RoleTjenesteyter: care.PurposeTREAT,
	care.RoleBarn: care.PurposePATRQT, care.RoleForesatt: care.PurposeFAMRQT, care.RoleIntegrator: care.PurposeCOC,
	care.RoleRevisor: care.PurposeHOPERAT, care.RoleDrift: care.PurposeHOPERAT,
}

// PurposeOf is what a role asks for as a rule.
func PurposeOf(r care.Role) care.Purpose { return purposes[r] }

// NumberHash is the hash by which the directory of a store knows a national number.
func NumberHash(key []byte, n identity.Number) string {
	return hex.EncodeToString(hash(key, "directory", n.Digits()))
}

// find gives the one entry that is the proved person; ok is false where there is none, or
// more than one.
func (s *Service) find(p proved) (Person, bool) {
	var found []Person
	number := ""
	if p.number.Valid() {
		number = NumberHash(s.key, p.number)
	}
	for _, e := range s.Directory {
		for _, sub := range e.Subjects {
			named := sub.Sub != "" && sub.Issuer == p.Issuer && sub.Sub == p.Sub
			numbered := sub.Number != "" && number != "" && subtle.ConstantTimeCompare([]byte(strings.ToLower(sub.Number)), []byte(number)) == 1
			if named || numbered {
				found = append(found, e)
				break
			}
		}
	}
	if len(found) != 1 {
		return Person{}, false
	}
	return found[0], true
}

func (s *Service) entry(id string) (Person, bool) {
	for _, e := range s.Directory {
		if e.Viewer.ID == id {
			return e, true
		}
	}
	return Person{}, false
}

// viewer makes the viewer: what the directory says of her, and what was proved. The two
// must not disagree.
func (s *Service) viewer(e Person, p proved) (care.Viewer, error) {
	v := e.Viewer
	v.Tenant = cmp.Or(v.Tenant, s.Organisation)
	switch {
	case v.ID == "" || v.Role == "":
		return care.Viewer{}, no(ReasonUnknown, "the directory gives no role")
	case p.Parent != "" && p.Parent != v.Tenant:
		return care.Viewer{}, no(ReasonOrganisation, "acts for another organisation")
	case p.Child != "" && v.Unit != "" && p.Child != v.Unit:
		return care.Viewer{}, no(ReasonOrganisation, "acts for another unit")
	case p.HPR != "" && v.HPR != "" && p.HPR != v.HPR:
		return care.Viewer{}, no(ReasonHPR, "another HPR number")
	case p.HPR == "" && v.HPR != "" && kinds[p.Kind].hpr != "":
		return care.Viewer{}, no(ReasonHPR, "the provider says no HPR number")
	}
	v.Unit, v.HPR, v.Level = cmp.Or(v.Unit, p.Child), p.HPR, p.Level // an HPR number that nobody proved is none
	v.Purpose = cmp.Or(v.Purpose, purposes[v.Role])
	return v, nil
}

// The two ways in which family signs in: for herself, or as a guardian.
const (
	AsSelf     = "barn"
	AsGuardian = "foresatt"
)

// majority is the age from which somebody can be a guardian.
const majority = 18

// family makes the viewer of one who signs in as a child or guardian. She is known by her
// number alone, and only where a source has told of her.
func (s *Service) family(p proved, as string) (care.Viewer, error) {
	if p.Person == "" {
		return care.Viewer{}, no(ReasonUnknown, "nobody that we know of")
	}
	v := care.Viewer{ID: "person:" + string(p.Person), Name: p.Name, Person: p.Person, Level: p.Level, Tenant: s.Organisation}
	switch {
	case as == AsSelf:
		v.Role = care.RoleBarn
	case as == AsGuardian && p.Adult:
		v.Role = care.RoleForesatt
	default:
		return care.Viewer{}, no(ReasonUnknown, "cannot act in this way")
	}
	v.Purpose = purposes[v.Role]
	return v, nil
}

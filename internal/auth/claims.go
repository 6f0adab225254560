package auth

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"samsyn/internal/auth/jwt"
	"samsyn/internal/care"
	"samsyn/internal/identity"
)

// kind is what is particular to one sort of provider.
type kind struct {
	scopes []string
	acr    string // the level that is asked for
	// level are the claims that say how sure the provider is, each with the words that are
	// known. All that are there must be known; the lowest counts. The one named sure must be there.
	level map[string]map[string]int
	sure  string
	pid   string
	// The claims of health personnel and organisations; "" where the kind has none.
	hpr, parent, child string
	// details tells that organisations stand in authorization_details.
	details bool
	// family tells that children and guardians sign in here, and then nobody else.
	family bool
	// lowest is the lowest level that a configuration may ask for.
	lowest int
}

// kinds is the table of providers.
var kinds = map[string]kind{
	"helseid": {
		scopes: []string{"openid", "profile", "helseid://scopes/identity/pid", "helseid://scopes/identity/security_level", "helseid://scopes/identity/assurance_level", "helseid://scopes/hpr/hpr_number"},
		acr:    "Level4",
		level: map[string]map[string]int{
			"helseid://claims/identity/security_level":  {"3": 3, "4": 4},
			"helseid://claims/identity/assurance_level": {"substantial": 3, "high": 4},
		},
		sure: "helseid://claims/identity/security_level", pid: "helseid://claims/identity/pid", hpr: "helseid://claims/hpr/hpr_number",
		parent: "helseid://claims/client/claims/orgnr_parent", child: "helseid://claims/client/claims/orgnr_child", lowest: 3,
	},
	"ansattporten": {
		scopes: []string{"openid", "profile"}, acr: "high",
		level: map[string]map[string]int{"acr": {"substantial": 3, "high": 4, "ansattporten-loa-substantial": 3, "ansattporten-loa-high": 4}},
		sure:  "acr", pid: "pid", details: true, lowest: 3,
	},
	"idporten": {
		scopes: []string{"openid", "profile"}, acr: "idporten-loa-high",
		level: map[string]map[string]int{"acr": {"idporten-loa-substantial": 3, "idporten-loa-high": 4, "Level3": 3, "Level4": 4}},
		sure:  "acr", pid: "pid", family: true, lowest: 4, // Digdir's "høyt": guardians and youth see health data
	},
}

// proved is what a provider vouched for. It is kept sealed with the session; the number
// never is.
type proved struct {
	Provider string        `json:"provider"`
	Kind     string        `json:"kind"`
	Issuer   string        `json:"iss"`
	Sub      string        `json:"sub"`
	SID      string        `json:"sid,omitempty"`
	Name     string        `json:"name,omitempty"`
	HPR      string        `json:"hpr,omitempty"`
	Parent   string        `json:"parent,omitempty"`
	Child    string        `json:"child,omitempty"`
	Level    int           `json:"level"`
	Person   care.PersonID `json:"person,omitempty"`
	Adult    bool          `json:"adult,omitempty"`
	As       string        `json:"as,omitempty"`

	number identity.Number
}

// people reads what claims say of a person.
func people(k kind, c jwt.Claims, rules identity.Rules, now time.Time) (proved, error) {
	var p proved
	var err error
	if p.Sub, err = c.Text("sub"); err != nil {
		return p, no(ReasonAnswer, "%w", err)
	}
	if p.Level, err = levelOf(k, c); err != nil {
		return p, err
	}
	pid, err := c.Text(k.pid)
	if err != nil {
		return p, no(ReasonAnswer, "the person's number: %w", err)
	}
	if p.number, err = identity.Parse(pid, rules); err != nil {
		return p, no(ReasonAnswer, "the person's number is not valid")
	}
	p.Adult = adult(p.number, now)
	for _, o := range []struct {
		name string
		to   *string
	}{{"name", &p.Name}, {"sid", &p.SID}, {k.hpr, &p.HPR}, {k.parent, &p.Parent}, {k.child, &p.Child}} {
		if o.name == "" || !c.Has(o.name) {
			continue
		}
		one, err := c.List(o.name) // HelseID may give an HPR number alone or in a list
		if err != nil || len(one) != 1 {
			return p, no(ReasonAnswer, "%s says not one thing", o.name)
		}
		*o.to = one[0]
	}
	if k.details {
		if p.Parent, err = organisationOf(c); err != nil {
			return p, err
		}
	}
	return p, organisations(p)
}

// organisations checks the form of the numbers that were said.
func organisations(p proved) error {
	if p.HPR != "" {
		if _, err := identity.ParseHPR(p.HPR); err != nil {
			return no(ReasonHPR, "no HPR number")
		}
	}
	for _, o := range []string{p.Parent, p.Child} {
		if o == "" {
			continue
		}
		if _, err := identity.ParseOrganisation(o); err != nil {
			return no(ReasonOrganisation, "no organisation number")
		}
	}
	return nil
}

// require refuses where a claim that must be there is not.
func require(p proved, names []string) error {
	for _, name := range names {
		if map[string]string{"hpr_number": p.HPR, "orgnr_parent": p.Parent, "orgnr_child": p.Child}[name] == "" {
			return no(cmp.Or(map[string]Reason{"hpr_number": ReasonHPR}[name], ReasonOrganisation), "%s is missing", name)
		}
	}
	return nil
}

// Requirable are the names that a configuration may require beyond what its kind does.
var Requirable = []string{"hpr_number", "orgnr_parent", "orgnr_child"}

func levelOf(k kind, c jwt.Claims) (int, error) {
	level := 0
	for name, words := range k.level {
		if !c.Has(name) {
			continue
		}
		said, err := c.Text(name)
		if err != nil || words[said] == 0 {
			return 0, no(ReasonLevel, "%s says no level that is known", name)
		}
		if level == 0 || words[said] < level {
			level = words[said]
		}
	}
	if level == 0 || !c.Has(k.sure) {
		return 0, no(ReasonLevel, "no level of assurance")
	}
	return level, nil
}

// organisationOf reads Ansattporten's authorization_details: the one organisation for which
// she acts, "" where she acts for none.
func organisationOf(c jwt.Claims) (string, error) {
	raw, ok := c["authorization_details"]
	if !ok {
		return "", nil
	}
	type party struct {
		Orgno *struct {
			Authority string `json:"authority"`
			ID        string `json:"ID"`
		} `json:"orgno"`
	}
	var details []struct {
		Type string `json:"type"`
		party
		Parties []party `json:"authorized_parties"`
	}
	if err := json.Unmarshal(raw, &details); err != nil {
		return "", no(ReasonAnswer, "authorization_details cannot be read")
	}
	var found []string
	for _, d := range details {
		for _, p := range append(d.Parties, d.party) {
			if p.Orgno == nil {
				continue
			}
			number, ok := strings.CutPrefix(p.Orgno.ID, "0192:")
			if !ok || p.Orgno.Authority != "iso6523-actorid-upis" {
				return "", no(ReasonOrganisation, "an organisation of another register")
			}
			if !slices.Contains(found, number) {
				found = append(found, number)
			}
		}
	}
	if len(found) > 1 {
		return "", no(ReasonOrganisation, "acts for several organisations")
	}
	return strings.Join(found, ""), nil
}

// adult tells whether who has the number has come of age on this day.
func adult(n identity.Number, now time.Time) bool {
	b := n.Born
	if !b.Known() || b.Year == 0 {
		return false
	}
	y, m, d := now.Date()
	return y-b.Year > majority || y-b.Year == majority && (int(m) > b.Month || int(m) == b.Month && d >= b.Day)
}

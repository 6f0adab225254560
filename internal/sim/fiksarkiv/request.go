package fiksarkivsim

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"samsyn/internal/xmlsafe"
)

// request is a checked innsyn.sok.
type request struct {
	take, skip int
	result     string // resultattype
	include    map[string]bool
	sort       string
	conditions []condition
}

type condition struct {
	field, operator, kind string // kind: stringvalues, datevalues, intvalues
	values                []string
}

// definition is what one kind of search may say: a part of the published lists,
// the part that this archive supports.
type definition struct {
	result  string
	include []string
	sort    []string
	fields  map[string]string // field → kind of values
}

var definitions = map[string]definition{
	"saksmappeSokdefinisjon": {
		result:  "saksmappe",
		include: []string{"noekkelord", "kryssreferanse", "part", "merknad", "presedens"},
		sort:    []string{"mappeOpprettetDato", "sakSaksaar-saksekvensnummer"},
		fields: map[string]string{
			"mappeOpprettetDato": "datevalues", "mappeEndretDato": "datevalues",
			"mappeMappetype": "stringvalues", "mappeTittel": "stringvalues",
			"mappePartPersonid": "stringvalues", "mappeKlasseKlasseID": "stringvalues",
			"sakSaksaar": "intvalues", "sakSaksekvensnummer": "intvalues", "sakSaksansvarlig": "stringvalues",
		},
	},
	"journalpostMedSaksmappeSokdefinisjon": {
		result:  "journalpostMedSaksmappe",
		include: []string{"noekkelord", "kryssreferanse", "part", "merknad", "dokumentbeskrivelse", "korrespondansepart", "avskrivning", "dokumentflyt"},
		sort:    []string{"registreringOpprettetDato", "journalpostJournaldato", "journalpostJournalaar-journalsekvensnummer", "journalpostJournalpostnummer"},
		fields: map[string]string{
			"registreringOpprettetDato": "datevalues", "registreringEndretDato": "datevalues",
			"registreringTittel": "stringvalues", "registreringAdministrativenhet": "stringvalues",
			"journalpostSaksaar": "intvalues", "journalpostSakssekvensnummer": "intvalues",
		},
	},
}

var operators = []string{"equal", "notequal", "between", "lessthan", "lessequal", "greaterthan", "greaterequal", "inlist", "wildcardquery"}

// parseRequest checks a search as the schema does: names, order and lists.
func parseRequest(root *xmlsafe.Node) (*request, error) {
	if root.Name != "sok" || root.Space != nsBase+"sok/v2" {
		return nil, fmt.Errorf("%w: sok v2 er ventet", errRequest)
	}
	if err := order(root, "system", "take", "skip", "sokdefinisjon", "spraak"); err != nil {
		return nil, err
	}
	q := &request{include: map[string]bool{}}
	var err error
	if q.take, err = strconv.Atoi(root.Value("take")); err != nil || q.take < 1 {
		return nil, fmt.Errorf("%w: take", errRequest)
	}
	if q.skip, err = strconv.Atoi(root.Value("skip")); err != nil || q.skip < 0 {
		return nil, fmt.Errorf("%w: skip", errRequest)
	}
	sok := root.Child("sokdefinisjon")
	def, ok := definitions[sok.Attr("type")]
	if !ok {
		return nil, fmt.Errorf("%w: sokdefinisjon av typen %q støttes ikke", errRequest, sok.Attr("type"))
	}
	q.result = def.result
	if err := order(sok, "responstype", "inkluder", "parametere", "sortering"); err != nil {
		return nil, err
	}
	if sok.Value("responstype") != "utvidet" {
		return nil, fmt.Errorf("%w: bare responstype utvidet støttes", errRequest)
	}
	for _, n := range sok.All("inkluder") {
		if !slices.Contains(def.include, n.Text) {
			return nil, fmt.Errorf("%w: inkluder %q", errRequest, n.Text)
		}
		q.include[n.Text] = true
	}
	for _, n := range sok.All("parametere") {
		c, err := parseCondition(n, def)
		if err != nil {
			return nil, err
		}
		q.conditions = append(q.conditions, c)
	}
	if len(q.conditions) == 0 {
		return nil, fmt.Errorf("%w: parametere mangler", errRequest)
	}
	for i, n := range sok.All("sortering") {
		if !slices.Contains(def.sort, n.Value("felt")) || n.Value("type") != "stigende" || i > 0 {
			return nil, fmt.Errorf("%w: sortering", errRequest)
		}
		q.sort = n.Value("felt")
	}
	return q, nil
}

// order checks that the children stand in the schema's sequence and are known.
func order(n *xmlsafe.Node, names ...string) error {
	at := 0
	for _, c := range n.Children {
		i := slices.Index(names, c.Name)
		if i < at {
			return fmt.Errorf("%w: %s i %s", errRequest, c.Name, n.Name)
		}
		at = i
	}
	return nil
}

func parseCondition(n *xmlsafe.Node, def definition) (condition, error) {
	if err := order(n, "operator", "sokVerdier", "felt"); err != nil {
		return condition{}, err
	}
	c := condition{field: n.Value("felt"), operator: n.Value("operator")}
	kind, ok := def.fields[c.field]
	if !ok {
		return condition{}, fmt.Errorf("%w: feltet %q støttes ikke", errRequest, c.field)
	}
	if !slices.Contains(operators, c.operator) {
		return condition{}, fmt.Errorf("%w: operator %q", errRequest, c.operator)
	}
	values := n.Child("sokVerdier")
	if values == nil || len(values.Children) != 1 || values.Children[0].Name != kind {
		return condition{}, fmt.Errorf("%w: %s søkes med %s", errRequest, c.field, kind)
	}
	c.kind = kind
	for _, v := range values.Children[0].All("value") {
		if err := checkValue(kind, v.Text); err != nil {
			return condition{}, err
		}
		c.values = append(c.values, v.Text)
	}
	if len(c.values) == 0 || (len(c.values) > 1 && c.operator != "inlist" && c.operator != "between") {
		return condition{}, fmt.Errorf("%w: %d verdier for %s", errRequest, len(c.values), c.operator)
	}
	return c, nil
}

func checkValue(kind, v string) error {
	var err error
	switch kind {
	case "datevalues":
		_, err = time.Parse(time.RFC3339, v)
	case "intvalues":
		_, err = strconv.Atoi(v)
	}
	if err != nil {
		return fmt.Errorf("%w: verdi i %s", errRequest, kind)
	}
	return nil
}

// matches tells whether all conditions hold for the object.
func (q *request) matches(o object) bool {
	for _, c := range q.conditions {
		if !slices.ContainsFunc(fieldValues(o, c.field), c.holds) {
			return false
		}
	}
	return true
}

func fieldValues(o object, field string) []string {
	n := o.node
	switch field {
	case "mappeEndretDato", "registreringEndretDato":
		return []string{o.changed.Format(time.RFC3339Nano)}
	case "mappeOpprettetDato", "registreringOpprettetDato":
		return []string{n.Value("opprettetDato")}
	case "mappeMappetype":
		return []string{n.Value("mappetype", "kode")}
	case "mappeTittel", "registreringTittel":
		return []string{n.Value("tittel")}
	case "mappeKlasseKlasseID":
		var out []string
		for _, k := range n.All("klassifikasjon") {
			out = append(out, k.Value("klasseID"))
		}
		return out
	case "mappePartPersonid":
		var out []string
		for _, p := range n.All("part") {
			out = append(out, p.Value("personID", "identifikator"))
		}
		return out
	case "registreringAdministrativenhet":
		return []string{n.Value("administrativEnhet", "identifikator"), n.Value("administrativEnhet", "navn")}
	case "sakSaksansvarlig":
		return []string{n.Value("saksansvarlig", "navn")}
	case "sakSaksaar", "journalpostSaksaar":
		return []string{n.Value("saksaar")}
	}
	return []string{n.Value("sakssekvensnummer")}
}

// holds compares one value of an object with the condition.
func (c condition) holds(v string) bool {
	switch c.operator {
	case "inlist":
		return slices.Contains(c.values, v)
	case "wildcardquery":
		ok, _ := path.Match(strings.ToLower(c.values[0]), strings.ToLower(v))
		return ok
	}
	d := compare(c.kind, v, c.values[0])
	switch c.operator {
	case "equal":
		return d == 0
	case "notequal":
		return d != 0
	case "lessthan":
		return d < 0
	case "lessequal":
		return d <= 0
	case "greaterthan":
		return d > 0
	case "between":
		return len(c.values) == 2 && d >= 0 && compare(c.kind, v, c.values[1]) <= 0
	}
	return d >= 0
}

func compare(kind, a, b string) int {
	switch kind {
	case "datevalues":
		x, errX := time.Parse(time.RFC3339, a)
		y, errY := time.Parse(time.RFC3339, b)
		if errX != nil || errY != nil {
			return -1
		}
		return x.Compare(y)
	case "intvalues":
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	}
	return strings.Compare(a, b)
}

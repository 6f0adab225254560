package barnevernsregister

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"samsyn/adapters"
	"samsyn/internal/xmlsafe"
)

// shape says which attributes and child elements an element has. A name ends in "!"
// where it is required; a child in "+" where it is required and may repeat, in "*"
// where it may repeat. Everything else is refused: it is of another version of the
// format, and what is not understood is not half read.
type shape struct{ attrs, children string }

const (
	law   = "Lov! Kapittel! Paragraf! Ledd* Bokstav* Punktum*"
	coded = "Kode! Presisering"
)

// shapes is the register's format, versions 3 and 4 (Barnevern_v4.xsd 4.0.1 at
// statisticsnorway/barn-barnevern-xsd), keyed by element name, or by parent/name
// where the same name has two shapes. Elements that are not named hold text alone.
// Code lists are the map's business: they change with dates.
var shapes = map[string]shape{
	"Barnevern": {"Id! DatoUttrekk! ForrigeId", "Fagsystem! Avgiver! Sak!"},
	"Fagsystem": {"Leverandor! Navn! Versjon!", ""},
	"Avgiver":   {"Organisasjonsnummer! Kommunenummer! Kommunenavn! Bydelsnummer Bydelsnavn", ""},
	"Sak": {"Id! MigrertId StartDato! SluttDato Journalnummer! Avsluttet ErSlettet",
		"Personalia* Melding* Undersokelse* Plan* Tiltak* Vedtak* Ettervern* OversendelseFylkesnemnd* Flytting* Relasjon* Slettet*"},

	"Personalia": {"Id! StartDato! Fodselsnummer! Fodseldato! Kjonn! DUFnummer ErSlettet", ""},

	"Melding":            {"Id! MigrertId StartDato! ErSlettet", "Melder* Saksinnhold* Konklusjon"},
	"Melder":             {coded, ""},
	"Saksinnhold":        {coded, ""},
	"Melding/Konklusjon": {"SluttDato! Kode! ErSlettet", ""},

	"Undersokelse":            {"Id! MigrertId StartDato! ErSlettet", "Vedtaksgrunnlag* BarnetsMedvirkning UtvidetFrist Konklusjon"},
	"Vedtaksgrunnlag":         {coded, ""},
	"BarnetsMedvirkning":      {"", "StartDato! MedvirkningType!"},
	"UtvidetFrist":            {"StartDato! Innvilget", ""},
	"Undersokelse/Konklusjon": {"SluttDato! Kode! Presisering", ""},

	"Plan":            {"Id! MigrertId StartDato! Plantype! ErSlettet", "Evaluering* Konklusjon"},
	"Evaluering":      {"UtfortDato!", ""},
	"Plan/Konklusjon": {"SluttDato!", ""},

	"Tiltak":               {"Id! MigrertId StartDato! ErSlettet", "Lovhjemmel! JmfrLovhjemmel* Kategori! Tiltaksgrunnlag* Tilsyn Oppfolging Opphevelse Konklusjon"},
	"Lovhjemmel":           {"", law},
	"JmfrLovhjemmel":       {"", law},
	"Kategori":             {coded, ""},
	"Tiltaksgrunnlag":      {coded, ""},
	"Tilsyn":               {"", "Ansvarlig+ Hyppighet+ Utfort*"},
	"Ansvarlig":            {"Id! StartDato! Kommunenummer!", ""},
	"Oppfolging":           {"", "Hyppighet+ Utfort*"},
	"Hyppighet":            {"Id! StartDato! Kode!", ""},
	"Utfort":               {"Id! UtfortDato!", ""},
	"Opphevelse":           {coded, ""},
	"Tiltak/Konklusjon":    {"SluttDato!", ""},
	"Vedtak":               {"Id! MigrertId StartDato! ErSlettet", "Lovhjemmel! JmfrLovhjemmel* Krav* Status+ Konklusjon"},
	"Krav":                 {"Id! StartDato!", "Konklusjon"},
	"Krav/Konklusjon":      {"SluttDato! Kode! Presisering", ""},
	"Status":               {"Id! EndretDato! Kode!", ""},
	"Vedtak/Konklusjon":    {"SluttDato!", ""},
	"Ettervern":            {"Id! MigrertId TilbudSendtDato! ErSlettet", "Konklusjon"},
	"Ettervern/Konklusjon": {"SluttDato! Kode!", ""},

	"OversendelseFylkesnemnd": {"Id! MigrertId StartDato! ErSlettet", "Lovhjemmel! JmfrLovhjemmel*"},
	"Flytting":                {"Id! MigrertId SluttDato! ErSlettet", "ArsakFra! FlyttingTil!"},
	"ArsakFra":                {coded, ""},
	"FlyttingTil":             {coded, ""},
	"Relasjon":                {"Id! FraId! FraType! TilId! TilType! ErSlettet", ""},
	"Slettet":                 {"Id! Type! SluttDato!", ""},
}

// types are the kinds of element that a case has, in the order in which the format wants them.
var types = []string{"Personalia", "Melding", "Undersokelse", "Plan", "Tiltak", "Vedtak", "Ettervern",
	"OversendelseFylkesnemnd", "Flytting", "Relasjon"}

var (
	uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$`)
	typeForm = regexp.MustCompile(`^(` + strings.Join(types, "|") + `)$`)
	boolForm = regexp.MustCompile(`^(true|false|0|1)$`)
	dateForm = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})(Z|[+-]\d{2}:\d{2})?$`)
	timeForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$`)
)

// forms are the lexical rules of values, by name of attribute or element.
var forms = map[string]*regexp.Regexp{
	"Id": uuidForm, "ForrigeId": uuidForm, "TilId": uuidForm,
	"DatoUttrekk": timeForm,
	"StartDato":   dateForm, "SluttDato": dateForm, "Fodseldato": dateForm, "UtfortDato": dateForm,
	"EndretDato": dateForm, "TilbudSendtDato": dateForm,
	"ErSlettet": boolForm, "Avsluttet": boolForm,
	"FraType": typeForm, "TilType": typeForm, "Type": typeForm,
	"Fodselsnummer":       regexp.MustCompile(`^\d{11}$`),
	"DUFnummer":           regexp.MustCompile(`^\d{12}$`),
	"Organisasjonsnummer": regexp.MustCompile(`^\d{9}$`),
	"Kommunenummer":       regexp.MustCompile(`^\d{4}$`),
}

// check holds a delivery to the format. The first fault is given, with element and line,
// never with the value: it may be a person's number.
func check(root *xmlsafe.Node) error {
	if err := checkNode(root, ""); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, n := range root.Child("Sak").Children {
		key := n.Name + "/" + lower(n.Attr("Id")) + "/" + n.Attr("Type")
		if seen[key] {
			return broken(n, "has the same Id as another one of its kind")
		}
		seen[key] = true
	}
	return nil
}

func checkNode(n *xmlsafe.Node, parent string) error {
	if n.Space != "" {
		return broken(n, "is in a namespace; the register's format has none")
	}
	s, ok := shapes[parent+"/"+n.Name]
	if !ok {
		s, ok = shapes[n.Name]
	}
	if !ok { // an element of text
		if len(n.Children) > 0 || len(n.Attrs) > 0 {
			return broken(n, "may hold text alone")
		}
		if strings.TrimSpace(n.Text) == "" {
			return broken(n, "is empty")
		}
		return checkValue(n, n.Name, n.Text)
	}
	if err := checkAttrs(n, s.attrs); err != nil {
		return err
	}
	if n.Text != "" && strings.TrimSpace(n.Text) != "" {
		return broken(n, "holds text beside its attributes")
	}
	return checkChildren(n, s.children)
}

func checkAttrs(n *xmlsafe.Node, spec string) error {
	allowed := map[string]bool{}
	for word := range strings.FieldsSeq(spec) {
		name := strings.TrimSuffix(word, "!")
		allowed[name] = true
		if word != name && n.Attr(name) == "" {
			return broken(n, "has no "+name)
		}
	}
	for _, a := range n.Attrs {
		if a.Space == "http://www.w3.org/2001/XMLSchema-instance" {
			continue // xsi:noNamespaceSchemaLocation is what exporters add
		}
		if a.Space != "" || !allowed[a.Name] {
			return broken(n, "has the attribute "+a.Name+", which versions 3 and 4 of the format do not have there")
		}
		if err := checkValue(n, a.Name, a.Value); err != nil {
			return err
		}
	}
	return nil
}

func checkChildren(n *xmlsafe.Node, spec string) error {
	count := map[string]int{}
	for _, c := range n.Children {
		count[c.Name]++
	}
	for word := range strings.FieldsSeq(spec) {
		name := strings.TrimRight(word, "!+*")
		mark := word[len(name):]
		switch got := count[name]; {
		case got == 0 && (mark == "!" || mark == "+"):
			return broken(n, "has no "+name)
		case got > 1 && mark != "+" && mark != "*":
			return broken(n, "has more than one "+name)
		}
		delete(count, name)
	}
	for _, c := range n.Children {
		if count[c.Name] > 0 {
			return broken(c, "is not an element of "+n.Name+" in versions 3 and 4 of the format")
		}
		if err := checkNode(c, n.Name); err != nil {
			return err
		}
	}
	return nil
}

func checkValue(n *xmlsafe.Node, name, value string) error {
	form := forms[name]
	if form == nil {
		return nil
	}
	m := form.FindStringSubmatch(value)
	if m == nil {
		return broken(n, name+" is not of the form that the format requires")
	}
	if form == dateForm {
		if _, err := time.Parse(time.DateOnly, m[1]); err != nil {
			return broken(n, name+" is no date of the calendar")
		}
	}
	return nil
}

func broken(n *xmlsafe.Node, what string) error {
	return fmt.Errorf("%w: element %s on line %d %s; have the supplier send the delivery again", adapters.ErrMalformed, n.Name, n.Line, what)
}

func isTrue(v string) bool { return v == "true" || v == "1" }

// lower folds ids: hexadecimal in either case is the same UUID.
func lower(s string) string { return strings.ToLower(s) }

package mapping

import (
	"samsyn/fhir/fhirpath"
)

// Func describes a function of the map language beyond FHIRPath. MaxArgs < 0 is any number.
type Func struct {
	Name, Usage, Doc string
	MinArgs, MaxArgs int

	call func(r *run, args arguments) (fhirpath.Collection, error)
}

// Functions lists them, in the order of docs/mapping.md.
func Functions() []Func {
	return []Func{
		{"id", "id(kind, key…)", "A resource's id: a keyed hash of the source's name, the kind and the key. Nothing when a part of the key is nothing.", 2, -1, idFunction},
		{"ref", "ref(Type, kind, key…)", "A Reference to the resource of this source whose id is id(kind, key…).", 3, -1, refFunction},
		{"display", "display(text)", "A Reference that only says a name.", 1, 1, displayFunction},
		{"translate", "translate(table, code[, at])", "What a code means by a table in codes/, on a day (the run's own when not given). It becomes a CodeableConcept, a Coding, a code or a text as the element wants; .code, .system and .display can be read.", 2, 3, translateFunction},
		{"lookup", "lookup(table, value…)", "The first row of a table whose match columns fit the values; its other columns are fields of the result.", 2, -1, lookupFunction},
		{"concept", "concept(system, code[, display])", "A CodeableConcept of one coding.", 2, 3, conceptFunction},
		{"coding", "coding(system, code[, display])", "A Coding; a CodeableConcept of it where the element wants one.", 2, 3, codingFunction},
		{"text", "text(words)", "A CodeableConcept that has only a text.", 1, 1, textFunction},
		{"role", "role(code)", "A role in a care team by code list 9034, with its display.", 1, 1, roleFunction},
		{"date", "date(text)", "A date of ISO 8601, dd.mm.yyyy or yyyymmdd; of a point in time its day in Norway.", 1, 1, dateFunction},
		{"dateTime", "dateTime(text)", "A dateTime of the same forms; a time without zone is Norwegian time.", 1, 1, dateTimeFunction},
		{"instant", "instant(text)", "An instant of the same forms; a date alone is its first moment in Norway.", 1, 1, instantFunction},
		{"identifier", "identifier(system, value)", "An Identifier. The system is a URI, or FNR (any national number, typed by its kind), HPR, ENH, HER, RESH or DUF.", 2, 2, identifierFunction},
		{"nationalIdentifier", "nationalIdentifier(number)", "An Identifier of a fødselsnummer, D-number, felles hjelpenummer or DUF number. A number that is none of them gets no system.", 1, 1, nationalFunction},
		{"personName", "personName(text) or personName(given, family)", "A HumanName.", 1, 2, personNameFunction},
	}
}

// compileOptions gives FHIRPath the functions.
func compileOptions() []fhirpath.Option {
	var options []fhirpath.Option
	for _, f := range Functions() {
		options = append(options, fhirpath.WithFunction(f.Name, fhirpath.Function{
			Doc: f.Doc, MinArgs: f.MinArgs, MaxArgs: f.MaxArgs,
			Call: func(c *fhirpath.Call) (fhirpath.Collection, error) {
				r := c.Env().Data.(*run)
				return f.call(r, arguments{c})
			},
		}))
	}
	return options
}

// functionError is why a function cannot give a value. reason holds no content.
type functionError struct {
	kind   error
	reason string
}

func (e *functionError) Error() string { return e.reason }

func refuse(kind error, reason string) error { return &functionError{kind, reason} }

// arguments reads a call's arguments.
type arguments struct{ call *fhirpath.Call }

func (a arguments) count() int { return a.call.Args() }

// text gives argument i as text; "" where it is nothing or not given.
func (a arguments) text(i int) (string, error) {
	if i >= a.call.Args() {
		return "", nil
	}
	items, err := a.call.Arg(i)
	if err != nil || len(items) == 0 {
		return "", err
	}
	if len(items) > 1 {
		return "", refuse(ErrInvalidValue, "an argument has more than one value")
	}
	s, ok := itemText(items[0])
	if !ok {
		return "", refuse(ErrInvalidValue, "an object was given where a text is wanted")
	}
	return s, nil
}

// texts gives the arguments from i on; ok is false where one of them is nothing.
func (a arguments) texts(i int) (all []string, ok bool, err error) {
	for ; i < a.count(); i++ {
		s, err := a.text(i)
		if err != nil || s == "" {
			return nil, false, err
		}
		all = append(all, s)
	}
	return all, true, nil
}

func one(v any) fhirpath.Collection { return fhirpath.Collection{fhirpath.New(v)} }

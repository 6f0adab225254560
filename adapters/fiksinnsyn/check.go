package fiksinnsyn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"samsyn/adapters"
	"samsyn/internal/jsonsafe"
)

// check holds a message to what KS' schemas require (ks-no/fiks-innsyn-json-schema,
// domain/barnevern, v1), and to the little more that an overview needs: an id of the
// case that ties its messages to one child, and one child alone. The published schemas
// let nearly every field be null or absent, list items included; so do we.
//
// Unknown fields are let through: the schemas grow by adding. Code lists are the map's
// business. The error names the field and never its value.
func check(kind string, body []byte) error {
	if len(body) > maxMessage {
		return malformed("the message is larger than %d bytes; documents themselves are not part of it", maxMessage)
	}
	if err := jsonsafe.Check(body, jsonsafe.Limits{}); err != nil {
		return malformed("the message is not sound JSON: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var msg object
	if err := dec.Decode(&msg); err != nil {
		return malformed("the message is not a JSON object: it is something else")
	}
	if msg == nil {
		return malformed("the message is null")
	}
	c := &checker{}
	switch kind {
	case Mappe:
		c.mappe(msg)
	case Journalpost:
		c.journalpost(msg)
	}
	return c.err
}

type object = map[string]any

// checker keeps the first fault.
type checker struct{ err error }

func (c *checker) fail(field, what string) {
	if c.err == nil {
		c.err = malformed("%s %s; have the supplier send the message again", field, what)
	}
}

func (c *checker) mappe(m object) {
	c.text(m, "tittel", "tittel", true)
	c.form(m, "organisasjonsnummer", "organisasjonsnummer", orgnrForm, true)
	// The schema lets systemId be null; without it the case's documents cannot be tied to it.
	c.text(m, "systemId", "systemId", true)
	for _, name := range []string{"sistOppdatert", "avsluttet", "saksdato"} {
		c.time(m, name, name, false)
	}
	c.text(m, "saksansvarlig", "saksansvarlig", false)
	children := map[string]bool{}
	parts := c.list(m, "andreParter")
	if own, ok := c.object(m, "minPart", "minPart"); ok {
		parts = append(parts, own)
	}
	for _, p := range parts {
		c.part(p, "part")
		if p["rolle"] == "HOVEDPERSON" {
			children[fmt.Sprint(p["fodselsnummer"], p["fornavn"], p["etternavn"])] = true
		}
	}
	if len(children) > 1 {
		c.fail("rolle", "HOVEDPERSON is given to more than one person: a message is about one child")
	}
}

func (c *checker) journalpost(m object) {
	c.text(m, "tittel", "tittel", true)
	c.form(m, "forelderMeldingId", "forelderMeldingId", anyUUID, true)
	folder, ok := c.object(m, "mappeId", "mappeId")
	if !ok {
		c.fail("mappeId", "is missing: the message cannot be tied to a case, and so to no child")
	}
	c.text(folder, "systemId", "mappeId.systemId", true)
	for _, name := range []string{"journaldato", "dokumentetsDato", "klagefrist"} {
		c.time(m, name, name, false)
	}
	for _, p := range c.list(m, "eksponertFor") {
		c.part(p, "eksponertFor")
	}
	for _, d := range c.list(m, "dokumenter") {
		for _, name := range []string{"filnavn", "mimeType", "tittel"} {
			c.text(d, name, "dokumenter."+name, true)
		}
	}
	details, ok := c.object(m, "tiltaksplanDetaljer", "tiltaksplanDetaljer")
	if plan := m["dokumenttype"] == "TILTAKSPLAN"; plan != ok {
		c.fail("tiltaksplanDetaljer", "must be there where dokumenttype is TILTAKSPLAN, and nowhere else")
	}
	if ok {
		c.details(details)
	}
}

func (c *checker) details(d object) {
	c.text(d, "tiltaksstatus", "tiltaksplanDetaljer.tiltaksstatus", true)
	c.time(d, "startdato", "tiltaksplanDetaljer.startdato", true)
	c.time(d, "sluttdato", "tiltaksplanDetaljer.sluttdato", true)
	if _, ok := d["delmal"].([]any); !ok {
		c.fail("tiltaksplanDetaljer.delmal", "is missing")
	}
	ids := map[any]bool{}
	for _, g := range c.list(d, "delmal") {
		c.text(g, "id", "delmal.id", true)
		c.text(g, "beskrivelse", "delmal.beskrivelse", true)
		if ids[g["id"]] {
			c.fail("delmal.id", "is the same for two goals")
		}
		ids[g["id"]] = true
	}
}

func (c *checker) part(p object, field string) {
	c.text(p, "rolle", field+".rolle", true)
	c.text(p, "fornavn", field+".fornavn", true)
	c.text(p, "etternavn", field+".etternavn", true)
	c.form(p, "fodselsnummer", field+".fodselsnummer", numberForm, false)
}

var (
	orgnrForm  = regexp.MustCompile(`^[0-9]{9}$`)
	numberForm = regexp.MustCompile(`^[0-9]{11}$`)
	anyUUID    = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
)

func isText(v any) bool {
	s, ok := v.(string)
	return ok && strings.TrimSpace(s) != ""
}

func (c *checker) text(m object, key, field string, required bool) {
	switch v := m[key]; {
	case v == nil && required:
		c.fail(field, "is missing")
	case v == nil:
	case required && !isText(v):
		c.fail(field, "is not a text, or is blank")
	default:
		if _, ok := v.(string); !ok {
			c.fail(field, "is not a text")
		}
	}
}

func (c *checker) form(m object, key, field string, form *regexp.Regexp, required bool) {
	v := m[key]
	if v == nil && !required {
		return
	}
	if s, ok := v.(string); !ok || !form.MatchString(s) {
		c.fail(field, "is not of the form that the schema requires")
	}
}

func (c *checker) time(m object, key, field string, required bool) {
	v := m[key]
	if v == nil && !required {
		return
	}
	s, _ := v.(string)
	if _, err := time.Parse(time.RFC3339Nano, s); err != nil {
		c.fail(field, "is not a time with a zone")
	}
}

// object gives the object at key; ok is false where it is absent or null.
func (c *checker) object(m object, key, field string) (object, bool) {
	v := m[key]
	if v == nil {
		return nil, false
	}
	o, ok := v.(object)
	if !ok {
		c.fail(field, "is not an object")
	}
	return o, ok
}

// list gives the objects of the list at key; null items are passed over, as the schemas allow them.
func (c *checker) list(m object, key string) []object {
	v := m[key]
	if v == nil {
		return nil
	}
	items, ok := v.([]any)
	if !ok {
		c.fail(key, "is not a list")
	}
	var out []object
	for _, item := range items {
		if item == nil {
			continue
		}
		o, ok := item.(object)
		if !ok {
			c.fail(key, "holds something that is not an object")
			continue
		}
		out = append(out, o)
	}
	return out
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", adapters.ErrMalformed, fmt.Errorf(format, args...))
}

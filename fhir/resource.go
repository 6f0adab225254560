// Package fhir owns our FHIR R4 words over github.com/samply/golang-fhir-models:
// a lossless envelope, typed views, identifiers and references, and validation.
// It knows no source, no mapping and no database.
package fhir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"samsyn/fhir/r4"
)

// ErrInvalid marks bytes or values that cannot be a FHIR resource at all: no JSON,
// ambiguous or too large JSON, or an unknown resourceType. What a readable resource
// does wrong is told by Validate, not by an error.
var ErrInvalid = errors.New("not a FHIR resource")

// Resource is a lossless envelope: the JSON is the truth, typed structs are views
// of it (samply's models lose contained and _field). Body is compact JSON whose
// resourceType is Type and whose id is ID.
type Resource struct {
	Type, ID string
	Body     json.RawMessage
}

// Parse reads one resource. It is strict where leniency would let two readers see two
// different things: duplicate keys and keys that differ only in case are refused, as are
// text that is not UTF-8, lone surrogates, anything after the value, more than 64 levels
// and more than 10 MiB. Keys keep their order; only white space between them is dropped.
// Errors wrap ErrInvalid and never show values.
func Parse(b []byte) (Resource, error) {
	s, err := scan(b)
	if err != nil {
		return Resource{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if s.resourceType == "" {
		return Resource{}, fmt.Errorf("%w: it has no resourceType", ErrInvalid)
	}
	if !isResource(s.resourceType) {
		return Resource{}, fmt.Errorf("%w: its resourceType is not one of R4's", ErrInvalid)
	}
	var compact bytes.Buffer
	compact.Grow(len(b))
	if err := json.Compact(&compact, b); err != nil {
		return Resource{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Resource{Type: s.resourceType, ID: s.id, Body: compact.Bytes()}, nil
}

// Of makes an envelope of a samply struct, a map, or anything else that encodes to a
// resource. Remember that samply writes zero values: required codes must be set.
func Of(v any) (Resource, error) {
	if r, ok := v.(Resource); ok {
		v = r.Body
	}
	b, err := encode(v)
	if err != nil {
		return Resource{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Parse(b)
}

// As gives a typed view of a resource. When T bears the name of a resource, as samply's
// structs do, it must be this resource's. A view may fail (samply refuses unknown codes)
// although the resource is worth keeping: do not fail the record for it.
func As[T any](r Resource) (T, error) {
	var view T
	if name := reflect.TypeFor[T]().Name(); name != r.Type && isResource(name) {
		return view, fmt.Errorf("%w: a %s is no %s", ErrInvalid, r.Type, name)
	}
	if err := json.Unmarshal(r.Body, &view); err != nil {
		return view, fmt.Errorf("view %s as %T: %w", r.Type, view, err)
	}
	return view, nil
}

// Decode gives the resource as a tree of map[string]any, []any, string, bool, nil and
// json.Number, so that 1.50 stays 1.50.
func Decode(r Resource) (map[string]any, error) {
	var m map[string]any
	if err := decodeNumbers(r.Body, &m); err != nil {
		return nil, fmt.Errorf("%w: decode %s: %w", ErrInvalid, r.Type, err)
	}
	return m, nil
}

// Canonical writes JSON in the one form that we hash and keep as golden files: keys
// sorted, no white space, numbers and texts as they are.
func Canonical(b []byte) ([]byte, error) {
	var v any
	if err := decodeNumbers(b, &v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return encode(v)
}

func isResource(name string) bool {
	t, ok := r4.Lookup(name)
	return ok && t.Kind == r4.Resource
}

func decodeNumbers(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more after the JSON value")
	}
	return nil
}

// encode is json.Marshal without HTML's escapes.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

package fhir

import (
	"encoding/json"
	"errors"

	"samsyn/internal/jsonsafe"
)

// Limits of one resource (docs/access.md, threat T17).
const (
	MaxDepth = 64       // levels of objects and lists
	MaxBytes = 10 << 20 // bytes
	// maxValues only keeps a list of millions out: ten bytes a value is less than any resource has.
	maxValues = MaxBytes / 10
)

var (
	errNoObject = errors.New("it is not a JSON object")
	errNotText  = errors.New("its resourceType or id is not a text")
)

// scanned is what the top of the object says.
type scanned struct {
	resourceType, id string
}

// scan checks what encoding/json lets pass, and reads resourceType and id on the way.
func scan(b []byte) (scanned, error) {
	var top scanned
	object := false
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			object = c == '{'
			break
		}
	}
	err := jsonsafe.Walk(b, jsonsafe.Limits{Bytes: MaxBytes, Depth: MaxDepth, Values: maxValues}, func(name, value []byte) error {
		var into *string
		switch string(name) {
		case "resourceType":
			into = &top.resourceType
		case "id":
			into = &top.id
		default:
			return nil
		}
		if value[0] != '"' || json.Unmarshal(value, into) != nil {
			return errNotText
		}
		return nil
	})
	if err == nil && !object {
		err = errNoObject
	}
	return top, err
}

// Package fhir owns our FHIR R4 words over github.com/samply/golang-fhir-models:
// a lossless envelope, typed views, identifiers and references, and validation.
// It knows no source, no mapping and no database.
package fhir

import (
	"encoding/json"
)

// Resource is a lossless envelope: the JSON is the truth, typed structs are views
// of it (samply's models lose contained and _field). Body is compact JSON whose
// resourceType is Type and whose id is ID.
type Resource struct {
	Type, ID string
	Body     json.RawMessage
}

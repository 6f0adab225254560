package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"samsyn/internal/search"
)

// capabilities says what the FHIR door offers: https://hl7.org/fhir/R4/capabilitystatement.html.
// It is the same for everybody.
func (d *fhirDoor) capabilities(a asking) (reply, error) {
	type object = map[string]any
	var resources []object
	for _, typ := range search.Types() {
		var params []object
		for _, name := range search.Names(typ) {
			params = append(params, object{"name": name, "type": search.Kind(typ, name)})
		}
		r := object{"type": typ, "searchParam": params, "interaction": []object{{"code": "read"}, {"code": "search-type"}}}
		if typ == "Patient" {
			r["operation"] = []object{
				{"name": "overview", "definition": a.base + "/OperationDefinition/overview"},
				{"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}}
		} else {
			r["versioning"] = "versioned"
			r["interaction"] = []object{{"code": "read"}, {"code": "vread"}, {"code": "history-instance"}, {"code": "search-type"}}
		}
		resources = append(resources, r)
	}
	body, err := json.Marshal(object{"resourceType": "CapabilityStatement", "status": "active", "date": "2026-11-27", "kind": "instance", "fhirVersion": "4.0.1",
		"format": []string{"application/fhir+json"}, "implementation": object{"description": "Samsyn", "url": a.base},
		"rest": []object{{"mode": "server", "security": object{"service": []object{{"coding": []object{{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}}}}},
			"resource": resources, "interaction": []object{{"code": "batch"}}}}})
	if err != nil {
		return reply{}, fmt.Errorf("write the capability statement: %w", err)
	}
	return reply{status: http.StatusOK, body: body}, nil
}

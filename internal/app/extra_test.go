package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samsyn/mapping"
)

// TestExtraElementsAreNotStored: a source that sends 200 elements more than is asked for has
// none of them in what is made of its records (access.md, L29). The raw record holds them;
// docs/privacy/dpia.md says why.
func TestExtraElementsAreNotStored(t *testing.T) {
	maps, err := LoadMaps("", "")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, folder := range []string{"fhir-sykehus", "fhir-kommune"} {
		paths, err := filepath.Glob("../../testdata/families/" + folder + "/*.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, resource := range resources(body) {
				tried += extra(t, maps, resource)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d records made something", tried)
	}
}

// resources gives the resources of a file: a Bundle's, a list's, or one.
func resources(body []byte) []map[string]any {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return nil
	}
	var out []map[string]any
	var find func(v any)
	find = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				find(x)
			}
		case map[string]any:
			if typ, _ := v["resourceType"].(string); typ != "" && typ != "Bundle" {
				out = append(out, v)
				return
			}
			for _, x := range v {
				find(x)
			}
		}
	}
	find(v)
	return out
}

const mark = "EKSTRAOPPLYSNING"

// extra maps a resource with 200 elements that nobody asked for; 1 where it made something.
func extra(t *testing.T, maps *mapping.Set, resource map[string]any) int {
	t.Helper()
	for i := range 200 {
		name := fmt.Sprint("ekstra", i)
		switch i % 4 {
		case 0:
			resource[name] = fmt.Sprint(mark, i)
		case 1:
			resource[name] = map[string]any{"text": mark, "reference": "Patient/" + mark}
		case 2:
			resource[name] = []any{map[string]any{"value": mark}, mark}
		case 3:
			resource["_"+name] = map[string]any{"extension": []any{map[string]any{"url": mark, "valueString": mark}}}
		}
	}
	resource["text"] = map[string]any{"status": "generated", "div": "<div>" + mark + "</div>"}
	resource["implicitRules"] = mark
	resource["contained"] = []any{map[string]any{"resourceType": "Basic", "id": "x", "code": map[string]any{"text": mark}}}
	body, err := json.Marshal(resource)
	if err != nil {
		t.Fatal(err)
	}
	kind, _ := resource["resourceType"].(string)
	key, _ := resource["id"].(string)
	m, ok := maps.Map("fhirrest", kind)
	if !ok {
		return 0
	}
	result, err := m.Apply(mapping.Input{Source: "fhir-a", Kind: kind, Key: key, Media: "application/json", Body: body})
	if err != nil {
		return 0 // it is quarantined: nothing is made of it
	}
	made := 0
	for _, r := range result.Made {
		made = 1
		if bytes.Contains(r.Resource.Body, []byte(mark)) || strings.Contains(string(r.Resource.Body), "ekstra") {
			t.Errorf("%s %s carries what nobody asked for: %s", kind, key, r.Resource.Body)
		}
	}
	return made
}

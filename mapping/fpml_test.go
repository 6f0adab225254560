package mapping_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"samsyn/mapping"
)

// TestFPMLTemplate runs a template as FPML writes them (JSON, everything under one
// Bundle, the record named as a variable): it is valid under make: as it stands.
func TestFPMLTemplate(t *testing.T) {
	template := `{
  "{% assign %}": [
    {"patientId": "{{ %QuestionnaireResponse.repeat(item).where(linkId='id').answer.value }}"},
    {"names": "{[ QuestionnaireResponse.repeat(item).where(linkId='name').answer.value ]}"}
  ],
  "resourceType": "Bundle",
  "id": "b1",
  "type": "transaction",
  "entry": [
    {
      "request": {"method": "PUT", "url": "/Patient/{{ %patientId }}"},
      "resource": {
        "resourceType": "Patient",
        "id": "{{ %patientId }}",
        "birthDate": "{{+ QuestionnaireResponse.repeat(item).where(linkId='none').answer.value +}}",
        "name": [{"given": "{[ %names ]}"}],
        "telecom": [
          {"{% if QuestionnaireResponse.repeat(item).where(linkId='phone').answer.exists() %}":
            {"system": "phone", "value": "{{ QuestionnaireResponse.repeat(item).where(linkId='phone').answer.value }}"}},
          null
        ]
      }
    },
    {
      "{% for index, a in QuestionnaireResponse.repeat(item).where(linkId='allergy') %}": {
        "request": {"method": "POST", "url": "/AllergyIntolerance"},
        "resource": {
          "{% merge %}": [
            {"note": [{"text": "{{ %a.answer.value }}, nr {{ %index }}"}]},
            {"{% if %index = 0 %}": {"criticality": "high"}, "{% else %}": {"criticality": "low"}}
          ],
          "resourceType": "AllergyIntolerance",
          "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]},
          "patient": {"reference": "Patient/{{ %patientId }}"}
        }
      }
    }
  ]
}`
	m := load(t, "map: a/b\nrecord: QuestionnaireResponse\nmake:\n- "+strings.ReplaceAll(template, "\n", "\n  "))
	result, err := m.Apply(input(`{"resourceType":"QuestionnaireResponse","status":"completed","item":[
{"linkId":"id","answer":[{"valueString":"p1"}]},{"linkId":"group","item":[{"linkId":"name","answer":[{"valueString":"Ella"},{"valueString":"Marie"}]}]},
{"linkId":"phone","answer":[{"valueString":"12345678"}]},{"linkId":"allergy","answer":[{"valueString":"nøtter"}]},{"linkId":"allergy","answer":[{"valueString":"egg"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(result.Made[0].Resource.Body, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"resourceType":"Bundle","id":"b1","type":"transaction","entry":[
{"resource":{"resourceType":"Patient","id":"p1","name":[{"given":["Ella","Marie"]}],"telecom":[{"system":"phone","value":"12345678"}]},"request":{"method":"PUT","url":"/Patient/p1"}},
{"resource":{"resourceType":"AllergyIntolerance","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"patient":{"reference":"Patient/p1"},"criticality":"high","note":[{"text":"nøtter, nr 0"}]},"request":{"method":"POST","url":"/AllergyIntolerance"}},
{"resource":{"resourceType":"AllergyIntolerance","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"patient":{"reference":"Patient/p1"},"criticality":"low","note":[{"text":"egg, nr 1"}]},"request":{"method":"POST","url":"/AllergyIntolerance"}}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if marshal(got) != marshal(want) {
		t.Errorf("got  %s\nwant %s", marshal(got), marshal(want))
	}
}

// TestBudgets: a record or map that asks for too much is refused, not served.
func TestBudgets(t *testing.T) {
	long := make([]string, 1000)
	for i := range long {
		long[i] = fmt.Sprintf(`"%d"`, i)
	}
	list := `{"a":[` + strings.Join(long, ",") + `],"t":"` + strings.Repeat("x", 100_000) + `"}`
	for name, text := range map[string]string{
		"loops in loops": "    note:\n      - '{% for x in a %}':\n          - '{% for y in a %}': { text: '{{ %x }}{{ %y }}' }\n",
		"searches":       "    note:\n      - '{% for x in a %}': { text: '{{ a.where($this = %x).count() }} {{ a.where($this != %x).count() }}' }\n",
		"much text":      "    note:\n      - '{% for x in a %}': { text: '{{ t }}{{ t }}' }\n",
	} {
		_, err := load(t, goodHead+"make:\n  - resourceType: CareTeam\n    id: a\n"+text).Apply(input(list))
		if !errors.Is(err, mapping.ErrBudget) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	bomb := "x0: &x0 [a, a]\n"
	for i := 1; i < 30; i++ {
		bomb += fmt.Sprintf("x%d: &x%d [*x%d, *x%d]\n", i, i, i-1, i-1)
	}
	_, err := mapping.Load(fsOf(map[string]string{"maps/a/b.yaml": bomb + goodHead + "make: *x29\n"}))
	if err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("aliases of aliases: got %.200v", err)
	}
}

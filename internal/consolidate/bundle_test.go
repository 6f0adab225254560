package consolidate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"samsyn/fhir"
	"samsyn/internal/care"
	"samsyn/internal/consolidate"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/words"
)

func stringsOf(v any) []string {
	var out []string
	walk("", v, func(_, s string) { out = append(out, s) })
	return out
}

func TestBundleIsValidAndAboutThePerson(t *testing.T) {
	for name, story := range map[string]func(care.PersonID) []care.Contribution{
		"ella": stories.Ella, "jonas": stories.Jonas, "selma": stories.Selma, "teo": stories.Teo, "amina": stories.Amina,
		"nothing": func(care.PersonID) []care.Contribution { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			cs := story(child)
			body, err := consolidate.Bundle(build(t, cs), cs, "http://127.0.0.1:8080/fhir")
			if err != nil {
				t.Fatal(err)
			}
			var bundle struct {
				Entry []struct {
					FullURL  string
					Search   struct{ Mode string }
					Resource json.RawMessage
				}
			}
			if err := json.Unmarshal(body, &bundle); err != nil {
				t.Fatal(err)
			}
			whole, err := fhir.Parse(body)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range fhir.Errors(fhir.Validate(whole)) {
				t.Errorf("bundle: %+v", i)
			}
			count, urls := map[string]int{}, map[string]bool{}
			for _, e := range bundle.Entry {
				res, err := fhir.Parse(e.Resource)
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range fhir.Errors(fhir.Validate(res)) {
					t.Errorf("%s/%s: %+v", res.Type, res.ID, i)
				}
				if urls[e.FullURL] {
					t.Errorf("%s stands twice", e.FullURL)
				}
				urls[e.FullURL] = true
				count[e.Search.Mode+" "+res.Type]++
				var v any
				if err := json.Unmarshal(e.Resource, &v); err != nil {
					t.Fatal(err)
				}
				for _, s := range stringsOf(v) {
					if strings.HasPrefix(s, "Patient/") && s != "Patient/"+string(child) {
						t.Errorf("%s/%s is about %s", res.Type, res.ID, s)
					}
				}
			}
			for _, one := range []string{"match Patient", "match CarePlan", "match CareTeam", "outcome OperationOutcome"} {
				if count[one] != 1 {
					t.Errorf("%d × %s", count[one], one)
				}
			}
			if !bytes.Contains(body, []byte(words.In(words.Bokmaal).Say(consolidate.MarkerM1))) {
				t.Error("marker M1 is not told")
			}
		})
	}
}

func TestBundleKeepsDigitsAndLeavesContributionsAlone(t *testing.T) {
	cs := []care.Contribution{stories.Say("fhir-sykehus", care.Spesialist, child, "o", "", stories.R{"resourceType": "Observation", "id": "o", "status": "final",
		"code": stories.R{"text": "Vekt"}, "valueQuantity": stories.R{"value": json.Number("12.50"), "unit": "kg"}})}
	before := slices.Clone(cs[0].Made[0].Resource.Body)
	body, err := consolidate.Bundle(build(t, cs), cs, "")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(body, []byte(`"value":12.50`)) {
		t.Errorf("12.50 is said otherwise: %s", body)
	}
	if !bytes.Equal(before, cs[0].Made[0].Resource.Body) {
		t.Error("the contribution was changed")
	}
}

func TestBundleTellsWhichSourcesAreNotCurrent(t *testing.T) {
	cs := stories.Ella(child)
	body, err := consolidate.Bundle(build(t, cs), cs, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Fjordvik kommunes arkiv: svarer ikke siden", "Kystsykehuset HF: lest sist"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the outcome lacks %q", want)
		}
	}
}

// Merging gives nobody an individual plan that no source has.
func TestMergedPlanIsIndividualOnlyWhereASourceHasOne(t *testing.T) {
	for name, c := range map[string]struct {
		story []care.Contribution
		want  string
	}{
		"ella": {stories.Ella(child), consolidate.PlanIndividual},
		"teo":  {stories.Teo(child), consolidate.PlanMerged},
	} {
		body, err := consolidate.Bundle(build(t, c.story), c.story, "")
		if err != nil {
			t.Fatal(err)
		}
		var bundle struct {
			Entry []struct {
				Resource struct {
					ResourceType, ID string
					Category         []struct{ Coding []struct{ Code string } }
				}
			}
		}
		// Other resources have a category of another shape; only the plan's is read.
		var odd *json.UnmarshalTypeError
		if err := json.Unmarshal(body, &bundle); err != nil && !errors.As(err, &odd) {
			t.Fatal(err)
		}
		plan := bundle.Entry[1].Resource
		if plan.ID != string(child)+"-plan" || plan.Category[0].Coding[0].Code != c.want {
			t.Errorf("%s: %+v, want %s", name, plan, c.want)
		}
	}
}

package fhirpath_test

import (
	"fmt"
	"sync"
	"testing"

	"samsyn/fhir/fhirpath"
)

// One expression serves many goroutines; run with -race this finds shared state.
func TestOneExpressionManyGoroutines(t *testing.T) {
	e := fhirpath.MustCompile("elev.plan.mal.where(status.matches('^' & %want)).sort(-id).defineVariable('m').select(%m.count() & tekst & $index).join()")
	root := fhirpath.Root(fromJSON(t, schoolRecord), "record")
	wants := map[string]string{"akt": "2Skrive02Lese1", "fer": "1Regne0"}
	var wg sync.WaitGroup
	failures := make(chan error, 8)
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				want := []string{"akt", "fer"}[(g+i)%2]
				env := &fhirpath.Env{Variables: map[string]fhirpath.Collection{"want": fhirpath.Of(want)}}
				out, err := e.Evaluate(env, root)
				if err != nil || len(out) != 1 || out[0].Value() != wants[want] {
					failures <- fmt.Errorf("%s: %v, %w", want, out, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
}

package fhirrest_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/fhirrest"
	fhirrestsim "samsyn/internal/sim/fhirrest"
)

func ExampleConfig_Open() {
	hospital, err := fhirrestsim.New(os.DirFS("../../testdata/families/fhir-sykehus"))
	if err != nil {
		fmt.Println(err)
		return
	}
	config := fhirrest.Config{
		Base:     "http://fhir.example/fhir",
		Types:    []fhirrest.Type{{Type: "EpisodeOfCare"}},
		PageSize: 2,
	}
	adapter, err := config.Open(adapters.Deps{HTTP: &http.Client{Transport: direct{hospital}}, Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	for page, err := range adapter.Fetch(context.Background(), "") {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, r := range page.Records {
			fmt.Println(r.Kind, r.Key, r.Changed.Format(time.DateOnly))
		}
	}
	// Output:
	// EpisodeOfCare eoc-ella-habu 2026-07-01
	// EpisodeOfCare eoc-jonas-dua 2026-10-01
	// EpisodeOfCare eoc-teo-bup 2025-11-10
}

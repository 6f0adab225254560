package app

import (
	"slices"

	"samsyn/adapters/barnevernsregister"
	"samsyn/adapters/fhirrest"
	"samsyn/adapters/fiksarkiv"
	"samsyn/adapters/fiksinnsyn"
	"samsyn/adapters/nhnmsh"
	"samsyn/adapters/oneroster"
)

// system is one kind of source that Samsyn can read.
type system struct {
	about  string
	config func() adapterConfig
}

// systems lists every adapter there is. A new one is a folder in adapters/, maps in
// mapping/maps/, and a line here.
func systems() map[string]system {
	return map[string]system{
		"barnevernsregister": {"Barnevernsregisteret, XML in a drop folder", func() adapterConfig { return &barnevernsregister.Config{} }},
		"fiksinnsyn":         {"KS Fiks Innsyn barnevern, JSON pushed or in a folder", func() adapterConfig { return &fiksinnsyn.Config{} }},
		"fiksarkiv":          {"Fiks Arkiv v2, case archive (school, barnehage, PPT, municipality)", func() adapterConfig { return &fiksarkiv.Config{} }},
		"oneroster":          {"OneRoster 1.2 REST or 1.1 CSV, school roster", func() adapterConfig { return &oneroster.Config{} }},
		"nhnmsh":             {"NHN message server: dialog messages", func() adapterConfig { return &nhnmsh.Config{} }},
		"fhirrest":           {"any FHIR R4 server", func() adapterConfig { return &fhirrest.Config{} }},
	}
}

// SystemNames gives the names of all systems, sorted.
func SystemNames() []string {
	var names []string
	for name := range systems() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

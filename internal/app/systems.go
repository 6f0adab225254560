package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"samsyn/adapters"
	"samsyn/adapters/barnevernsregister"
	"samsyn/adapters/fhirrest"
	"samsyn/adapters/fiksarkiv"
	"samsyn/adapters/fiksinnsyn"
	"samsyn/adapters/nhnmsh"
	"samsyn/adapters/oneroster"
	"samsyn/internal/connector"
)

// system is one kind of source that Samsyn can read.
type system struct {
	about  string
	config func() adapterConfig
}

// written lists the adapters that are written in Go. A new one is a folder in
// adapters/, maps in mapping/maps/, and a line here. A system that a connector.yaml
// describes needs no line.
func written() map[string]system {
	return map[string]system{
		"barnevernsregister": {"Barnevernsregisteret, XML in a drop folder", func() adapterConfig { return &barnevernsregister.Config{} }},
		"fiksinnsyn":         {"KS Fiks Innsyn barnevern, JSON pushed or in a folder", func() adapterConfig { return &fiksinnsyn.Config{} }},
		"fiksarkiv":          {"Fiks Arkiv v2, case archive (school, barnehage, PPT, municipality)", func() adapterConfig { return &fiksarkiv.Config{} }},
		"oneroster":          {"OneRoster 1.2 REST or 1.1 CSV, school roster", func() adapterConfig { return &oneroster.Config{} }},
		"nhnmsh":             {"NHN message server: dialog messages", func() adapterConfig { return &nhnmsh.Config{} }},
		"fhirrest":           {"any FHIR R4 server", func() adapterConfig { return &fhirrest.Config{} }},
	}
}

// systems lists every system there is: those written in Go, the shipped connectors, and
// the connectors in dir ("" for none), which may not take another's name. The error
// holds a *connector.Fault for everything that is wrong in a connector.
func systems(dir string) (map[string]system, error) {
	all := written()
	var faults []error
	add := func(fsys fs.FS, at string) {
		defs, err := connector.Load(fsys)
		for _, f := range connector.Faults(err) {
			f.File = filepath.Join(at, f.File) // as an editor finds it
		}
		faults = append(faults, err)
		for name, d := range defs {
			if _, taken := all[name]; taken {
				faults = append(faults, &connector.Fault{File: filepath.Join(at, name, "connector.yaml"), Line: 1, Column: 1, Path: "connector", Message: "there is a system of this name already; choose another"})
				continue
			}
			all[name] = system{d.About, func() adapterConfig { return d.Config() }}
		}
	}
	add(adapters.Connectors, "adapters")
	if dir != "" {
		if _, err := os.Stat(dir); err != nil {
			faults = append(faults, err)
		}
		add(os.DirFS(dir), dir)
	}
	return all, errors.Join(faults...)
}

// names gives the names of systems, sorted.
func names(all map[string]system) []string {
	var out []string
	for name := range all {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

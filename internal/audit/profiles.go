package audit

import (
	"embed"
	"io/fs"
)

//go:embed profiles/*.yaml
var shipped embed.FS

// Profiles gives the guides that events are held against, for fhir.LoadProfiles: ours,
// IHE's Basic Audit Log Patterns and HL7 Norway's. They stand apart from the guides that
// records are mapped by, so that a change of them maps nothing again.
func Profiles() fs.FS {
	sub, err := fs.Sub(shipped, "profiles")
	if err != nil { // only for a name that is no path
		panic(err)
	}
	return sub
}

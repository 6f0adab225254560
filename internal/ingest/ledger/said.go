package ledger

import (
	"time"

	"samsyn/internal/care"
)

// Said is what one record is held to say at present.
type Said struct {
	Key
	Service care.Service
	Subject string
	Person  care.PersonID // "" while nobody knows who the subject is
	Made    []care.Made   // without lineage
}

// Version is one version of what a record said about one resource.
type Version struct {
	Source string
	Key
	Version       int
	Revision      string // of the map that made it
	Service       care.Service
	Recorded      time.Time
	SourceVersion string
	Changed       time.Time // by the source's word; zero where it does not say
	Hash          [32]byte  // of the record that it was made of
	Person        care.PersonID
	Body          []byte // empty where the record said the resource no more
}

// Reason is why a version came to be.
type Reason struct {
	First  bool // nothing was said before
	Source bool // the record changed
	// MapFrom and MapTo are the revisions where another map made it; "" where the same did.
	MapFrom, MapTo string
}

// After tells why v came after the version before; nil: it is the first.
func (v Version) After(before *Version) Reason {
	if before == nil {
		return Reason{First: true}
	}
	r := Reason{Source: v.Hash != before.Hash}
	if v.Revision != before.Revision {
		r.MapFrom, r.MapTo = before.Revision, v.Revision
	}
	return r
}

package mapping

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"hash"

	"samsyn/fhir/fhirpath"
)

// room is the memory that a run works in. It is used again for the next record: nothing
// that a run gives away stands in it, and release lets go of all that it refers to.
type room struct {
	nodes   fhirpath.Nodes
	stack   []*fhirpath.Node // of paths under way
	held    int              // of the stack, by loops
	slab    []value
	origins []origin
	sourced []source
	lines   lineageWriter
	scratch []byte
	text    []byte // of a text step

	mac    hash.Hash
	macKey []byte
}

// What is kept for the next record; a larger one gets its own.
const (
	keptValues  = 4096
	keptOrigins = 1024
	keptSources = 4096
	keptBytes   = 256 << 10
)

// values gives n empty values with room for most.
func (r *room) values(n, most int) []value {
	used := len(r.slab)
	if used+most > cap(r.slab) {
		r.slab = make([]value, 0, max(256, 2*cap(r.slab), most))
		used = 0
	}
	r.slab = r.slab[:used+most]
	return r.slab[used : used+n : used+most]
}

func (r *room) newOrigin() *origin {
	if len(r.origins) == cap(r.origins) {
		r.origins = make([]origin, 0, max(128, 2*cap(r.origins)))
	}
	r.origins = r.origins[:len(r.origins)+1]
	return &r.origins[len(r.origins)-1]
}

// newSources gives room for as many sources as an element may have; keepSources takes
// what was used of it.
func (r *room) newSources() []source {
	used := len(r.sourced)
	if used+maxSources > cap(r.sourced) {
		r.sourced = make([]source, 0, max(256, 2*cap(r.sourced)))
		used = 0
	}
	return r.sourced[used : used : used+maxSources]
}

func (r *room) keepSources(s []source) []source {
	if len(s) == 0 {
		return nil
	}
	r.sourced = r.sourced[:len(r.sourced)+len(s)]
	return s[:len(s):len(s)]
}

// hash gives an HMAC of the key, ready to be written to.
func (r *room) hash(key []byte) hash.Hash {
	if r.mac == nil || !bytes.Equal(key, r.macKey) {
		r.mac, r.macKey = hmac.New(sha256.New, key), bytes.Clone(key)
	}
	r.mac.Reset()
	return r.mac
}

// release makes the room ready for the next record.
func (r *room) release() {
	r.nodes.Reset()
	clear(r.stack[:cap(r.stack)])
	clear(r.slab)
	clear(r.origins)
	clear(r.sourced[:min(cap(r.sourced), len(r.sourced)+maxSources)])
	r.lines.reset()
	r.stack, r.held = r.stack[:0], 0
	r.slab, r.origins, r.sourced = r.slab[:0], r.origins[:0], r.sourced[:0]
	if cap(r.slab) > keptValues || cap(r.origins) > keptOrigins || cap(r.sourced) > keptSources || cap(r.scratch) > keptBytes || cap(r.lines.buf) > keptBytes || cap(r.stack) > keptSources {
		*r = room{}
	}
}

package vault

import (
	_ "embed" // the dictionary
	"sync"

	"github.com/klauspost/compress/s2"
)

// The first byte of what is encrypted says how the text is packed. It is under the seal.
// A dictionary never changes: another one is another form (docs/adr/0020).
const (
	asIs  byte = 0
	dict1 byte = 1
)

//go:embed dictionary/1.s2dict
var dictionary1 []byte

// dictionary is made of our own synthetic records: FHIR's words and the sources'.
var dictionary = sync.OnceValue(func() *s2.Dict { return s2.NewDict(dictionary1) })

// packFrom is how long a text must be for packing to be worth it.
const packFrom = 48

// unpackMost is the longest text that is unpacked: more than any record may be.
const unpackMost = 256 << 20

// rooms are for packing. What was in them is cleared.
var rooms = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// pack writes the form and the text, shorter where that is possible.
func pack(room, text []byte) []byte {
	if len(text) >= packFrom {
		most := s2.MaxEncodedLen(len(text))
		if most > 0 {
			if cap(room) < 1+most {
				room = make([]byte, 0, 1+most)
			}
			out := dictionary().Encode(room[1:1+most], text)
			if len(out) < len(text) {
				room = room[:1+len(out)]
				room[0] = dict1
				if &room[1] != &out[0] {
					copy(room[1:], out)
				}
				return room
			}
		}
	}
	return append(append(room[:0], asIs), text...)
}

// unpack is the reverse of pack. The bytes are authentic: what is wrong with them is ours.
func unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, ErrDamaged
	}
	switch packed[0] {
	case asIs:
		return packed[1:], nil
	case dict1:
		n, err := s2.DecodedLen(packed[1:])
		if err != nil || n > unpackMost {
			return nil, ErrDamaged
		}
		text, err := dictionary().Decode(make([]byte, n), packed[1:])
		if err != nil {
			return nil, ErrDamaged
		}
		return text, nil
	}
	return nil, ErrDamaged
}

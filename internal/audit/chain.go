package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"samsyn/internal/care"
)

// Hash is a SHA-256 of a chained row. Its text is 64 hexadecimal digits.
type Hash [sha256.Size]byte

// String gives the hash as hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText is ParseHash.
func (h *Hash) UnmarshalText(b []byte) error {
	parsed, err := ParseHash(string(b))
	if err == nil {
		*h = parsed
	}
	return err
}

// ParseHash reads 64 hexadecimal digits in lower case, the one way in which a hash is
// written. The error wraps care.ErrInvalid.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != hex.EncodedLen(len(h)) {
		return Hash{}, fmt.Errorf("%w: a hash has %d hexadecimal digits", care.ErrInvalid, hex.EncodedLen(len(h)))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil || h.String() != s {
		return Hash{}, fmt.Errorf("%w: a hash is written with hexadecimal digits in lower case", care.ErrInvalid)
	}
	return h, nil
}

// Head is how far the chain has come: the last row's number and hash. The zero Head is
// the chain before its first row.
type Head struct {
	Seq  int64
	Hash Hash
}

// Link is what makes a row a part of the chain.
type Link struct {
	Seq        int64
	Prev, Hash Hash
}

// Head gives the chain's head after the link.
func (l Link) Head() Head { return Head{l.Seq, l.Hash} }

// domain keeps a row's hash from being one of anything else.
const domain = "samsyn audit row 1\x00"

// Chain gives the link of the row that follows prev: SHA-256 over the domain, the number,
// the hash before, and the body with its length. The body is the AuditEvent as it was
// before it was sealed, so that a change of keys changes no hash.
func Chain(prev Head, body []byte) Link {
	l := Link{Seq: prev.Seq + 1, Prev: prev.Hash}
	l.Hash = rowHash(l.Seq, l.Prev, body)
	return l
}

func rowHash(seq int64, prev Hash, body []byte) Hash {
	h := sha256.New()
	h.Write([]byte(domain))
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(seq))
	h.Write(n[:])
	h.Write(prev[:])
	binary.BigEndian.PutUint64(n[:], uint64(len(body)))
	h.Write(n[:])
	h.Write(body)
	return Hash(h.Sum(nil))
}

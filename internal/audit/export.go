package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"samsyn/internal/care"
)

// Exported is a head that leaves the instance, so that a log that is cut or written anew
// can be told by somebody who cannot write to the database. It names no person.
type Exported struct {
	Instance string    `json:"instance"`
	Seq      int64     `json:"seq"`
	Hash     Hash      `json:"hash"`
	At       time.Time `json:"at"`
	// Pruned: every row up to and with this one was deleted on purpose, for its age.
	Pruned    bool   `json:"pruned,omitempty"`
	Key       string `json:"key,omitempty"` // which key signed; "" where none did
	Signature []byte `json:"signature,omitempty"`
}

func (x Exported) day() string { return x.At.UTC().Format(time.RFC3339) }

const exportDomain = "samsyn audit head 1\x00"

// signed gives the bytes that are signed, each field with its length.
func (x Exported) signed() []byte {
	b := []byte(exportDomain)
	field := func(s string) { b = append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...) }
	field(x.Instance)
	b = binary.BigEndian.AppendUint64(b, uint64(x.Seq))
	b = append(b, x.Hash[:]...)
	field(x.At.UTC().Format(time.RFC3339Nano))
	if x.Pruned {
		return append(b, 1)
	}
	return append(b, 0)
}

// Line writes the export as one line of JSON.
func (x Exported) Line() ([]byte, error) {
	b, err := json.Marshal(x)
	if err != nil {
		return nil, fmt.Errorf("write an exported head: %w", err)
	}
	return append(b, '\n'), nil
}

// Key signs exported heads and checks them: an Ed25519 key, its public half that only
// checks, or a secret for HMAC-SHA-256. The zero Key signs nothing and takes what nobody
// signed.
type Key struct {
	id      string
	private ed25519.PrivateKey
	public  ed25519.PublicKey
	secret  []byte
}

// Kinds of keys, as they begin in the configuration.
const (
	keyPrivate = "ed25519:"        // 32 bytes of seed in base64
	keyPublic  = "ed25519-public:" // 32 bytes in base64
	keyHMAC    = "hmac:"           // 32 bytes or more in base64
)

// ParseKey reads a key as it stands in the configuration: a kind and base64. "" is the
// zero Key. The error wraps care.ErrInvalid and shows nothing of the key.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Key{}, nil
	}
	for _, kind := range []string{keyPrivate, keyPublic, keyHMAC} {
		rest, ok := strings.CutPrefix(text, kind)
		if !ok {
			continue
		}
		b, err := base64.StdEncoding.Strict().DecodeString(rest)
		if err != nil {
			return Key{}, fmt.Errorf("%w: the audit key is no base64 after %s", care.ErrInvalid, kind)
		}
		switch {
		case kind == keyHMAC && len(b) >= sha256.Size:
			return Key{id: "hmac-" + fingerprint(append([]byte("samsyn audit hmac\x00"), b...)), secret: b}, nil
		case kind == keyPrivate && len(b) == ed25519.SeedSize:
			private := ed25519.NewKeyFromSeed(b)
			public := private.Public().(ed25519.PublicKey)
			return Key{id: "ed25519-" + fingerprint(public), private: private, public: public}, nil
		case kind == keyPublic && len(b) == ed25519.PublicKeySize:
			return Key{id: "ed25519-" + fingerprint(b), public: b}, nil
		}
		return Key{}, fmt.Errorf("%w: the audit key has the wrong length for %s", care.ErrInvalid, kind)
	}
	return Key{}, fmt.Errorf("%w: an audit key begins with %s, %s or %s", care.ErrInvalid, keyPrivate, keyPublic, keyHMAC)
}

func fingerprint(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// IsZero tells whether there is no key.
func (k Key) IsZero() bool { return k.id == "" }

// Public gives an Ed25519 key's public half as ParseKey reads it, for those who only
// check; "" for another key.
func (k Key) Public() string {
	if k.public == nil {
		return ""
	}
	return keyPublic + base64.StdEncoding.EncodeToString(k.public)
}

// Export signs a head. The error wraps care.ErrInvalid where the key can only check.
func (k Key) Export(instance string, h Head, at time.Time, pruned bool) (Exported, error) {
	x := Exported{Instance: instance, Seq: h.Seq, Hash: h.Hash, At: at.UTC().Round(0), Pruned: pruned, Key: k.id}
	switch {
	case k.private != nil:
		x.Signature = ed25519.Sign(k.private, x.signed())
	case k.secret != nil:
		x.Signature = k.mac(x)
	case k.public != nil:
		return Exported{}, fmt.Errorf("%w: a public key signs nothing", care.ErrInvalid)
	}
	return x, nil
}

func (k Key) mac(x Exported) []byte {
	m := hmac.New(sha256.New, k.secret)
	m.Write(x.signed())
	return m.Sum(nil)
}

// Check tells whether the export was signed with this key, or by nobody where there is
// no key. The error wraps care.ErrInvalid.
func (k Key) Check(x Exported) error {
	switch {
	case x.Key != k.id:
		return fmt.Errorf("%w: it is signed with %s and not with %s", care.ErrInvalid, orElse(x.Key, "no key"), orElse(k.id, "no key"))
	case k.public != nil && ed25519.Verify(k.public, x.signed(), x.Signature),
		k.secret != nil && hmac.Equal(k.mac(x), x.Signature),
		k.IsZero() && x.Signature == nil:
		return nil
	}
	return fmt.Errorf("%w: its signature is wrong", care.ErrInvalid)
}

// maxExports bounds a file of exported heads: one an hour for a hundred years.
const maxExports = 1_000_000

// ReadExports reads a file of exported heads, a JSON object a line, and checks that each
// was signed with the key and is this instance's ("": any). The error tells the first line that is wrong and wraps
// care.ErrInvalid.
func ReadExports(file []byte, instance string, k Key) ([]Exported, error) {
	var all []Exported
	for i, line := range bytes.Split(file, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		x, err := readExport(line)
		if err == nil {
			err = k.Check(x)
		}
		if err == nil && instance != "" && x.Instance != instance {
			err = fmt.Errorf("%w: it is another instance's", care.ErrInvalid)
		}
		if err == nil && len(all) == maxExports {
			err = fmt.Errorf("%w: there are too many", care.ErrInvalid)
		}
		if err != nil {
			return nil, fmt.Errorf("exported heads, line %d: %w", i+1, err)
		}
		all = append(all, x)
	}
	return all, nil
}

var errLine = errors.New("it is no exported head")

func readExport(line []byte) (Exported, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var x Exported
	if err := d.Decode(&x); err != nil {
		return Exported{}, fmt.Errorf("%w: %w", care.ErrInvalid, errLine)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || x.Seq < 0 || x.Seq == 0 && x.Hash != (Hash{}) {
		return Exported{}, fmt.Errorf("%w: %w", care.ErrInvalid, errLine)
	}
	return x, nil
}

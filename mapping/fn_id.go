package mapping

import (
	"encoding/base32"
	"strings"

	"samsyn/fhir/fhirpath"
)

// idLength makes 130 bits of an id: no two records will share one.
const idLength = 26

var idAlphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// id is the keyed hash of source, kind and key. Without the key nobody can tell from
// an id what it was made of, which matters where that is guessable.
func (r *run) id(kind string, key ...string) string {
	h := r.hash(r.in.IDKey)
	b := append(r.scratch[:0], r.in.Source...)
	b = append(append(b, 0), kind...)
	for _, part := range key {
		b = append(append(b, 0), part...)
	}
	h.Write(b)
	sum := len(b)
	b = h.Sum(b)
	id := len(b)
	b = idAlphabet.AppendEncode(b, b[sum:])
	r.scratch = b
	return string(b[id : id+idLength])
}

func (r *run) idOf(a arguments, kind int) (string, error) {
	parts, ok, err := a.texts(kind)
	if err != nil || !ok {
		return "", err
	}
	for _, part := range parts {
		if strings.ContainsRune(part, 0) {
			return "", refuse(ErrInvalidValue, "a key holds a NUL")
		}
	}
	return r.id(parts[0], parts[1:]...), nil
}

func idFunction(r *run, a arguments) (fhirpath.Collection, error) {
	id, err := r.idOf(a, 0)
	if err != nil || id == "" {
		return nil, err
	}
	return one(id), nil
}

func refFunction(r *run, a arguments) (fhirpath.Collection, error) {
	typ, err := a.text(0)
	if err != nil || typ == "" {
		return nil, err
	}
	id, err := r.idOf(a, 1)
	if err != nil || id == "" {
		return nil, err
	}
	return one(reference(typ, id)), nil
}

func reference(typ, id string) map[string]any {
	return map[string]any{"reference": typ + "/" + id}
}

func displayFunction(_ *run, a arguments) (fhirpath.Collection, error) {
	s, err := a.text(0)
	if err != nil || s == "" {
		return nil, err
	}
	return one(map[string]any{"display": s}), nil
}

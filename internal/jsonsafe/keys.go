package jsonsafe

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unquote gives what a string says; its form was checked.
func unquote(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var s string
	_ = json.Unmarshal(raw, &s) // its form was checked
	return []byte(s)
}

// fewKeys is how many keys of an object are compared one by one.
const fewKeys = 32

// keySet finds keys of one object that are equal but for case, as encoding/json and
// others fold them. Objects are small: a list serves until it is long.
type keySet struct {
	from int // where the object's keys begin in the list
	many folded
}

// add notes a key; false where the object has it.
func (k *keySet) add(keys *[][]byte, key []byte) bool {
	own := (*keys)[k.from:]
	if k.many == nil && len(own) < fewKeys {
		for _, old := range own {
			if SameButForCase(old, key) {
				return false
			}
		}
		*keys = append(*keys, key)
		return true
	}
	if k.many == nil {
		k.many = folded{}
		for _, old := range own {
			k.many.add(string(old))
		}
	}
	return k.many.add(string(key))
}

// memberSet is keySet for who keeps the members, and so their names, already.
type memberSet struct{ many folded }

// add notes a name that comes after the object's own members; false where one of them has it.
func (k *memberSet) add(own Members, name string) bool {
	if k.many == nil && len(own) < fewKeys {
		return !slices.ContainsFunc(own, func(m Member) bool { return SameButForCase(m.Name, name) })
	}
	if k.many == nil {
		k.many = folded{}
		for _, m := range own {
			k.many.add(m.Name)
		}
	}
	return k.many.add(name)
}

// folded is the keys of a long object.
type folded map[string]bool

// add notes a key; false where it is there.
func (f folded) add(key string) bool {
	key = Fold(key)
	there := f[key]
	f[key] = true
	return !there
}

// SameButForCase tells whether two names fold to the same. It is quick to say no, as
// nearly all pairs of names in an object are not.
func SameButForCase[T string | []byte](a, b T) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	if a[0]|b[0] < utf8.RuneSelf && a[0]|' ' != b[0]|' ' {
		return false
	}
	return strings.EqualFold(string(a), string(b))
}

// Fold gives the same for all texts that are equal but for case: each letter becomes
// the least of its case variants ("K" for k and the Kelvin sign).
func Fold(s string) string {
	ascii, lower := true, false
	for i := 0; i < len(s); i++ {
		ascii = ascii && s[i] < utf8.RuneSelf
		lower = lower || 'a' <= s[i] && s[i] <= 'z'
	}
	if ascii && !lower {
		return s
	}
	folded := make([]rune, 0, len(s))
	for _, r := range s {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
		} else {
			least := r
			for v := unicode.SimpleFold(r); v != r; v = unicode.SimpleFold(v) {
				least = min(least, v)
			}
			r = least
		}
		folded = append(folded, r)
	}
	return string(folded)
}

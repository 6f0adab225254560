package connector

// Split gives the bytes of the entries of a body, as the first listing reads it.
func Split(d *Definition, body []byte) ([][]byte, error) {
	a, err := d.Read[0].split(body)
	var out [][]byte
	p := &pass{l: &d.Read[0]}
	_ = p.page(a.entries, "x", 0)
	for _, e := range a.entries {
		out = append(out, e.body)
	}
	return out, err
}

// ShowsNationalNumber is for tests of the rule itself.
var ShowsNationalNumber = showsNationalNumber

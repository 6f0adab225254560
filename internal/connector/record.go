package connector

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"samsyn/adapters"
	"samsyn/fhir/fhirpath"
)

// errStopped ends a reading that nobody listens to any more.
var errStopped = errors.New("stopped")

// entry is one thing of a listing: its bytes and what they say, or why they cannot be read.
type entry struct {
	body []byte
	tree any
	err  error
	// line is where a row begins in its file, 0 where that says nothing.
	line int
}

func (l *Listing) media() string {
	return map[string]string{formatJSON: adapters.JSON, formatXML: adapters.XML, formatCSV: adapters.CSV}[l.Format]
}

// page makes records and faults of entries. where names the answer or file.
func (p *pass) page(entries []entry, where string, before int) adapters.Page {
	var page adapters.Page
	for i, e := range entries {
		at := fmt.Sprintf("%s, entry %d", where, before+i+1)
		if e.line > 0 {
			at = fmt.Sprintf("%s, line %d", where, e.line)
		}
		r, err := p.record(e)
		if err != nil {
			page.Faults = append(page.Faults, p.fault(r, e, at, err))
			continue
		}
		page.Records = append(page.Records, r)
	}
	return page
}

// fault names what is wrong with an entry. A key that could be read is kept.
func (p *pass) fault(r adapters.Record, e entry, at string, err error) adapters.Fault {
	f := adapters.Fault{Kind: r.Kind, Key: r.Key, Where: at, Err: fmt.Errorf("%w: %w", adapters.ErrMalformed, err), Body: e.body, Media: p.l.media()}
	if f.Kind == "" {
		f.Kind = p.l.label()
	}
	if f.Key == "" {
		sum := sha256.Sum256(e.body)
		f.Key = unnamed + hex.EncodeToString(sum[:8])
	}
	return f
}

// record reads what the connector says of one entry. On an error the record has what
// was read before it.
func (p *pass) record(e entry) (adapters.Record, error) {
	l, r := p.l, adapters.Record{Media: p.l.media(), Body: e.body, Kind: p.l.Kind}
	if e.err != nil {
		return r, e.err
	}
	root := fhirpath.Root(e.tree, "record")
	key, err := one(l.key, root, "key")
	switch {
	case err != nil:
		return r, err
	case strings.TrimSpace(key) == "":
		return r, fmt.Errorf("key: %s gives nothing; the supplier must give each record a key", l.Key)
	case holdsNationalNumber(key):
		return r, fmt.Errorf("key: %s holds what may be a national number; use a key of the source's own", l.Key)
	case len(key) > 200:
		return r, fmt.Errorf("key: %s is longer than 200 characters", l.Key)
	}
	if l.kind != nil {
		kind, err := one(l.kind, root, "kind")
		if err != nil {
			return r, err
		}
		if r.Kind, err = known(kind, l.Kinds); err != nil {
			return r, err
		}
	}
	r.Key = key
	if r.Version, err = one(l.version, root, "version"); err != nil {
		return r, err
	}
	changed, err := one(l.changed, root, "changed")
	if err != nil {
		return r, err
	}
	if changed != "" {
		t, ok := parseTime(changed)
		if !ok {
			return r, fmt.Errorf("changed: %s is no time", l.Changed)
		}
		r.Changed = t.UTC()
		if t.After(p.latest) {
			p.latest = t
		}
	}
	deleted, err := one(l.deleted, root, "deleted")
	if err != nil {
		return r, err
	}
	switch deleted {
	case "", "false":
	case "true":
		r.Deleted = true
	default:
		return r, fmt.Errorf("deleted: %s gives neither true nor false", l.Deleted)
	}
	return r, nil
}

// known finds the kind among those there may be; the source's own word is not repeated.
func known(kind string, kinds []string) (string, error) {
	for _, k := range kinds {
		if k == kind {
			return k, nil
		}
	}
	return "", fmt.Errorf("kind: is none of %s; add it to kinds and give it a map", strings.Join(kinds, ", "))
}

// one evaluates an expression that gives a single value or nothing.
func one(e *fhirpath.Expression, root fhirpath.Item, what string) (string, error) {
	if e == nil {
		return "", nil
	}
	out, err := e.Evaluate(nil, root)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	if len(out) == 0 {
		return "", nil
	}
	text, ok := out[0].String()
	if len(out) > 1 || !ok {
		return "", fmt.Errorf("%s: %s gives no single value", what, e)
	}
	return text, nil
}

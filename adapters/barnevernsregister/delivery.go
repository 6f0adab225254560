package barnevernsregister

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"time"

	"samsyn/adapters"
	"samsyn/internal/xmlsafe"
)

// delivery is one file, read and checked.
type delivery struct {
	id    string    // Barnevern/@Id
	prev  string    // Barnevern/@ForrigeId, "" for the first of a chain
	at    time.Time // Barnevern/@DatoUttrekk
	sakID string    // Sak/@Id
	root  *xmlsafe.Node
}

func (d *delivery) sak() *xmlsafe.Node { return d.root.Child("Sak") }

// deleted tells whether this delivery says that the whole case is deleted.
func (d *delivery) deleted() bool { return isTrue(d.sak().Attr("ErSlettet")) }

// parse reads one delivery. Its error wraps adapters.ErrMalformed and names the element.
func parse(body []byte) (*delivery, error) {
	root, err := xmlsafe.ParseBytes(body, xmlsafe.Limits{Bytes: maxFile})
	switch {
	case errors.Is(err, xmlsafe.ErrMalformed):
		return nil, fmt.Errorf("%w: %w; if the file is still being written it is read again when it is whole, otherwise have it sent again", adapters.ErrMalformed, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", adapters.ErrMalformed, err)
	}
	if root.Name != "Barnevern" {
		return nil, fmt.Errorf("%w: the root element is %s, not Barnevern: not a delivery to the register", adapters.ErrMalformed, root.Name)
	}
	if root.Space != "" {
		return nil, fmt.Errorf("%w: element Barnevern is in the namespace %q; versions 3 and 4 of the register's format have none: the file is of a version that is not read here", adapters.ErrMalformed, root.Space)
	}
	if err := check(root); err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339Nano, root.Attr("DatoUttrekk"))
	if err != nil {
		return nil, fmt.Errorf("%w: element Barnevern: DatoUttrekk is not a time with a zone", adapters.ErrMalformed)
	}
	d := &delivery{id: lower(root.Attr("Id")), prev: lower(root.Attr("ForrigeId")), at: at, root: root}
	d.sakID = lower(d.sak().Attr("Id"))
	if d.id == d.prev {
		return nil, fmt.Errorf("%w: element Barnevern: ForrigeId is the delivery's own Id", adapters.ErrMalformed)
	}
	return d, nil
}

// peekID reads the delivery's id from the first tag, "" where there is none: enough to
// know which delivery a broken or long file is.
func peekID(head []byte) string {
	dec := xml.NewDecoder(bytes.NewReader(head))
	dec.Strict = true
	for {
		tok, err := dec.RawToken()
		if err != nil {
			return ""
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if start.Name.Local != "Barnevern" {
			return ""
		}
		for _, a := range start.Attr {
			if a.Name.Local == "Id" && a.Name.Space == "" && uuidForm.MatchString(a.Value) {
				return lower(a.Value)
			}
		}
		return ""
	}
}

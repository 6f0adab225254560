package nhnmsh

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"samsyn/adapters"
)

// Fetch reads what is unread. There is no cursor but the server's own read marks,
// so every page's Next is the beginning.
//
// The API lists from the front only. What was listed and is still unread (nobody
// acknowledged it yet) fills the list for ever, so when a full listing brings
// nothing new the next one asks for more, up to the API's hundred, and then once
// from the other end. When that brings nothing new the pass is over.
func (a *adapter) Fetch(ctx context.Context, _ adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		seen, keys := map[string]bool{}, map[string]bool{}
		n, descending := a.config.PageSize, false
		for {
			listed, err := a.list(ctx, n, descending)
			if err != nil {
				yield(adapters.Page{}, fmt.Errorf("list unread: %w", err))
				return
			}
			fresh := news(listed, seen)
			if len(fresh) == 0 {
				switch {
				case len(listed) < n || descending:
					return
				case n < maxListed:
					n = min(n+a.config.PageSize, maxListed)
				default:
					descending = true
				}
				continue
			}
			page, err := a.page(ctx, fresh, keys)
			if err == nil {
				err = ctx.Err()
			}
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

func (a *adapter) page(ctx context.Context, fresh []*listing, keys map[string]bool) (adapters.Page, error) {
	var page adapters.Page
	for _, m := range fresh {
		if keys[m.key()] {
			continue // sent again: the next pass takes it, and finds it unchanged
		}
		keys[m.key()] = true
		if err := a.take(ctx, m, &page); err != nil {
			return adapters.Page{}, err
		}
	}
	return page, nil
}

// listing is one message with every receiver of ours that has it unread.
type listing struct {
	message
	receivers []int
}

// news gives the messages that were not listed before in this pass.
func news(listed []message, seen map[string]bool) []*listing {
	var out []*listing
	here := map[string]*listing{}
	for _, m := range listed {
		key := strings.ToLower(m.ID)
		if l, ok := here[key]; ok {
			l.receivers = append(l.receivers, m.ReceiverHerID)
			continue
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		l := &listing{message: m, receivers: []int{m.ReceiverHerID}}
		l.ID = key
		here[key] = l
		out = append(out, l)
	}
	return out
}

// plain is a MsgId that can stand in a key: most are GUIDs.
var (
	plain  = regexp.MustCompile(`^[A-Za-z0-9._:{}-]{1,100}$`)
	eleven = regexp.MustCompile(`(^|[^0-9])[0-9]{11}([^0-9]|$)`)
)

// key names a message by its sender and the sender's own MsgId, so that a message
// that is sent again is the same one, and nobody can replace another's. Where the
// server does not tell them, or they cannot stand in a key, it is the server's id.
func (m message) key() string {
	if m.SenderHerID < 1 || !plain.MatchString(m.BusinessDocumentID) || eleven.MatchString(m.BusinessDocumentID) {
		return m.ID
	}
	return strconv.Itoa(m.SenderHerID) + "/" + m.BusinessDocumentID
}

// take fetches one message onto the page, as a record or as a fault. Only what
// concerns all messages comes back as an error.
func (a *adapter) take(ctx context.Context, m *listing, page *adapters.Page) error {
	if !guid.MatchString(m.ID) {
		page.Faults = append(page.Faults, adapters.Fault{
			Kind: KindDialog, Key: "unread-list", Where: "unread list",
			Err:  fmt.Errorf("%w: a listed message has no valid id, or is not what the API describes; ask NHN", adapters.ErrProtocol),
			Body: m.broken, Media: adapters.JSON,
		})
		return nil
	}
	key := m.key()
	p := pending{deliveries: []delivery{{m.ID, m.receivers}}, appRec: m.IsAppRec != nil && *m.IsAppRec}
	kind := KindDialog
	if p.appRec {
		kind = KindAppRec
	}
	fault := func(body []byte, err error) {
		page.Faults = append(page.Faults, adapters.Fault{
			Kind: kind, Key: key, Where: "message " + m.ID, Err: err, Body: body, Media: adapters.XML,
		})
		a.note(key, p)
	}
	d, err := a.document(ctx, m.ID)
	switch {
	case errors.Is(err, errTooLarge):
		p.rejection = reject(codeFormat, "the document is larger than max_document (%d bytes)", a.config.MaxDocument)
		fault(nil, p.rejection)
		return nil
	case errors.Is(err, errMissing), errors.Is(err, errInvalid), errors.Is(err, errStrange):
		p.unread = true
		fault(nil, fmt.Errorf("read the document: %w; it stays unread and is tried again", err))
		return nil
	case err != nil:
		return fmt.Errorf("read message %s: %w", m.ID, err)
	}
	body, rejection := decode(d, a.config.MaxDocument)
	if rejection == nil {
		rejection = inspect(body, m.message, p.appRec, a.config.HerIDs)
	}
	if rejection != nil {
		p.rejection = rejection
		fault(body, rejection)
		return nil
	}
	a.note(key, p)
	page.Records = append(page.Records, adapters.Record{
		Kind: kind, Key: key, Version: m.ID, Changed: a.written(m.GenDate), Media: adapters.XML, Body: body,
	})
	return nil
}

// written is when the sender wrote the message. Without a zone it is Norwegian
// time; unreadable, it is not known.
func (a *adapter) written(text string) time.Time {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at
	}
	at, err := time.ParseInLocation("2006-01-02T15:04:05.999999999", text, a.norway)
	if err != nil {
		return time.Time{}
	}
	return at
}

// decode gives the document's bytes.
func decode(d document, limit int) ([]byte, *Rejection) {
	if !strings.EqualFold(d.ContentTransferEncoding, "base64") {
		return nil, reject(codeUnreadable, "contentTransferEncoding is not base64")
	}
	if mime, _, _ := strings.Cut(d.ContentType, ";"); !slices.Contains([]string{"application/xml", "text/xml"}, strings.ToLower(strings.TrimSpace(mime))) {
		return nil, reject(codeUnsupported, "contentType is not XML")
	}
	body, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(d.BusinessDocument), ""))
	if err != nil {
		return nil, reject(codeUnreadable, "the document is not base64")
	}
	if len(body) > limit {
		return nil, reject(codeFormat, "the document is larger than max_document (%d bytes)", limit)
	}
	return body, nil
}

package nhnmsh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"samsyn/adapters"
)

// The application receipt's states (AppRecStatus).
const (
	statusOK       = "Ok"
	statusRejected = "Rejected"
)

// Acknowledge answers each message with an application receipt and marks it read,
// in that order: a message that was marked and not answered would never be seen
// again. It may be repeated; what is answered already is taken as answered.
//
// A receipt says that the message came and can be read. So a message that waits in
// quarantine for a reason of ours (a code without translation, a child whom nobody
// has linked yet) is answered OK, since a person here will deal with it, and only
// a fault of the message itself is answered as rejected, with its cause.
func (a *adapter) Acknowledge(ctx context.Context, outcomes []adapters.Outcome) error {
	var failed []error
	for _, o := range outcomes {
		if !o.Stored && o.Reason == nil {
			continue
		}
		if err := a.acknowledge(ctx, o); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			err = fmt.Errorf("acknowledge message %s: %w", o.Key, err)
			if errors.Is(err, adapters.ErrUnavailable) || errors.Is(err, adapters.ErrRefused) {
				return errors.Join(append(failed, err)...)
			}
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (a *adapter) acknowledge(ctx context.Context, o adapters.Outcome) error {
	p, ok := a.known(o.Key)
	if !ok {
		// Another process listed it. The server knows where it is.
		deliveries, err := a.deliveries(ctx, o.Key)
		if err != nil {
			return err
		}
		p = pending{deliveries: deliveries, appRec: o.Kind == KindAppRec}
	}
	if p.unread {
		return nil
	}
	rec := receipt(o, p)
	for _, d := range p.deliveries {
		for _, her := range d.receivers {
			// A receipt is never answered with a receipt.
			if !p.appRec {
				if err := a.answer(ctx, d.id, her, rec); err != nil {
					return err
				}
			}
			if err := a.markRead(ctx, d.id, her); err != nil {
				return fmt.Errorf("mark as read: %w", err)
			}
		}
	}
	a.done(o.Key)
	return nil
}

// deliveries finds a message by its key. What is no longer unread is done.
func (a *adapter) deliveries(ctx context.Context, key string) ([]delivery, error) {
	sender, msgID, ok := strings.Cut(key, "/")
	if !ok {
		if !guid.MatchString(key) {
			return nil, nil // the unread list itself was at fault
		}
		m, err := a.message(ctx, key)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(a.config.HerIDs, m.ReceiverHerID) {
			return nil, fmt.Errorf("%w: the message is not to one of this source's HER-ids", adapters.ErrProtocol)
		}
		return []delivery{{key, []int{m.ReceiverHerID}}}, nil
	}
	her, err := strconv.Atoi(sender)
	if err != nil {
		return nil, fmt.Errorf("%w: the key is not one of this adapter's", adapters.ErrConfig)
	}
	unread, err := a.sent(ctx, her, msgID)
	if err != nil {
		return nil, err
	}
	var out []delivery
	for _, l := range news(unread, map[string]bool{}) {
		if guid.MatchString(l.ID) {
			out = append(out, delivery{l.ID, l.receivers})
		}
	}
	return out, nil
}

// receipt decides between OK and rejected.
func receipt(o adapters.Outcome, p pending) appRec {
	r := p.rejection
	if r == nil && !o.Stored && !errors.As(o.Reason, &r) && errors.Is(o.Reason, adapters.ErrMalformed) {
		r = &Rejection{Code: codeFormat} // an earlier run knew the cause; this one only knows that it was the message's
	}
	if r == nil || o.Stored {
		return appRec{Status: statusOK, Errors: []appRecError{}}
	}
	return appRec{Status: statusRejected, Errors: []appRecError{{Code: r.Code, Details: texts[r.Code]}}}
}

// texts are code list 8221's own words; they tell the sender nothing that is not in the code.
var texts = map[string]string{
	codeMessageID:   "Ugyldig meldingsidentifikator",
	codeReceiver:    "Mottaker finnes ikke",
	codeNoNumber:    "Pasientens fødselsnummer mangler",
	codeUnreadable:  "Ikke XML / ikke 'well formed' / uleselig",
	codeInvalid:     "XML validerer ikke",
	codeUnsupported: "Støtter ikke meldingsformatet",
	codeFormat:      "Annen feil på format",
}

// answer posts the receipt. The API does not say what it answers to a second one,
// so when the first try is found invalid the server is asked whether there is one.
func (a *adapter) answer(ctx context.Context, id string, her int, rec appRec) error {
	err := a.postAppRec(ctx, id, her, rec)
	if err == nil || !errors.Is(err, errInvalid) {
		if err != nil {
			return fmt.Errorf("send application receipt: %w", err)
		}
		return nil
	}
	given, lookErr := a.appRecs(ctx, id)
	if lookErr == nil && slices.ContainsFunc(given, func(i appRecInfo) bool {
		return i.ReceiverHerID == her && i.Status != nil
	}) {
		return nil
	}
	return fmt.Errorf("send application receipt: %w", err)
}

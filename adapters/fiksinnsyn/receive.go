package fiksinnsyn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"samsyn/adapters"
)

// Receive reads one pushed message: POST or PUT …/{meldingtype}/{meldingId} with the
// message as JSON, DELETE of the same address to take it back. The message's own
// schemas have no envelope, so type and id stand in the address, as they do at KS.
//
// A request that is not of that form is an error; a message that is broken is a fault
// on the page, so that it is kept and can be replayed.
func (a *adapter) Receive(ctx context.Context, r *http.Request) (adapters.Page, error) {
	if err := ctx.Err(); err != nil {
		return adapters.Page{}, err
	}
	kind, id, err := address(r)
	if err != nil {
		return adapters.Page{}, err
	}
	switch r.Method {
	case http.MethodDelete:
		return adapters.Page{Records: []adapters.Record{{Kind: kind, Key: id, Changed: a.now(), Media: adapters.JSON, Deleted: true}}}, nil
	case http.MethodPost, http.MethodPut:
	default:
		return adapters.Page{}, fmt.Errorf("%w: method %s; send a message with POST or PUT and take it back with DELETE", adapters.ErrProtocol, r.Method)
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != adapters.JSON {
		return adapters.Page{}, fmt.Errorf("%w: Content-Type is not %s", adapters.ErrProtocol, adapters.JSON)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxMessage+1))
	if err != nil {
		if ctxErr := ctx.Err(); ctxErr != nil {
			return adapters.Page{}, ctxErr
		}
		var tooLarge *http.MaxBytesError
		if !errors.As(err, &tooLarge) {
			return adapters.Page{}, fmt.Errorf("%w: read message: %w", adapters.ErrUnavailable, err)
		}
		body = make([]byte, maxMessage+1) // said as any other message that is too large
	}
	// Whoever pushes last is right, also where the message says nothing of when it changed.
	rec, fault := record(kind, id, "message "+kind+"/"+id, a.now(), body)
	if fault != nil {
		return adapters.Page{Faults: []adapters.Fault{*fault}}, nil
	}
	return adapters.Page{Records: []adapters.Record{*rec}}, nil
}

// address reads message type and id from the end of the path. A wrong address is never
// repeated in the error: it may hold anything.
func address(r *http.Request) (kind, id string, err error) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 2 || r.URL.RawQuery != "" {
		return "", "", fmt.Errorf("%w: the address must end in /{meldingtype}/{meldingId}", adapters.ErrProtocol)
	}
	kind, id = parts[len(parts)-2], strings.ToLower(parts[len(parts)-1])
	if kind != Mappe && kind != Journalpost {
		return "", "", fmt.Errorf("%w: meldingtype in the address must be %s or %s", adapters.ErrProtocol, Mappe, Journalpost)
	}
	if !uuidForm.MatchString(id) {
		return "", "", fmt.Errorf("%w: meldingId in the address must be a UUID", adapters.ErrProtocol)
	}
	return kind, id, nil
}

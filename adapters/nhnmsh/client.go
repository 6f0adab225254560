package nhnmsh

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"samsyn/adapters"
	"samsyn/internal/jsonsafe"
)

const (
	maxListed = 100     // MessagesToFetch's own limit
	maxAnswer = 1 << 20 // every answer but a business document
)

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// message is one line of the unread list (schema Message).
type message struct {
	ID                 string `json:"id"`
	ReceiverHerID      int    `json:"receiverHerId"`
	SenderHerID        int    `json:"senderHerId"`
	BusinessDocumentID string `json:"businessDocumentId"`
	GenDate            string `json:"businessDocumentGenDate"`
	IsAppRec           *bool  `json:"isAppRec"`

	// broken is the line as it stood, where it is not what the schema says.
	broken []byte
}

// document is the answer of business-document.
type document struct {
	BusinessDocument        string `json:"businessDocument"`
	ContentType             string `json:"contentType"`
	ContentTransferEncoding string `json:"contentTransferEncoding"`
}

// appRec is PostAppRecRequest. details is required by the schema, even empty.
type appRec struct {
	Status string        `json:"appRecStatus"`
	Errors []appRecError `json:"appRecErrorList"`
}

type appRecError struct {
	Code    string `json:"errorCode"`
	Details string `json:"details"`
}

// appRecInfo is one line of GET /Messages/{id}/apprec.
type appRecInfo struct {
	ReceiverHerID int     `json:"receiverHerId"`
	Status        *string `json:"appRecStatus"`
}

// errMissing, errInvalid and, where one message is asked for, errStrange are the answers
// that concern one message alone.
var (
	errMissing = errors.New("the server does not know the message")
	errInvalid = errors.New("the server finds the request invalid")
	errStrange = errors.New("the answer is not the JSON that the API describes")
)

// list gives up to n unread messages, oldest or newest first.
func (a *adapter) list(ctx context.Context, n int, descending bool) ([]message, error) {
	q := url.Values{
		"IncludeMetadata": {"true"},
		"MessagesToFetch": {strconv.Itoa(n)},
		"OrderBy":         {"Ascending"},
	}
	if descending {
		q.Set("OrderBy", "Descending")
	}
	for _, id := range a.config.HerIDs {
		q.Add("ReceiverHerIds", strconv.Itoa(id))
	}
	return a.messages(ctx, q)
}

// messages reads a list of messages line by line: one that breaks the rules of JSON or of
// the schema stops nobody but itself.
func (a *adapter) messages(ctx context.Context, q url.Values) ([]message, error) {
	var lines []json.RawMessage
	if err := a.call(ctx, http.MethodGet, "Messages?"+q.Encode(), nil, &lines, maxAnswer); err != nil {
		return nil, err
	}
	out := make([]message, len(lines))
	for i, line := range lines {
		if jsonsafe.Decode(line, &out[i], jsonsafe.Limits{}) != nil {
			out[i] = message{broken: line}
		}
	}
	return out, nil
}

// sent gives the unread messages that one sender sent under one MsgId: more than
// one where it was sent again, or to several of our HER-ids.
func (a *adapter) sent(ctx context.Context, sender int, msgID string) ([]message, error) {
	q := url.Values{
		"IncludeMetadata": {"true"}, "MessagesToFetch": {strconv.Itoa(maxListed)},
		"SenderHerId": {strconv.Itoa(sender)}, "BusinessDocumentId": {msgID},
	}
	for _, id := range a.config.HerIDs {
		q.Add("ReceiverHerIds", strconv.Itoa(id))
	}
	return a.messages(ctx, q)
}

func (a *adapter) message(ctx context.Context, id string) (message, error) {
	var out message
	return out, a.call(ctx, http.MethodGet, "Messages/"+id, nil, &out, maxAnswer)
}

func (a *adapter) document(ctx context.Context, id string) (document, error) {
	var out document
	// Base64 takes a third more, and the JSON around it a little.
	limit := int64(a.config.MaxDocument)/3*4 + maxAnswer
	return out, a.call(ctx, http.MethodGet, "Messages/"+id+"/business-document", nil, &out, limit)
}

func (a *adapter) postAppRec(ctx context.Context, id string, her int, rec appRec) error {
	return a.call(ctx, http.MethodPost, "Messages/"+id+"/apprec/"+strconv.Itoa(her), rec, nil, maxAnswer)
}

func (a *adapter) appRecs(ctx context.Context, id string) ([]appRecInfo, error) {
	var out []appRecInfo
	return out, a.call(ctx, http.MethodGet, "Messages/"+id+"/apprec", nil, &out, maxAnswer)
}

func (a *adapter) markRead(ctx context.Context, id string, her int) error {
	return a.call(ctx, http.MethodPut, "Messages/"+id+"/read/"+strconv.Itoa(her), nil, nil, maxAnswer)
}

// call sends one request and reads the answer into out. The server's own error
// texts are not told on: they may name the parties.
func (a *adapter) call(ctx context.Context, method, path string, in, out any, limit int64) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("write request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(a.base.String(), "/")+"/"+path, body)
	if err != nil {
		return fmt.Errorf("%w: base", adapters.ErrConfig)
	}
	req.Header.Set("api-version", "2")
	req.Header.Set("nhn-source-system", a.config.SourceSystem)
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.deps.HTTP.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if u, ok := err.(*url.Error); ok {
			err = u.Err // without the address
		}
		return fmt.Errorf("%w: %w", adapters.ErrUnavailable, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: the answer broke off", adapters.ErrUnavailable)
	}
	if err := status(resp.StatusCode, answer); err != nil {
		return err
	}
	if int64(len(answer)) > limit {
		return fmt.Errorf("%w: %w", adapters.ErrProtocol, errTooLarge)
	}
	if out == nil {
		return nil
	}
	limits := jsonsafe.Limits{Bytes: limit}
	err = nil
	if lines, ok := out.(*[]json.RawMessage); ok {
		*lines, err = jsonsafe.List(answer, maxListed, limits)
	} else {
		err = jsonsafe.Decode(answer, out, limits)
	}
	if err != nil {
		return fmt.Errorf("%w: %w: %w", adapters.ErrProtocol, errStrange, err)
	}
	return nil
}

var errTooLarge = errors.New("the answer is larger than allowed")

func status(code int, answer []byte) error {
	if code/100 == 2 {
		return nil
	}
	var e struct {
		ErrorCode int    `json:"errorCode"`
		RequestID string `json:"requestId"`
	}
	_ = jsonsafe.Decode(answer, &e, jsonsafe.Limits{}) // it is only to be told on; an empty one will do
	if !guid.MatchString(e.RequestID) {
		e.RequestID = "unknown"
	}
	at := fmt.Sprintf("HTTP %d, error %d, request %s", code, e.ErrorCode, e.RequestID)
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("%w: %s", adapters.ErrRefused, at)
	case code == http.StatusTooManyRequests || code >= 500:
		return fmt.Errorf("%w: %s", adapters.ErrUnavailable, at)
	case code == http.StatusNotFound:
		return fmt.Errorf("%w: %w (%s)", adapters.ErrProtocol, errMissing, at)
	case code == http.StatusBadRequest || code == http.StatusConflict:
		return fmt.Errorf("%w: %w (%s)", adapters.ErrProtocol, errInvalid, at)
	}
	return fmt.Errorf("%w: %s", adapters.ErrProtocol, at)
}

// Check asks for the unread list without its metadata: one line at the most, ids
// and receivers only, nothing about a person.
func (a *adapter) Check(ctx context.Context) error {
	q := url.Values{"MessagesToFetch": {"1"}}
	for _, id := range a.config.HerIDs {
		q.Add("ReceiverHerIds", strconv.Itoa(id))
	}
	var out []message
	if err := a.call(ctx, http.MethodGet, "Messages?"+q.Encode(), nil, &out, maxAnswer); err != nil {
		return fmt.Errorf("list unread: %w", err)
	}
	return nil
}

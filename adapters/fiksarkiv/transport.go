package fiksarkiv

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"samsyn/adapters"
	"samsyn/internal/xmlsafe"
)

// Message types of Fiks Arkiv v2 that are used here.
const (
	typePrefix       = "no.ks.fiks.arkiv.v2."
	typeSearch       = typePrefix + "innsyn.sok"
	typeSearchResult = typeSearch + ".resultat.utvidet"
	typeCodeList     = typePrefix + "innsyn.kodeliste.hent"
	typeFault        = typePrefix + "feilmelding."
	// typeTimeout is Fiks IO's own answer when the receiver never took the message.
	typeTimeout = "no.ks.fiks.kvittering.tidsavbrudd"
)

// Headers of the HTTP gateway form (README): the message travels as the body.
const (
	HeaderType    = "Fiks-Meldingstype"
	HeaderAccount = "Fiks-Mottaker-Konto"
)

// maxAnswer bounds one answer in bytes.
const maxAnswer = 10 << 20

// Transport carries one message to the archive and gives its answer. Fiks IO
// itself is AMQP with end-to-end encryption; whatever carries it, the adapter
// sees only types and XML. Errors wrap the kinds of package adapters. An answer
// that is a fault message is an answer, not an error.
type Transport interface {
	Send(ctx context.Context, messageType string, payload []byte) (answerType string, answer []byte, err error)
}

// HTTP gives a transport that posts messages to {base}/meldinger.
func HTTP(c *http.Client, base, account string) Transport {
	return &httpTransport{client: client(c), url: strings.TrimSuffix(base, "/") + "/meldinger", account: account}
}

type httpTransport struct {
	client       *http.Client
	url, account string
}

func (t *httpTransport) Send(ctx context.Context, messageType string, payload []byte) (string, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(payload))
	if err != nil {
		return "", nil, fmt.Errorf("%w: build the request", adapters.ErrConfig)
	}
	req.Header.Set(HeaderType, messageType)
	req.Header.Set(HeaderAccount, t.account)
	req.Header.Set("Content-Type", adapters.XML)
	req.Header.Set("Accept", adapters.XML)
	resp, err := t.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return "", nil, ctx.Err()
		}
		return "", nil, fmt.Errorf("%w: %w", adapters.ErrUnavailable, err)
	}
	defer resp.Body.Close()
	if err := statusError(resp.StatusCode); err != nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
		return "", nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		if ctx.Err() != nil {
			return "", nil, ctx.Err()
		}
		return "", nil, fmt.Errorf("%w: the answer breaks off: %w", adapters.ErrUnavailable, err)
	}
	if len(answer) > maxAnswer {
		return "", nil, fmt.Errorf("%w: the answer is larger than %d bytes; lower take", adapters.ErrProtocol, maxAnswer)
	}
	return resp.Header.Get(HeaderType), answer, nil
}

func statusError(code int) error {
	switch {
	case code == http.StatusOK:
		return nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fmt.Errorf("%w: the gateway answers %d", adapters.ErrRefused, code)
	case code == http.StatusTooManyRequests, code >= 500:
		return fmt.Errorf("%w: the gateway answers %d", adapters.ErrUnavailable, code)
	}
	return fmt.Errorf("%w: the gateway answers %d", adapters.ErrProtocol, code)
}

// ask sends one message and gives the root of the answer, which must be of the type want.
func (a *adapter) ask(ctx context.Context, messageType string, payload []byte, want string) (*xmlsafe.Node, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	got, answer, err := a.transport.Send(ctx, messageType, payload)
	if err != nil {
		return nil, err
	}
	if got == typeTimeout {
		return nil, fmt.Errorf("%w: the archive did not take the message in time", adapters.ErrUnavailable)
	}
	root, err := xmlsafe.ParseBytes(answer, xmlsafe.Limits{Bytes: maxAnswer})
	if err != nil {
		return nil, fmt.Errorf("%w: answer to %s: %w", adapters.ErrProtocol, messageType, err)
	}
	if kind, ok := strings.CutPrefix(got, typeFault); ok {
		return nil, faultMessage(kind, root)
	}
	if got != want {
		return nil, fmt.Errorf("%w: %s is answered by a message of another type than %s", adapters.ErrProtocol, messageType, want)
	}
	return root, nil
}

var faultID = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
var manyDigits = regexp.MustCompile(`\d{11}`)

// faultMessage translates a feilmelding. Its text is left out: the archive may
// repeat the search, national number and all.
func faultMessage(kind string, root *xmlsafe.Node) error {
	id := root.Value("feilId")
	if !faultID.MatchString(id) || manyDigits.MatchString(id) {
		id = "without a usable feilId"
	}
	switch kind {
	case "serverfeil":
		return fmt.Errorf("%w: the archive has an internal error (feilmelding %s)", adapters.ErrUnavailable, id)
	case "ugyldigforespoersel":
		return fmt.Errorf("%w: the archive does not accept our request (feilmelding %s)", adapters.ErrProtocol, id)
	case "ikkefunnet":
		return fmt.Errorf("%w: the archive does not find what was asked for (feilmelding %s)", adapters.ErrProtocol, id)
	}
	return fmt.Errorf("%w: unknown kind of feilmelding (%s)", adapters.ErrProtocol, id)
}

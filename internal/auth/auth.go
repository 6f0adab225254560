// Package auth owns who asks: people who sign in through a provider (HelseID,
// Ansattporten, ID-porten), their sessions, and systems that come with a token. It makes
// care.Viewer once, from what was proved, or refuses; a claim that is missing, doubled or
// odd is a refusal, never less to go by. It knows no rule of access and no page: what a
// viewer may see is decided elsewhere, from facts.
package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/identity"
)

// Store keeps sessions and remembers what is used once, for every instance alike.
type Store interface {
	SignInKey() []byte
	PutSession(ctx context.Context, n care.Session, replaces string) error
	Session(ctx context.Context, id string) (care.Session, error)
	SeeSession(ctx context.Context, id string, at time.Time) error
	EndSession(ctx context.Context, id string) error
	EndProvided(ctx context.Context, provider, subject, provided string) (int, error)
	Once(ctx context.Context, use, id string, until time.Time) (bool, error)
}

// Persons finds the person who has a national number; care.ErrNotFound where nobody has it.
type Persons interface {
	PersonByIdentifier(ctx context.Context, n identity.Number) (care.PersonID, error)
}

// Deps are what sign-in is given instead of reaching for it. All are required.
type Deps struct {
	Store   Store
	Persons Persons
	Client  *http.Client // to providers; Outgoing makes it
	Now     func() time.Time
	Random  io.Reader
	Log     *slog.Logger
	// Public is the address that browsers and systems know us by: https://samsyn.example.no
	Public string
	// Organisation is the municipality's number; everybody who signs in belongs to it.
	Organisation string
	Rules        identity.Rules
	Directory    []Person
}

// Reason is why somebody was refused: the last part of the key of the sentence that says it.
type Reason string

// The reasons.
const (
	ReasonExpired      Reason = "expired"      // the sign-in took too long, or was begun in another browser
	ReasonCancelled    Reason = "cancelled"    // she turned back at the provider
	ReasonAnswer       Reason = "answer"       // the provider's answer cannot be believed
	ReasonLevel        Reason = "level"        // a stronger sign-in is needed
	ReasonUnknown      Reason = "unknown"      // nobody here is she
	ReasonOrganisation Reason = "organisation" // she acts for another organisation, or for none
	ReasonHPR          Reason = "hpr"          // the HPR number is not the one that is known
	ReasonAway         Reason = "away"         // the provider does not answer
	ReasonForm         Reason = "form"         // a form that was not ours, or too old
	ReasonSession      Reason = "session"      // nobody is signed in
	ReasonToken        Reason = "token"        // a system's token is not believed
	ReasonScope        Reason = "scope"        // a system's token does not cover this
)

// Refusal is an answer of no. It wraps care.ErrDenied, or care.ErrUnavailable where
// something that is needed is away; its text names no person and repeats no token.
type Refusal struct {
	Reason Reason
	status int
	header string // WWW-Authenticate
	err    error
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("sign-in refused (%s): %v", r.Reason, r.err)
}

func (r *Refusal) Unwrap() []error {
	if r.status == http.StatusServiceUnavailable {
		return []error{care.ErrUnavailable, r.err}
	}
	return []error{care.ErrDenied, r.err}
}

// Challenge gives the HTTP status of the answer, and its WWW-Authenticate header, "" for none.
func (r *Refusal) Challenge() (status int, header string) { return r.status, r.header }

func no(reason Reason, format string, args ...any) *Refusal {
	status := http.StatusForbidden
	if reason == ReasonSession || reason == ReasonToken {
		status = http.StatusUnauthorized
	}
	return &Refusal{Reason: reason, status: status, err: fmt.Errorf(format, args...)}
}

func away(err error) *Refusal {
	return &Refusal{Reason: ReasonAway, status: http.StatusServiceUnavailable, err: err}
}

// refusalOf makes every error a refusal: one that is none says that something is away.
func refusalOf(err error) error {
	var r *Refusal
	if err == nil || errors.As(err, &r) {
		return err
	}
	return away(err)
}

// Outgoing is a client for providers: bounded in time and size, and it follows nobody.
func Outgoing(next http.RoundTripper) *http.Client {
	return &http.Client{Transport: bounded{next}, Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// maxAnswer bounds what a provider may say at once.
const maxAnswer = 1 << 20

type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

// Package outbound owns how Samsyn calls other systems over HTTP: only those that it
// was configured for, wherever their answers point and their names lead; timeouts,
// bounded retries that honour Retry-After, no redirects that could carry a token
// away, and the sign-in of a machine (API key, OAuth2 client credentials,
// Maskinporten, HelseID with DPoP). It knows no source and no format.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Options say how a client calls. The zero value of each field takes the default in its comment.
type Options struct {
	// Addresses are those that may be called: each with its scheme, host and port, and
	// nothing else. Without any, nothing is called. The token endpoint is added to them for
	// sign-in alone.
	Addresses []string
	// AllowPrivate lets their names lead to private addresses (RFC 1918, fc00::/7). An
	// address that is written as a private IP, or as localhost, says so by itself.
	AllowPrivate bool
	// Resolver looks names up; the system's own.
	Resolver *net.Resolver
	Auth     Auth
	Headers  map[string]string // sent with every request, e.g. an API key
	Timeout  time.Duration     // one request with its answer, retries apart; 60 s
	Retries  int               // after the first try; 3, -1 for none
	// RetryWait is the first pause; it doubles, with jitter, to eight times itself. 500 ms.
	RetryWait time.Duration
	Now       func() time.Time // time.Now
	Random    io.Reader        // crypto/rand.Reader
	Transport http.RoundTripper
	// Busy is told where the other side asks to be left alone (429 or 503 with
	// Retry-After) for longer than a request can wait. Nothing by default.
	Busy func(until time.Time)
	// Clock is told with each answer that says when it was made (Date, RFC 9110, 6.6.1) how far
	// the other side's clock is ahead of Now (behind: negative); 0 where both may be right. Nothing by default.
	Clock func(skew time.Duration)
}

// longestPause is how long a request waits for the other side's Retry-After; where it
// asks for more the answer is given back as it is.
const longestPause = 30 * time.Second

// longestBusy bounds for how long the other side can have itself left alone.
const longestBusy = 6 * time.Hour

// New makes the client. The returned close function ends its idle connections.
func New(o Options) (client *http.Client, closeIdle func(), err error) {
	source, err := newGuard(o.Addresses, o.AllowPrivate, o.Resolver)
	if err != nil {
		return nil, nil, err
	}
	// Sign-in calls one place more, and only sign-in does.
	whole := source
	if o.Auth.TokenURL != "" {
		if whole, err = newGuard(append(slices.Clone(o.Addresses), o.Auth.TokenURL), o.AllowPrivate, o.Resolver); err != nil {
			return nil, nil, err
		}
	}
	o = o.withDefaults(whole)
	signed, err := o.Auth.sign(&only{whole, o.Transport}, o)
	if err != nil {
		return nil, nil, err
	}
	retry := retryablehttp.NewClient()
	retry.Logger = nil // its log lines hold addresses
	retry.RetryMax = max(o.Retries, 0)
	retry.RetryWaitMin, retry.RetryWaitMax = o.RetryWait, 8*o.RetryWait
	retry.Backoff = retryablehttp.RateLimitLinearJitterBackoff
	retry.CheckRetry = o.checkRetry
	retry.ErrorHandler = lastAnswer
	retry.HTTPClient = &http.Client{
		Transport:     &only{source, &dated{next: &headers{set: o.Headers, next: signed}, now: o.Now, tell: o.Clock}},
		Timeout:       o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	client = retry.StandardClient()
	client.CheckRedirect = retry.HTTPClient.CheckRedirect
	closer, _ := o.Transport.(interface{ CloseIdleConnections() })
	return client, func() {
		if closer != nil {
			closer.CloseIdleConnections()
		}
	}, nil
}

func (o Options) withDefaults(g *guard) Options {
	if o.Timeout == 0 {
		o.Timeout = 60 * time.Second
	}
	if o.Retries == 0 {
		o.Retries = 3
	}
	if o.RetryWait == 0 {
		o.RetryWait = 500 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Busy == nil {
		o.Busy = func(time.Time) {}
	}
	if o.Clock == nil {
		o.Clock = func(time.Duration) {}
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{
			Proxy:               g.proxy,
			DialContext:         g.dial,
			TLSHandshakeTimeout: 5 * time.Second,
			// Answers are bounded by whoever reads them; headers are here.
			MaxResponseHeaderBytes: 256 << 10,
			ResponseHeaderTimeout:  30 * time.Second,
			IdleConnTimeout:        60 * time.Second,
			MaxIdleConnsPerHost:    8,
		}
	}
	return o
}

// lastAnswer gives the answer to the last try as it is. Beside an error there is none: nobody
// would close it, and its connection would stay until the request's time is up.
func lastAnswer(resp *http.Response, err error, _ int) (*http.Response, error) {
	if err == nil || resp == nil {
		return resp, err
	}
	return nil, errors.Join(err, resp.Body.Close())
}

// checkRetry retries what may pass by itself. A refused sign-in does not.
func (o Options) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	var refused *RefusedError
	if errors.As(err, &refused) || errors.Is(err, ErrAddress) {
		return false, err
	}
	if err == nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
		if pause := o.retryAfter(resp.Header.Get("Retry-After")); pause > longestPause {
			o.Busy(o.Now().Add(min(pause, longestBusy)))
			return false, nil
		}
	}
	return retryablehttp.DefaultRetryPolicy(ctx, resp, err)
}

// retryAfter reads the header's seconds or date (RFC 9110, 10.2.3); 0 where it says neither.
func (o Options) retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return time.Duration(min(max(seconds, 0), int(longestBusy/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return at.Sub(o.Now())
	}
	return 0
}

// headers adds fixed headers to a copy of each request.
type headers struct {
	set  map[string]string
	next http.RoundTripper
}

func (h *headers) RoundTrip(r *http.Request) (*http.Response, error) {
	if len(h.set) == 0 {
		return h.next.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	for k, v := range h.set {
		r.Header.Set(k, v)
	}
	return h.next.RoundTrip(r)
}

// RefusedError is an authorisation server's no. It holds no token and no secret.
type RefusedError struct {
	Host   string
	Status int
	Code   string // OAuth2 error code, "" where the server gave none
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("sign-in at %s was refused (status %d %s); check the client id, key and scopes of the source's auth block", e.Host, e.Status, e.Code)
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the token address"
	}
	return u.Host
}

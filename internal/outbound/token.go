package outbound

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"samsyn/internal/jsonsafe"
)

// form makes the parameters of one token request; each call makes fresh ones.
type form func() (url.Values, error)

// tokens keeps one access token and fetches the next when it is about to end.
type tokens struct {
	url    string
	next   http.RoundTripper
	now    func() time.Time
	form   form
	proofs *prover // DPoP, nil without

	mu    sync.Mutex
	token string
	until time.Time
}

// margin is how long before its end a token is no longer used: clocks differ.
const margin = 15 * time.Second

// get gives a token; stale, where not empty, is one that the source has just refused.
func (t *tokens) get(ctx context.Context, stale string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != "" && t.token != stale && t.now().Add(margin).Before(t.until) {
		return t.token, nil
	}
	t.token = ""
	answer, err := t.ask(ctx)
	if err != nil {
		return "", err
	}
	t.token, t.until = answer.AccessToken, t.now().Add(time.Duration(answer.ExpiresIn)*time.Second)
	return t.token, nil
}

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	Error       string `json:"error"`
}

func (t *tokens) ask(ctx context.Context) (tokenAnswer, error) {
	var answer tokenAnswer
	for try := 0; ; try++ {
		values, err := t.form() // afresh at each try: an assertion is used once
		if err != nil {
			return answer, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, strings.NewReader(values.Encode()))
		if err != nil {
			return answer, fmt.Errorf("ask for a token: %w", err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", "application/json")
		if t.proofs != nil {
			if err := t.proofs.attach(req, ""); err != nil {
				return answer, err
			}
		}
		resp, err := t.next.RoundTrip(req)
		if err != nil {
			return answer, fmt.Errorf("ask %s for a token: %w", hostOf(t.url), err)
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		resp.Body.Close()
		if err != nil {
			return answer, fmt.Errorf("ask %s for a token: %w", hostOf(t.url), err)
		}
		_ = jsonsafe.Decode(body, &answer, jsonsafe.Limits{}) // an unreadable answer has no token and is refused below
		if t.proofs != nil && t.proofs.learn(resp) && try == 0 {
			continue // the server wants its nonce in the proof (RFC 9449 § 8)
		}
		if resp.StatusCode >= 500 {
			return answer, fmt.Errorf("ask %s for a token: status %d", hostOf(t.url), resp.StatusCode)
		}
		if resp.StatusCode != http.StatusOK || answer.AccessToken == "" {
			return answer, &RefusedError{Host: hostOf(t.url), Status: resp.StatusCode, Code: answer.Error}
		}
		return answer, nil
	}
}

// bearer adds the token (RFC 6750) and asks for a new one once when it is refused.
type bearer struct {
	next   http.RoundTripper
	tokens *tokens
}

func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	return withToken(r, b.tokens, b.next, func(r *http.Request, token string) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}, nil)
}

// withToken sends r with a token, and once more with a new one if the source
// answers 401 and the body can be sent again.
func withToken(r *http.Request, ts *tokens, next http.RoundTripper, attach func(*http.Request, string) error, learn func(*http.Response) bool) (*http.Response, error) {
	stale := ""
	for try := 0; ; try++ {
		token, err := ts.get(r.Context(), stale)
		if err != nil {
			return nil, err
		}
		req := r.Clone(r.Context())
		if try > 0 && r.GetBody != nil {
			if req.Body, err = r.GetBody(); err != nil {
				return nil, fmt.Errorf("send again: %w", err)
			}
		}
		if err := attach(req, token); err != nil {
			return nil, err
		}
		resp, err := next.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || try > 0 || (r.Body != nil && r.GetBody == nil) {
			return resp, err
		}
		if learn == nil || !learn(resp) {
			stale = token
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
		resp.Body.Close()
	}
}

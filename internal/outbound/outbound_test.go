package outbound_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"samsyn/internal/outbound"
	"samsyn/internal/sim/sts"
)

// place is a source behind each kind of authorisation server.
type place struct {
	server *httptest.Server
	tokens *sts.Server
	calls  int
	now    time.Time
}

func open(t *testing.T, c sts.Client) *place {
	t.Helper()
	p := &place{now: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)}
	p.tokens = sts.New(func() time.Time { return p.now }, c)
	mux := http.NewServeMux()
	mux.Handle("/token", p.tokens)
	mux.Handle("/api", p.tokens.Protect("read", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls++
		_, _ = io.Copy(w, r.Body)
	})))
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func (p *place) client(t *testing.T, a outbound.Auth) *http.Client {
	t.Helper()
	a.TokenURL = p.server.URL + "/token"
	c, closeIdle, err := outbound.New(outbound.Options{Addresses: []string{p.server.URL}, Auth: a, Retries: -1, Now: func() time.Time { return p.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeIdle)
	return c
}

// kinds gives one working client and its registration for each kind of sign-in.
func kinds(t *testing.T) map[string]func() (outbound.Auth, sts.Client) {
	t.Helper()
	return map[string]func() (outbound.Auth, sts.Client){
		"oauth2": func() (outbound.Auth, sts.Client) {
			return outbound.Auth{Kind: "oauth2", ClientID: "c", Secret: outbound.Secret{Value: "s"}, Scopes: []string{"read"}},
				sts.Client{ID: "c", Secret: "s", Scopes: []string{"read"}}
		},
		"maskinporten": func() (outbound.Auth, sts.Client) {
			private, public, err := sts.NewKey()
			if err != nil {
				t.Fatal(err)
			}
			return outbound.Auth{Kind: "maskinporten", ClientID: "c", Key: outbound.Secret{Value: private}, Scopes: []string{"read"}},
				sts.Client{ID: "c", Key: public, Scopes: []string{"read"}, MaxAssertion: 120 * time.Second}
		},
		"helseid": func() (outbound.Auth, sts.Client) {
			private, public, err := sts.NewKey()
			if err != nil {
				t.Fatal(err)
			}
			return outbound.Auth{Kind: "helseid", ClientID: "c", Key: outbound.Secret{Value: private}, Scopes: []string{"read"}},
				sts.Client{ID: "c", Key: public, Scopes: []string{"read"}, MaxAssertion: 60 * time.Second, DPoP: true}
		},
	}
}

func post(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	resp, err := c.Post(url, "text/plain", strings.NewReader("hei"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestSignIn(t *testing.T) {
	for name, kind := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			auth, reg := kind()
			p := open(t, reg)
			c := p.client(t, auth)
			for range 3 {
				if status, body := post(t, c, p.server.URL+"/api"); status != 200 || body != "hei" {
					t.Fatalf("status %d, body %q", status, body)
				}
			}
			if p.tokens.Issued() != 1 {
				t.Errorf("%d tokens for three calls in the same minute, want 1", p.tokens.Issued())
			}
			p.now = p.now.Add(6 * time.Minute)
			post(t, c, p.server.URL+"/api")
			if p.tokens.Issued() != 2 {
				t.Errorf("%d tokens after the first has ended, want 2", p.tokens.Issued())
			}
			p.tokens.Revoke()
			if status, body := post(t, c, p.server.URL+"/api"); status != 200 || body != "hei" {
				t.Errorf("after the token was withdrawn: status %d, body %q", status, body)
			}
			if p.tokens.Issued() != 3 {
				t.Errorf("%d tokens after one was withdrawn, want 3", p.tokens.Issued())
			}
		})
	}
}

func TestRefusedSignInIsNotRepeated(t *testing.T) {
	for name, kind := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			auth, reg := kind()
			p := open(t, reg)
			auth.ClientID = "another"
			_, err := p.client(t, auth).Get(p.server.URL + "/api")
			var refused *outbound.RefusedError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v", err)
			}
			if p.calls != 0 {
				t.Error("the source was called without a token")
			}
		})
	}
}

func TestRetriesHonourRetryAfterAndStop(t *testing.T) {
	tries := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries < 3 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	c, closeIdle, err := outbound.New(outbound.Options{Addresses: []string{s.URL}, RetryWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer closeIdle()
	resp, err := c.Get(s.URL)
	if err != nil || resp.StatusCode != 200 || tries != 3 {
		t.Fatalf("tries %d, err %v", tries, err)
	}
	resp.Body.Close()
	tries = -100
	resp, err = c.Get(s.URL)
	if err != nil || resp.StatusCode != 503 || tries != -96 {
		t.Fatalf("%d tries, want 4 and the last answer: %v", tries+100, err)
	}
	resp.Body.Close()
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer s.Close()
	c, closeIdle, err := outbound.New(outbound.Options{Addresses: []string{s.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer closeIdle()
	resp, err := c.Get(s.URL)
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
}

func TestCancelEndsRetries(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }))
	defer s.Close()
	c, closeIdle, err := outbound.New(outbound.Options{Addresses: []string{s.URL}, RetryWait: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer closeIdle()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestValidateNamesEveryField(t *testing.T) {
	cases := []struct {
		auth outbound.Auth
		want []string
	}{
		{outbound.Auth{}, nil},
		{outbound.Auth{Kind: "magic"}, []string{"kind"}},
		{outbound.Auth{Kind: "oauth2"}, []string{"secret", "token_url", "client_id"}},
		{outbound.Auth{Kind: "helseid", TokenURL: "x"}, []string{"key", "token_url", "client_id", "scopes"}},
	}
	for _, c := range cases {
		var got []string
		for _, err := range c.auth.Validate() {
			field, _, _ := strings.Cut(err.Error(), ":")
			got = append(got, field)
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%+v: %v, want %v", c.auth, got, c.want)
		}
	}
}

func TestSecretsAreNamedNotWritten(t *testing.T) {
	if _, err := (outbound.Secret{Env: "SAMSYN_TEST_NO_SUCH"}).Read(); err == nil {
		t.Error("an empty variable is taken for a secret")
	}
	t.Setenv("SAMSYN_TEST_SECRET", "x")
	if got, err := (outbound.Secret{Env: "SAMSYN_TEST_SECRET"}).Read(); err != nil || got != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

// A source that asks for a long pause is not waited for within the request: whoever plans
// the runs is told, and nothing is repeated meanwhile.
func TestALongRetryAfterIsHandedOn(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Time{
		"3600":                          now.Add(time.Hour),
		"Mon, 23 Nov 2026 09:30:00 GMT": now.Add(90 * time.Minute),
		"99999999":                      now.Add(6 * time.Hour),
	} {
		calls := 0
		var busy time.Time
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		c, end, err := outbound.New(outbound.Options{Addresses: []string{s.URL}, Now: func() time.Time { return now }, Busy: func(until time.Time) { busy = until }})
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := post(t, c, s.URL); status != http.StatusServiceUnavailable || calls != 1 || !busy.Equal(want) {
			t.Errorf("%s: status %d after %d calls, busy until %s, want %s", header, status, calls, busy, want)
		}
		end()
		s.Close()
	}
}

// body tells whether it was closed.
type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

type late func(r *http.Request) (*http.Response, error)

func (f late) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestAnAnswerThatComesTooLateIsClosed: who asked has gone when it comes, so nobody else would close it.
func TestAnAnswerThatComesTooLateIsClosed(t *testing.T) {
	b := &body{Reader: strings.NewReader("late")}
	ctx, cancel := context.WithCancel(context.Background())
	c, closeIdle, err := outbound.New(outbound.Options{Addresses: []string{"http://127.0.0.1"}, Transport: late(func(r *http.Request) (*http.Response, error) {
		cancel()
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: b, Request: r}, nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer closeIdle()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/api", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.Canceled) || !b.closed {
		t.Errorf("error %v, closed %t", err, b.closed)
	}
}

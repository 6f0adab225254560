package outbound_test

import (
	"net/http"
	"testing"
	"time"

	"samsyn/internal/outbound"
)

// answers are given by a function.
type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestClockOfTheOtherSide(t *testing.T) {
	start := time.Date(2026, 11, 23, 7, 0, 0, 400_000_000, time.UTC)
	for name, c := range map[string]struct {
		date, age string
		takes     time.Duration
		want      time.Duration
		silent    bool
	}{
		"right":                         {date: "Mon, 23 Nov 2026 07:00:00 GMT"},
		"right, slow":                   {date: "Mon, 23 Nov 2026 07:00:20 GMT", takes: 30 * time.Second},
		"right, at the start of a long": {date: "Mon, 23 Nov 2026 07:00:00 GMT", takes: 30 * time.Second},
		"ahead":                         {date: "Mon, 23 Nov 2026 08:00:00 GMT", want: time.Hour - 400*time.Millisecond},
		"ahead, slow":                   {date: "Mon, 23 Nov 2026 08:00:00 GMT", takes: 10 * time.Second, want: time.Hour - 10*time.Second - 400*time.Millisecond},
		"behind":                        {date: "Mon, 23 Nov 2026 06:00:00 GMT", want: -time.Hour + 600*time.Millisecond},
		"from a cache":                  {date: "Mon, 23 Nov 2026 06:00:00 GMT", age: "3600"},
		"year 9999":                     {date: "Fri, 31 Dec 9999 23:59:59 GMT", want: 1<<63 - 1},
		"says nothing":                  {silent: true},
		"says nonsense":                 {date: "yesterday", silent: true},
	} {
		now := start
		var told []time.Duration
		client, closeIdle, err := outbound.New(outbound.Options{Addresses: []string{"http://source.test"}, Retries: -1, Now: func() time.Time { return now }, Clock: func(s time.Duration) { told = append(told, s) },
			Transport: answers(func(r *http.Request) (*http.Response, error) {
				now = now.Add(c.takes)
				h := http.Header{}
				h.Set("Date", c.date)
				h.Set("Age", c.age)
				return &http.Response{StatusCode: http.StatusOK, Header: h, Body: http.NoBody, Request: r}, nil
			})})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Get("http://source.test/")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		resp.Body.Close()
		closeIdle()
		if c.silent != (len(told) == 0) || !c.silent && told[0] != c.want {
			t.Errorf("%s: told %v, want %v", name, told, c.want)
		}
	}
}

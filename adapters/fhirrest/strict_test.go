package fhirrest_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/adapters/fhirrest"
)

func TestEntryThatBreaksTheRulesOfJSONStopsOnlyItself(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + `1` + strings.Repeat(`}`, n) }
	for name, test := range map[string]struct{ entry, kind, key string }{
		"label erased by case":   {`{"resource":{"resourceType":"Goal","id":"bad","meta":{"security":[{"code":"R"}]},"META":{"Security":[]}}}`, "Goal", "Goal, page 1, entry 2"},
		"label erased deeper":    {`{"resource":{"resourceType":"Goal","id":"bad","meta":{"security":[{"code":"R"}],"Security":[]}}}`, "Goal", "bad"},
		"another id":             {`{"resource":{"resourceType":"Goal","id":"bad","ID":"g1"}}`, "Goal", "Goal, page 1, entry 2"},
		"another subject":        {`{"resource":{"resourceType":"Goal","id":"bad","subject":{"reference":"Patient/1","Reference":"Patient/2"}}}`, "Goal", "bad"},
		"two resources":          {`{"resource":{"resourceType":"Goal","id":"bad"},"Resource":{"resourceType":"Goal","id":"g3"}}`, "Goal", "Goal, page 1, entry 2"},
		"65 deep":                {`{"resource":{"resourceType":"Goal","id":"bad","x":` + deep(64) + `}}`, "Goal", "bad"},
		"a hundred thousand":     {`{"resource":{"resourceType":"Goal","id":"bad","x":` + deep(100_000) + `}}`, "Goal", "bad"},
		"half a surrogate pair":  {`{"resource":{"resourceType":"Goal","id":"bad","x":"\ud800"}}`, "Goal", "bad"},
		"not UTF-8":              {"{\"resource\":{\"resourceType\":\"Goal\",\"id\":\"bad\",\"x\":\"\xff\"}}", "Goal", "bad"},
		"a number as JS knows":   {`{"resource":{"resourceType":"Goal","id":"bad","x":NaN}}`, "Goal", "bad"},
		"national number beside": {`{"resource":{"resourceType":"Goal","id":"14831460041","x":1,"X":2}}`, "Goal", "Goal, page 1, entry 2"},
	} {
		t.Run(name, func(t *testing.T) {
			page := searchset("", goal("g1", "2026-11-01T08:00:00Z"), test.entry, goal("g2", "2026-11-01T08:00:00Z"))
			pages, err := fetch(open(t, &scripted{t: t, bodies: []string{page}}, onlyGoals), "")
			if err != nil || len(pages) != 1 || len(pages[0].Records) != 2 || len(pages[0].Faults) != 1 {
				t.Fatalf("%v: %d pages: %.300v", err, len(pages), pages)
			}
			f := pages[0].Faults[0]
			if !errors.Is(f.Err, adapters.ErrMalformed) || f.Kind != test.kind || f.Key != test.key {
				t.Errorf("fault of %s %q: %v", f.Kind, f.Key, f.Err)
			}
			if len(f.Body) == 0 || !strings.Contains(test.entry, string(f.Body)) {
				t.Errorf("the bytes are not kept as they came: %.100s", f.Body)
			}
			if strings.Contains(f.Err.Error(), "14831460041") {
				t.Error("the fault repeats a number")
			}
		})
	}
	t.Run("64 deep is taken", func(t *testing.T) {
		page := searchset("", `{"resource":{"resourceType":"Goal","id":"g1","x":`+deep(63)+`}}`)
		pages, err := fetch(open(t, &scripted{t: t, bodies: []string{page}}, onlyGoals), "")
		if err != nil || len(pages[0].Records) != 1 {
			t.Errorf("%v: %.300v", err, pages)
		}
	})
}

func TestPageWithinItsLimits(t *testing.T) {
	var entries []string
	for i := range 40 {
		entries = append(entries, goal(fmt.Sprint("g", i), "2026-11-01T08:00:00Z"))
	}
	for name, test := range map[string]struct {
		body   string
		change func(*fhirrest.Config)
		text   string
	}{
		"entries":          {searchset("", entries...), func(c *fhirrest.Config) { c.MaxEntries = 20 }, "more than 36 entries"},
		"bytes":            {searchset("", entries...), func(c *fhirrest.Config) { c.MaxPage = 1000 }, "more than 1000 bytes"},
		"links":            {`{"resourceType":"Bundle","type":"searchset","link":[` + strings.TrimSuffix(strings.Repeat(`{"relation":"self","url":"x"},`, 65), ",") + `]}`, nil, "65 links"},
		"type twice":       {`{"resourceType":"Bundle","type":"searchset","Type":"history"}`, nil, "twice"},
		"two lists":        {`{"resourceType":"Bundle","type":"searchset","entry":[],"Entry":[]}`, nil, "twice"},
		"something after":  {searchset("") + `{}`, nil, "not JSON"},
		"entries no list":  {`{"resourceType":"Bundle","type":"searchset","entry":{}}`, nil, "told apart"},
		"a list for links": {`{"resourceType":"Bundle","type":"searchset","link":7}`, nil, "link is not"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fetch(open(t, &scripted{t: t, bodies: []string{test.body}}, func(c *fhirrest.Config) {
				onlyGoals(c)
				if test.change != nil {
					test.change(c)
				}
			}), "")
			if !errors.Is(err, adapters.ErrProtocol) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %q", err, test.text)
			}
		})
	}
}

// TestPackedBombIsNotUnpacked: 100 MiB of blanks pack to 100 KiB.
func TestPackedBombIsNotUnpacked(t *testing.T) {
	bomb := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		blanks := []byte(strings.Repeat(" ", 1<<20))
		for range 100 {
			if _, err := z.Write(blanks); err != nil {
				return // the reader has had enough
			}
		}
		_ = z.Close()
	})
	_, err := fetch(open(t, bomb, onlyGoals), "")
	if !errors.Is(err, adapters.ErrProtocol) || !strings.Contains(err.Error(), "more than 10485760 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestPushThatSaysAThingTwiceIsKeptAndRefused(t *testing.T) {
	a := open(t, http.NotFoundHandler(), onlyGoals).(adapters.Receiver)
	body := `{"resourceType":"Goal","id":"g1","meta":{"security":[{"code":"R"}]},"META":{}}`
	push := func(path string) (adapters.Page, error) {
		r, err := http.NewRequest(http.MethodPut, path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return a.Receive(t.Context(), r)
	}
	page, err := push("/Goal/g1")
	if err != nil || len(page.Records) != 0 || len(page.Faults) != 1 || string(page.Faults[0].Body) != body || page.Faults[0].Key != "g1" {
		t.Errorf("%v: %+v", err, page)
	}
	if _, err := push("/Goal"); !errors.Is(err, adapters.ErrMalformed) {
		t.Errorf("without an id in the address nobody knows what it is about: %v", err)
	}
}

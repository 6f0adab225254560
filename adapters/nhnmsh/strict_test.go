package nhnmsh_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// altered passes answers on with a change.
type altered struct {
	next   http.Handler
	change func(path string, body []byte) []byte
}

func (a *altered) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	a.next.ServeHTTP(rec, r)
	w.WriteHeader(rec.Code)
	_, _ = w.Write(a.change(r.URL.Path, rec.Body.Bytes())) // the client may have gone
}

func TestAnswerThatSaysAThingTwiceStopsOnlyItsMessage(t *testing.T) {
	sim := server(t, files(t, false))
	whole, err := first(t, sim, nil)
	if err != nil || whole.records < 2 || whole.faults != 0 {
		t.Fatalf("%v: %+v", err, whole)
	}
	for name, change := range map[string]func(path string, body []byte) []byte{
		"a line of the list": func(path string, body []byte) []byte {
			if strings.HasSuffix(path, "/Messages") {
				return bytes.Replace(body, []byte(`{"`), []byte(`{"ID":"x","`), 1)
			}
			return body
		},
		"a document": func() func(path string, body []byte) []byte {
			spoiled := ""
			return func(path string, body []byte) []byte {
				if strings.HasSuffix(path, "/business-document") && (spoiled == "" || spoiled == path) {
					spoiled = path
					return bytes.Replace(body, []byte(`{"`), []byte(`{"BUSINESSDOCUMENT":"x","`), 1)
				}
				return body
			}
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := first(t, sim, change)
			if err != nil || got.faults != 1 || got.records != whole.records-1 {
				t.Errorf("%v: %+v, and whole %+v", err, got, whole)
			}
		})
	}
}

type counted struct{ records, faults int }

// first reads the first page.
func first(t *testing.T, h http.Handler, change func(path string, body []byte) []byte) (counted, error) {
	t.Helper()
	if change != nil {
		h = &altered{h, change}
	}
	var out counted
	for page, err := range open(t, h, nil).Fetch(context.Background(), "") {
		if err != nil {
			return out, err
		}
		out.records += len(page.Records)
		out.faults += len(page.Faults)
		break
	}
	return out, nil
}

package nhnmsh_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"samsyn/adapters"
	"samsyn/adapters/nhnmsh"
	nhnmshsim "samsyn/internal/sim/nhnmsh"
)

// replaced serves another document than the one that the server took its metadata from.
func replaced(sim *nhnmshsim.Server, id, document string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, id+"/business-document") {
			sim.ServeHTTP(w, r)
			return
		}
		_, _ = w.Write(envelope([]byte(document)))
	})
}

func envelope(document []byte) []byte {
	out, err := json.Marshal(map[string]string{
		"businessDocument": base64.StdEncoding.EncodeToString(document), "contentType": "application/xml", "contentTransferEncoding": "base64",
	})
	if err != nil {
		panic(err)
	}
	return out
}

// oneMessage answers as a server with one message, whose document is document.
type oneMessage struct{ document []byte }

func (o *oneMessage) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte(`[{"id":"5f5e94d5-d908-476b-a172-a241c52eddb6","receiverHerId":910010}]`)
	if strings.HasSuffix(r.URL.Path, "business-document") {
		body = envelope(o.document)
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

func FuzzEnvelope(f *testing.F) {
	f.Add(file(f, good))
	f.Add(file(f, poison))
	f.Add(file(f, "2026-11-04-kvittering.xml"))
	for _, b := range bad {
		f.Add([]byte(b.change(string(file(f, good)))))
	}
	transport := &oneMessage{}
	a, err := nhnmsh.Config{Base: "http://msh.example", HerIDs: []int{helsestasjon}}.Open(adapters.Deps{HTTP: &http.Client{Transport: transport}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		transport.document = document
		listed := 0
		for page, err := range a.Fetch(context.Background(), "") {
			if err != nil {
				t.Fatalf("one bad document ends the pass: %v", err)
			}
			listed += page.Listed()
			for _, r := range page.Records {
				if !bytes.Equal(r.Body, document) {
					t.Error("the record is not the document")
				}
			}
			for _, fault := range page.Faults {
				if fault.Err == nil || fault.Key == "" {
					t.Errorf("fault %+v", fault)
				}
			}
		}
		if listed != 1 {
			t.Errorf("%d things came of one message", listed)
		}
	})
}

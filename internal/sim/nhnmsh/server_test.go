package nhnmshsim_test

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	nhnmshsim "samsyn/internal/sim/nhnmsh"
)

func TestStrictness(t *testing.T) {
	s, err := nhnmshsim.New(os.DirFS("../../../testdata/families/msh-helsestasjon"))
	if err != nil {
		t.Fatal(err)
	}
	var dialog, receipt string
	for _, m := range s.Messages() {
		switch {
		case m.IsAppRec:
			receipt = m.ID
		case m.Receiver == 910010 && dialog == "":
			dialog = m.ID
		}
	}
	ok := `{"appRecStatus":"Ok","appRecErrorList":[]}`
	tests := []struct {
		name, method, target, body string
		status                     int
	}{
		{"list", "GET", "/Messages?ReceiverHerIds=910010", "", 200},
		{"list for nobody", "GET", "/Messages", "", 400},
		{"list for a stranger", "GET", "/Messages?ReceiverHerIds=1", "", 403},
		{"too many", "GET", "/Messages?ReceiverHerIds=910010&MessagesToFetch=101", "", 400},
		{"unknown order", "GET", "/Messages?ReceiverHerIds=910010&OrderBy=3", "", 400},
		{"unknown parameter", "GET", "/Messages?ReceiverHerIds=910010&Skip=1", "", 400},
		{"no guid", "GET", "/Messages/1", "", 400},
		{"unknown message", "GET", "/Messages/00000000-0000-0000-0000-000000000000", "", 404},
		{"one message", "GET", "/Messages/" + dialog, "", 200},
		{"its document", "GET", "/Messages/" + dialog + "/business-document", "", 200},
		{"receipt from a stranger", "POST", "/Messages/" + dialog + "/apprec/1", ok, 403},
		{"receipt with an unknown field", "POST", "/Messages/" + dialog + "/apprec/910010", `{"status":1}`, 400},
		{"rejection without a cause", "POST", "/Messages/" + dialog + "/apprec/910010", `{"appRecStatus":"Rejected","appRecErrorList":[]}`, 400},
		{"rejection without details", "POST", "/Messages/" + dialog + "/apprec/910010", `{"appRecStatus":"Rejected","appRecErrorList":[{"errorCode":"E10"}]}`, 400},
		{"receipt", "POST", "/Messages/" + dialog + "/apprec/910010", ok, 201},
		{"second receipt", "POST", "/Messages/" + dialog + "/apprec/910010", ok, 400},
		{"receipt of a receipt", "POST", "/Messages/" + receipt + "/apprec/910010", ok, 400},
		{"read", "PUT", "/Messages/" + dialog + "/read/910010", "", 204},
		{"read again", "PUT", "/Messages/" + dialog + "/read/910010", "", 204},
	}
	for _, test := range tests { // in order: later ones rest on earlier ones
		r := httptest.NewRequest(test.method, test.target, strings.NewReader(test.body))
		r.Header.Set("api-version", "2")
		r.Header.Set("nhn-source-system", "test")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%s: status %d, want %d: %s", test.name, w.Code, test.status, w.Body)
		}
	}
	for _, header := range []string{"api-version", "nhn-source-system"} {
		r := httptest.NewRequest("GET", "/Messages?ReceiverHerIds=910010", nil)
		r.Header.Set("api-version", "2")
		r.Header.Set("nhn-source-system", "test")
		r.Header.Del(header)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 400 {
			t.Errorf("without %s: status %d", header, w.Code)
		}
	}
	for _, m := range s.Messages() {
		if read := m.ID == dialog && m.Receiver == 910010; m.Read != read {
			t.Errorf("%s for %d: read %t", m.Name, m.Receiver, m.Read)
		}
	}
}

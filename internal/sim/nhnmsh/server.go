// Package nhnmshsim owns a simulator of NHN's message server (MSH REST API v2): the
// unread list, business documents, read marks and application receipts. It serves
// message files as they are, refuses what the real API refuses, and knows nothing
// of who reads.
package nhnmshsim

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Server holds the messages of one or more receivers. It is an http.Handler.
type Server struct {
	mux *http.ServeMux

	mu       sync.Mutex
	messages []*Message
	hers     []int
}

// Message is one message and what became of it.
type Message struct {
	ID       string // the server's own id, made from the file's name
	Name     string
	Document []byte

	Receiver, Sender int
	MsgID            string
	GenDate          time.Time
	IsAppRec         bool

	Read bool
	// AppRec is the receipt that was given, nil while there is none.
	AppRec *AppRec
}

// AppRec is a receipt as it was posted.
type AppRec struct {
	Status string        `json:"appRecStatus"`
	Errors []AppRecError `json:"appRecErrorList"`
}

// AppRecError is a cause of rejection.
type AppRecError struct {
	Code    string `json:"errorCode"`
	Details string `json:"details"`
}

// New reads every *.xml below data as one message. The receivers named in the
// messages are the ones that a client may read for.
func New(data fs.FS) (*Server, error) {
	s := &Server{mux: http.NewServeMux()}
	err := fs.WalkDir(data, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".xml" {
			return err
		}
		body, err := fs.ReadFile(data, name)
		if err != nil {
			return err
		}
		return s.Add(name, body)
	})
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	s.mux.HandleFunc("GET /Messages", s.list)
	s.mux.HandleFunc("GET /Messages/{id}", s.one)
	s.mux.HandleFunc("GET /Messages/{id}/business-document", s.document)
	s.mux.HandleFunc("GET /Messages/{id}/apprec", s.appRecs)
	s.mux.HandleFunc("POST /Messages/{id}/apprec/{her}", s.postAppRec)
	s.mux.HandleFunc("PUT /Messages/{id}/read/{her}", s.markRead)
	return s, nil
}

// Add delivers one more message: to its receiver and to each receiver of a copy,
// who read and answer it apart. Its server id follows from its name alone.
func (s *Server) Add(name string, document []byte) error {
	m := Message{ID: messageID(name), Name: name, Document: document}
	receivers, err := m.metadata()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = slices.DeleteFunc(s.messages, func(old *Message) bool { return old.ID == m.ID })
	for _, her := range receivers {
		delivered := m
		delivered.Receiver = her
		s.messages = append(s.messages, &delivered)
		if !slices.Contains(s.hers, her) {
			s.hers = append(s.hers, her)
		}
	}
	sort.SliceStable(s.messages, func(i, j int) bool { return s.messages[i].GenDate.Before(s.messages[j].GenDate) })
	return nil
}

// Messages gives a copy of what the server holds, one for each receiver, oldest first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Message, len(s.messages))
	for i, m := range s.messages {
		out[i] = *m
	}
	return out
}

// messageID gives a stable GUID for a name.
func messageID(name string) string {
	h := sha256.Sum256([]byte("msh:" + name))
	h[6], h[8] = h[6]&0x0f|0x50, h[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// metadata is what the real server knows from the transport. It is read off the
// document without regard to whether the document is good: the server delivers
// what it was given.
func (m *Message) metadata() (receivers []int, err error) {
	dec := xml.NewDecoder(bytes.NewReader(m.Document))
	dec.Strict = false
	r := reader{message: m}
	for {
		tok, err := dec.Token()
		if err != nil {
			break
		}
		switch t := tok.(type) {
		case xml.StartElement:
			r.start(t)
		case xml.EndElement:
			r.end(t)
		case xml.CharData:
			r.text(strings.TrimSpace(string(t)))
		}
	}
	if len(r.receivers) == 0 || m.MsgID == "" {
		return nil, fmt.Errorf("no receiver or no message id can be read")
	}
	return r.receivers, nil
}

// reader collects the metadata on the way through a document.
type reader struct {
	message   *Message
	at        []string
	party, id string
	her       int // the innermost HER-id of the party: the service, not its owner
	receivers []int
}

func (r *reader) start(t xml.StartElement) {
	if len(r.at) == 0 {
		r.message.IsAppRec = t.Name.Local == "AppRec"
	}
	r.at = append(r.at, t.Name.Local)
	if r.party == "" && slices.Contains([]string{"Sender", "Receiver", "OtherReceiver"}, t.Name.Local) {
		r.party, r.her = t.Name.Local, 0
	}
	for _, a := range t.Attr {
		if t.Name.Local == "TypeId" && a.Name.Local == "V" && a.Value == "HER" {
			if her, err := strconv.Atoi(r.id); err == nil {
				r.her = her
			}
		}
	}
}

func (r *reader) end(t xml.EndElement) {
	if len(r.at) > 0 {
		r.at = r.at[:len(r.at)-1]
	}
	if t.Name.Local != r.party {
		return
	}
	if r.party == "Sender" {
		r.message.Sender = r.her
	} else if r.her != 0 {
		r.receivers = append(r.receivers, r.her)
	}
	r.party = ""
}

func (r *reader) text(text string) {
	if text == "" || len(r.at) == 0 {
		return
	}
	switch strings.Join(r.at, "/") {
	case "MsgHead/MsgInfo/MsgId", "AppRec/Id":
		r.message.MsgID = text
	case "MsgHead/MsgInfo/GenDate", "AppRec/GenDate":
		r.message.GenDate, _ = time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(text, "Z")) // an unreadable time sorts first
	}
	if r.at[len(r.at)-1] == "Id" {
		r.id = text
	}
}

// ServeHTTP speaks the protocol.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var wrong []string
	if r.Header.Get("api-version") != "2" {
		wrong = append(wrong, "api-version must be 2")
	}
	if r.Header.Get("nhn-source-system") == "" {
		wrong = append(wrong, "nhn-source-system is required")
	}
	if len(wrong) > 0 {
		refuse(w, http.StatusBadRequest, "Model validation error occurred", wrong...)
		return
	}
	s.mux.ServeHTTP(w, r)
}

func refuse(w http.ResponseWriter, code int, text string, wrong ...string) {
	answer(w, code, map[string]any{
		"error": text, "errorCode": 1000, "validationErrors": append([]string{}, wrong...),
		"stackTrace": nil, "requestId": messageID(text),
	})
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody to tell
}

func encode(document []byte) map[string]any {
	return map[string]any{
		"businessDocument":        base64.StdEncoding.EncodeToString(document),
		"contentType":             "application/xml",
		"contentTransferEncoding": "base64",
	}
}

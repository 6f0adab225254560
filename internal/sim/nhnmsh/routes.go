package nhnmshsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
)

var (
	guid      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	errorCode = regexp.MustCompile(`^[EST][0-9]{2}$|^X99$`) // code list 8221
)

// listed are the query parameters of GET /Messages.
var listed = []string{"ReceiverHerIds", "SenderHerId", "BusinessDocumentId", "IncludeMetadata", "MessagesToFetch", "OrderBy"}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, wrong := query(r.URL.Query())
	if len(wrong) > 0 {
		refuse(w, http.StatusBadRequest, "Model validation error occurred", wrong...)
		return
	}
	for _, her := range q.receivers {
		if !slices.Contains(s.hers, her) {
			refuse(w, http.StatusForbidden, fmt.Sprintf("Not authorized for HerId(s): %d", her))
			return
		}
	}
	out := []map[string]any{}
	for _, m := range s.messages {
		if m.Read || !slices.Contains(q.receivers, m.Receiver) || q.sender != 0 && q.sender != m.Sender ||
			q.document != "" && q.document != m.MsgID {
			continue
		}
		out = append(out, m.describe(q.metadata))
	}
	if q.descending {
		slices.Reverse(out)
	}
	answer(w, http.StatusOK, out[:min(len(out), q.count)])
}

func (m *Message) describe(metadata bool) map[string]any {
	out := map[string]any{"id": m.ID, "receiverHerId": m.Receiver}
	if metadata {
		out["contentType"] = "application/xml"
		out["senderHerId"] = m.Sender
		out["businessDocumentId"] = m.MsgID
		out["businessDocumentGenDate"] = m.GenDate.Format("2006-01-02T15:04:05")
		out["isAppRec"] = m.IsAppRec
	}
	return out
}

type listQuery struct {
	receivers            []int
	sender, count        int
	document             string
	metadata, descending bool
}

func query(v url.Values) (listQuery, []string) {
	q := listQuery{count: 10, document: v.Get("BusinessDocumentId")}
	var wrong []string
	number := func(name, text string, low, high int) int {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			wrong = append(wrong, name+" is not valid")
		}
		return n
	}
	for name := range v {
		if !slices.Contains(listed, name) {
			wrong = append(wrong, name+" is not a parameter")
		}
	}
	for _, text := range v["ReceiverHerIds"] {
		q.receivers = append(q.receivers, number("ReceiverHerIds", text, 1, 1<<31-1))
	}
	if len(q.receivers) == 0 {
		wrong = append(wrong, "ReceiverHerIds is required")
	}
	if text := v.Get("SenderHerId"); text != "" {
		q.sender = number("SenderHerId", text, 1, 1<<31-1)
	}
	if text := v.Get("MessagesToFetch"); text != "" {
		q.count = number("MessagesToFetch", text, 1, 100)
	}
	switch v.Get("IncludeMetadata") {
	case "", "false":
	case "true":
		q.metadata = true
	default:
		wrong = append(wrong, "IncludeMetadata is not valid")
	}
	switch v.Get("OrderBy") {
	case "", "1", "Ascending":
	case "2", "Descending":
		q.descending = true
	default:
		wrong = append(wrong, "OrderBy is not valid")
	}
	return q, wrong
}

// find gives the message of the address, or answers why not. s.mu is held.
func (s *Server) find(w http.ResponseWriter, r *http.Request) *Message {
	id := r.PathValue("id")
	if !guid.MatchString(id) {
		refuse(w, http.StatusBadRequest, "Model validation error occurred", "id must be a Guid")
		return nil
	}
	for _, m := range s.messages {
		if m.ID == id {
			return m
		}
	}
	refuse(w, http.StatusNotFound, "Could not find database document")
	return nil
}

// own gives the message if the HER-id in the address is its receiver.
func (s *Server) own(w http.ResponseWriter, r *http.Request) *Message {
	m := s.find(w, r)
	if m == nil {
		return nil
	}
	her, err := strconv.Atoi(r.PathValue("her"))
	if err != nil || her < 1 {
		refuse(w, http.StatusBadRequest, "Model validation error occurred", "herId is not valid")
		return nil
	}
	for _, delivered := range s.messages {
		if delivered.ID == m.ID && delivered.Receiver == her {
			return delivered
		}
	}
	refuse(w, http.StatusForbidden, fmt.Sprintf("Not authorized for HerId(s): %d", her))
	return nil
}

func (s *Server) one(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.find(w, r); m != nil {
		answer(w, http.StatusOK, m.describe(true))
	}
}

func (s *Server) document(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.find(w, r); m != nil {
		answer(w, http.StatusOK, encode(m.Document))
	}
}

func (s *Server) appRecs(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(w, r)
	if m == nil {
		return
	}
	out := []any{}
	for _, delivered := range s.messages {
		if delivered.ID != m.ID {
			continue
		}
		info := map[string]any{"receiverHerId": delivered.Receiver, "appRecStatus": nil, "appRecErrorList": []AppRecError{}}
		if rec := delivered.AppRec; rec != nil {
			info["appRecStatus"] = rec.Status
			info["appRecErrorList"] = append([]AppRecError{}, rec.Errors...)
		}
		out = append(out, info)
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) postAppRec(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.own(w, r)
	if m == nil {
		return
	}
	rec, wrong := readAppRec(r)
	if m.IsAppRec {
		wrong = append(wrong, "an application receipt is not answered with an application receipt")
	}
	if m.AppRec != nil {
		wrong = append(wrong, "an application receipt has been sent for this message")
	}
	if len(wrong) > 0 {
		refuse(w, http.StatusBadRequest, "Model validation error occurred", wrong...)
		return
	}
	m.AppRec = &rec
	answer(w, http.StatusCreated, messageID("apprec:"+m.ID))
}

func readAppRec(r *http.Request) (AppRec, []string) {
	// details is required by the schema, so its absence must be told apart from "".
	var body struct {
		Status string `json:"appRecStatus"`
		Errors []struct {
			Code    *string `json:"errorCode"`
			Details *string `json:"details"`
		} `json:"appRecErrorList"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil {
		return AppRec{}, []string{"the body is not a PostAppRecRequest"}
	}
	var wrong []string
	rec := AppRec{Status: body.Status}
	switch body.Status {
	case "Ok":
		if len(body.Errors) > 0 {
			wrong = append(wrong, "appRecErrorList must be empty when appRecStatus is Ok")
		}
	case "Rejected":
		if len(body.Errors) == 0 {
			wrong = append(wrong, "appRecErrorList must be populated when appRecStatus is Rejected")
		}
	default:
		wrong = append(wrong, "appRecStatus is not supported")
	}
	for _, e := range body.Errors {
		if e.Code == nil || e.Details == nil || !errorCode.MatchString(*e.Code) {
			wrong = append(wrong, "appRecErrorList has an error without a code of 8221 or without details")
			continue
		}
		rec.Errors = append(rec.Errors, AppRecError{Code: *e.Code, Details: *e.Details})
	}
	return rec, wrong
}

func (s *Server) markRead(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.own(w, r); m != nil {
		m.Read = true
		w.WriteHeader(http.StatusNoContent)
	}
}

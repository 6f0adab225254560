package nhnmsh

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"samsyn/adapters"
	"samsyn/internal/xmlsafe"
)

// The namespaces of what is read.
const (
	nsMsgHead  = "http://www.kith.no/xmlstds/msghead/2006-05-24"
	nsDialog10 = "http://www.kith.no/xmlstds/dialog/2006-10-11"
	nsDialog11 = "http://www.kith.no/xmlstds/dialog/2013-01-23"
	nsAppRec10 = "http://www.kith.no/xmlstds/apprec/2004-11-21"
	nsAppRec11 = "http://www.kith.no/xmlstds/apprec/2012-02-15"
)

// Codes of code list 8221 (feilmeldinger for applikasjonskvittering) that are answered.
const (
	codeMessageID   = "E10" // ugyldig meldingsidentifikator
	codeReceiver    = "E21" // mottaker finnes ikke
	codeNoNumber    = "E30" // pasientens fødselsnummer mangler
	codeUnreadable  = "T01" // ikke XML, ikke well formed, uleselig
	codeInvalid     = "T02" // XML validerer ikke
	codeUnsupported = "T10" // støtter ikke meldingsformatet
	codeFormat      = "T99" // annen feil på format
)

// Rejection is a fault of the message itself: its sender is told, and must act.
// It wraps adapters.ErrMalformed.
type Rejection struct {
	Code   string // code list 8221
	Reason string // never holds a part of the message
}

func (r *Rejection) Error() string {
	return fmt.Sprintf("%v: %s (answered with %s)", adapters.ErrMalformed, r.Reason, r.Code)
}

// Unwrap gives adapters.ErrMalformed.
func (r *Rejection) Unwrap() error { return adapters.ErrMalformed }

func reject(code, format string, args ...any) *Rejection {
	return &Rejection{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// inspect reads the envelope, and only as much as decides whether the message is
// readable and is ours. nil: it is.
func inspect(body []byte, m message, appRec bool, ours []int) *Rejection {
	root, err := xmlsafe.ParseBytes(body, xmlsafe.Limits{Bytes: int64(len(body)) + 1})
	switch {
	case errors.Is(err, xmlsafe.ErrDoctype):
		return reject(codeFormat, "the document declares a DOCTYPE, which is refused")
	case errors.Is(err, xmlsafe.ErrTooDeep), errors.Is(err, xmlsafe.ErrTooLarge):
		return reject(codeFormat, "the document is nested deeper or holds more than allowed")
	case err != nil:
		return reject(codeUnreadable, "the document is not well-formed XML")
	}
	if appRec {
		if root.Name != "AppRec" || (root.Space != nsAppRec10 && root.Space != nsAppRec11) {
			return reject(codeUnsupported, "the server calls it an application receipt, and it is not AppRec 1.0 or 1.1")
		}
		return nil
	}
	if root.Name != "MsgHead" || root.Space != nsMsgHead {
		return reject(codeUnsupported, "the document is not MsgHead 1.2")
	}
	info := root.Child("MsgInfo")
	if info == nil {
		return reject(codeInvalid, "MsgHead/MsgInfo is missing")
	}
	id := strings.TrimSpace(info.Value("MsgId"))
	if id == "" || (m.BusinessDocumentID != "" && !strings.EqualFold(id, m.BusinessDocumentID)) {
		return reject(codeMessageID, "MsgHead/MsgInfo/MsgId is missing or is not the one that the server tells of")
	}
	if !isOurs(info, ours) {
		return reject(codeReceiver, "no receiver in MsgHead is one of this source's HER-ids")
	}
	if r := oneDialog(root); r != nil {
		return r
	}
	return patient(info)
}

// isOurs looks for one of our HER-ids in Receiver and OtherReceiver, at any level
// of the organisation.
func isOurs(info *xmlsafe.Node, ours []int) bool {
	for _, r := range append(info.All("Receiver"), info.All("OtherReceiver")...) {
		for org := r.Child("Organisation"); org != nil; org = org.Child("Organisation") {
			for _, ident := range org.All("Ident") {
				if ident.Child("TypeId").Attr("V") != "HER" {
					continue
				}
				if her, err := strconv.Atoi(strings.TrimSpace(ident.Value("Id"))); err == nil && slices.Contains(ours, her) {
					return true
				}
			}
		}
	}
	return false
}

// oneDialog wants exactly one Dialogmelding among the documents; attachments may
// stand beside it.
func oneDialog(root *xmlsafe.Node) *Rejection {
	found := 0
	for _, d := range root.All("Document") {
		for _, c := range contentOf(d) {
			if c.Name == "Dialogmelding" && (c.Space == nsDialog10 || c.Space == nsDialog11) {
				found++
			}
		}
	}
	switch found {
	case 1:
		return nil
	case 0:
		return reject(codeUnsupported, "the message holds no Dialogmelding 1.0 or 1.1")
	}
	return reject(codeUnsupported, "the message holds %d Dialogmelding; one is supported", found)
}

func contentOf(document *xmlsafe.Node) []*xmlsafe.Node {
	if c := document.Child("RefDoc", "Content"); c != nil {
		return c.Children
	}
	return nil
}

// patient wants to know whom the message is about. Which number it is, and whether
// it is valid, is not judged here.
func patient(info *xmlsafe.Node) *Rejection {
	p := info.Child("Patient")
	if p == nil {
		return reject(codeNoNumber, "MsgHead/MsgInfo/Patient is missing: nobody knows whom the message is about")
	}
	for _, ident := range p.All("Ident") {
		if strings.TrimSpace(ident.Value("Id")) != "" {
			return nil
		}
	}
	return reject(codeNoNumber, "MsgHead/MsgInfo/Patient has no identifier")
}

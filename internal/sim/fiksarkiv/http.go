package fiksarkivsim

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"samsyn/internal/xmlsafe"
)

const (
	nsBase       = "https://ks-no.github.io/standarder/fiks-protokoll/fiks-arkiv/"
	typePrefix   = "no.ks.fiks.arkiv.v2."
	headerType   = "Fiks-Meldingstype"
	headerTarget = "Fiks-Mottaker-Konto"
	xmlHeader    = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
)

// ServeHTTP answers POST /meldinger: one message in, one message out.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.URL.Path != "/meldinger":
		http.Error(w, "ukjent adresse", http.StatusNotFound)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "bare POST", http.StatusMethodNotAllowed)
	case r.URL.RawQuery != "":
		http.Error(w, "adressen skal ikke ha parametere", http.StatusBadRequest)
	case s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token:
		http.Error(w, "ikke innlogget", http.StatusUnauthorized)
	case s.Account != "" && r.Header.Get(headerTarget) != s.Account:
		http.Error(w, "ukjent mottakerkonto", http.StatusForbidden)
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/xml"):
		http.Error(w, "meldingen skal være XML", http.StatusUnsupportedMediaType)
	default:
		kind, body := s.message(r)
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set(headerType, typePrefix+kind)
		_, _ = w.Write(body)
	}
}

// message answers one message; the kind is without the prefix. The caller holds mu.
func (s *Server) message(r *http.Request) (kind string, body []byte) {
	if s.fault != "" {
		return feilmelding(s.fault, "feilen er satt på av testen")
	}
	root, err := xmlsafe.Parse(r.Body, xmlsafe.Limits{Bytes: 1 << 20})
	if err != nil {
		return feilmelding("ugyldigforespoersel", "meldingen er ikke lesbar XML")
	}
	switch r.Header.Get(headerType) {
	case typePrefix + "innsyn.sok":
		q, err := parseRequest(root)
		if err != nil {
			return feilmelding("ugyldigforespoersel", err.Error())
		}
		s.searches++
		return "innsyn.sok.resultat.utvidet", s.answer(q)
	case typePrefix + "innsyn.kodeliste.hent":
		return codeList(root)
	}
	return feilmelding("ugyldigforespoersel", "ukjent meldingstype")
}

func (s *Server) answer(q *request) []byte {
	hits := s.find(q)
	count := len(hits)
	take := q.take
	if s.MaxTake > 0 {
		take = min(take, s.MaxTake)
	}
	hits = hits[min(q.skip, count):min(q.skip+take, count)]
	var b strings.Builder
	fmt.Fprintf(&b, `%s<sokeresultat xmlns="%ssokeresultat/utvidet/v2"><system>arkiv</system><take>%d</take><skip>%d</skip><count>%d</count><resultattype>%s</resultattype><resultatListe>`,
		xmlHeader, nsBase, take, q.skip, count, q.result)
	for _, n := range hits {
		b.WriteString("<resultat>")
		b.Write(n.Bytes())
		b.WriteString("</resultat>")
	}
	b.WriteString("</resultatListe></sokeresultat>")
	return []byte(b.String())
}

// codeList answers the one list that is kept here.
func codeList(root *xmlsafe.Node) (string, []byte) {
	if root.Name != "HentKodeliste" || root.Space != nsBase+"kodeliste/hent/v2" {
		return feilmelding("ugyldigforespoersel", "HentKodeliste er ventet")
	}
	if root.Value("kodelistenavn") != "dokumenttype" {
		return feilmelding("ikkefunnet", "kodelisten finnes ikke her")
	}
	return "innsyn.kodeliste.hent.resultat", fmt.Appendf(nil,
		`%s<KodeListe xmlns="%skodeliste/hent/resultat/v2" xmlns:m="%smetadatakatalog/v2"><liste><m:kode>VEDTAK</m:kode><m:beskrivelse>Vedtak</m:beskrivelse></liste></KodeListe>`,
		xmlHeader, nsBase, nsBase)
}

func feilmelding(kind, text string) (string, []byte) {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text)) // a strings.Builder never fails
	return "feilmelding." + kind, fmt.Appendf(nil,
		`%s<%s xmlns="%sfeil/%s/v2" xmlns:f="%sfeil/feilmelding/v2"><f:feilId>7b5f0d2e-0000-4000-8000-000000000001</f:feilId><f:feilmelding>%s</f:feilmelding></%s>`,
		xmlHeader, kind, nsBase, kind, nsBase, escaped.String(), kind)
}

var errRequest = errors.New("ugyldig søk")

package consolidate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"samsyn/fhir"
)

// happening is an event as one source tells it, before folding.
type happening struct {
	Event
	name     string // "Encounter/…"
	ids      []string
	links    []string // appointments that it came of, messages that it answers
	requests []string
	planned  bool // an Appointment, or an Encounter that lies ahead
}

// timeline tells in order of time what has been and what is coming.
func (b *builder) timeline() []Event {
	all := slices.Concat(b.contacts(), b.booked())
	groups := fold(len(all),
		func(i, j int) bool { return all[i].apart(all[j]) },
		func(i, j int) bool { return linked(all[i], all[j]) },
		func(i, j int) bool { return share(all[i].ids, all[j].ids) },
		func(i, j int) bool { return b.sameMeeting(all[i].Event, all[j].Event) })
	var out []Event
	for _, g := range groups {
		out = append(out, b.event(pick(all, g)))
	}
	out = append(out, b.sent()...)
	out = append(out, b.written()...)
	slices.SortStableFunc(out, func(x, y Event) int { return cmp.Or(b.compare(x.Start, y.Start), cmp.Compare(x.ID, y.ID)) })
	return out
}

// contacts reads encounters; minutes that name one stand on its line.
func (b *builder) contacts() []happening {
	var all []happening
	for _, x := range b.encounters {
		ref := x.src.ref("")
		h := happening{
			Event: Event{
				ID: lineID("event", ref), Kind: EventContact, Meeting: codeIn(x.V.Type, fhir.SystemMeeting),
				Title: cmp.Or(labels(x.V.Type), x.V.ServiceType.label()), Start: x.V.Period.Start, End: x.V.Period.End, Status: x.V.Status,
				Provider: b.who(x.V.ServiceProvider, x.V.Contained), Service: x.src.c.Service, Sources: []SourceRef{ref},
			},
			name: x.src.name(), ids: identifiers(x.V.Identifier),
			links: referenceNames(x.V.Appointment), requests: referenceNames(x.V.BasedOn),
			planned: x.V.Status == "planned",
		}
		if h.Meeting != "" {
			h.Kind = EventMeeting
		}
		for _, p := range x.V.Participant {
			h.With = appendNew(h.With, b.who(p.Individual, x.V.Contained))
		}
		for _, l := range x.V.Location {
			h.Place = cmp.Or(h.Place, b.who(&l.Location, x.V.Contained))
		}
		for _, d := range b.documents {
			if slices.ContainsFunc(d.V.Context.Encounter, func(r reference) bool { return r.Reference == h.name }) {
				h.Documents = append(h.Documents, b.document(d))
				b.attached[d.src.name()] = true
			}
		}
		all = append(all, h)
	}
	return all
}

func (b *builder) booked() []happening {
	var all []happening
	for _, x := range b.appointments {
		ref := x.src.ref("")
		h := happening{
			Event: Event{
				ID: lineID("event", ref), Kind: EventContact, Meeting: x.V.AppointmentType.code(fhir.SystemMeeting),
				Start: x.V.Start, End: x.V.End, Status: x.V.Status, Service: x.src.c.Service, Sources: []SourceRef{ref},
			},
			name: x.src.name(), ids: identifiers(x.V.Identifier), requests: referenceNames(x.V.BasedOn), planned: true,
		}
		h.Title = cmp.Or(x.V.Description, labels(x.V.ServiceType), x.V.AppointmentType.label())
		if h.Meeting != "" {
			h.Kind, h.Title = EventMeeting, cmp.Or(x.V.AppointmentType.label(), h.Title)
		}
		for _, p := range x.V.Participant {
			switch name := b.who(p.Actor, x.V.Contained); {
			case name == "" || p.Actor.kind() == "Patient":
			case p.Actor.kind() == "Location":
				h.Place = cmp.Or(h.Place, name)
			case p.Actor.kind() == "Organization" || p.Actor.kind() == "HealthcareService":
				h.Provider = cmp.Or(h.Provider, name)
				h.With = appendNew(h.With, name)
			default:
				h.With = appendNew(h.With, name)
			}
		}
		all = append(all, h)
	}
	return all
}

// apart: what one source tells twice in the same way are two things, and a meeting
// is never a consultation. An appointment and the encounter that came of it may meet.
func (h happening) apart(o happening) bool {
	sameSource := h.Sources[0].Source == o.Sources[0].Source
	sameType := strings.HasPrefix(h.name, "Appointment/") == strings.HasPrefix(o.name, "Appointment/")
	return sameSource && sameType || h.Meeting != o.Meeting && h.Meeting != "" && o.Meeting != ""
}

func linked(x, y happening) bool {
	return slices.Contains(x.links, y.name) || slices.Contains(y.links, x.name)
}

// sameMeeting: meetings of the same kind around the same child on the same day.
// Where their times do not meet it is still one line, and a disagreement.
func (b *builder) sameMeeting(x, y Event) bool {
	day := x.Start.Day(b.loc)
	return x.Meeting != "" && x.Meeting == y.Meeting && day != "" && day == y.Start.Day(b.loc) && b.cancelled(x) == b.cancelled(y)
}

func (b *builder) cancelled(e Event) bool {
	return slices.Contains([]string{"cancelled", "noshow"}, e.Status)
}

// event makes one line of what was told: what happened leads over what was planned,
// a time of day over a mere day, and then what was said last.
func (b *builder) event(hs []happening) Event {
	slices.SortStableFunc(hs, func(x, y happening) int {
		return cmp.Or(
			cmp.Compare(boolRank(!x.planned), boolRank(!y.planned)),
			cmp.Compare(boolRank(x.Start.HasClock()), boolRank(y.Start.HasClock())),
			changed(y.Sources[0]).Compare(changed(x.Sources[0])),
			cmp.Compare(rank(x.Service), rank(y.Service)), cmp.Compare(x.ID, y.ID))
	})
	e := hs[0].Event
	for _, h := range hs {
		b.lines[h.name] = e.ID
		b.eventRefs[e.ID] = append(b.eventRefs[e.ID], h.requests...)
	}
	for _, h := range hs[1:] {
		if !e.Start.HasClock() && h.Start.HasClock() && e.Start.Day(b.loc) == h.Start.Day(b.loc) {
			e.Start, e.End = h.Start, h.End
		}
		e.Title, e.Provider, e.Place = cmp.Or(e.Title, h.Title), cmp.Or(e.Provider, h.Provider), cmp.Or(e.Place, h.Place)
		for _, w := range h.With {
			if !slices.ContainsFunc(e.With, func(have string) bool { return plainName(have) == plainName(w) }) {
				e.With = append(e.With, w)
			}
		}
		if e.Meeting == "" && h.Meeting != "" {
			e.Meeting, e.Kind = h.Meeting, EventMeeting
		}
		e.Documents = append(e.Documents, h.Documents...)
		e.Sources = append(e.Sources, h.Sources...)
	}
	if len(hs) > 1 {
		for _, h := range hs {
			e.Says = append(e.Says, EventSaid{Title: h.Title, Start: h.Start, End: h.End, Status: h.Status, Source: h.Sources[0]})
		}
	}
	if b.rivalTimes(hs) {
		e.Disputed = []string{"time"}
	}
	e.Cancelled = b.cancelled(e)
	e.Coming = b.coming(hs[0].planned, e)
	return e
}

// rivalTimes tells whether two sources say times that do not meet.
func (b *builder) rivalTimes(hs []happening) bool {
	for i, x := range hs {
		for _, y := range hs[i+1:] {
			if x.Sources[0].Source == y.Sources[0].Source || !x.Start.HasClock() || !y.Start.HasClock() {
				continue
			}
			if !b.meet(x.Event, y.Event) {
				return true
			}
		}
	}
	return false
}

// meet tells whether the two have an instant in common; one without an end is taken
// as its first instant.
func (b *builder) meet(x, y Event) bool {
	xs, _ := x.Start.Time(b.loc)
	ys, _ := y.Start.Time(b.loc)
	if xs.Equal(ys) {
		return true
	}
	end := func(e Event, start time.Time) time.Time {
		if t, ok := e.End.after(b.loc); ok {
			return t
		}
		return start
	}
	if xs.Before(ys) {
		return end(x, xs).After(ys)
	}
	return end(y, ys).After(xs)
}

// coming tells whether it lies ahead: planned, and not over.
func (b *builder) coming(planned bool, e Event) bool {
	if !planned || e.Status == "fulfilled" {
		return false
	}
	last, ok := e.End.after(b.loc)
	if !ok {
		last, ok = e.Start.after(b.loc)
	}
	return ok && last.After(b.now)
}

// sent reads messages. Those of one conversation have the same Thread.
func (b *builder) sent() []Event {
	var out []Event
	var hs []happening
	for _, x := range b.messages {
		ref := x.src.ref("")
		e := Event{
			ID: lineID("event", ref), Kind: EventMessage, Title: cmp.Or(x.V.Topic.label(), labels(x.V.Category)),
			Start: cmp.Or(x.V.Sent, x.V.Received), Status: x.V.Status, From: b.who(x.V.Sender, x.V.Contained),
			To: b.whos(x.V.Recipient, x.V.Contained), Service: x.src.c.Service, Sources: []SourceRef{ref},
		}
		var texts, enclosed []string
		for _, p := range x.V.Payload {
			texts = appendNew(texts, p.ContentString)
			if p.ContentReference != nil {
				enclosed = append(enclosed, p.ContentReference.Reference)
			}
		}
		for _, d := range b.documents {
			if slices.Contains(enclosed, d.src.name()) || slices.Contains(referenceNames(d.V.Context.Related), x.src.name()) {
				e.Documents = append(e.Documents, b.document(d))
				b.attached[d.src.name()] = true
			}
		}
		e.Text = strings.Join(texts, "\n\n")
		hs = append(hs, happening{Event: e, name: x.src.name(), ids: identifiers(x.V.Identifier),
			links: slices.Concat(referenceNames(x.V.PartOf), referenceNames(x.V.InResponseTo))})
		out = append(out, e)
	}
	threads := fold(len(hs), func(i, j int) bool { return false },
		func(i, j int) bool { return linked(hs[i], hs[j]) || share(hs[i].links, hs[j].links) },
		func(i, j int) bool { return share(hs[i].ids, hs[j].ids) })
	for _, g := range threads {
		for _, i := range g {
			if len(g) > 1 {
				out[i].Thread = "thread-" + strings.TrimPrefix(hs[g[0]].ID, "event-")
			}
		}
	}
	return out
}

// written lists the documents that stand on no other line.
func (b *builder) written() []Event {
	var out []Event
	for _, x := range b.documents {
		if b.attached[x.src.name()] {
			continue
		}
		d := b.document(x)
		out = append(out, Event{ID: lineID("event", d.Sources[0]), Kind: EventDocument, Title: cmp.Or(d.Title, d.Type), Start: d.Date, Status: x.V.Status,
			Provider: b.who(x.V.Custodian, x.V.Contained), With: b.whos(x.V.Author, x.V.Contained),
			Documents: []Document{d}, Service: x.src.c.Service, Sources: d.Sources})
	}
	return out
}

func (b *builder) document(x from[documentReference]) Document {
	ref := x.src.ref("")
	d := Document{ID: lineID("document", ref), Title: x.V.Description, Type: x.V.Type.label(), Date: x.V.Date, Sources: []SourceRef{ref}}
	for _, c := range x.V.Content {
		d.Title = cmp.Or(d.Title, c.Attachment.Title)
		d.Date = cmp.Or(d.Date, c.Attachment.Creation)
	}
	return d
}

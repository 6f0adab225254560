package consolidate

import (
	"cmp"
	"slices"

	"samsyn/fhir"
)

// decisions lists the vedtak, the latest first. The same vedtak told by the one
// who decided and by the archive that keeps its letter is one line.
func (b *builder) decisions() []Decision {
	var all []Decision
	var ids [][]string
	var src []from[serviceRequest]
	for _, x := range b.requests {
		if categoryOf(x) == "vedtak" {
			all, ids, src = append(all, b.decision(x)), append(ids, identifiers(x.V.Identifier)), append(src, x)
		}
	}
	groups := fold(len(all),
		func(i, j int) bool { return all[i].Sources[0].Source == all[j].Sources[0].Source },
		func(i, j int) bool { return share(ids[i], ids[j]) },
		func(i, j int) bool { return b.sameDecision(all[i], all[j]) })
	var out []Decision
	for _, g := range groups {
		d := b.mergeDecisions(pick(all, g))
		for _, i := range g {
			b.lines[src[i].src.name()] = d.ID
		}
		out = append(out, d)
	}
	slices.SortStableFunc(out, func(x, y Decision) int { return cmp.Or(b.compare(y.Date, x.Date), cmp.Compare(x.ID, y.ID)) })
	return out
}

func (b *builder) decision(x from[serviceRequest]) Decision {
	ref := x.src.ref("")
	d := Decision{
		ID: lineID("decision", ref), Title: x.V.Code.label(), Codes: codes(x.V.Code), Date: x.V.AuthoredOn,
		Law: x.V.extensionStrings(fhir.ExtLovhjemmel), By: b.who(x.V.Requester, x.V.Contained), Status: x.V.Status, Period: x.V.OccurrencePeriod,
		StartBy: x.V.extensionDate(fhir.ExtStartfrist), AppealBy: x.V.extensionDate(fhir.ExtKlagefrist),
		Service: x.src.c.Service, Sources: []SourceRef{ref},
	}
	for _, n := range x.V.Note {
		d.Note = cmp.Or(d.Note, n.Text)
	}
	for _, doc := range b.documents {
		letter := slices.ContainsFunc(x.V.SupportingInfo, func(r reference) bool { return r.Reference == doc.src.name() }) ||
			slices.ContainsFunc(doc.V.Context.Related, func(r reference) bool { return r.Reference == x.src.name() })
		if letter {
			d.Letters = append(d.Letters, b.document(doc))
			b.attached[doc.src.name()] = true
		}
	}
	return d
}

// sameDecision: of the same day, and by the same section of the law, with the same
// code, or with titles that mean the same.
func (b *builder) sameDecision(x, y Decision) bool {
	day := x.Date.Day(b.loc)
	if day == "" || day != y.Date.Day(b.loc) {
		return false
	}
	return sharedSection(x.Law, y.Law) || share(x.Codes, y.Codes) || related(x.Title, y.Title)
}

func sharedSection(x, y []string) bool {
	for _, a := range x {
		for _, c := range y {
			if s := sectionOf(a); s != "" && s == sectionOf(c) {
				return true
			}
		}
	}
	return false
}

// mergeDecisions lets the fullest telling lead and fills what it lacks from the others.
func (b *builder) mergeDecisions(ds []Decision) Decision {
	slices.SortStableFunc(ds, func(x, y Decision) int { return cmp.Compare(fullness(y), fullness(x)) })
	d := ds[0]
	d.Law = nil
	for _, o := range ds {
		for _, l := range o.Law {
			i := slices.IndexFunc(d.Law, func(have string) bool { return sameLaw(have, l) })
			switch {
			case i < 0:
				d.Law = append(d.Law, l)
			case len(l) > len(d.Law[i]):
				d.Law[i] = l // the one that names paragraph and number too
			}
		}
	}
	for _, o := range ds[1:] {
		if b.rivalPeriods(d.Period, o.Period) {
			d.Disputed = appendNew(d.Disputed, "period")
		}
		d.Period = Period{cmp.Or(d.Period.Start, o.Period.Start), cmp.Or(d.Period.End, o.Period.End)}
		d.StartBy, d.AppealBy = cmp.Or(d.StartBy, o.StartBy), cmp.Or(d.AppealBy, o.AppealBy)
		d.By, d.Note = cmp.Or(d.By, o.By), cmp.Or(d.Note, o.Note)
		for _, c := range o.Codes {
			d.Codes = appendNew(d.Codes, c)
		}
		d.Letters = append(d.Letters, o.Letters...)
		d.Sources = append(d.Sources, o.Sources...)
	}
	b.decisionSays[d.ID] = ds
	return d
}

func fullness(d Decision) int {
	n := 0
	for _, said := range []bool{d.Period.Start != "", d.Period.End != "", d.StartBy != "", d.AppealBy != "", len(d.Codes) > 0} {
		if said {
			n++
		}
	}
	return n
}

// tie ties decisions to what shows that they started, and sets their state. It
// runs when all lines stand.
func tie(o *Overview, b *builder) {
	for i := range o.Decisions {
		d := &o.Decisions[i]
		for k := range o.Plan.Activities {
			a := &o.Plan.Activities[k]
			if a.Decision != "" || !b.restsOn(*d, *a) {
				continue
			}
			a.Decision = d.ID
			for _, s := range a.Says {
				if m := statusMeaning[s.Status]; (m == "runs" || m == "done") && s.Period.Begun(b.now) {
					b.started(d, a.ID, s.Period.Start)
					break
				}
			}
		}
		for k := range o.Services {
			s := &o.Services[k]
			if b.answers(*d, *s) {
				s.Decision = cmp.Or(s.Decision, d.ID)
				if m := statusMeaning[s.Status]; (m == "runs" || m == "rests" || m == "done") && s.Period.Begun(b.now) {
					b.started(d, s.ID, s.Period.Start)
				}
			}
		}
		for _, e := range o.Timeline {
			if !e.Coming && !e.Cancelled && b.named(b.eventRefs[e.ID], d.ID) {
				b.started(d, e.ID, e.Start)
			}
		}
		d.State = b.state(*d)
	}
}

func (b *builder) started(d *Decision, line string, at Moment) {
	d.StartedBy = appendNew(d.StartedBy, line)
	if at != "" && (d.Started == "" || b.compare(at, d.Started) < 0) {
		d.Started = at
	}
}

func (b *builder) state(d Decision) string {
	switch {
	case d.Status == "revoked":
		return DecisionRevoked
	case d.Status == "completed" || d.Period.Ended(b.now):
		return DecisionEnded
	case len(d.StartedBy) > 0:
		return DecisionStarted
	}
	return DecisionGranted
}

// StateKey is the key in internal/words that says the state. That something did not
// start is said only where it was to start by a certain day: much that is granted
// leaves no trace of its start in any source.
func (d Decision) StateKey() string {
	if d.State == DecisionGranted && d.StartBy == "" {
		return "decision.valid"
	}
	return "decision." + d.State
}

// named tells whether one of the requests is told on the decision's line.
func (b *builder) named(requests []string, decision string) bool {
	return slices.ContainsFunc(requests, func(r string) bool { return b.lines[r] == decision })
}

// restsOn: the activity names the vedtak, has its code, or is called the same.
func (b *builder) restsOn(d Decision, a Activity) bool {
	if b.named(b.activityRefs[a.ID], d.ID) {
		return true
	}
	if !a.Period.Overlaps(d.Period, b.loc) {
		return false
	}
	return share(b.activityCodes[a.ID], d.Codes) || related(a.Title, d.Title)
}

// answers: the service names the vedtak, or runs in its period with the same code
// or title. Here likeness of titles is not enough: relief at home is not the relief
// in an institution that was granted.
func (b *builder) answers(d Decision, s Service) bool {
	if b.named(b.serviceRefs[s.ID], d.ID) {
		return true
	}
	return s.Period.Overlaps(d.Period, b.loc) && (share(s.Codes, d.Codes) || plain(s.Title) != "" && plain(s.Title) == plain(d.Title))
}

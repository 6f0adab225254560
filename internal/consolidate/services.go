package consolidate

import (
	"cmp"
	"slices"
)

// services lists what runs over time around the child. Two sources that tell of
// the same service at the same provider are one line; the same programme at two
// providers stays two lines, for that is what a coordinator must see.
func (b *builder) services() []Service {
	all := make([]Service, len(b.episodes))
	for i, x := range b.episodes {
		ref := x.src.ref("")
		s := Service{
			ID: lineID("service", ref), Title: labels(x.V.Type), Codes: codes(x.V.Type...), Status: x.V.Status, Period: x.V.Period,
			Provider: b.who(x.V.ManagingOrganization, x.V.Contained), Contact: b.who(x.V.CareManager, x.V.Contained),
			Service: x.src.c.Service, Sources: []SourceRef{ref},
		}
		if o := x.V.ManagingOrganization; o != nil && o.Identifier != nil {
			s.ProviderIDs = identifiers([]identifier{*o.Identifier})
		}
		for _, c := range x.V.extensionStrings(extConclusion) {
			s.Conclusion = cmp.Or(s.Conclusion, c)
		}
		s.Running = slices.Contains([]string{"", "active", "onhold"}, s.Status) && s.Period.Contains(b.now)
		all[i] = s
	}
	groups := fold(len(all),
		func(i, j int) bool {
			return all[i].Sources[0].Source == all[j].Sources[0].Source || !all[i].Period.Overlaps(all[j].Period, b.loc)
		},
		func(i, j int) bool { // of several at one provider, those that began on the same day are the same
			return SameProvider(all[i], all[j]) && SameService(all[i], all[j]) && all[i].Period.Start.Day(b.loc) == all[j].Period.Start.Day(b.loc)
		},
		func(i, j int) bool {
			return SameProvider(all[i], all[j]) && SameService(all[i], all[j])
		})
	var out []Service
	for _, g := range groups {
		s := all[g[0]]
		for _, i := range g {
			b.serviceRefs[s.ID] = append(b.serviceRefs[s.ID], referenceNames(b.episodes[i].V.ReferralRequest)...)
			b.lines[b.episodes[i].src.name()] = s.ID
		}
		for _, i := range g[1:] {
			o := all[i]
			s.Contact, s.Conclusion = cmp.Or(s.Contact, o.Contact), cmp.Or(s.Conclusion, o.Conclusion)
			s.Sources = append(s.Sources, o.Sources...)
			s.Running = s.Running || o.Running
			for _, c := range o.Codes {
				s.Codes = appendNew(s.Codes, c)
			}
			if rivalStatus(s.Status, o.Status) {
				s.Disputed = appendNew(s.Disputed, "status")
			}
			if b.rivalPeriods(s.Period, o.Period) {
				s.Disputed = appendNew(s.Disputed, "period")
			}
		}
		b.serviceSays[s.ID] = pick(all, g)
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(x, y Service) int {
		return cmp.Or(cmp.Compare(boolRank(x.Running), boolRank(y.Running)), cmp.Compare(rank(x.Service), rank(y.Service)),
			b.compare(y.Period.Start, x.Period.Start), cmp.Compare(x.ID, y.ID))
	})
	return out
}

func pick[T any](all []T, group []int) []T {
	out := make([]T, len(group))
	for k, i := range group {
		out[k] = all[i]
	}
	return out
}

// SameService tells whether two services are the same programme: the same code, or
// the same title in other spelling. It says nothing of who runs it.
func SameService(x, y Service) bool { return share(x.Codes, y.Codes) || SameText(x.Title, y.Title) }

// SameProvider tells whether both name the same provider: by the same number, or in
// the same words. Where one names none, they are not known to be the same.
func SameProvider(x, y Service) bool {
	return share(x.ProviderIDs, y.ProviderIDs) || SameText(x.Provider, y.Provider)
}

func referenceNames(rs []reference) []string {
	var out []string
	for _, r := range rs {
		out = append(out, r.Reference)
	}
	return out
}

// referrals lists requests that are neither vedtak nor measures.
func (b *builder) referrals() []Request {
	var out []Request
	for _, x := range b.requests {
		if c := categoryOf(x); c == "vedtak" || c == "tiltak" {
			continue
		}
		ref := x.src.ref("")
		out = append(out, Request{ID: lineID("referral", ref), Title: x.V.Code.label(), Date: x.V.AuthoredOn, Status: x.V.Status,
			From: b.who(x.V.Requester, x.V.Contained), To: b.whos(x.V.Performer, x.V.Contained), Reason: labels(x.V.ReasonCode), Sources: []SourceRef{ref}})
	}
	slices.SortStableFunc(out, func(x, y Request) int { return cmp.Or(b.compare(y.Date, x.Date), cmp.Compare(x.ID, y.ID)) })
	return out
}

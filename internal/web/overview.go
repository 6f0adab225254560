package web

import (
	"slices"

	"samsyn/internal/consolidate"
	"samsyn/internal/findings"
	"samsyn/internal/overview"
)

// overviewPage is one child's overview, parted as a coordinator reads it.
type overviewPage struct {
	Page
	Overview              consolidate.Overview
	Findings              []findings.Finding
	Coming                []consolidate.Event
	Contacts, Documents   folded[consolidate.Event]
	Messages              folded[conversation]
	Running, Ended        []consolidate.Service
	Professionals, Family []consolidate.Participant
	Contents              []jump
}

// jump is one line of the table of contents.
type jump struct{ ID, Title string }

// keepOpen is how many lines of the past are shown before the rest is folded.
const keepOpen = 10

// folded is a list whose end is shown when asked for.
type folded[T any] struct{ Open, Rest []T }

func fold[T any](all []T) folded[T] {
	if len(all) <= keepOpen+1 { // a fold for one line saves nothing
		return folded[T]{Open: all}
	}
	return folded[T]{Open: all[:keepOpen], Rest: all[keepOpen:]}
}

// conversation is the messages of one thread, the first of them first.
type conversation struct {
	Title    string
	Messages []consolidate.Event
}

func overviewOf(p Page, a overview.Answer) overviewPage {
	o := a.Overview
	p.shown = o
	data := overviewPage{Page: p, Overview: o, Findings: a.Findings}
	var contacts, documents, messages []consolidate.Event
	for _, e := range o.Timeline {
		switch {
		case e.Coming:
			data.Coming = append(data.Coming, e)
		case e.Kind == consolidate.EventMessage:
			messages = append(messages, e)
		case e.Kind == consolidate.EventDocument:
			documents = append(documents, e)
		default:
			contacts = append(contacts, e)
		}
	}
	slices.Reverse(contacts) // the latest first: that is what a coordinator asks for
	slices.Reverse(documents)
	data.Contacts, data.Documents, data.Messages = fold(contacts), fold(documents), fold(conversations(messages))
	for _, s := range o.Services {
		if s.Running {
			data.Running = append(data.Running, s)
		} else {
			data.Ended = append(data.Ended, s)
		}
	}
	for _, t := range o.Team.Current {
		if t.Type == "RelatedPerson" {
			data.Family = append(data.Family, t)
		} else {
			data.Professionals = append(data.Professionals, t)
		}
	}
	data.Contents = data.contents()
	return data
}

// conversations gathers messages (the earliest first) by thread; the conversation in
// which something was said last comes first.
func conversations(messages []consolidate.Event) []conversation {
	var all []conversation
	threads := map[string]int{}
	for _, m := range slices.Backward(messages) {
		i, known := threads[m.Thread]
		if m.Thread == "" || !known {
			i = len(all)
			threads[m.Thread] = i
			all = append(all, conversation{})
		}
		all[i].Messages = append(all[i].Messages, m)
	}
	for i := range all {
		slices.Reverse(all[i].Messages)
		all[i].Title = all[i].Messages[0].Title
	}
	return all
}

// contents lists the sections that the page has.
func (d overviewPage) contents() []jump {
	var all []jump
	for _, s := range []struct {
		id, key string
		there   bool
	}{
		{"funn", "section.findings", true},
		{"framover", "section.coming", true},
		{"uenighet", "section.disagreements", len(d.Overview.Disagreements) > 0},
		{"team", "section.team", true},
		{"vedtak", "section.decisions", true},
		{"tjenester", "section.services", true},
		{"henvisninger", "section.referrals", len(d.Overview.Referrals) > 0},
		{"plan", "section.plan", true},
		{"bakover", "section.past", true},
		{"dokumenter", "web.past.documents", len(d.Documents.Open) > 0},
		{"annet", "web.others", len(d.Overview.Others) > 0},
		{"kilder", "section.sources", true},
	} {
		if s.there {
			all = append(all, jump{ID: s.id, Title: d.Say(s.key)})
		}
	}
	return all
}

// Target is the address within the page of the line that a finding is about, "" where
// it is about the child as such.
func (d overviewPage) Target(line string) string {
	if line != "" && slices.Contains(lines(d.Overview), line) {
		return "#" + line
	}
	return ""
}

// lines are the ids of all lines on the page.
func lines(o consolidate.Overview) []string {
	var ids []string
	for _, l := range slices.Concat(o.Team.Current, o.Team.Former) {
		ids = append(ids, l.ID)
	}
	for _, l := range o.Plan.Goals {
		ids = append(ids, l.ID)
	}
	for _, l := range o.Plan.Activities {
		ids = append(ids, l.ID)
	}
	for _, l := range o.Plan.Plans {
		ids = append(ids, l.ID)
	}
	for _, l := range o.Services {
		ids = append(ids, l.ID)
	}
	for _, l := range o.Decisions {
		ids = append(ids, l.ID)
	}
	for _, l := range o.Referrals {
		ids = append(ids, l.ID)
	}
	for _, l := range o.Timeline {
		ids = append(ids, l.ID)
	}
	for _, l := range o.Disagreements {
		ids = append(ids, l.ID)
	}
	for _, l := range o.Others {
		ids = append(ids, l.ID)
	}
	return ids
}

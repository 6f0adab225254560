package oracle

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"samsyn/internal/care"
)

// within a period: from its first instant until, and not including, its last. One whose
// beginning is not said has not begun. It may be ended before its time.
func runs(from, until, ended, at time.Time) bool {
	return !from.IsZero() && !at.Before(from) && (until.IsZero() || at.Before(until)) && (ended.IsZero() || at.Before(ended))
}

func said(text string) bool { return strings.TrimSpace(text) != "" }

// ties gives everything that ties the viewer to the person, by the names of the table.
func (o *Oracle) ties(f care.Facts, at time.Time) set {
	v := f.Viewer
	ties := set{}
	_, known := turned(f.Born, 0, o.day(at))
	adult, _ := turned(f.Born, o.table.Adult, o.day(at))
	minor := known && !adult
	for _, a := range f.Appointments {
		coordinator := a.Role == care.RoleKoordinator
		if a.Person != f.Person || !runs(a.From, a.Until, a.Ended, at) || coordinator && adult {
			continue
		}
		if a.Viewer == v.ID && a.Role == v.Role {
			ties["appointment"] = true
		}
		if coordinator {
			ties["office"] = true
		}
	}
	for _, p := range f.Team {
		if v.HPR != "" && !p.From.After(at) && (p.Until.IsZero() || at.Before(p.Until)) {
			ties["team"] = true
		}
	}
	if v.Person != "" && v.Person == f.Person && known {
		ties["self"] = true
	}
	if minor && !f.Address.Hidden() && o.represents(f, at) {
		ties["guardian"] = true
	}
	for _, g := range f.BreakGlass {
		emergency := v.Purpose == care.PurposeBTG || v.Purpose == care.PurposeETREAT
		rules := o.table.BreakGlass
		hour := g.From.Add(time.Duration(rules.Minutes) * time.Minute)
		onDuty := v.Duty && slices.Contains(rules.Duty, string(v.Service))
		if emergency && g.Viewer == v.ID && g.Person == f.Person && (v.HPR != "" || onDuty || !rules.HPR) && runs(g.From, g.Until, g.Ended, at) && !g.Until.IsZero() && at.Before(hour) &&
			slices.Contains(rules.Codes, g.Code) && utf8.RuneCountInString(strings.TrimSpace(g.Reason)) >= rules.Reason {
			ties["break-glass"] = true
		}
	}
	return ties
}

// guardians gives those with a parental responsibility that counts at an instant.
func (o *Oracle) guardians(f care.Facts, at time.Time) (list []care.Guardian) {
	for _, g := range f.Guardians {
		if runs(g.From, g.Until, time.Time{}, at) && slices.Contains(o.table.Guardians.Codes, string(g.Code)) {
			list = append(list, g)
		}
	}
	return list
}

// represents tells whether the viewer is one of the guardians, and they may see anything.
func (o *Oracle) represents(f care.Facts, at time.Time) bool {
	mine := func(g care.Guardian) bool {
		return g.Viewer != "" && g.Viewer == f.Viewer.ID || g.Person != "" && g.Person == f.Viewer.Person
	}
	all := o.guardians(f, at)
	near := slices.ContainsFunc(all, func(g care.Guardian) bool { return g.SameAddress })
	hidden := slices.ContainsFunc(f.Guardians, func(g care.Guardian) bool { return mine(g) && g.Graded }) // by any row
	return slices.ContainsFunc(all, mine) && !hidden && (near || !o.table.Guardians.One)
}

// receives tells whether what is said of a receiver fits the viewer; nothing said fits nobody.
func receives(v care.Viewer, viewer string, service care.Service, role care.Role) bool {
	return (viewer != "" || service != "" || role != "") &&
		(viewer == "" || viewer == v.ID) && (service == "" || service == v.Service) && (role == "" || role == v.Role)
}

// registered tells whether a line of the basis register lets the service's words go to the
// viewer for her purpose.
func (o *Oracle) registered(f care.Facts, b base, s care.Service, at time.Time) bool {
	return slices.ContainsFunc(f.Bases, func(l care.Basis) bool {
		return o.line(f, b, l, s, at) && l.Purpose == f.Viewer.Purpose && receives(f.Viewer, l.Viewer, l.Service, l.Role) &&
			(b.To == nil || o.covers(b.To, f.Viewer.Service))
	})
}

// line tells whether a line of the register stands for a code, a service and an instant.
func (o *Oracle) line(f care.Facts, b base, l care.Basis, s care.Service, at time.Time) bool {
	has := map[string]bool{"reason": said(l.Reason), "end": !l.Until.IsZero(), "evidence": said(l.Evidence)}
	for _, n := range b.Needs {
		if !has[n] {
			return false
		}
	}
	return l.Code == b.Code && l.Person == f.Person && slices.Contains(l.Origins, s) && said(l.DecidedBy) && runs(l.From, l.Until, l.Ended, at) && o.young(b, l.From, at)
}

// young tells whether less than a code's greatest number of days, of 24 hours, has passed.
func (o *Oracle) young(b base, from, at time.Time) bool {
	return b.MaxDays == 0 || at.Before(from.Add(time.Duration(b.MaxDays)*24*time.Hour))
}

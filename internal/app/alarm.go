package app

import (
	"context"

	"samsyn/internal/alarm"
	"samsyn/internal/care"
	"samsyn/internal/ingest"
	"samsyn/internal/ops"
)

// noteClock keeps how wrong a source's clock is, by its answers and by what it listed: what was
// changed after now was changed by a clock that is ahead.
func (a *App) noteClock(ctx context.Context, source string, r ingest.Report) error {
	skew, measured := a.clocks.of(source)
	if r.Dated {
		measured = true
		if r.Ahead > 0 {
			skew = max(skew, r.Ahead)
		}
	}
	if !measured {
		return nil
	}
	return a.store.NoteClock(ctx, source, skew)
}

func (s Source) limits() alarm.Limits {
	q := s.Quarantine
	return alarm.Limits{Skew: s.MaxSkew, Rate: q.Rate, Floor: q.Floor, Cap: q.Cap, Oldest: q.Oldest}
}

// standing is how each source that is on stands, in their order.
func (a *App) standing(ctx context.Context) ([]alarm.Facts, error) {
	states, err := a.store.SourceStates(ctx)
	if err != nil {
		return nil, err
	}
	state := map[string]care.SourceState{}
	for _, s := range states {
		state[s.Source] = s
	}
	waiting, err := a.store.Quarantine(ctx)
	if err != nil {
		return nil, err
	}
	var all []alarm.Facts
	for _, s := range a.named(nil) {
		name := s.source.Name
		f := alarm.Facts{Source: name, Skew: state[name].Skew, Waiting: waiting[name].N, Oldest: waiting[name].Oldest}
		floor := a.Config.Sources[name].Quarantine.Floor
		if f.Waiting >= floor { // else there is no alarm whatever the last run listed
			counts, err := a.store.LastCounts(ctx, name, floor)
			if err != nil {
				return nil, err
			}
			f.Listed, f.Quarantined = counts.Listed, counts.Quarantined
		}
		all = append(all, f)
	}
	return all, nil
}

// Alarms gives what about the sources needs a person, by source.
func (a *App) Alarms(ctx context.Context) ([]alarm.Alarm, error) {
	standing, err := a.standing(ctx)
	if err != nil {
		return nil, err
	}
	all := []alarm.Alarm{}
	for _, f := range standing {
		all = append(all, alarm.Of(a.Config.Sources[f.Source].limits(), f, a.now())...)
	}
	return all, nil
}

// raise tells what about a source needs a person after a run of it: in the log, and in the
// run's report.
func (a *App) raise(ctx context.Context, r ingest.Report) []string {
	ctx = context.WithoutCancel(ctx)
	if err := a.noteClock(ctx, r.Source, r); err != nil {
		a.log.Warn("the source's clock could not be noted", "source", r.Source, "error", err)
	}
	all, err := a.Alarms(ctx)
	if err != nil {
		a.log.Warn("alarms could not be looked for", "source", r.Source, "error", err)
	}
	var told []string
	for _, al := range all {
		if al.Source == r.Source {
			a.log.Warn("alarm", "source", al.Source, "alarm", string(al.Kind), "is", al.Is, "limit", al.Limit)
			told = append(told, al.String())
		}
	}
	return told
}

// measured is how the sources stand, as metrics.
func (a *App) measured(ctx context.Context) ([]ops.Source, error) {
	standing, err := a.standing(ctx)
	var all []ops.Source
	for _, f := range standing {
		s := ops.Source{Name: f.Source, Quarantined: f.Waiting, Oldest: f.Oldest, Skew: f.Skew, Alarms: map[string]bool{}}
		for _, k := range alarm.Kinds() {
			s.Alarms[string(k)] = false // an alarm needs to be seen to end
		}
		for _, al := range alarm.Of(a.Config.Sources[f.Source].limits(), f, a.now()) {
			s.Alarms[string(al.Kind)] = true
		}
		all = append(all, s)
	}
	return all, err
}

package jobs

import "time"

// State is where a plan stands.
type State struct {
	Task     string    `json:"task"`
	Source   string    `json:"source"`
	Schedule string    `json:"schedule"`
	Done     time.Time `json:"done,omitzero"` // when it last went well
	Due      time.Time `json:"due,omitzero"`  // the last time at which it should have
	Next     time.Time `json:"next,omitzero"`
	// Late: it has not gone well since it was due, and more than the patience has passed.
	Late bool `json:"late"`
}

// States tells where plans stand at a moment. patience is how long a run may take, its
// retries included, before it counts as one that did not happen.
func States(plans []Plan, done map[string]map[string]time.Time, now time.Time, patience time.Duration) []State {
	all := make([]State, len(plans))
	for i, p := range plans {
		at := done[p.Source][p.Task]
		should := p.Schedule.Last(now.Add(-patience))
		all[i] = State{Task: p.Task, Source: p.Source, Schedule: p.Schedule.String(), Done: at, Due: p.Schedule.Last(now), Next: p.Schedule.Next(now),
			Late: !should.IsZero() && at.Before(should)}
	}
	return all
}

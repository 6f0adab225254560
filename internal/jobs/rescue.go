package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"samsyn/internal/ingest/ledger"
)

// longestID is how long a name of an instance the queue can keep.
const longestID = 100

// rescue gives back to the queue what was under way in instances that are known to be dead,
// so that it need not wait for rescueAfter. Where one is taken for dead and is not, nothing
// is lost: its lease keeps the second one out, and its token what it reads.
func (j *Jobs) rescue(ctx context.Context) error {
	const atOnce = 1000 // more than all instances run
	running, err := j.client.JobList(ctx, river.NewJobListParams().States(rivertype.JobStateRunning).First(atOnce))
	if err != nil {
		return fmt.Errorf("look for tasks whose instance died: %w", err)
	}
	now := time.Now().UTC() // the queue's clock is the machine's
	var p riverdriver.JobRescueManyParams
	for _, job := range running.Jobs {
		if n := len(job.AttemptedBy); n == 0 || !j.o.Keeper.Dead(job.AttemptedBy[n-1]) {
			continue
		}
		why, err := json.Marshal(rivertype.AttemptError{At: now, Attempt: job.Attempt, Error: ledger.Interrupted})
		if err != nil {
			return fmt.Errorf("give back a task whose instance died: %w", err)
		}
		p.ID, p.Error, p.FinalizedAt = append(p.ID, job.ID), append(p.Error, why), append(p.FinalizedAt, nil)
		p.ScheduledAt, p.State = append(p.ScheduledAt, now), append(p.State, string(rivertype.JobStateAvailable))
	}
	if len(p.ID) == 0 {
		return nil
	}
	if _, err := j.queue.JobRescueMany(ctx, &p); err != nil {
		return fmt.Errorf("give back tasks whose instance died: %w", err)
	}
	j.o.Log.Info("tasks of instances that died are taken up again", "tasks", len(p.ID))
	return nil
}

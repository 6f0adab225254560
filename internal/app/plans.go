package app

import (
	"cmp"
	"time"

	"samsyn/internal/ingest/ledger"
	"samsyn/internal/jobs"
)

// plans is what is done with each source, and when; nothing where jobs are off. The schedules were
// validated with the configuration.
func (c Config) plans(zone *time.Location) []jobs.Plan {
	if c.Jobs.Off {
		return nil
	}
	var all []jobs.Plan
	for _, name := range c.SourceNames() {
		s := c.Sources[name]
		for _, task := range []struct {
			name, schedule string
			local, on      bool
		}{
			{ledger.TaskSync, cmp.Or(s.Schedule, c.Jobs.SyncSchedule), false, !s.Off},
			{ledger.TaskReconcile, cmp.Or(s.Reconcile.Schedule, c.Jobs.ReconcileSchedule), false, !s.Off},
			// Also of a source that is off: what it said is held still.
			{ledger.TaskRetention, c.Jobs.RetentionSchedule, true, s.Retention != RetentionConfig{}},
		} {
			if schedule, err := jobs.Parse(task.schedule, zone); err == nil && task.on && !schedule.Never() {
				all = append(all, jobs.Plan{Task: task.name, Source: name, Schedule: schedule, Local: task.local})
			}
		}
	}
	return all
}

// validateJobs checks every schedule, and that there is somebody to do the work.
func (r *reader) validateJobs(c *Config) {
	schedules := map[string]string{"audit.heads_schedule": c.Audit.HeadsSchedule, "jobs.sync_schedule": c.Jobs.SyncSchedule, "jobs.reconcile_schedule": c.Jobs.ReconcileSchedule, "jobs.retention_schedule": c.Jobs.RetentionSchedule}
	for name, s := range c.Sources {
		schedules["sources."+name+".schedule"] = s.Schedule
		schedules["sources."+name+".reconcile.schedule"] = s.Reconcile.Schedule
		if k := s.Retention; k.HistoryDays < 0 || k.RawDays < 0 || k.RemovedDays < 0 || k.QuarantineDays < 0 {
			r.fault("sources."+name+".retention", "days are 0 (for ever) or more")
		}
	}
	for path, text := range schedules {
		if _, err := jobs.Parse(text, time.UTC); err != nil {
			r.fault(path, "%v", err)
		}
	}
	if c.Jobs.Workers < 1 {
		r.fault("jobs.workers", "%d workers do nothing; jobs.off: true says so", c.Jobs.Workers)
	}
	if c.Jobs.LateAfter < 0 {
		r.fault("jobs.late_after", "must not be negative")
	}
}

package app

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"

	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/jobs"
	"samsyn/internal/outbound"
)

// AuditConfig says how the audit log is kept from being changed unseen, and what in it
// looks like snooping (docs/audit.md).
type AuditConfig struct {
	// Key signs exported heads: ed25519:, or hmac: and base64. Default: they are not signed.
	Key outbound.Secret `yaml:"key"`
	// Heads is a file to which serve adds the log's head, best on another machine or on a
	// disk that can only be written once. Default: heads are exported by samsyn audit head alone.
	Heads string `yaml:"heads"`
	// HeadsSchedule is when serve does so: "0 3 * * *", every night.
	HeadsSchedule string `yaml:"heads_schedule"`
	// Rules is a file with limits for samsyn audit anomalies. Default: the shipped ones.
	Rules string `yaml:"rules"`
}

// maxAuditFile bounds files of heads and rules in bytes.
const maxAuditFile = 256 << 20

// auditKey reads the key that signs and checks exported heads.
func (a *App) auditKey() (audit.Key, error) {
	if !a.Config.Audit.Key.Set() {
		return audit.Key{}, nil
	}
	text, err := a.Config.Audit.Key.Read()
	if err != nil {
		return audit.Key{}, fmt.Errorf("audit.key: %w", err)
	}
	key, err := audit.ParseKey(text)
	if err != nil {
		return audit.Key{}, fmt.Errorf("audit.key: %w", err)
	}
	return key, nil
}

// auditInstance is who writes the log.
func (a *App) auditInstance() audit.Instance {
	return audit.Instance{ID: cmp.Or(a.Config.Instance.Organisation, "samsyn"), Name: "Samsyn", Test: a.Config.Instance.Test}
}

// AuditHead gives the head of the audit log as it leaves the house, signed where there is a key.
func (a *App) AuditHead(ctx context.Context) (audit.Exported, error) {
	key, err := a.auditKey()
	if err != nil {
		return audit.Exported{}, err
	}
	head, err := a.store.AuditHead(ctx)
	if err != nil {
		return audit.Exported{}, err
	}
	return key.Export(a.auditInstance().ID, head, a.now(), false)
}

// AppendAuditHead adds the head to a file, one line of JSON, and sees that it is on the disk.
func (a *App) AppendAuditHead(ctx context.Context, file string) (x audit.Exported, err error) {
	if x, err = a.AuditHead(ctx); err != nil {
		return x, err
	}
	line, err := x.Line()
	if err != nil {
		return x, err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return x, fmt.Errorf("export the audit log's head: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(line); err != nil {
		return x, fmt.Errorf("export the audit log's head: %w", err)
	}
	if err := f.Sync(); err != nil {
		return x, fmt.Errorf("export the audit log's head: %w", err)
	}
	return x, nil
}

// exportedHeads reads a file of exported heads; the configured one where none is named.
// The configured one need not be there yet.
func (a *App) exportedHeads(file string) ([]audit.Exported, error) {
	named := file != ""
	if file = cmp.Or(file, a.Config.Audit.Heads); file == "" {
		return nil, nil
	}
	key, err := a.auditKey()
	if err != nil {
		return nil, err
	}
	b, err := readAtMost(file, maxAuditFile)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read exported heads: %w", err)
	}
	heads, err := audit.ReadExports(b, a.auditInstance().ID, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return heads, nil
}

func readAtMost(file string, most int64) (_ []byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s: %w: it is too large", file, care.ErrInvalid)
	}
	return b, err
}

// AuditVerified is what a check of the whole log found.
type AuditVerified struct {
	Rows   int64         `json:"rows"`
	Seq    int64         `json:"seq"`
	Hash   audit.Hash    `json:"hash"`
	Heads  int           `json:"heads"` // exported heads that it was compared with
	Faults []audit.Fault `json:"faults,omitempty"`
	More   int           `json:"more,omitempty"`
}

// VerifyAudit reads the whole log and compares it with the heads in a file ("": the
// configured one). What is wrong is told in Faults; the error is that of reading.
func (a *App) VerifyAudit(ctx context.Context, headsFile string) (AuditVerified, error) {
	heads, err := a.exportedHeads(headsFile)
	if err != nil {
		return AuditVerified{}, err
	}
	c, err := audit.Verify(a.store.AuditRows(ctx, 0), heads...)
	if err != nil {
		return AuditVerified{}, err
	}
	return AuditVerified{c.Rows, c.Head.Seq, c.Head.Hash, len(heads), c.Faults, c.More}, nil
}

// AuditFilter says which events are wanted. What is zero does not limit.
type AuditFilter struct {
	Person      care.PersonID
	Viewer      string
	Since, Till time.Time // Till is not included
	Denied      bool      // only what was denied or failed
}

func (f AuditFilter) wants(e audit.Event) bool {
	return (f.Viewer == "" || e.Viewer.ID == f.Viewer) && (f.Since.IsZero() || !e.At.Before(f.Since)) && (f.Till.IsZero() || e.At.Before(f.Till)) && (!f.Denied || !e.Permit)
}

// AuditEntry is an event and the AuditEvent that it was read from.
type AuditEntry struct {
	Seq   int64
	Event audit.Event
	Body  []byte
}

// AuditEntries gives the events that a filter wants, the oldest first. Who looked is
// noted in the log first: who names her, as the machine knows her.
func (a *App) AuditEntries(ctx context.Context, who string, f AuditFilter) iter.Seq2[AuditEntry, error] {
	return func(yield func(AuditEntry, error) bool) {
		if err := a.lookedInLog(ctx, who, f); err != nil {
			yield(AuditEntry{}, err)
			return
		}
		rows := a.store.AuditRows(ctx, 0)
		if f.Person != "" {
			of, err := a.store.AuditOf(ctx, f.Person) // the newest first
			if err != nil {
				yield(AuditEntry{}, err)
				return
			}
			rows = func(yield func(audit.Row, error) bool) {
				for i := len(of) - 1; i >= 0 && yield(of[i], nil); i-- {
				}
			}
		}
		for row, err := range rows {
			entry := AuditEntry{Seq: row.Seq, Body: row.Body}
			if err == nil {
				entry.Event, err = audit.FromFHIR(row.Body)
			}
			if err != nil {
				yield(AuditEntry{}, fmt.Errorf("row %d of the audit log: %w", row.Seq, err))
				return
			}
			if f.wants(entry.Event) && !yield(entry, nil) {
				return
			}
		}
	}
}

// lookedInLog notes that somebody read the log.
func (a *App) lookedInLog(ctx context.Context, who string, f AuditFilter) error {
	id := make([]byte, 16)
	if _, err := io.ReadFull(a.random, id); err != nil {
		return fmt.Errorf("draw an id: %w", err)
	}
	e := audit.Event{ID: hex.EncodeToString(id), At: a.now(), Viewer: care.Viewer{ID: "cli-" + who, Role: care.RoleRevisor}, Person: f.Person, Interaction: audit.AccessLog,
		Door: audit.DoorCLI, Permit: true, Rule: "cli", Purpose: care.PurposeHOPERAT}
	body, err := e.FHIR(a.auditInstance())
	if err == nil {
		err = a.store.Audit(ctx, nil, []care.Logged{{Person: e.Person, Viewer: e.Viewer.ID, At: e.At, Body: body}})
	}
	if err != nil {
		return fmt.Errorf("note who reads the log: %w", err)
	}
	return nil
}

// Anomalies finds patterns of snooping in what was logged since a time. Rules are read
// from a file, "": the configured one, else the shipped.
func (a *App) Anomalies(ctx context.Context, who string, since time.Time, rulesFile string) ([]audit.Anomaly, error) {
	rules, err := a.auditRules(rulesFile)
	if err != nil {
		return nil, err
	}
	var events []audit.Event
	persons := map[care.PersonID]bool{}
	for entry, err := range a.AuditEntries(ctx, who, AuditFilter{Since: since}) {
		if err != nil {
			return nil, err
		}
		events = append(events, entry.Event)
		for _, p := range []care.PersonID{entry.Event.Person, entry.Event.Viewer.Person} {
			if p != "" {
				persons[p] = true
			}
		}
	}
	background, err := a.background(ctx, persons)
	if err != nil {
		return nil, err
	}
	return audit.Anomalies(events, background, rules), nil
}

func (a *App) auditRules(file string) (*audit.Rules, error) {
	if file = cmp.Or(file, a.Config.Audit.Rules); file == "" {
		return audit.ShippedRules()
	}
	b, err := readAtMost(file, maxAuditFile)
	if err != nil {
		return nil, fmt.Errorf("read the rules of snooping: %w", err)
	}
	rules, err := audit.LoadRules(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return rules, nil
}

// background gathers what the rules need to know of the persons in the log. Names are not
// taken from barnevern: that a child has the same surname must not tell that it knows her.
func (a *App) background(ctx context.Context, persons map[care.PersonID]bool) (audit.Background, error) {
	b := audit.Background{Zone: a.zone}
	parents, surnames := map[care.PersonID][]care.PersonID{}, map[care.PersonID]string{}
	var named []care.Visible
	for _, s := range care.Services() {
		if s != care.Barnevern {
			named = append(named, care.Visible{Service: s})
		}
	}
	for p := range persons {
		held, _, _, err := a.store.Rights(ctx, p)
		if errors.Is(err, care.ErrNotFound) {
			continue // gone since
		}
		if err != nil {
			return b, err
		}
		b.Appointments = append(b.Appointments, held.Appointments...)
		for _, g := range held.Guardians {
			if g.Person != "" {
				parents[p] = append(parents[p], g.Person)
			}
		}
		claims, err := a.store.Claims(ctx, p, named)
		if err != nil {
			return b, err
		}
		for _, c := range claims {
			surnames[p] = cmp.Or(surnames[p], audit.LastName(c.Name))
		}
	}
	b.Parents = func(p care.PersonID) []care.PersonID { return parents[p] }
	b.Surname = func(p care.PersonID) string { return surnames[p] }
	return b, nil
}

// headsEvery is how often serve looks whether a head is due.
const headsEvery = time.Minute

// exportHeads adds heads to the configured file while the server runs; the returned
// function ends it and waits.
func (a *App) exportHeads(ctx context.Context) (stop func(), err error) {
	if a.Config.Audit.Heads == "" {
		return func() {}, nil
	}
	e, err := a.newHeadExport()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(headsEvery)
		defer tick.Stop()
		for {
			if err := e.due(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("the audit log's head was not exported", "error", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }, nil
}

// headExport knows when the last head was exported.
type headExport struct {
	app      *App
	schedule jobs.Schedule
	last     time.Time
}

func (a *App) newHeadExport() (*headExport, error) {
	schedule, err := jobs.Parse(a.Config.Audit.HeadsSchedule, a.zone)
	if err != nil {
		return nil, fmt.Errorf("audit.heads_schedule: %w", err)
	}
	e := &headExport{app: a, schedule: schedule}
	heads, err := a.exportedHeads("")
	if err != nil {
		return nil, err // a file that somebody has changed is looked at before it grows
	}
	for _, h := range heads {
		if h.At.After(e.last) {
			e.last = h.At
		}
	}
	return e, nil
}

// due exports the head where its time has come since the last one.
func (e *headExport) due(ctx context.Context) error {
	if e.schedule.Never() || !e.last.IsZero() && !e.last.Before(e.schedule.Last(e.app.now())) {
		return nil
	}
	x, err := e.app.AppendAuditHead(ctx, e.app.Config.Audit.Heads)
	if err == nil {
		e.last = x.At
	}
	return err
}

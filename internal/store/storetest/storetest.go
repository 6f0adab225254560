// Package storetest owns the contract of the store: what every database behind it
// must do, tested through the store's own doors. It knows no SQL.
package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"testing"
	"time"

	"samsyn/adapters"
	"samsyn/fhir"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/ingest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
)

// Store is what the contract is about.
type Store interface {
	ingest.Store
	Contributions(ctx context.Context, person care.PersonID, visible []care.Visible) ([]care.Contribution, error)
	Past(ctx context.Context, person care.PersonID, visible []care.Visible) ([]care.ResourceVersion, error)
	Claims(ctx context.Context, person care.PersonID, visible []care.Visible) ([]care.Claim, error)
	SourceStates(ctx context.Context) ([]care.SourceState, error)
	History(ctx context.Context, person care.PersonID, typ, id string, visible []care.Visible) ([]care.ResourceVersion, error)
	Everybody(ctx context.Context) ([]care.PersonID, error)
	Facts(ctx context.Context, viewer care.Viewer, person care.PersonID) (care.Facts, error)
	Rights(ctx context.Context, person care.PersonID) (care.Rights, care.PersonID, int64, error)
	PutRights(ctx context.Context, person care.PersonID, epoch int64, r care.Rights, notices []care.Notice, lines []care.Logged) error
	ConsentVersions(ctx context.Context, id string) ([]care.Consent, error)
	Broken(ctx context.Context) ([]care.BreakGlass, error)
	Persons(ctx context.Context, viewer care.Viewer) ([]care.PersonID, error)
	Appointed(ctx context.Context) ([]care.PersonID, error)
	Whose(ctx context.Context, typ, id string) (care.PersonID, error)
	Notices(ctx context.Context, role care.Role) ([]care.Notice, error)
	SawNotice(ctx context.Context, role care.Role, id int64, who string, at time.Time) error
	ConfirmMerge(ctx context.Context, survivor, merged care.PersonID, who string, lines []care.Logged) error
	Unions(ctx context.Context) ([]care.Union, error)
	LowerAddress(ctx context.Context, person care.PersonID, lines []care.Logged) error
	Audit(ctx context.Context, epochs map[care.PersonID]int64, lines []care.Logged) error
	AuditHead(ctx context.Context) (audit.Head, error)
	AuditOf(ctx context.Context, person care.PersonID) ([]audit.Row, error)
	AuditRows(ctx context.Context, after int64) iter.Seq2[audit.Row, error]
	PersonByIdentifier(ctx context.Context, n identity.Number) (care.PersonID, error)
	Identifiers(ctx context.Context, person care.PersonID) ([]store.Identifier, error)
	Merges(ctx context.Context) ([]store.Merge, error)
	WaitingSubjects(ctx context.Context) ([]store.WaitingSubject, error)
	Rule(ctx context.Context, sub identity.Subject, ruling identity.Ruling, who, why string) error
	Withdraw(ctx context.Context, sub identity.Subject) error
	Quarantined(ctx context.Context) ([]ledger.Refusal, error)
	Quarantine(ctx context.Context) (map[string]ledger.Waiting, error)
	LastCounts(ctx context.Context, source string, atLeast int) (ledger.Counts, error)
	NoteClock(ctx context.Context, source string, skew time.Duration) error
	Dismiss(ctx context.Context, source, kind, key string) error
	Runs(ctx context.Context, limit int) ([]ledger.Run, error)
	Acquire(ctx context.Context, name, holder string, lasts time.Duration) (ledger.Lease, error)
	Seize(ctx context.Context, name, holder string, lasts time.Duration, token int64) (ledger.Lease, error)
	Renew(ctx context.Context, l ledger.Lease, lasts time.Duration) error
	Release(ctx context.Context, l ledger.Lease) error
	Done(ctx context.Context) (map[string]map[string]time.Time, error)
	Lines(ctx context.Context, source string, versions bool) iter.Seq2[ledger.Line, error]
	Held(ctx context.Context, source string, keys []ledger.Key) (map[ledger.Key]ledger.Held, error)
	LastBegun(ctx context.Context, source string) (time.Time, error)
	ShardsDone(ctx context.Context, source string) (map[string]time.Time, error)
	PutReconciliation(ctx context.Context, r ledger.Reconciliation) (id int64, err error)
	Reconciliations(ctx context.Context, source string, limit int) ([]ledger.Reconciliation, error)
	Reconciliation(ctx context.Context, id int64) (ledger.Reconciliation, error)
	SignInKey() []byte
	PutSession(ctx context.Context, n care.Session, replaces string) error
	Session(ctx context.Context, id string) (care.Session, error)
	SeeSession(ctx context.Context, id string, at time.Time) error
	EndSession(ctx context.Context, id string) error
	EndProvided(ctx context.Context, provider, subject, provided string) (int, error)
	Once(ctx context.Context, use, id string, until time.Time) (bool, error)
	Dump(ctx context.Context, out io.Writer) error
	Canonical(ctx context.Context, out io.Writer) error
}

// Run tests the contract on the stores that open gives; each must be empty and is
// closed by open's own cleanup.
func Run(t *testing.T, open func(t TB) Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open func(t TB) Store)
	}{
		{"a page is kept whole or not at all", atomicity},
		{"what is the same is not written again", noChange},
		{"counts balance and are the run's", counting},
		{"sources tell their last runs", states},
		{"every version can be read", history},
		{"a removal is a version", tombstones},
		{"older never replaces newer", older},
		{"a version that cannot be used leaves the last one that could", lastUsable},
		{"quarantine clears when the record is well", clearing},
		{"outcomes stay pending until told", pending},
		{"clocks and quarantines are watched", watched},
		{"parts are kept with all their bytes", parts},
		{"queries give what the services may see and no more", filtered},
		{"lineage comes back as it was", lineage},
		{"an exact number links and nothing less", linking},
		{"a changed number keeps the child", changedNumber},
		{"a number stated with two persons ties nobody", contested},
		{"unlinking gives what never was linked", unlinking},
		{"a session is kept until it is ended", sessions},
		{"what is used once is not used twice", once},
		{"rights are kept in versions and read as facts", rights},
		{"who is tied to whom", relations},
		{"denials of united persons unite, permissions wait", mergedRights},
		{"an address level rises at once and never sinks by itself", addressLevel},
		{"places in teams are facts, by HPR number alone", teamPlaces},
		{"the visible set is part of every query", visibleSet},
		{"what is visible has a past of its own", pastOfVisible},
		{"the log is chained, whole and never changed", auditLog},
		{"nothing is logged as shown after rights changed", auditEpochs},
		{"a lease has one holder, and who lost it keeps nothing", leases},
		{"an interrupted run is told as one", interrupted},
		{"shards have cursors of their own", shards},
		{"only whole readings that went well count as done", done},
		{"what a map's revision stands for is kept", pinned},
		{"each version tells why it came", reasons},
		{"mapping again takes nothing back", overtaken},
		{"a full compare reads the ledger in order", compareLines},
		{"what a listing showed outranks what was inferred", presence},
		{"reports of compares are kept", reconciliations},
		{"any order gives the same", anyOrder},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

// TB is what helpers need of a test; *rapid.T has it too.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

var (
	ctx = context.Background()
	at  = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	all = care.Services()
	// everything is the visible set of all that anybody says.
	everything = care.Whole(all...)
)

// bench is a store with a source and a run under way.
type bench struct {
	TB
	Store
	run int64
}

func start(t TB, open func(t TB) Store) *bench {
	t.Helper()
	b := &bench{TB: t, Store: open(t)}
	b.run = b.begin("a")
	b.begin("b")
	return b
}

func (b *bench) begin(source string) int64 {
	b.Helper()
	run, _, err := b.Begin(ctx, ledger.Source{Name: source, System: "test", Service: care.Skole, Title: "Source " + source}, "test")
	b.check(err)
	return run
}

func (b *bench) check(err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("%v", err)
	}
}

// save keeps entries as one page of source and gives what became of them.
func (b *bench) save(source string, entries ...ledger.Entry) ledger.Saved {
	b.Helper()
	saved, err := b.Save(ctx, ledger.Batch{Source: source, Run: b.run, At: at, Entries: entries, Next: "next"})
	b.check(err)
	return saved
}

func (b *bench) want(saved ledger.Saved, outcomes ...ledger.Outcome) {
	b.Helper()
	if fmt.Sprint(saved.Outcomes) != fmt.Sprint(outcomes) {
		b.Errorf("outcomes %v, want %v", saved.Outcomes, outcomes)
	}
}

func (b *bench) dump() string      { b.Helper(); return b.text(b.Dump) }
func (b *bench) canonical() string { b.Helper(); return b.text(b.Canonical) }

func (b *bench) text(write func(context.Context, io.Writer) error) string {
	b.Helper()
	var buf bytes.Buffer
	b.check(write(ctx, &buf))
	return buf.String()
}

// person is who has the number; "" where nobody has.
func (b *bench) person(raw string) care.PersonID {
	b.Helper()
	p, err := b.PersonByIdentifier(ctx, number(b, raw))
	if err != nil {
		return ""
	}
	return p
}

// bodies are what the services say of a person, as texts.
func (b *bench) bodies(p care.PersonID, services ...care.Service) []string {
	b.Helper()
	cs, err := b.Contributions(ctx, p, care.Whole(services...))
	b.check(err)
	var out []string
	for _, c := range cs {
		for _, m := range c.Made {
			out = append(out, c.Source+" "+string(m.Resource.Body))
		}
	}
	return out
}

// version is one version of a resource about ella.
func (b *bench) version(id string, version int, visible []care.Visible) (care.ResourceVersion, error) {
	b.Helper()
	all, err := b.History(ctx, b.person(ella), "Basic", id, visible)
	for _, v := range all {
		if v.Version == version {
			return v, err
		}
	}
	return care.ResourceVersion{}, errors.Join(err, care.ErrNotFound)
}

// now is the newest version.
func (b *bench) now(id string, visible []care.Visible) (care.ResourceVersion, error) {
	b.Helper()
	all, err := b.History(ctx, b.person(ella), "Basic", id, visible)
	if err != nil {
		return care.ResourceVersion{}, err
	}
	return all[0], nil
}

func (b *bench) waiting() map[string]identity.Reason {
	b.Helper()
	ws, err := b.WaitingSubjects(ctx)
	b.check(err)
	out := map[string]identity.Reason{}
	for _, w := range ws {
		out[w.Source+"/"+w.Key] = w.Reason
	}
	return out
}

// Numbers of the synthetic families (testdata/README.md) and of the check vectors.
const (
	ella     = "14831460041"
	jonas    = "02892060188"
	selma    = "19882660047"
	selmaOld = "59882660030"
)

func number(t TB, raw string) identity.Number {
	t.Helper()
	n, err := identity.Parse(raw, identity.Rules{Test: true})
	if err != nil {
		t.Fatalf("number of the test: %v", err)
	}
	return n
}

// entry is a record of kind sak whose body is text, and what it says: one Basic
// resource with the text in it.
type entry struct {
	key, text string
	day       int // of change; 0: the source does not say
	subject   string
	numbers   []string
	old       []string
	born      string
	name      string
	service   care.Service
	deleted   bool
	refused   string
	revision  string
}

func (e entry) build(t TB) ledger.Entry {
	t.Helper()
	out := ledger.Entry{Record: adapters.Record{Kind: "sak", Key: e.key, Media: adapters.JSON, Body: []byte(e.text), Deleted: e.deleted}, Revision: "r1" + e.revision}
	if e.day > 0 {
		out.Record.Changed = at.AddDate(0, 0, e.day-100)
	}
	switch {
	case e.refused != "":
		out.Refused = &ledger.Refusal{Code: e.refused, Text: "because of " + e.refused, Where: "line 1"}
	case !e.deleted:
		out.Service = e.service
		if out.Service == "" {
			out.Service = care.Skole
		}
		out.Subject = ledger.Subject{Key: e.subject, BirthDate: e.born, Name: e.name}
		for _, n := range e.numbers {
			out.Subject.Numbers = append(out.Subject.Numbers, number(t, n))
		}
		for _, n := range e.old {
			out.Subject.Old = append(out.Subject.Old, number(t, n))
		}
		out.Made = []care.Made{basic(e.key, e.text)}
	}
	return out
}

func basic(id, text string) care.Made {
	quoted, _ := json.Marshal(text) // a string can always be written
	body := fmt.Sprintf(`{"resourceType":"Basic","id":%q,"code":{"text":%s}}`, id, quoted)
	return care.Made{Resource: fhir.Resource{Type: "Basic", ID: id, Body: json.RawMessage(body)},
		Lineage: []care.Lineage{{Element: "Basic.code.text", Rule: "maps/test/sak.yaml:4: {{ text }}", Line: 4, From: []string{"text"}}}}
}

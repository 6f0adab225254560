package rights_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/gate"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/rights"
)

// memory is a register in memory.
type memory struct {
	*gatetest.Memory
	notices []care.Notice
	clash   int // how many changes are met by another
}

func (m *memory) Rights(_ context.Context, p care.PersonID) (care.Rights, care.PersonID, int64, error) {
	r, known := m.Memory.Rights[p]
	if !known {
		return care.Rights{}, "", 0, care.ErrNotFound
	}
	return r, p, m.Epochs[p], nil
}

func (m *memory) PutRights(ctx context.Context, p care.PersonID, epoch int64, r care.Rights, notices []care.Notice, lines []care.Logged) error {
	if m.clash > 0 {
		m.clash--
		m.Epochs[p]++
	}
	if err := m.Audit(ctx, map[care.PersonID]int64{p: epoch}, lines); err != nil {
		return err
	}
	f := rights.With(care.Facts{Viewer: care.Viewer{Role: care.RoleKoordinerendeEnhet}, Appointments: m.Memory.Rights[p].Appointments, Bases: m.Memory.Rights[p].Bases, Consents: m.Memory.Rights[p].Consents,
		Blocks: m.Memory.Rights[p].Blocks, Withheld: m.Memory.Rights[p].Withheld, Guardians: m.Memory.Rights[p].Guardians}, r)
	held := care.Rights{Appointments: f.Appointments, Bases: f.Bases, Consents: f.Consents, Blocks: f.Blocks, Withheld: f.Withheld, Guardians: f.Guardians, BreakGlass: m.Memory.Rights[p].BreakGlass}
	for _, b := range r.BreakGlass {
		held.BreakGlass = append(slices.DeleteFunc(slices.Clone(held.BreakGlass), func(h care.BreakGlass) bool { return h.ID == b.ID }), b)
	}
	m.Memory.Rights[p] = held
	m.Epochs[p]++
	m.notices = append(m.notices, notices...)
	return nil
}

func (m *memory) ConfirmMerge(context.Context, care.PersonID, care.PersonID, string, []care.Logged) error {
	return nil
}
func (m *memory) Unions(context.Context) ([]care.Union, error) {
	return []care.Union{{Survivor: "ella", Merged: "x"}}, nil
}
func (m *memory) LowerAddress(context.Context, care.PersonID, []care.Logged) error { return nil }

func (m *memory) Broken(context.Context) (out []care.BreakGlass, _ error) {
	for _, r := range m.Memory.Rights {
		out = append(out, slices.DeleteFunc(slices.Clone(r.BreakGlass), func(b care.BreakGlass) bool { return !b.Reviewed.IsZero() })...)
	}
	return out, nil
}

func (m *memory) Notices(_ context.Context, role care.Role) ([]care.Notice, error) {
	return slices.DeleteFunc(slices.Clone(m.notices), func(n care.Notice) bool { return n.Role != role }), nil
}
func (m *memory) SawNotice(context.Context, care.Role, int64, string, time.Time) error { return nil }

var (
	now    = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	anders = gatetest.Coordinator("anders", "Anders Viken")
	other  = gatetest.Coordinator("other", "")
	siv    = gatetest.Worker("siv", "Siv Røed", care.Barnevern)
	mette  = gatetest.Worker("mette", "Mette Skår", care.Skole)
	gunn   = gatetest.Worker("gunn", "Gunn Aasen", care.Helsestasjon)
	kari   = care.Viewer{ID: "kari", Role: care.RoleKoordinerendeEnhet, Tenant: gatetest.Tenant, Level: 4}
	randi  = care.Viewer{ID: "randi", Role: care.RoleRevisor, Tenant: gatetest.Tenant, Level: 4}
	dag    = care.Viewer{ID: "dag", Role: care.RoleDrift, Tenant: gatetest.Tenant, Level: 4}
	mor    = care.Viewer{ID: "mor", Role: care.RoleForesatt, Level: 4}
	far    = care.Viewer{ID: "far", Role: care.RoleForesatt, Level: 4}
	ella   = care.Viewer{ID: "ella-self", Person: "ella", Role: care.RoleBarn, Level: 4}
	teo    = care.Viewer{ID: "teo-self", Person: "teo", Role: care.RoleBarn, Level: 4}
)

// town is Ella, 12, with two guardians, and Teo, 16, with one; anders coordinates for both, siv,
// mette and gunn have tasks for Ella.
func town() *memory {
	m := &memory{Memory: &gatetest.Memory{People: map[care.PersonID][]care.Contribution{"ella": nil, "teo": nil, "jonas": nil},
		Born: map[care.PersonID]string{"ella": "2014-03-14", "teo": "2010-05-06", "jonas": "2020-09-02"}}}
	since := now.AddDate(0, -1, 0)
	guardian := func(id string, code care.Parental) care.Rights {
		return care.Rights{Guardians: []care.Guardian{{Viewer: id, Code: code, SameAddress: true, From: since}}}
	}
	m.Give("ella", guardian("mor", care.ParentalFelles), guardian("far", care.ParentalFelles), gatetest.Appointed(anders, "ella", since, time.Time{}),
		gatetest.Appointed(siv, "ella", since, time.Time{}), gatetest.Appointed(mette, "ella", since, time.Time{}), gatetest.Appointed(gunn, "ella", since, time.Time{}))
	m.Give("teo", guardian("mor", care.ParentalMor), gatetest.Appointed(anders, "teo", since, time.Time{}))
	m.Give("jonas")
	return m
}

func service(t *testing.T, m *memory, at time.Time) *rights.Service {
	t.Helper()
	table, err := gatetest.Table()
	if err != nil {
		t.Fatal(err)
	}
	return &rights.Service{Store: m, Table: table, Now: func() time.Time { return at }, Zone: time.UTC, Tenant: gatetest.Tenant, Instance: audit.Instance{ID: gatetest.Tenant, Name: "Samsyn", Test: true}}
}

func as(v care.Viewer) gate.Request { return gate.Request{Viewer: v, Door: audit.DoorPage} }

func consentTo(p care.PersonID, v care.Viewer, origins ...care.Service) care.Consent {
	return care.Consent{Person: p, Origins: origins, Receivers: []care.Receiver{{Viewer: v.ID}}, Until: now.AddDate(1, 0, 0), TextVersion: "samtykke-2026-1", Language: "nb", Voluntary: true}
}

// TestWhoMayRegisterWhat is the table of roles: each change, made by everybody. A role that
// may not is denied, whoever the child is; one that may, and is not tied to the child, is told the
// same as if there were no such child. Every attempt stands in the log.
func TestWhoMayRegisterWhat(t *testing.T) {
	everybody := []care.Viewer{anders, other, siv, mette, gunn, kari, randi, dag, mor, far, ella, teo, {}, {ID: "anders", Role: care.RoleKoordinator, Tenant: "999999999", Level: 4}, {ID: "kari", Role: care.RoleKoordinerendeEnhet, Tenant: gatetest.Tenant, Level: 3}}
	for name, c := range map[string]struct {
		do  func(s *rights.Service, v care.Viewer, p care.PersonID) error
		may []string
	}{
		"appoint": {func(s *rights.Service, v care.Viewer, p care.PersonID) error {
			_, err := s.Appoint(t.Context(), as(v), care.Appointment{Viewer: "liv", Person: p, Role: care.RoleKoordinator})
			return err
		}, []string{"kari"}},
		"end an appointment": {func(s *rights.Service, v care.Viewer, p care.PersonID) error {
			return s.EndAppointment(t.Context(), as(v), p, "a-anders-ella", "")
		}, []string{"kari", "anders"}},
		"guardian": {func(s *rights.Service, v care.Viewer, p care.PersonID) error {
			return s.SetGuardian(t.Context(), as(v), p, care.Guardian{Viewer: "far", Code: care.ParentalFar})
		}, []string{"kari"}},
		"basis of the school": {func(s *rights.Service, v care.Viewer, p care.PersonID) error {
			_, err := s.AddBasis(t.Context(), as(v), care.Basis{Code: "FVL13B", Person: p, Origins: []care.Service{care.Skole}, Viewer: "anders", Reason: "samarbeid om skolestart"})
			return err
		}, []string{"mette"}},
		"propose": {func(s *rights.Service, v care.Viewer, p care.PersonID) error {
			_, err := s.Propose(t.Context(), as(v), consentTo(p, anders, care.Skole))
			return err
		}, []string{"anders", "siv", "mette", "gunn", "mor", "far", "ella-self"}},
		"block": {func(s *rights.Service, v care.Viewer, p care.PersonID) error {
			_, err := s.Block(t.Context(), as(v), care.Block{Person: p, Viewer: "anders", Extent: care.BlockAll})
			return err
		}, []string{"anders", "siv", "mette", "gunn", "mor", "far", "ella-self"}},
		"withhold": {func(s *rights.Service, v care.Viewer, p care.PersonID) error {
			_, err := s.Withhold(t.Context(), as(v), care.Withheld{Person: p, Service: care.Helsestasjon})
			return err
		}, []string{"anders", "siv", "mette", "gunn", "ella-self"}},
		"lower an address": {func(s *rights.Service, v care.Viewer, p care.PersonID) error {
			return s.LowerAddress(t.Context(), as(v), p)
		}, []string{"kari"}},
		"confirm a merge": {func(s *rights.Service, v care.Viewer, p care.PersonID) error {
			return s.ConfirmMerge(t.Context(), as(v), p, "x")
		}, []string{"kari"}},
	} {
		for _, v := range everybody {
			m := town()
			before := fmt.Sprint(m.Memory.Rights)
			err := c.do(service(t, m, now), v, "ella")
			may := slices.Contains(c.may, v.ID) && v.Level == 4 && v.Tenant != "999999999"
			if (err == nil) != may {
				t.Errorf("%s by %q: %v", name, v.ID, err)
			}
			if err != nil && !errors.Is(err, care.ErrDenied) && !errors.Is(err, care.ErrNotFound) && !errors.Is(err, care.ErrInvalid) {
				t.Errorf("%s by %q: %v", name, v.ID, err)
			}
			if es, logErr := m.Events(); err != nil && (logErr != nil || len(es) != 1 || es[0].Permit || es[0].Person != "ella") {
				t.Errorf("%s by %q: it was refused, and the log says %+v %v", name, v.ID, es, logErr)
			}
			if err != nil && fmt.Sprint(m.Memory.Rights) != before {
				t.Errorf("%s by %q: it was refused, and something changed", name, v.ID)
			}
			if err := c.do(service(t, m, now), v, "nobody"); err == nil || fmt.Sprint(err) != fmt.Sprint(c.do(service(t, town(), now), v, "jonas")) && !slices.Contains([]string{"kari", "randi"}, v.ID) {
				t.Errorf("%s by %q: of a child that is not, %v", name, v.ID, err)
			}
		}
	}
}

func TestEveryAttemptIsLogged(t *testing.T) {
	m := town()
	s := service(t, m, now)
	a, err := s.Appoint(t.Context(), as(kari), care.Appointment{Viewer: "liv", Person: "ella", Role: care.RoleKoordinator, Reason: "vikar"})
	if err != nil || a.ID == "" || a.By != "kari" || !a.From.Equal(now) {
		t.Fatalf("%+v %v", a, err)
	}
	if _, err := s.Appoint(t.Context(), as(mette), care.Appointment{Viewer: "mette", Person: "ella", Role: care.RoleKoordinator}); !errors.Is(err, care.ErrDenied) {
		t.Errorf("error %v", err)
	}
	es, err := m.Events()
	if err != nil || len(es) != 2 || !es[0].Permit || es[0].Interaction != audit.AppointmentRegister || es[0].Person != "ella" || es[0].Reason != "vikar" || !slices.Contains(es[0].Bases, a.ID) || es[1].Permit {
		t.Errorf("events %+v %v", es, err)
	}
	m.Fails, m.Err = "audit", errors.New("disk full")
	before := fmt.Sprint(m.Memory.Rights)
	if _, err := s.Appoint(t.Context(), as(kari), care.Appointment{Viewer: "siv", Person: "ella", Role: care.RoleKoordinator}); !errors.Is(err, m.Err) || fmt.Sprint(m.Memory.Rights) != before {
		t.Errorf("what cannot be logged is registered: %v", err)
	}
}

func TestChangesThatMeet(t *testing.T) {
	m := town()
	m.clash = 2
	if _, err := service(t, m, now).Block(t.Context(), as(mor), care.Block{Person: "ella", All: true, Extent: care.BlockAll}); err != nil {
		t.Errorf("met by two others: %v", err)
	}
	m.clash = 100
	if _, err := service(t, m, now).Block(t.Context(), as(mor), care.Block{Person: "ella", All: true, Extent: care.BlockAll}); !errors.Is(err, care.ErrUnavailable) {
		t.Errorf("met by others all the time: %v", err)
	}
	if n := len(m.Memory.Rights["ella"].Blocks); n != 1 {
		t.Errorf("%d blocks, want the first", n)
	}
}

func sign(t *testing.T, s *rights.Service, by care.Viewer, c care.Consent, sig care.Signature) care.Consent {
	t.Helper()
	out, err := s.Sign(t.Context(), as(by), c.Person, c.ID, sig)
	if err != nil {
		t.Fatalf("%s signs %+v: %v", by.ID, sig, err)
	}
	return out
}

// TestConsentNeedsEverybodyWhoMust: both guardians of a child of twelve; the child and the
// guardian of one of sixteen for the school, she alone for health.
func TestConsentNeedsEverybodyWhoMust(t *testing.T) {
	m := town()
	s := service(t, m, now)
	c, err := s.Propose(t.Context(), as(anders), consentTo("ella", anders, care.Skole, care.Helsestasjon))
	if err != nil || c.Status != care.ConsentProposed || c.Version != 1 {
		t.Fatalf("%+v %v", c, err)
	}
	if c = sign(t, s, mor, c, care.Signature{}); c.Status != care.ConsentProposed || c.Signatures[0].Signer != "mor" || c.Signatures[0].How != "digital" {
		t.Errorf("one of two has signed: %+v", c)
	}
	for name, bad := range map[string]struct {
		by  care.Viewer
		sig care.Signature
	}{
		"a stranger":                  {anders, care.Signature{Party: care.PartyGuardian, Signer: "nabo", How: "paper"}},
		"the child, who need not":     {ella, care.Signature{}},
		"digitally for somebody else": {anders, care.Signature{Party: care.PartyGuardian, Signer: "far", How: "digital"}},
		"tomorrow":                    {anders, care.Signature{Party: care.PartyGuardian, Signer: "far", How: "paper", At: now.Add(time.Hour)}},
		"barnevern, by a school":      {mette, care.Signature{Party: care.PartyBarnevern}},
	} {
		if got, err := s.Sign(t.Context(), as(bad.by), "ella", c.ID, bad.sig); err == nil {
			t.Errorf("%s signed: %+v", name, got)
		}
	}
	// Whoever says that she is another signs for herself all the same.
	if c = sign(t, s, far, c, care.Signature{Party: care.PartyGuardian, Signer: "mor"}); c.Status != care.ConsentActive || c.Signatures[1].Signer != "far" || c.Version != 3 {
		t.Errorf("both have signed: %+v", c)
	}

	c, err = s.Propose(t.Context(), as(anders), consentTo("teo", anders, care.Helsestasjon))
	if err != nil {
		t.Fatal(err)
	}
	if c = sign(t, s, teo, c, care.Signature{}); c.Status != care.ConsentActive || c.Signatures[0].Signer != "teo" {
		t.Errorf("at sixteen, for health: %+v", c)
	}
	c, err = s.Propose(t.Context(), as(anders), consentTo("teo", anders, care.Skole))
	if err != nil {
		t.Fatal(err)
	}
	if c = sign(t, s, teo, c, care.Signature{}); c.Status != care.ConsentProposed {
		t.Errorf("at sixteen, for the school, the guardian has not signed: %+v", c)
	}
	if c = sign(t, s, anders, c, care.Signature{Party: care.PartyGuardian, Signer: "mor", How: "oral"}); c.Status != care.ConsentActive || c.Signatures[1].Recorder != "anders" {
		t.Errorf("what she said was noted: %+v", c)
	}
}

// TestAnyoneWhoMustConsentMayTakeItBack, orally too, and then nothing signs it again.
func TestAnyoneWhoMustConsentMayTakeItBack(t *testing.T) {
	for name, c := range map[string]struct {
		by    care.Viewer
		party care.Party
		who   string
		may   bool
	}{
		"the mother":               {mor, "", "", true},
		"the father":               {far, "", "", true},
		"said to the coordinator":  {anders, care.PartyGuardian, "far", true},
		"said to the office":       {kari, care.PartyGuardian, "mor", true},
		"the child, as she wishes": {ella, "", "", true},
		"a neighbour":              {anders, care.PartyGuardian, "nabo", false},
		"nobody in particular":     {anders, "", "", false},
		"the revisor":              {randi, care.PartyGuardian, "mor", false},
	} {
		m := town()
		s := service(t, m, now)
		k, err := s.Propose(t.Context(), as(anders), consentTo("ella", anders, care.Skole))
		if err != nil {
			t.Fatal(err)
		}
		sign(t, s, mor, k, care.Signature{})
		sign(t, s, far, k, care.Signature{})
		later := service(t, m, now.Add(time.Hour))
		got, err := later.Withdraw(t.Context(), as(c.by), "ella", k.ID, c.party, c.who, "")
		if (err == nil) != c.may {
			t.Errorf("%s: %+v %v", name, got, err)
			continue
		}
		held := m.Memory.Rights["ella"].Consents[0]
		if c.may && (held.Status != care.ConsentWithdrawn || held.Version != 4 || !held.Changed.Equal(now.Add(time.Hour))) || !c.may && held.Status != care.ConsentActive {
			t.Errorf("%s: held %+v", name, held)
		}
		if c.may {
			if _, err := later.Sign(t.Context(), as(mor), "ella", k.ID, care.Signature{}); !errors.Is(err, care.ErrInvalid) {
				t.Errorf("%s: it was signed again: %v", name, err)
			}
			if again, err := later.Renew(t.Context(), as(anders), "ella", k.ID, now.AddDate(2, 0, 0), "samtykke-2027-1", "nn"); err != nil || again.ID == k.ID || again.Status != care.ConsentProposed || len(again.Signatures) > 0 || again.TextVersion != "samtykke-2027-1" {
				t.Errorf("%s: renewed %+v %v", name, again, err)
			}
		}
	}
}

func TestConsentMustBeWhole(t *testing.T) {
	for name, spoil := range map[string]func(*care.Consent){
		"no service":      func(c *care.Consent) { c.Origins = nil },
		"unknown service": func(c *care.Consent) { c.Origins = []care.Service{"nabo"} },
		"no receiver":     func(c *care.Consent) { c.Receivers = nil },
		"no end":          func(c *care.Consent) { c.Until = time.Time{} },
		"ends first":      func(c *care.Consent) { c.Until = now.AddDate(-1, 0, 0) },
		"no text":         func(c *care.Consent) { c.TextVersion = " " },
		"no language":     func(c *care.Consent) { c.Language = "" },
		"not voluntary":   func(c *care.Consent) { c.Voluntary = false },
		"unknown topic":   func(c *care.Consent) { c.Topics = []string{"alt"} },
		"unknown except":  func(c *care.Consent) { c.ExceptTopics = []string{"rus"} },
	} {
		c := consentTo("ella", anders, care.Skole)
		spoil(&c)
		if _, err := service(t, town(), now).Propose(t.Context(), as(anders), c); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEachServiceDecidesForItsOwnWords, and gives what the code of the basis asks for.
func TestEachServiceDecidesForItsOwnWords(t *testing.T) {
	good := care.Basis{Code: "BVL13-1", Person: "ella", Origins: []care.Service{care.Barnevern}, Viewer: "mette", Reason: "fare for liv og helse", Evidence: "sak 26/1", Until: now.AddDate(0, 1, 0)}
	m := town()
	b, err := service(t, m, now).AddBasis(t.Context(), as(siv), good)
	if err != nil || b.ID == "" || b.DecidedBy != "siv" || b.Purpose != care.PurposeCOC {
		t.Fatalf("%+v %v", b, err)
	}
	for name, spoil := range map[string]func(*care.Basis){
		"unknown code":       func(b *care.Basis) { b.Code = "SLIK" },
		"a consent's code":   func(b *care.Basis) { b.Code = "SAMTYKKE" },
		"others' words":      func(b *care.Basis) { b.Origins = append(b.Origins, care.Skole) },
		"the school's words": func(b *care.Basis) { b.Code, b.Origins = "FVL13B", []care.Service{care.Skole} },
		"nobody's words":     func(b *care.Basis) { b.Origins = nil },
		"no receiver":        func(b *care.Basis) { b.Viewer = "" },
		"no reason":          func(b *care.Basis) { b.Reason = "  " },
		"no evidence":        func(b *care.Basis) { b.Evidence = "" },
		"no end":             func(b *care.Basis) { b.Until = time.Time{} },
		"too long":           func(b *care.Basis) { b.Until = now.AddDate(1, 0, 0) },
		"ends first":         func(b *care.Basis) { b.Until = now.Add(-time.Hour) },
	} {
		b := good
		b.Origins = slices.Clone(good.Origins)
		spoil(&b)
		if _, err := service(t, town(), now).AddBasis(t.Context(), as(siv), b); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []struct {
		by  care.Viewer
		may bool
	}{{mette, false}, {siv, true}, {anders, true}, {kari, true}} {
		s := service(t, m, now)
		m.Memory.Rights["ella"].Bases[0] = b
		if err := s.EndBasis(t.Context(), as(c.by), "ella", b.ID, ""); (err == nil) != c.may {
			t.Errorf("ended by %s: %v", c.by.ID, err)
		}
	}
}

func TestGuardianLiftsOnlyHerOwnBlocks(t *testing.T) {
	m := town()
	s := service(t, m, now)
	hers, err := s.Block(t.Context(), as(mor), care.Block{Person: "ella", Group: care.Skole, Extent: care.BlockService, Service: care.Helsestasjon})
	if err != nil {
		t.Fatal(err)
	}
	child, err := s.Block(t.Context(), as(ella), care.Block{Person: "ella", Viewer: "mor", Extent: care.BlockAll})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Lift(t.Context(), as(mor), "ella", child.ID); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("a guardian lifts what the child asked for: %v", err)
	}
	if err := s.Lift(t.Context(), as(mor), "ella", hers.ID); err != nil {
		t.Error(err)
	}
	if b := m.Memory.Rights["ella"].Blocks; !b[0].Lifted.Equal(now) || !b[1].Lifted.IsZero() {
		t.Errorf("blocks %+v", b)
	}
	for name, bad := range map[string]care.Block{
		"against nobody":     {Person: "ella", Extent: care.BlockAll},
		"against two":        {Person: "ella", Viewer: "x", All: true, Extent: care.BlockAll},
		"of nothing":         {Person: "ella", All: true},
		"of no service":      {Person: "ella", All: true, Extent: care.BlockService},
		"of no record":       {Person: "ella", All: true, Extent: care.BlockRecord},
		"of what is no part": {Person: "ella", All: true, Extent: "half"},
	} {
		if _, err := s.Block(t.Context(), as(mor), bad); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w, err := s.Withhold(t.Context(), as(ella), care.Withheld{Person: "ella", Service: care.Helsestasjon})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Release(t.Context(), as(mor), "ella", w.ID); !errors.Is(err, care.ErrDenied) {
		t.Errorf("a guardian releases what is kept from her: %v", err)
	}
	if err := s.Release(t.Context(), as(ella), "ella", w.ID); err != nil {
		t.Error(err)
	}
}

// TestBreakingTheGlass: who, with what, for how long; the offices hear of it in the same
// instant; the review is another's, within seven days.
func TestBreakingTheGlass(t *testing.T) {
	doctor := gunn
	doctor.ID, doctor.HPR = "lege", "9900011"
	good := rights.Emergency{Code: "AKUTT", Reason: "Bevisstløs i skolegården, ukjent medisin", Told: true}
	for name, c := range map[string]struct {
		by    care.Viewer
		spoil func(*rights.Emergency)
		want  error
	}{
		"no HPR number":    {gunn, nil, care.ErrDenied},
		"a guardian":       {mor, nil, care.ErrDenied},
		"who runs it":      {dag, nil, care.ErrDenied},
		"the office":       {kari, nil, care.ErrDenied},
		"another town":     {care.Viewer{ID: "lege", Role: care.RoleTjenesteyter, HPR: "1", Tenant: "999999999", Level: 4}, nil, care.ErrDenied},
		"an unknown code":  {doctor, func(e *rights.Emergency) { e.Code = "NYSGJERRIG" }, care.ErrInvalid},
		"a short reason":   {doctor, func(e *rights.Emergency) { e.Reason = "må se                    " }, care.ErrInvalid},
		"no tick":          {doctor, func(e *rights.Emergency) { e.Told = false }, care.ErrInvalid},
		"health personnel": {doctor, nil, nil},
		"on duty for barnevern": {func() care.Viewer {
			d := gunn
			d.ID, d.Duty, d.Service = "vakt", true, care.Barnevern
			return d
		}(), nil, nil},
		"on duty for a school": {func() care.Viewer { d := gunn; d.Duty, d.Service = true, care.Skole; return d }(), nil, care.ErrDenied},
		"not tied at all":      {func() care.Viewer { d := doctor; d.ID = "annen"; return d }(), nil, nil},
	} {
		m := town()
		e := good
		if c.spoil != nil {
			c.spoil(&e)
		}
		b, err := service(t, m, now).BreakGlass(t.Context(), as(c.by), "ella", e)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %+v %v", name, b, err)
			continue
		}
		if c.want != nil {
			if len(m.Memory.Rights["ella"].BreakGlass) > 0 || len(m.notices) > 0 {
				t.Errorf("%s: it was refused, and is open", name)
			}
			continue
		}
		if !b.From.Equal(now) || !b.Until.Equal(now.Add(time.Hour)) || b.Notified.IsZero() || len(m.notices) != 2 || m.notices[0].Role != care.RoleKoordinerendeEnhet || m.notices[1].Role != care.RoleRevisor || !m.notices[0].At.Equal(now) {
			t.Errorf("%s: %+v, notices %+v", name, b, m.notices)
		}
		es, err := m.Events()
		if err != nil || len(es) != 1 || es[0].Interaction != audit.BreakGlass || es[0].Purpose != care.PurposeBTG {
			t.Errorf("%s: events %+v %v", name, es, err)
		}
	}
	m := town()
	b, err := service(t, m, now).BreakGlass(t.Context(), as(doctor), "ella", good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service(t, m, now).BreakGlass(t.Context(), as(doctor), "nobody", good); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("of a child that is not: %v", err)
	}
	for at, late := range map[time.Time]bool{now.Add(rights.ReviewTime): false, now.Add(rights.ReviewTime + time.Second): true} {
		list, err := service(t, m, at).Reviews(t.Context(), as(randi))
		if err != nil || len(list) != 1 || list[0].Late != late || list[0].ID != b.ID {
			t.Errorf("at %s: %+v %v", at, list, err)
		}
	}
	for _, v := range []care.Viewer{anders, doctor, mor, dag, {}} {
		if list, err := service(t, m, now).Reviews(t.Context(), as(v)); !errors.Is(err, care.ErrDenied) || list != nil {
			t.Errorf("%q sees who broke the glass: %v %v", v.ID, list, err)
		}
		if list, err := service(t, m, now).Notices(t.Context(), as(v)); !errors.Is(err, care.ErrDenied) || list != nil {
			t.Errorf("%q sees notices: %v %v", v.ID, list, err)
		}
	}
	s := service(t, m, now.Add(time.Hour))
	if err := s.EndBreakGlass(t.Context(), as(anders), "ella", b.ID); !errors.Is(err, care.ErrNotFound) {
		t.Errorf("another ends it: %v", err)
	}
	if err := s.Review(t.Context(), as(doctor), "ella", b.ID, "greit"); !errors.Is(err, care.ErrDenied) {
		t.Errorf("she reviews her own: %v", err)
	}
	if err := s.Review(t.Context(), as(randi), "ella", b.ID, " "); !errors.Is(err, care.ErrInvalid) {
		t.Errorf("a review that found nothing said: %v", err)
	}
	if err := s.Review(t.Context(), as(randi), "ella", b.ID, "begrunnet"); err != nil {
		t.Error(err)
	}
	if err := s.Review(t.Context(), as(kari), "ella", b.ID, "en gang til"); !errors.Is(err, care.ErrInvalid) {
		t.Errorf("reviewed twice: %v", err)
	}
	if list, err := s.Reviews(t.Context(), as(kari)); err != nil || len(list) != 0 {
		t.Errorf("after the review: %+v %v", list, err)
	}
}

// TestPreviewIsWhatFollows: what is foretold of a change is what is seen when it is made.
func TestPreviewIsWhatFollows(t *testing.T) {
	m := town()
	s := service(t, m, now)
	c := consentTo("ella", other, care.Skole)
	c.ID, c.From, c.Purpose, c.Status, c.Version = "c1", now, care.PurposeCOC, care.ConsentActive, 1
	for _, g := range []string{"mor", "far"} {
		c.Signatures = append(c.Signatures, care.Signature{Party: care.PartyGuardian, Signer: g, Recorder: "anders", How: "paper", At: now})
	}
	with := care.Rights{Consents: []care.Consent{c}, Appointments: []care.Appointment{{ID: "a1", Viewer: "other", Person: "ella", Role: care.RoleKoordinator, From: now, By: "kari"}}}
	foretold, err := s.Preview(t.Context(), as(anders), other, "ella", with)
	if err != nil {
		t.Fatal(err)
	}
	allowed := func(all []access.Explanation) (out []string) {
		for _, e := range all {
			if e.Allowed {
				out = append(out, string(e.Service))
			}
		}
		return out
	}
	if got := strings.Join(allowed(foretold), " "); got != "koordinering skole" {
		t.Errorf("foretold %q", got)
	}
	if before, err := s.Preview(t.Context(), as(anders), other, "ella", care.Rights{}); err != nil || len(allowed(before)) != 0 {
		t.Errorf("nothing was kept, and %v is seen, %v", allowed(before), err)
	}
	m.Give("ella", with)
	after, err := s.Preview(t.Context(), as(anders), other, "ella", with)
	if err != nil || fmt.Sprint(after) != fmt.Sprint(foretold) {
		t.Errorf("foretold\n%v, and it is\n%v %v", foretold, after, err)
	}
	for _, v := range []care.Viewer{gatetest.Coordinator("third", ""), randi, dag, {}} {
		if all, err := s.Preview(t.Context(), as(v), anders, "ella", care.Rights{}); err == nil {
			t.Errorf("%q is told %v", v.ID, all)
		}
	}
}

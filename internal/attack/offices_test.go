package attack_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/consolidate/stories"
	"samsyn/internal/gate/gatetest"
	"samsyn/internal/rights"
	"samsyn/internal/web"
)

// memory is the store in memory with what registering rights needs.
type memory struct {
	*gatetest.Memory
	notices []care.Notice
	unions  []care.Union
}

// Rights gives everything that is registered.
func (s *memory) Rights(_ context.Context, p care.PersonID) (care.Rights, care.PersonID, int64, error) {
	r, ok := s.Memory.Rights[p]
	if !ok {
		return care.Rights{}, "", 0, care.ErrNotFound
	}
	return r, p, s.Epochs[p], nil
}

// PutRights keeps rights in the place of those with the same id.
func (s *memory) PutRights(ctx context.Context, p care.PersonID, epoch int64, r care.Rights, notices []care.Notice, lines []care.Logged) error {
	if s.Epochs[p] != epoch {
		return care.ErrConflict
	}
	if err := s.Audit(ctx, nil, lines); err != nil {
		return err
	}
	held := s.Memory.Rights[p]
	f := rights.With(care.Facts{Viewer: care.Viewer{Role: care.RoleKoordinerendeEnhet}, Guardians: held.Guardians, Appointments: held.Appointments, Bases: held.Bases, Consents: held.Consents,
		Blocks: held.Blocks, Withheld: held.Withheld}, r)
	s.Memory.Rights[p] = care.Rights{Guardians: f.Guardians, Appointments: f.Appointments, Bases: f.Bases, Consents: f.Consents, Blocks: f.Blocks, Withheld: f.Withheld,
		BreakGlass: append(held.BreakGlass, r.BreakGlass...)}
	s.Epochs[p]++
	s.notices = append(s.notices, notices...)
	return nil
}

// ConfirmMerge lets a union no longer wait when a second one has said it.
func (s *memory) ConfirmMerge(ctx context.Context, survivor, merged care.PersonID, who string, lines []care.Logged) error {
	i := slices.IndexFunc(s.unions, func(u care.Union) bool { return u.Survivor == survivor && u.Merged == merged })
	switch {
	case i < 0:
		return care.ErrNotFound
	case s.unions[i].First == who:
		return care.ErrInvalid
	case s.unions[i].First == "":
		s.unions[i].First, s.unions[i].FirstAt = who, stories.Now()
	default:
		s.unions = slices.Delete(s.unions, i, i+1)
	}
	return s.Audit(ctx, nil, lines)
}

// Unions are those that wait.
func (s *memory) Unions(context.Context) ([]care.Union, error) { return s.unions, nil }

// LowerAddress lets the level be none.
func (s *memory) LowerAddress(ctx context.Context, p care.PersonID, lines []care.Logged) error {
	s.Address[p] = care.AddressOpen
	return s.Audit(ctx, nil, lines)
}

// Broken gives the sessions that nobody has reviewed.
func (s *memory) Broken(context.Context) ([]care.BreakGlass, error) {
	var out []care.BreakGlass
	for _, p := range children {
		for _, b := range s.Memory.Rights[p].BreakGlass {
			if b.Reviewed.IsZero() {
				out = append(out, b)
			}
		}
	}
	return out, nil
}

// Notices gives an office's.
func (s *memory) Notices(_ context.Context, role care.Role) ([]care.Notice, error) {
	var out []care.Notice
	for _, n := range s.notices {
		if n.Role == role {
			out = append(out, n)
		}
	}
	return out, nil
}

// SawNotice does nothing.
func (s *memory) SawNotice(context.Context, care.Role, int64, string, time.Time) error { return nil }

// finder finds a child by a number that nobody has.
type finder struct{}

func (finder) Find(_ context.Context, number string) (care.PersonID, error) {
	if number == "14831460041" {
		return "jonas", nil
	}
	return "", fmt.Errorf("number: %w", care.ErrNotFound)
}

// offices gives the pages what they need to register rights.
func (w *world) offices(h *web.Handler) {
	h.Rights, h.Finder, h.People, h.Topics, h.Glass, h.AccessLog = w.rights, finder{}, viewers, w.table.Topics(), w.table.Glass(), w.gate
}

package rights

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/gate"
)

// Block keeps somebody, or everybody, from what is said of the child (pbrl. § 5-3, pjl. § 17).
// Child and guardians ask for it, and those who work for the child note it for them.
func (s *Service) Block(ctx context.Context, r gate.Request, b care.Block) (care.Block, error) {
	err := s.alter(ctx, r, b.Person, who{interaction: audit.BlockRegister, roles: people}, func(sc *scene) (change, error) {
		n := b
		n.Person, n.By, n.Lifted = sc.facts.Person, sc.actor.ID, time.Time{}
		n.From = begun(n.From, sc.at)
		against := 0
		for _, given := range []bool{n.Viewer != "", n.Group != "", n.Orgnr != "", n.All} {
			if given {
				against++
			}
		}
		switch {
		case against != 1:
			return change{}, invalid("against", "exactly one of viewer, group, organisation or all is said")
		case n.Extent == care.BlockService && !n.Service.Valid(), n.Extent == care.BlockRecord && n.Record.IsZero(),
			n.Extent != care.BlockAll && n.Extent != care.BlockService && n.Extent != care.BlockRecord:
			return change{}, invalid("extent", "of what must be said")
		}
		var err error
		if n.ID, err = s.idOf(b.ID); err != nil {
			return change{}, err
		}
		b = n
		return change{rights: care.Rights{Blocks: []care.Block{n}}, bases: []string{n.ID}, services: about(n.Service)}, nil
	})
	return b, err
}

// about is the services that something is about; all of them where none is named.
func about(s care.Service) []care.Service {
	if s == "" {
		return care.Services()
	}
	return []care.Service{s}
}

// Lift ends a block, from now on. A guardian lifts only those that she asked for.
func (s *Service) Lift(ctx context.Context, r gate.Request, person care.PersonID, id string) error {
	return s.alter(ctx, r, person, who{interaction: audit.BlockLift, roles: people}, func(sc *scene) (change, error) {
		b, err := find(sc.held.Blocks, func(b care.Block) bool {
			return b.ID == id && (sc.actor.Role != care.RoleForesatt || b.By == sc.actor.ID)
		}, "block")
		if err != nil {
			return change{}, err
		}
		if b.Lifted.IsZero() {
			b.Lifted = sc.at
		}
		return change{rights: care.Rights{Blocks: []care.Block{b}}, bases: []string{id}, services: about(b.Service)}, nil
	})
}

// keepers may withhold from guardians: the child, and those who work for her.
var keepers = []care.Role{care.RoleBarn, care.RoleKoordinator, care.RoleTjenesteyter}

// Withhold keeps from the guardians what a service says, or one record (pbrl. § 3-4).
func (s *Service) Withhold(ctx context.Context, r gate.Request, w care.Withheld) (care.Withheld, error) {
	err := s.alter(ctx, r, w.Person, who{interaction: audit.WithholdRegister, roles: keepers}, func(sc *scene) (change, error) {
		n := w
		n.Person, n.By, n.Lifted = sc.facts.Person, sc.actor.ID, time.Time{}
		n.From = begun(n.From, sc.at)
		if n.Service.Valid() == !n.Record.IsZero() {
			return change{}, invalid("service", "either a service or one record is said")
		}
		var err error
		if n.ID, err = s.idOf(w.ID); err != nil {
			return change{}, err
		}
		w = n
		return change{rights: care.Rights{Withheld: []care.Withheld{n}}, bases: []string{n.ID}, services: about(n.Service)}, nil
	})
	return w, err
}

// Release ends that, from now on.
func (s *Service) Release(ctx context.Context, r gate.Request, person care.PersonID, id string) error {
	return s.alter(ctx, r, person, who{interaction: audit.WithholdLift, roles: keepers}, func(sc *scene) (change, error) {
		w, err := find(sc.held.Withheld, func(w care.Withheld) bool { return w.ID == id }, "what is withheld")
		if err != nil {
			return change{}, err
		}
		if w.Lifted.IsZero() {
			w.Lifted = sc.at
		}
		return change{rights: care.Rights{Withheld: []care.Withheld{w}}, bases: []string{id}, services: about(w.Service)}, nil
	})
}

// SetGuardian notes who has parental responsibility, as the population register says it. The
// same guardian given again takes the place of what stood there; an Until in the past ends it.
func (s *Service) SetGuardian(ctx context.Context, r gate.Request, person care.PersonID, g care.Guardian) error {
	return s.alter(ctx, r, person, who{interaction: audit.GuardianRegister, roles: office}, func(sc *scene) (change, error) {
		g := g
		g.From = begun(g.From, sc.at)
		codes := []care.Parental{care.ParentalFelles, care.ParentalMor, care.ParentalFar, care.ParentalMedmor, care.ParentalAndre, care.ParentalUkjent}
		switch {
		case g.Viewer == "" && g.Person == "":
			return change{}, invalid("guardian", "who she is must be said")
		case g.Person == sc.facts.Person:
			return change{}, invalid("guardian", "a child is not her own guardian")
		case !slices.Contains(codes, g.Code):
			return change{}, invalid("code", "is none of the codes of parental responsibility")
		case !g.Until.IsZero() && g.Until.Before(g.From):
			return change{}, invalid("until", "it must end after it begins")
		}
		return change{rights: care.Rights{Guardians: []care.Guardian{g}}, services: care.Services()}, nil
	})
}

// Emergency is what somebody says who breaks the glass.
type Emergency struct {
	Code   string
	Reason string
	// Told is her tick: she knows that it is noted, told of at once, and reviewed.
	Told bool
}

// BreakGlass opens an emergency session: one viewer, one child, as long as the table lets it be.
// Koordinerende enhet and revisor are told in the same instant. The child must be named
// exactly, by who she is: whoever calls has found her by her whole number.
func (s *Service) BreakGlass(ctx context.Context, r gate.Request, person care.PersonID, e Emergency) (care.BreakGlass, error) {
	var out care.BreakGlass
	r.Purpose = care.PurposeBTG
	glass := s.Table.Glass()
	err := s.alter(ctx, r, person, who{interaction: audit.BreakGlass, roles: staff, untied: true}, func(sc *scene) (change, error) {
		switch {
		case !s.Table.BreaksGlass(sc.actor):
			return change{}, fmt.Errorf("only checked health personnel, and who is on duty, break the glass: %w", care.ErrDenied)
		case !slices.Contains(glass.Codes, e.Code):
			return change{}, invalid("code", "is none of those for an emergency")
		case utf8.RuneCountInString(strings.TrimSpace(e.Reason)) < glass.Reason:
			return change{}, invalid("reason", fmt.Sprintf("must be at least %d characters", glass.Reason))
		case !e.Told:
			return change{}, invalid("told", "that it is noted and reviewed must be ticked")
		}
		id, err := s.id()
		if err != nil {
			return change{}, err
		}
		out = care.BreakGlass{ID: id, Viewer: sc.actor.ID, Person: sc.facts.Person, Code: e.Code, Reason: strings.TrimSpace(e.Reason),
			From: sc.at, Until: sc.at.Add(glass.Longest), Notified: sc.at}
		var notices []care.Notice
		for _, role := range []care.Role{care.RoleKoordinerendeEnhet, care.RoleRevisor} {
			notices = append(notices, care.Notice{At: sc.at, Role: role, What: "break-glass", Person: out.Person, Ref: id})
		}
		return change{rights: care.Rights{BreakGlass: []care.BreakGlass{out}}, notices: notices, bases: []string{id}, reason: out.Reason}, nil
	})
	return out, err
}

// EndBreakGlass ends one's own session, from now on.
func (s *Service) EndBreakGlass(ctx context.Context, r gate.Request, person care.PersonID, id string) error {
	r.Purpose = care.PurposeBTG
	return s.alter(ctx, r, person, who{interaction: audit.BreakGlassEnd, roles: staff}, func(sc *scene) (change, error) {
		b, err := find(sc.held.BreakGlass, func(b care.BreakGlass) bool { return b.ID == id && b.Viewer == sc.actor.ID }, "emergency session")
		if err != nil {
			return change{}, err
		}
		if b.Ended.IsZero() || sc.at.Before(b.Ended) {
			b.Ended = sc.at
		}
		return change{rights: care.Rights{BreakGlass: []care.BreakGlass{b}}, bases: []string{id}}, nil
	})
}

// ReviewTime is how long after an emergency session it must have been reviewed.
const ReviewTime = 7 * 24 * time.Hour

// Reviewable is an emergency session that waits for its review. Late is past ReviewTime.
type Reviewable struct {
	care.BreakGlass
	Due  time.Time
	Late bool
}

// Reviews gives the emergency sessions that nobody has reviewed, to those who review.
func (s *Service) Reviews(ctx context.Context, r gate.Request) ([]Reviewable, error) {
	if err := s.officeOf(r.Viewer, reviewers); err != nil {
		return nil, fmt.Errorf("list reviews: %w", err)
	}
	all, err := s.Store.Broken(ctx)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	out := make([]Reviewable, len(all))
	for i, b := range all {
		due := b.From.Add(ReviewTime)
		out[i] = Reviewable{b, due, now.After(due)}
	}
	return out, nil
}

// reviewers look at emergency sessions afterwards.
var reviewers = []care.Role{care.RoleKoordinerendeEnhet, care.RoleRevisor}

func (s *Service) officeOf(v care.Viewer, roles []care.Role) error {
	if v.ID == "" || !slices.Contains(roles, v.Role) || v.Level < s.Table.Level(v.Role) || s.Tenant == "" || v.Tenant != s.Tenant {
		return care.ErrDenied
	}
	return nil
}

// Review notes what a review found. Nobody reviews her own.
func (s *Service) Review(ctx context.Context, r gate.Request, person care.PersonID, id, found string) error {
	return s.alter(ctx, r, person, who{interaction: audit.BreakGlassReview, roles: reviewers}, func(sc *scene) (change, error) {
		b, err := find(sc.held.BreakGlass, func(b care.BreakGlass) bool { return b.ID == id && b.Viewer != sc.actor.ID }, "emergency session")
		if err != nil {
			return change{}, err
		}
		if strings.TrimSpace(found) == "" {
			return change{}, invalid("found", "what was found must be said")
		}
		if !b.Reviewed.IsZero() {
			return change{}, invalid("session", "is reviewed already")
		}
		b.Reviewed, b.Review, b.Reviewer = sc.at, strings.TrimSpace(found), sc.actor.ID
		return change{rights: care.Rights{BreakGlass: []care.BreakGlass{b}}, bases: []string{id}, reason: b.Review}, nil
	})
}

// Notices gives what the viewer's office must hear of.
func (s *Service) Notices(ctx context.Context, r gate.Request) ([]care.Notice, error) {
	if err := s.officeOf(r.Viewer, reviewers); err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	return s.Store.Notices(ctx, r.Viewer.Role)
}

// Saw notes that somebody of the office has seen a notice.
func (s *Service) Saw(ctx context.Context, r gate.Request, id int64) error {
	if err := s.officeOf(r.Viewer, reviewers); err != nil {
		return fmt.Errorf("note a notice: %w", err)
	}
	return s.Store.SawNotice(ctx, r.Viewer.Role, id, r.Viewer.ID, s.Now())
}

// Unions gives, to koordinerende enhet, the united persons whose permissions wait.
func (s *Service) Unions(ctx context.Context, r gate.Request) ([]care.Union, error) {
	if err := s.officeOf(r.Viewer, office); err != nil {
		return nil, fmt.Errorf("read unions: %w", err)
	}
	return s.Store.Unions(ctx)
}

// ConfirmMerge says that two united persons are one child. When two persons of koordinerende enhet
// have said it, the permissions that were given for the merged hold too; until then only denials do.
func (s *Service) ConfirmMerge(ctx context.Context, r gate.Request, survivor, merged care.PersonID) error {
	return s.act(ctx, r, survivor, audit.Merge, func(p care.PersonID, actor string, lines []care.Logged) error {
		return s.Store.ConfirmMerge(ctx, p, merged, actor, lines)
	})
}

// LowerAddress lets the address level be what the sources give now. It never sinks otherwise.
func (s *Service) LowerAddress(ctx context.Context, r gate.Request, person care.PersonID) error {
	return s.act(ctx, r, person, audit.AddressLower, func(p care.PersonID, _ string, lines []care.Logged) error {
		return s.Store.LowerAddress(ctx, p, lines)
	})
}

// act is what koordinerende enhet does about a person that is no right of anybody.
func (s *Service) act(ctx context.Context, r gate.Request, person care.PersonID, interaction string, do func(p care.PersonID, actor string, lines []care.Logged) error) error {
	sc, err := s.scene(ctx, r, person)
	if err != nil {
		return fmt.Errorf("%s: %w", interaction, err)
	}
	r.Interaction = interaction
	e := s.event(r, sc)
	if _, err := s.allowed(sc, who{roles: office}); err != nil {
		return s.refused(ctx, e, err)
	}
	e.Permit, e.Rule = true, "registered"
	lines, err := gate.Lines(s.Instance, s.Random, []audit.Event{e})
	if err != nil {
		return err
	}
	return do(sc.facts.Person, sc.actor.ID, lines)
}

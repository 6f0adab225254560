package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
	"samsyn/internal/gate"
)

func newAccess(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "access",
		Short: "Who may see what: register it, end it, and see what follows",
		Long: `Registers what lets somebody see what services say about a child, and what keeps it from
her. Nothing is visible without it. --as is who registers, a viewer of the configuration:
koordinerende enhet appoints and notes guardians, those who work for a child note consents
and blocks, each service decides for its own words. The rules are printed by
samsyn access table.

A child is named by her id in Samsyn, or with --person - by her national number on
standard input (so that it stands in no command line and no history).`,
		Example: `  samsyn access guardian --as kari --person - --guardian mor --code mor --at-home < number.txt
  samsyn access appoint --as kari --person - --viewer anders --role koordinator < number.txt
  samsyn access consent --as anders --person - --viewer anders --services skole,ppt --until 2027-09-01 --signed guardian:mor < number.txt
  samsyn access explain --as kari --person 7kq… --viewer anders
  samsyn access end --as kari --person 7kq… --appointment 5f2…`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAccessAppoint(g), newAccessGuardian(g), newAccessBasis(g), newAccessConsent(g), newAccessBlock(g), newAccessEnd(g), newAccessExplain(g), newAccessTable(g))
	return cmd
}

// about is who registers, about whom.
type about struct{ as, person string }

func (f *about) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.as, "as", "", "who registers, by id in the configuration (default: the first)")
	cmd.Flags().StringVarP(&f.person, "person", "p", "", "the child's id in Samsyn, or - to read a national number from standard input")
}

// with opens the application and gives who registers, and about whom.
func (f *about) with(ctx context.Context, g *globals, do func(a *app.App, r gate.Request, person care.PersonID) error) error {
	if f.person == "" {
		return usageError{errors.New("--person is required")}
	}
	return g.with(ctx, func(a *app.App) error {
		v, err := viewer(a.Config.People(), f.as)
		if err != nil {
			return err
		}
		person := care.PersonID(f.person)
		if f.person == "-" {
			line, err := bufio.NewReader(os.Stdin).ReadString('\n')
			if err != nil && line == "" {
				return fmt.Errorf("read the number: %w", err)
			}
			if person, err = a.Find(ctx, strings.TrimSpace(line)); err != nil {
				return fmt.Errorf("find the child: %w", err)
			}
		}
		err = do(a, asking(v), person)
		switch {
		case errors.Is(err, care.ErrNotFound):
			return fmt.Errorf("no such child, or not %s's to register: %w", v.Name, err)
		case errors.Is(err, care.ErrDenied):
			return fmt.Errorf("%s may not do this: %w", v.Name, err)
		}
		return err
	})
}

// asking is a request of the command line: whoever can open the store and its keys is as
// sure as the strongest sign-in.
func asking(v care.Viewer) gate.Request {
	v.Level = 4
	return gate.Request{Viewer: v, Door: "cli"}
}

// period is a first day and the first day after the last.
type period struct{ from, until string }

func (p *period) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.from, "from", "", "first day, YYYY-MM-DD (default: now)")
	cmd.Flags().StringVar(&p.until, "until", "", "first day without access, YYYY-MM-DD (default: no end)")
}

func (p *period) read(a *app.App) (from, until time.Time, err error) {
	if from, err = a.Day(p.from, time.Time{}); err != nil {
		return from, until, usageError{fmt.Errorf("--from: %w", err)}
	}
	if until, err = a.Day(p.until, time.Time{}); err != nil {
		return from, until, usageError{fmt.Errorf("--until: %w", err)}
	}
	return from, until, nil
}

// servicesOf reads services with commas between.
func servicesOf(flag, text string) ([]care.Service, error) {
	var all []care.Service
	for _, s := range strings.Split(text, ",") {
		if s = strings.TrimSpace(s); !care.Service(s).Valid() {
			return nil, usageError{fmt.Errorf("%s %q is none of %v", flag, s, care.Services())}
		}
		all = append(all, care.Service(s))
	}
	return all, nil
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

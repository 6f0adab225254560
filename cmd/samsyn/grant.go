package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
)

func newGrant(g *globals) *cobra.Command {
	var as, person, services, from, until, basis string
	cmd := &cobra.Command{
		Use:   "grant",
		Short: "Let a viewer see what services say about a child",
		Long: `Gives a viewer of the configuration access to what the named services say about one
child, for a period and with a basis. Nothing is visible without a grant. The child is
named by her id in Samsyn, or with --person - by her national number on standard input
(so that it stands in no command line and no history).`,
		Example: "  samsyn grant --as anders --person 7kq… --services skole,ppt,kommune --from 2026-09-01 --basis 'samtykke 2026-08-28'\n  samsyn grant --as anders --person - --services skole --basis 'samtykke' < number.txt",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			grant := care.Grant{Viewer: as, Basis: basis, Person: care.PersonID(person)}
			for _, s := range strings.Split(services, ",") {
				if !care.Service(s).Valid() {
					return usageError{fmt.Errorf("--services %q is none of %v", s, care.Services())}
				}
				grant.Services = append(grant.Services, care.Service(s))
			}
			if basis == "" || person == "" || as == "" {
				return usageError{fmt.Errorf("--as, --person and --basis are required")}
			}
			return g.with(cmd.Context(), func(a *app.App) error {
				var err error
				if _, err = viewer(a.Config.People(), as); err != nil {
					return err
				}
				if grant.From, err = a.Day(from, time.Now()); err != nil {
					return usageError{fmt.Errorf("--from: %w", err)}
				}
				if grant.Until, err = a.Day(until, time.Time{}); err != nil {
					return usageError{fmt.Errorf("--until: %w", err)}
				}
				if person == "-" {
					line, err := bufio.NewReader(os.Stdin).ReadString('\n')
					if err != nil && line == "" {
						return fmt.Errorf("read the number: %w", err)
					}
					if grant.Person, err = a.Find(cmd.Context(), strings.TrimSpace(line)); err != nil {
						return fmt.Errorf("find the child: %w", err)
					}
				}
				return a.Grant(cmd.Context(), grant)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&as, "as", "", "the viewer who is given access")
	f.StringVarP(&person, "person", "p", "", "the child's id in Samsyn, or - to read a national number from standard input")
	f.StringVar(&services, "services", "", "services whose words may be seen, with commas between")
	f.StringVar(&from, "from", "", "first day, YYYY-MM-DD (default: now)")
	f.StringVar(&until, "until", "", "first day without access, YYYY-MM-DD (default: no end)")
	f.StringVar(&basis, "basis", "", "why: consent, appointment … (required)")
	return cmd
}

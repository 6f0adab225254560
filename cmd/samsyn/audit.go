package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/audit"
	"samsyn/internal/care"
	"samsyn/internal/words"
)

func newAudit(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Verify, read and judge the audit log",
		Long: `The audit log tells who asked for what about whom, and what was decided. It is chained:
no row can be changed, cut or put in unseen, and exported heads show where its end was
cut or the whole was written anew (docs/audit.md). Who reads it here is noted in it.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAuditVerify(g), newAuditHead(g), newAuditList(g), newAuditExport(g), newAuditAnomalies(g))
	return cmd
}

// reader is who reads the log, as the machine knows her.
func reader() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func newAuditVerify(g *globals) *cobra.Command {
	var heads string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no row of the log was changed, cut, moved or put in",
		Long: `Reads the whole log and checks its chain, then compares it with exported heads: those of
--heads, else those of the configured file. Only heads that lie where nobody who can write
to the database can write tell of a tail that was cut. Ends with 1 where anything is wrong.`,
		Example: "  samsyn audit verify --heads /mnt/worm/samsyn-heads.jsonl",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				v, err := a.VerifyAudit(cmd.Context(), heads)
				if err != nil {
					return err
				}
				if asJSON {
					err = writeJSON(g.out, v)
				} else {
					err = writeVerified(g.out, v)
				}
				if err == nil && len(v.Faults) > 0 {
					err = errReported
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&heads, "heads", "", "file of exported heads (default: audit.heads of the configuration)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func writeVerified(out io.Writer, v app.AuditVerified) error {
	for _, f := range v.Faults {
		fmt.Fprintln(out, f)
	}
	if v.More > 0 {
		fmt.Fprintf(out, "and %d more\n", v.More)
	}
	state := "whole"
	if len(v.Faults) > 0 {
		state = "NOT whole"
	}
	_, err := fmt.Fprintf(out, "%d rows, %d exported heads: the log is %s. Its head is row %d, %s\n", v.Rows, v.Heads, state, v.Seq, v.Hash)
	return err
}

func newAuditHead(g *globals) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "head",
		Short: "Export the log's head, signed",
		Long: `Writes the number and hash of the log's last row as a line of JSON, signed where audit.key
is configured. Keep it where nobody who can write to the database can write: with it
samsyn audit verify finds a log that was cut or written anew.`,
		Example: "  samsyn audit head --out /mnt/worm/samsyn-heads.jsonl",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				if out != "" && out != "-" {
					_, err := a.AppendAuditHead(cmd.Context(), out)
					return err
				}
				x, err := a.AuditHead(cmd.Context())
				if err != nil {
					return err
				}
				line, err := x.Line()
				if err == nil {
					_, err = g.out.Write(line)
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to add the line to (default: standard output)")
	return cmd
}

// auditFlags are the flags that choose events.
type auditFlags struct {
	person, viewer, since, until string
	denied                       bool
}

func (f *auditFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.person, "person", "p", "", "only events about this person, by her id in Samsyn")
	cmd.Flags().StringVar(&f.viewer, "viewer", "", "only events of this viewer, by her id")
	cmd.Flags().StringVar(&f.since, "since", "", "only events from this day on, YYYY-MM-DD")
	cmd.Flags().StringVar(&f.until, "until", "", "only events before this day, YYYY-MM-DD")
	cmd.Flags().BoolVar(&f.denied, "denied", false, "only what was denied or failed")
}

func (f *auditFlags) filter(a *app.App) (app.AuditFilter, error) {
	filter := app.AuditFilter{Person: care.PersonID(f.person), Viewer: f.viewer, Denied: f.denied}
	var err error
	if filter.Since, err = a.Day(f.since, time.Time{}); err != nil {
		return filter, usageError{fmt.Errorf("--since: %w", err)}
	}
	if filter.Till, err = a.Day(f.until, time.Time{}); err != nil {
		return filter, usageError{fmt.Errorf("--until: %w", err)}
	}
	return filter, nil
}

func newAuditList(g *globals) *cobra.Command {
	var flags auditFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List what was asked for, by whom, and what was decided",
		Long:    `Lists events as a human reads them, the oldest first. No event shows a national number or what a source said.`,
		Example: "  samsyn audit list --person 7kq… --since 2026-11-01\n  samsyn audit list --viewer anders --denied",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				filter, err := flags.filter(a)
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
				if !asJSON {
					fmt.Fprintln(w, "row\twhen\twho\trole\tservice\tdid\tperson\tdecided\trule\tservices\tpurpose\tdoor\t")
				}
				encoder := json.NewEncoder(g.out)
				for entry, err := range a.AuditEntries(cmd.Context(), reader(), filter) {
					switch e := entry.Event; {
					case err != nil:
						return err
					case asJSON:
						if err := encoder.Encode(e); err != nil {
							return err
						}
					default:
						fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", entry.Seq, e.At.In(a.Zone()).Format("2006-01-02 15:04:05"), whoOf(e), e.Viewer.Role, e.Viewer.Service, e.Interaction,
							e.Person, decided(e), e.Rule, services(e.Services), e.Purpose, e.Door)
					}
				}
				return w.Flush()
			})
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each event as a line of JSON")
	return cmd
}

func whoOf(e audit.Event) string {
	if e.Viewer.Name != "" {
		return e.Viewer.Name + " (" + e.Viewer.ID + ")"
	}
	return e.Viewer.ID
}

func decided(e audit.Event) string {
	switch {
	case e.Permit:
		return "yes"
	case e.Failed:
		return "failed"
	}
	return "no"
}

func services(all []care.Service) string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = string(s)
	}
	return strings.Join(names, ",")
}

func newAuditExport(g *globals) *cobra.Command {
	var flags auditFlags
	var out string
	var bundle bool
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write events out as FHIR AuditEvents",
		Long: `Writes the AuditEvents as they were logged, the oldest first: a line of JSON each (NDJSON),
or one Bundle. The file holds names; keep it as you keep the log.`,
		Example: "  samsyn audit export --since 2026-11-01 --out november.ndjson\n  samsyn audit export --person 7kq… --bundle",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			return g.with(cmd.Context(), func(a *app.App) (err error) {
				filter, err := flags.filter(a)
				if err != nil {
					return err
				}
				to := g.out
				if out != "" && out != "-" {
					f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
					if err != nil {
						return fmt.Errorf("export the audit log: %w", err)
					}
					defer func() {
						if closed := f.Close(); err == nil {
							err = closed
						}
					}()
					to = f
				}
				before, between, after := "", "\n", "\n"
				if bundle {
					before, between, after = `{"resourceType":"Bundle","type":"collection","entry":[`, ",", "]}\n"
				}
				some := false
				for entry, err := range a.AuditEntries(cmd.Context(), reader(), filter) {
					if err != nil {
						return err
					}
					lead := between
					if !some {
						lead = before
					}
					body := string(entry.Body)
					if bundle {
						body = `{"fullUrl":"urn:samsyn:audit:` + entry.Event.ID + `","resource":` + body + "}"
					}
					if _, err := io.WriteString(to, lead+body); err != nil {
						return fmt.Errorf("export the audit log: %w", err)
					}
					some = true
				}
				switch {
				case !some && bundle:
					_, err = io.WriteString(to, `{"resourceType":"Bundle","type":"collection"}`+"\n")
				case some:
					_, err = io.WriteString(to, after)
				}
				return err
			})
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "new file to write to (default: standard output)")
	cmd.Flags().BoolVar(&bundle, "bundle", false, "one Bundle instead of a line for each event")
	return cmd
}

func newAuditAnomalies(g *globals) *cobra.Command {
	var since, rules, language string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "anomalies",
		Short: "Tell what in the log looks like snooping",
		Long: `Looks for patterns of snooping in the log: many children in a short time, a no for one
child after another, a ground that somebody made for herself, nights, own family,
colleagues' children, emergency access as a habit, guessed ids and more. Each hit is a
question for a human and no verdict. Children stand by their ids; no number is shown.`,
		Example: "  samsyn audit anomalies\n  samsyn audit anomalies --since 2026-09-01 --lang nn",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.with(cmd.Context(), func(a *app.App) error {
				from, err := a.Day(since, time.Now().AddDate(0, 0, -90))
				if err != nil {
					return usageError{fmt.Errorf("--since: %w", err)}
				}
				found, err := a.Anomalies(cmd.Context(), reader(), from, rules)
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(g.out, found)
				}
				if language == "" {
					language = a.Config.Instance.Language
				}
				return writeAnomalies(g.out, words.In(words.Lang(language)), a.Zone(), found)
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "first day, YYYY-MM-DD (default: 90 days ago)")
	cmd.Flags().StringVar(&rules, "rules", "", "file of limits (default: audit.rules of the configuration, else the shipped ones)")
	cmd.Flags().StringVar(&language, "lang", "", "nb, nn or en (default: the instance's language)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func writeAnomalies(out io.Writer, w words.Words, zone *time.Location, found []audit.Anomaly) error {
	if len(found) == 0 {
		_, err := fmt.Fprintln(out, w.Say("audit.none.anomalies"))
		return err
	}
	for _, a := range found {
		persons := make([]string, len(a.Persons))
		for i, p := range a.Persons {
			persons[i] = string(p)
		}
		if _, err := fmt.Fprintf(out, "%s\n  %s: %s; %s\n", a.Say(w, zone), a.Rule, a.Viewer, strings.Join(persons, " ")); err != nil {
			return err
		}
	}
	return nil
}

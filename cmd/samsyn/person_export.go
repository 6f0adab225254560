package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"samsyn/internal/app"
	"samsyn/internal/care"
	"samsyn/internal/gate"
	"samsyn/internal/words"
)

func newPersonExport(g *globals) *cobra.Command {
	var f about
	var to, lang string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write everything that is held about a person to a file, for her",
		Long: `Writes everything that is held about a person, and that the child or guardian --as may have, to a
ZIP file: a page for reading (index.html), a FHIR Bundle, and where it comes from, who has had it
and what is registered as JSON. What is hidden from her is not in it, and it is noted in the audit
log that she took it out. The file can be read by you alone; hand it over safely, and delete it.`,
		Example: "  samsyn person export --as mor --person - --out ella.zip < number.txt",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" || f.as == "" {
				return usageError{errors.New("--as and --out are required")}
			}
			return f.with(cmd.Context(), g, func(a *app.App, r gate.Request, person care.PersonID) error {
				var b bytes.Buffer
				if err := a.Export(cmd.Context(), r, person, words.Lang(lang), &b); err != nil {
					return err
				}
				if err := writeNew(to, &b); err != nil {
					return err
				}
				fmt.Fprintln(g.out, to)
				return nil
			})
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVarP(&to, "out", "o", "", "the file; it must not be there")
	cmd.Flags().StringVar(&lang, "lang", "", "nb, nn or en (default: the instance's)")
	return cmd
}

// writeNew writes a file that only its owner may read, whole or not at all.
func writeNew(path string, from io.Reader) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	_, err = io.Copy(file, from)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the export: %w", err), os.Remove(path))
	}
	return nil
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"samsyn/internal/app"
	"samsyn/internal/ingest"
)

// writeReports prints what became of everything that was listed, one line a source.
func writeReports(out io.Writer, reports []ingest.Report, asJSON bool) error {
	if asJSON {
		return writeJSON(out, reports)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "source\tlisted\tstored\tunchanged\tquarantined\tremoved\tseconds\t")
	var sum ingest.Report
	row := func(r ingest.Report) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%.2f\t\n", r.Source, r.Listed, r.Stored, r.Unchanged, r.Quarantined, r.Removed, r.Duration.Seconds())
	}
	for _, r := range reports {
		row(r)
		sum.Listed += r.Listed
		sum.Stored += r.Stored
		sum.Unchanged += r.Unchanged
		sum.Quarantined += r.Quarantined
		sum.Removed += r.Removed
		sum.Duration += r.Duration
	}
	sum.Source = "all"
	row(sum)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range reports {
		if r.Error != "" {
			fmt.Fprintf(out, "%s failed: %s\n", r.Source, r.Error)
		}
	}
	return nil
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// progress shows a bar while sources are read, where errs is a terminal, and
// nothing elsewhere. The returned function ends it.
func progress(errs io.Writer) (step func(source string, read int), end func()) {
	f, ok := errs.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(string, int) {}, func() {}
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(errs), progressbar.OptionShowCount(), progressbar.OptionSetItsString("records"), progressbar.OptionClearOnFinish())
	return func(source string, read int) {
		bar.Describe(source)
		_ = bar.Add(read) // a bar that cannot be drawn stops nothing
	}, func() { _ = bar.Finish() }
}

func writeSources(out io.Writer, lines []app.SourceInfo) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "source\tsystem\tservice\tlast read\tclock\tlast failure\t")
	at := func(t *time.Time) string {
		if t == nil {
			return "–"
		}
		return t.Format("2006-01-02 15:04")
	}
	for _, s := range lines {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s %s\t\n", s.Name, s.System, s.Service, at(s.LastSuccess), s.Clock, at(s.LastFailure), s.Failure)
	}
	return w.Flush()
}

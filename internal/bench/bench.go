// Package bench owns the measuring of the whole way on synthetic municipalities of any
// size: what is read, mapped, stored and compared, on PostgreSQL and SQLite side by side,
// and beside each figure what the same machine can do at all in the same run. It knows
// no limits that must be held: it tells, and docs/performance.md compares.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"
)

// Options say how much is measured. The zero value of a field means its default.
type Options struct {
	Children   int           // of the municipality; 23 records each (default 20,000)
	Rows       int           // of the ledgers with (key, hash), the largest (default 6,000,000)
	Whole      int           // records of 3 kB in the compare of whole records (default 500,000)
	Runs       int           // of each measure; the median counts (default 3)
	Answer     time.Duration // a source's time to answer, where two instances share it (default 100 ms)
	SharePages int           // of that source (default 100)
	Dir        string        // for SQLite's files and listings (default the system's)
	Command    string        // as it is told in the report
	Only       string        // PostgreSQL or SQLite alone
	Unsealed   bool          // bodies are kept as they are; as a rule they are sealed, as in production
}

// Quick is small enough for a test.
func Quick() Options {
	return Options{Children: 44, Rows: 10_000, Whole: 2_000, Runs: 1, Answer: time.Millisecond, SharePages: 4}
}

func (o Options) filled() Options {
	for field, n := range map[*int]int{&o.Children: 20_000, &o.Rows: 6_000_000, &o.Whole: 500_000, &o.Runs: 3, &o.SharePages: 100} {
		if *field == 0 {
			*field = n
		}
	}
	if o.Answer == 0 {
		o.Answer = 100 * time.Millisecond
	}
	return o
}

// figure is one measure: its values by database, one a run.
type figure struct {
	name, unit string
	// values are by the clock; spared, of a rate, is what would be done in as much processor
	// time, ours and the server's, as two cores have in a second: it moves little with what
	// else runs on the machine.
	values, spared map[string][]float64
	// limit names the figure of what is possible at all in the same run; "" for none.
	limit string
}

type report struct {
	figures []*figure
	bases   []string
	log     io.Writer
}

// note adds a value to a figure, and for a rate, where it is known, its rate by processor time.
func (r *report) note(base, name, unit, limit string, value float64, spared ...float64) {
	i := slices.IndexFunc(r.figures, func(f *figure) bool { return f.name == name })
	if i < 0 {
		i = len(r.figures)
		r.figures = append(r.figures, &figure{name: name, unit: unit, limit: limit, values: map[string][]float64{}, spared: map[string][]float64{}})
	}
	r.figures[i].values[base] = append(r.figures[i].values[base], value)
	r.figures[i].spared[base] = append(r.figures[i].spared[base], spared...)
	fmt.Fprintf(r.log, "%s  %-10s %-62s %s %s\n", time.Now().Format("15:04:05"), base, name, number(value), unit)
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	if len(s) == 0 {
		return math.NaN()
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// Run measures and writes the report to out, in Markdown; log is told each value as it comes.
func Run(ctx context.Context, o Options, out, log io.Writer) (err error) {
	o = o.filled()
	dir, err := os.MkdirTemp(o.Dir, "samsyn-bench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	o.Dir = dir
	all, stop, err := bases(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	r := &report{log: log}
	began, before := time.Now(), machine()
	for _, b := range all {
		if o.Only != "" && !strings.EqualFold(o.Only, b.name) {
			continue
		}
		r.bases = append(r.bases, b.name)
		m := &measure{Options: o, report: r, base: b}
		if err := m.all(ctx); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	fmt.Fprintf(out, "%s, before %s, after %s. `%s`, %s.\n\n", began.Format("2006-01-02 15:04"), before, machine(), o.Command, time.Since(began).Round(time.Second))
	r.write(out)
	return nil
}

func (r *report) write(out io.Writer) {
	fmt.Fprint(out, "| measure | unit |")
	for _, b := range r.bases {
		fmt.Fprintf(out, " %s | by processor time |", b)
	}
	fmt.Fprint(out, "\n|---|---|"+strings.Repeat("---|---|", len(r.bases))+"\n")
	for _, f := range r.figures {
		fmt.Fprintf(out, "| %s | %s |", f.name, f.unit)
		for _, b := range r.bases {
			fmt.Fprintf(out, " %s | %s |", r.cell(f, b, func(f *figure) []float64 { return f.values[b] }), r.cell(f, b, func(f *figure) []float64 { return f.spared[b] }))
		}
		fmt.Fprintln(out)
	}
}

// cell is the median with its spread and, where there is a limit, which part of it that is.
func (r *report) cell(f *figure, base string, of func(*figure) []float64) string {
	out := spread(of(f))
	for _, limit := range r.figures {
		if limit.name == f.limit && len(of(limit)) > 0 && len(of(f)) > 0 {
			out += fmt.Sprintf(" = **%.2f**", median(of(f))/median(of(limit)))
		}
	}
	return out
}

func spread(values []float64) string {
	switch len(values) {
	case 0:
		return ""
	case 1:
		return number(values[0])
	}
	return fmt.Sprintf("%s [%s..%s]", number(median(values)), number(slices.Min(values)), number(slices.Max(values)))
}

// number writes three figures, and thousands apart.
func number(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case math.Abs(v) < 100:
		return fmt.Sprintf("%.3g", v)
	}
	digits := math.Pow(10, max(0, math.Floor(math.Log10(math.Abs(v)))-2))
	s := fmt.Sprintf("%.0f", math.Round(v/digits)*digits)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// slope is the exponent k of the fit t = c·n^k.
func slope(n, t []float64) float64 {
	var x, y, xx, xy float64
	for i := range n {
		a, b := math.Log(n[i]), math.Log(t[i])
		x, y, xx, xy = x+a, y+b, xx+a*a, xy+a*b
	}
	k := float64(len(n))
	return (k*xy - x*y) / (k*xx - x*x)
}

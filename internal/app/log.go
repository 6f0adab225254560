package app

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
)

// Logger writes structured text lines. It masks whatever looks like a national
// number in any attribute or message: a second fence behind the rule that none is
// logged at all.
func Logger(out io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level, ReplaceAttr: mask}))
}

// longNumber is eleven or twelve digits in a row, or the usual "ddmmyy nnnnn".
var longNumber = regexp.MustCompile(`\b\d{6}[ -]?\d{5,6}\b`)

func mask(_ []string, a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(longNumber.ReplaceAllString(a.Value.String(), "[number]"))
	case slog.KindInt64, slog.KindUint64:
		// A number that opens with 0 has ten digits left.
		if n := len(a.Value.String()); n >= 10 && n <= 12 {
			a.Value = slog.StringValue("[number]")
		}
	case slog.KindAny:
		// %v also renders errors and Stringers; what they hold is text by then.
		a.Value = slog.StringValue(longNumber.ReplaceAllString(fmt.Sprintf("%v", a.Value.Any()), "[number]"))
	}
	return a
}

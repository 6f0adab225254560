package findings

import (
	"fmt"
	"io"
	"strings"
	"time"

	"samsyn/internal/words"
)

// Text writes the findings for a terminal: a heading and a sentence each, the most
// pressing first; nothing where there are none.
func Text(out io.Writer, all []Finding, lang words.Lang, loc *time.Location) error {
	if len(all) == 0 {
		return nil
	}
	w := words.In(lang)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", strings.ToUpper(w.Say("section.findings")))
	for _, f := range all {
		fmt.Fprintf(&b, "  %s: %s\n", w.Say("finding.level."+f.Level), f.Sentence(w, loc))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

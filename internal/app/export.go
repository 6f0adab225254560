package app

import (
	"context"
	"io"

	"samsyn/internal/care"
	"samsyn/internal/export"
	"samsyn/internal/gate"
	"samsyn/internal/words"
)

// Export writes everything that is held about a person, as an archive, for her or a guardian
// of hers. The error is care.ErrNotFound for everybody else; then nothing is written.
func (a *App) Export(ctx context.Context, r gate.Request, person care.PersonID, lang words.Lang, w io.Writer) error {
	e, err := a.gate.Export(ctx, r, person)
	if err != nil {
		return err
	}
	if lang == "" {
		lang = words.Lang(a.Config.Instance.Language)
	}
	return export.Write(w, e, lang)
}

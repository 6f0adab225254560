package web

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"samsyn/internal/care"
	"samsyn/internal/gate"
	"samsyn/internal/words"
)

// Export writes everything that is held about a person, as an archive, for her.
type Export interface {
	Export(ctx context.Context, r gate.Request, person care.PersonID, lang words.Lang, w io.Writer) error
}

// mountExport lets child and guardians take out everything. There is no HEAD: to ask is to take out.
func (h *Handler) mountExport(g *echo.Group) {
	if h.Export != nil {
		g.GET("/barn/:person/eksport", h.export, h.members)
	}
}

// export gives the archive whole or not at all.
func (h *Handler) export(c echo.Context) error {
	p := h.page(c)
	var b bytes.Buffer
	if err := h.Export.Export(c.Request().Context(), h.request(c, p), care.PersonID(c.Param("person")), p.Lang(), &b); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="samsyn.zip"`)
	return c.Blob(http.StatusOK, "application/zip", b.Bytes())
}

package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"samsyn/internal/app"
	"samsyn/testdata"
)

func TestNoNumberIsLogged(t *testing.T) {
	for name, number := range testdata.Children() {
		var b bytes.Buffer
		log := app.Logger(&b, slog.LevelInfo)
		n := 0
		for _, c := range number {
			n = n*10 + int(c-'0')
		}
		log.Info("read "+number, "text", "for "+number+".", "error", fmt.Errorf("wrapped: %w", errors.New(number)),
			"int", n, "spaced", number[:6]+" "+number[6:], slog.Group("g", "inner", number), "list", []string{number})
		if strings.Contains(b.String(), number) || strings.Contains(b.String(), fmt.Sprint(n)) {
			t.Errorf("%s's number is in the log: %s", name, b.String())
		}
		if !strings.Contains(b.String(), "[number]") {
			t.Errorf("nothing was masked: %s", b.String())
		}
	}
}

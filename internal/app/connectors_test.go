package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samsyn/internal/app"
	"samsyn/internal/care"
)

// outside makes a folder of connectors; text by system.
func outside(t *testing.T, connectors map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range connectors {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "connector.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const rest = "connector: NAME\nauth: [oauth2]\nread:\n  - {kind: k, format: json, key: id, http: {path: /k}}\n"

func connected(dir, system, more string) string {
	return "instance:\n  connectors: " + dir + "\nsources:\n  ours:\n    system: " + system + "\n    service: kommune\n" + more
}

const signIn = "    auth: {kind: oauth2, token_url: https://x.no/t, client_id: c, secret: {env: S}}\n"

func TestConnectorsFromOutside(t *testing.T) {
	good := outside(t, map[string]string{"vaktliste": strings.Replace(rest, "NAME", "vaktliste", 1)})
	for name, c := range map[string]struct{ file, want string }{
		"one from outside":      {connected(good, "vaktliste", signIn+"    settings: {url: https://x.no}\n"), ""},
		"a shipped one":         {connected(good, "fint", signIn+"    settings: {url: https://x.no}\n"), ""},
		"without settings":      {connected(good, "vaktliste", signIn), "samsyn.yaml:4: sources.ours.settings.url: must be an http"},
		"an unknown setting":    {connected(good, "vaktliste", signIn+"    settings: {ur: https://x.no, url: https://x.no}\n"), "samsyn.yaml:8: sources.ours.settings.ur: is no setting of this system (did you mean url?)"},
		"the wrong sign-in":     {connected(good, "vaktliste", "    settings: {url: https://x.no}\n"), `samsyn.yaml:4: sources.ours.auth.kind: "none" is none of oauth2`},
		"an unknown system":     {connected(good, "vaktlister", signIn), `"vaktlister" is none of barnevernsregister, fhirrest, fiksarkiv, fiksinnsyn, fint, nhnmsh, oneroster, vaktliste`},
		"a folder that is none": {connected(filepath.Join(good, "nowhere"), "fint", signIn+"    settings: {url: https://x.no}\n"), "samsyn.yaml:2: instance.connectors: a connector cannot be used"},
		"a taken name":          {connected(outside(t, map[string]string{"fint": strings.Replace(rest, "NAME", "fint", 1)}), "fint", signIn+"    settings: {url: https://x.no}\n"), "fint/connector.yaml:1:1: connector: there is a system of this name already"},
		"a connector with faults": {connected(outside(t, map[string]string{"a": strings.Replace(rest, "NAME", "a", 1) + "raed: x\n"}), "a", signIn),
			"a/connector.yaml:5:1: raed: is no key here (did you mean read?)"},
	} {
		_, err := app.ParseConfig("samsyn.yaml", []byte(c.file), nil)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.Is(err, care.ErrInvalid) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
}

// TestMapsAreLaidOverTheShipped: one folder with one map of its own leaves the others in place.
func TestMapsAreLaidOverTheShipped(t *testing.T) {
	dir := t.TempDir()
	open := func() (*app.App, error) {
		c := app.Config{Instance: app.Instance{Maps: dir}, Store: app.StoreConfig{Path: filepath.Join(t.TempDir(), "s.db")}}
		if err := c.Resolve(); err != nil {
			t.Fatal(err)
		}
		return app.New(t.Context(), c, app.Options{})
	}
	count := func() string {
		a, err := open()
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}()
		for _, c := range a.Check(t.Context()) {
			if c.Name == "maps" {
				return c.Note
			}
		}
		return ""
	}
	before := count()
	if err := os.MkdirAll(filepath.Join(dir, "maps", "vaktliste"), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "maps", "vaktliste", "k.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("map: vaktliste/k\nrecord: k\nmake: []\n")
	if after := count(); after == before || len(before) < len("9 maps") {
		t.Errorf("%s before and %s after", before, after)
	}
	write("map: vaktliste/k\nrecord: k\nmaek: []\n")
	if a, err := open(); !errors.Is(err, care.ErrInvalid) || !strings.Contains(err.Error(), "maps/vaktliste/k.yaml:3:1") {
		t.Errorf("a map with a fault: %v, %v", a, err)
	}
}

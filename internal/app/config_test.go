package app_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"samsyn/internal/app"
	"samsyn/internal/care"
)

const good = `
server:
  address: 127.0.0.1:9000
sources:
  oneroster:
    system: oneroster
    service: skole
    title: Skolens elevregister
    auth:
      kind: oauth2
      token_url: https://sts.example.no/token
      client_id: samsyn
      secret: {env: ROSTER_SECRET}
      scopes: [roster]
    settings:
      mode: rest
      url: https://roster.example.no
  barnevern:
    system: barnevernsregister
    service: barnevern
    settings:
      dir: /var/spool/barnevern
viewers:
  kari: {name: Kari Koordinator, title: barnekoordinator, role: koordinator, service: koordinering}
  anne: {name: Anne Annen}
`

func TestConfigIsRead(t *testing.T) {
	c, err := app.ParseConfig("samsyn.yaml", []byte(good), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.SourceNames(); !slices.Equal(got, []string{"oneroster", "barnevern"}) {
		t.Errorf("sources %v are not in the file's order", got)
	}
	if got := c.People(); len(got) != 2 || got[0].ID != "kari" || got[0].Title != "barnekoordinator" {
		t.Errorf("viewers %v", got)
	}
	if c.Instance.Language != "nb" || c.Store.Path != "samsyn.db" || c.Instance.TimeZone != "Europe/Oslo" || c.Sources["barnevern"].Title != "barnevern" {
		t.Errorf("defaults are not filled in: %+v", c)
	}
}

func TestNoConfigIsTheDefault(t *testing.T) {
	c, err := app.ParseConfig("", nil, nil)
	if err != nil || c.Server.Address != "127.0.0.1:8080" || c.Instance.Test {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestEnvironmentOverrides(t *testing.T) {
	env := []string{"SAMSYN_SERVER__ADDRESS=127.0.0.1:7000", "SAMSYN_SOURCES__ONEROSTER__OFF=true", "SAMSYN_SOURCES__ONEROSTER__SETTINGS__LIMIT=50",
		"SAMSYN_INSTANCE__TEST=true", "SAMSYN_SHARED=/somewhere", "OTHER=1"}
	c, err := app.ParseConfig("samsyn.yaml", []byte(good), env)
	if err != nil {
		t.Fatal(err)
	}
	if c.Server.Address != "127.0.0.1:7000" || !c.Sources["oneroster"].Off || !c.Instance.Test {
		t.Errorf("%+v", c)
	}
}

// TestEveryFaultAtOnce: one reading reports all faults, each with its line or variable.
func TestEveryFaultAtOnce(t *testing.T) {
	const bad = `instance:
  language: tysk
  timeZone: Europe/Oslo
server:
  address: 0.0.0.0:80
sources:
  Bad_Name:
    system: oneroster
    service: skole
    settings: {mode: rest, url: "https://x.no"}
  roster:
    system: onerooster
    service: school
  roster2:
    system: oneroster
    service: skole
    timeout: soon
    auth: {kind: oauth2}
    settings:
      mode: rest
      limmit: 5
  archive:
    system: fiksarkiv
    service: skole
    settings:
      take: many
`
	_, err := app.ParseConfig("samsyn.yaml", []byte(bad), []string{"SAMSYN_SOURCES__ARCHIVE__SERVICE=x"})
	var ce *app.ConfigError
	if !errors.As(err, &ce) || !errors.Is(err, care.ErrInvalid) {
		t.Fatalf("got %v", err)
	}
	want := []string{
		"samsyn.yaml:2: instance.language: ",
		"samsyn.yaml:3: instance.timeZone: is no setting",
		"samsyn.yaml:5: server.address: ",
		"samsyn.yaml:7: sources.Bad_Name: ",
		"samsyn.yaml:12: sources.roster.system: ",
		"samsyn.yaml:13: sources.roster.service: ",
		"samsyn.yaml:17: sources.roster2.timeout: ",
		"samsyn.yaml:18: sources.roster2.auth.secret: ",
		"samsyn.yaml:18: sources.roster2.auth.token_url: ",
		"samsyn.yaml:18: sources.roster2.auth.client_id: ",
		"samsyn.yaml:21: sources.roster2.settings.limmit: is no setting",
		"samsyn.yaml:26: sources.archive.settings.take: ",
		"environment variable SAMSYN_SOURCES__ARCHIVE__SERVICE: sources.archive.service: ",
	}
	got := err.Error()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("missing %q", w)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestFaultsOfForm(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"not YAML":    {"a: b: c\n", "samsyn.yaml:1: is not YAML"},
		"a list":      {"- a\n", "samsyn.yaml:1: the file must be a mapping"},
		"twice":       {"store:\n  path: a\n  path: b\n", "samsyn.yaml:3: store.path: is given twice"},
		"unknown":     {"stoer: {}\n", "samsyn.yaml:1: stoer: is no setting"},
		"wrong shape": {"sources: [a]\n", "samsyn.yaml:1: sources: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := app.ParseConfig("samsyn.yaml", []byte(c.in), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	for address, ok := range map[string]bool{"127.0.0.1:0": true, "localhost:80": true, "[::1]:80": true, "127.9.9.9:1": true,
		"0.0.0.0:80": false, ":80": false, "10.0.0.1:80": false, "example.no:80": false, "127.0.0.1": false} {
		_, err := app.ParseConfig("f", []byte("server: {address: \""+address+"\"}\n"), nil)
		if (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(good), "SAMSYN_SERVER__ADDRESS=1")
	f.Add([]byte("a: &a [*a]\n"), "SAMSYN_A__B=c")
	f.Add([]byte("sources: {x: {system: oneroster, settings: {mode: [1]}}}"), "")
	f.Fuzz(func(t *testing.T, raw []byte, env string) {
		_, err := app.ParseConfig("f", raw, []string{env})
		if err != nil && !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%v is no fault of configuration", err)
		}
	})
}

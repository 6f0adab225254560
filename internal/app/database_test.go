package app_test

import (
	"strings"
	"testing"

	"samsyn/internal/app"
)

// TestDatabaseIsChosen: the variable goes before the file, and no fault repeats a password.
func TestDatabaseIsChosen(t *testing.T) {
	const variable = "SAMSYN_DATABASE_URL=postgres://samsyn:hemmelig@db/samsyn"
	c, err := app.ParseConfig("f", []byte("store: {url: 'postgres://samsyn@other/samsyn?pool=transaction'}\n"), []string{variable, "SAMSYN_DATABASE_REPLICA_URL=postgres://copy/samsyn"})
	if err != nil || c.Store.URL != strings.TrimPrefix(variable, "SAMSYN_DATABASE_URL=") || c.Store.ReplicaURL != "postgres://copy/samsyn" {
		t.Errorf("%+v %v", c.Store, err)
	}
	if c := (app.StoreConfig{Path: "p"}).From([]string{variable, "OTHER=1"}); c.URL == "" || c.Path != "p" {
		t.Errorf("%+v", c)
	}
	for name, c := range map[string]struct{ in, want string }{
		"password":  {"store: {url: 'postgres://samsyn:hemmelig@db/samsyn'}", "f:1: store.url: holds a password"},
		"no URL":    {"store: {url: 'samsyn:hemmelig@db'}", "store.url: is no URL"},
		"pool":      {"store: {url: 'postgres://db/samsyn?pool=session'}", "store.url: pool is none of"},
		"no store":  {"store: {replica_url: 'postgres://db/samsyn'}", "store.replica_url: there is no store.url"},
		"no keys":   {"store: {keys: none}", "f:1: store.keys: none: a store of real people"},
		"other key": {"store: {dsn: x}", "store.dsn: is no setting"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := app.ParseConfig("f", []byte(c.in+"\n"), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hemmelig") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/outbound"
	"samsyn/internal/store"
	"samsyn/internal/vault"
)

// StoreConfig says where data is kept: in a SQLite file, or on PostgreSQL where URL is given.
type StoreConfig struct {
	// Path of the SQLite file: samsyn.db.
	Path string `yaml:"path"`
	// URL of the PostgreSQL database, postgres://user@host/name; store.Open tells what it
	// may hold. The environment variable SAMSYN_DATABASE_URL goes before it.
	URL string `yaml:"url"`
	// ReplicaURL is a copy of it that large readings may go to; SAMSYN_DATABASE_REPLICA_URL.
	ReplicaURL string `yaml:"replica_url"`
	// Journal is the file outside of the database in which it stands what ended, so that a backup
	// that is brought back is told it: on another disk than the database, and one for each
	// program that serves the store. Default: none is kept.
	Journal string `yaml:"journal"`
	// Keys is the path of the file with the keys that the store is sealed with: by itself beside
	// the store. It is made with a new store, and must be kept apart from the store's backups.
	// "none", with synthetic people alone, seals nothing.
	Keys string `yaml:"keys"`
	// Password of both, where they hold none.
	Password outbound.Secret `yaml:"password"`
}

// databaseVariables are known by operators of databases and do not follow the pattern of the others.
var databaseVariables = map[string]string{"SAMSYN_DATABASE_URL": "store.url", "SAMSYN_DATABASE_REPLICA_URL": "store.replica_url"}

// From is the same with what the environment says of the database.
func (c StoreConfig) From(environ []string) StoreConfig {
	for _, v := range environ {
		switch name, value, _ := strings.Cut(v, "="); databaseVariables[name] {
		case "store.url":
			c.URL = value
		case "store.replica_url":
			c.ReplicaURL = value
		}
	}
	return c
}

// NoKeys in the place of a key file lets the store be readable: for invented people.
const NoKeys = "none"

// vault is the keys that the store is sealed with, nil for none.
func (c StoreConfig) vault(now func() time.Time) vault.Keys {
	if c.Keys == NoKeys {
		return nil
	}
	return vault.InFile(cmp.Or(c.Keys, cmp.Or(c.Path, "samsyn.db")+".keys"), now)
}

// addresses gives what store.Open is to be told, the passwords put in.
func (c StoreConfig) addresses() (dsn, replica string, err error) {
	if c.URL == "" {
		return c.Path, "", nil
	}
	password := ""
	if c.Password.Set() {
		if password, err = c.Password.Read(); err != nil {
			return "", "", fmt.Errorf("store.password: %w", err)
		}
	}
	with := func(raw string) string {
		u, err := url.Parse(raw) // it was validated
		if err != nil || raw == "" || password == "" || u.User == nil {
			return raw
		}
		if _, given := u.User.Password(); !given {
			u.User = url.UserPassword(u.User.Username(), password)
		}
		return u.String()
	}
	return with(c.URL), with(c.ReplicaURL), nil
}

// validateStore never repeats an address: it may hold a password.
func (r *reader) validateStore(c StoreConfig) {
	for _, a := range []struct{ path, raw string }{{"store.url", c.URL}, {"store.replica_url", c.ReplicaURL}} {
		if a.raw == "" {
			continue
		}
		u, err := url.Parse(a.raw)
		if err != nil || !store.IsURL(a.raw) {
			r.fault(a.path, "is no URL of a PostgreSQL database (postgres://user@host/name)")
			continue
		}
		_, fromEnv := r.fromEnv[a.path]
		if _, given := u.User.Password(); given && !fromEnv {
			r.fault(a.path, "holds a password: name it under store.password (file or env) instead")
		}
		known := []string{"", "transaction"}
		if !slices.Contains(known, u.Query().Get("pool")) {
			r.fault(a.path, "pool is none of %v", known[1:])
		}
	}
	if c.ReplicaURL != "" && c.URL == "" {
		r.fault("store.replica_url", "there is no store.url that it could be a copy of")
	}
}

// NewJournal begins store.journal anew for a store that has lost its own: what ended since
// an older backup was taken is not known then.
func NewJournal(ctx context.Context, c Config) (path string, err error) {
	if c.Store.Journal == "" {
		return "", fmt.Errorf("store.journal names no file: %w", care.ErrInvalid)
	}
	dsn, _, err := c.Store.addresses()
	if err != nil {
		return "", err
	}
	s, err := store.Open(ctx, dsn, store.Options{Vault: c.Store.vault(time.Now)})
	if err != nil {
		return "", err
	}
	return c.Store.Journal, errors.Join(s.NewJournal(c.Store.Journal), s.Close())
}

// Backup copies the store of a configuration to a new file (store.Backup). No source is opened.
func Backup(ctx context.Context, c Config, file string) error {
	dsn, _, err := c.Store.addresses()
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, dsn, store.Options{Vault: c.Store.vault(time.Now)})
	if err != nil {
		return err
	}
	return errors.Join(s.Backup(ctx, file), s.Close())
}

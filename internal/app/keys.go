package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/store"
	"samsyn/internal/vault"
)

// Key is what may be told of a key that the store is sealed with.
type Key = vault.Key

// withStore opens the store of a configuration and no source.
func withStore(ctx context.Context, c Config, f func(*store.Store) error) error {
	dsn, _, err := c.Store.addresses()
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, dsn, store.Options{Vault: c.Store.vault(time.Now)})
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}

// Keys lists the keys of the store, none of them secret here.
func Keys(ctx context.Context, c Config) (out []Key, err error) {
	err = withStore(ctx, c, func(s *store.Store) error { out = s.Keys(); return nil })
	return out, err
}

// RotateKeys gives partitions (services, coordination, instance) new
// keys, and seals anew what is held. With resume nothing gets a new key: what a rotation
// that was stopped left is sealed anew. The store may be in use meanwhile.
func RotateKeys(ctx context.Context, c Config, names []string, resume bool, tell func(rows int)) (resealed int, err error) {
	var ps []vault.Partition
	if !resume {
		if ps, err = partitions(names); err != nil {
			return 0, err
		}
	}
	err = withStore(ctx, c, func(s *store.Store) error {
		if !resume {
			if err := s.RotateKeys(ctx, ps...); err != nil {
				return err
			}
		}
		resealed, err = s.Reseal(ctx, tell)
		return err
	})
	return resealed, err
}

// partitions are those with the names.
func partitions(names []string) ([]vault.Partition, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("name services, %s or %s: %w", vault.Coordination, vault.Instance, care.ErrInvalid)
	}
	var out []vault.Partition
	for _, name := range names {
		found := false
		for _, p := range vault.Partitions() {
			if found = string(p) == name; found {
				out = append(out, p)
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("%q is none of %v: %w", name, vault.Partitions(), care.ErrInvalid)
		}
	}
	return out, nil
}

// DestroyKeys destroys the keys of a service for good: what it said can be read no more, here
// and in every backup of the store, and what lies here is taken out. It gives how many rows went.
func DestroyKeys(ctx context.Context, c Config, service, who string) (rows int, err error) {
	if !care.Service(service).Valid() {
		return 0, fmt.Errorf("%q is none of %v: %w", service, care.Services(), care.ErrInvalid)
	}
	err = withStore(ctx, c, func(s *store.Store) error {
		rows, err = s.DestroyKeys(ctx, care.Service(service), who)
		return err
	})
	return rows, err
}

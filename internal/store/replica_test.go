package store_test

import (
	"bytes"
	"testing"

	"samsyn/internal/care"
	"samsyn/internal/identity"
	"samsyn/internal/store"
	"samsyn/internal/store/pgtest"
)

// TestReplica: large readings go to the replica while it knows who is who, and to the
// store itself as soon as it does not, or does not answer, or answers what was not
// written. The replica is a copy in which names are marked.
func TestReplica(t *testing.T) {
	t.Parallel()
	pgtest.Available(t)
	dsn := pgtest.URL(t, migrate)
	s, _ := filled(t, dsn)
	persons, err := s.Everybody(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	replica := pgtest.Copy(t, dsn)
	if err := pgtest.Exec(replica, `UPDATE claim SET name = 'replica'; UPDATE resource SET body = convert_to(replace(convert_from(body, 'UTF8'), 'round 1', 'rotten'), 'UTF8')`); err != nil {
		t.Fatal(err)
	}
	with := func(replica string) *store.Store {
		s, err := store.Open(ctx, dsn, store.Options{Replica: replica})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	from := func(s *store.Store) string {
		t.Helper()
		claims, err := s.Claims(ctx, persons[0], care.Whole(care.Services()...))
		if err != nil || len(claims) == 0 {
			t.Fatal(len(claims), err)
		}
		return map[bool]string{true: "replica", false: "store"}[claims[0].Name == "replica"]
	}
	if got := from(with("postgres://nobody@127.0.0.1:1/none")); got != "store" {
		t.Errorf("with a replica that does not answer, read from %s", got)
	}
	s = with(replica)
	if got := from(s); got != "replica" {
		t.Errorf("with a current replica, read from %s", got)
	}
	cs, err := s.Contributions(ctx, persons[1], care.Whole(care.Services()...))
	if err != nil || len(cs) == 0 || bytes.Contains(cs[0].Made[0].Resource.Body, []byte("rotten")) {
		t.Fatalf("what rotted on the replica is answered: %d %v", len(cs), err)
	}
	if err := s.Rule(ctx, identity.Subject{Source: "a", Key: cs[0].Subject}, identity.Apart, "siv", "another child"); err != nil {
		t.Fatal(err)
	}
	if got := from(s); got != "store" {
		t.Errorf("with a replica that has not heard who is who, read from %s", got)
	}
	if cs, err := s.Contributions(ctx, persons[1], care.Whole(care.Services()...)); err != nil || len(cs) != 0 {
		t.Errorf("what was parted from a child is still answered: %d %v", len(cs), err)
	}
}

package store_test

import (
	"errors"
	"testing"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
)

// TestVersionsGoBackAndForth: what was kept before every version of a record stood in one table
// is held afterwards, and the other way; and each version is found by its hash.
func TestVersionsGoBackAndForth(t *testing.T) {
	onSealed(t, func(t *testing.T, dsn string, s *store.Store, _ *time.Time, ask func(string) string) {
		plant(t, s, 3)
		late := planted(t, 1, 0)[0]
		late.Record.Body, late.Record.Changed = []byte(`{"late":true}`), late.Record.Changed.AddDate(0, 0, -1)
		if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: begin(t, s, "a"), At: at, Entries: []ledger.Entry{late}, KeepCursor: true}); err != nil {
			t.Fatal(err)
		}
		want, held := canonicalOf(t, s), ask(`SELECT count(*) FROM record_version`)
		p := migrations(t, dsn)
		if _, err := p.DownTo(ctx, 11); err != nil {
			t.Fatal(err)
		}
		if got := ask(`SELECT (SELECT count(*) FROM record) + (SELECT count(*) FROM record_history)`); got != held {
			t.Errorf("%s versions in the older tables, want %s", got, held)
		}
		if got := ask(`SELECT count(*) FROM record r JOIN record_history h ON h.source = r.source AND h.kind = r.kind AND h.key = r.key AND h.hash = r.hash`); got != "0" {
			t.Errorf("%s versions are held and history", got)
		}
		if _, err := p.Up(ctx); err != nil {
			t.Fatal(err)
		}
		if got := canonicalOf(t, s); got != want {
			t.Errorf("after it went back and forth:\n%s\nwant:\n%s", got, want)
		}
		if err := s.Verify(ctx); err != nil {
			t.Error(err)
		}
		for _, e := range append([]ledger.Entry{late}, planted(t, 1, 0)[0], planted(t, 1, 1)[0]) {
			got, err := s.RecordAt(ctx, "a", ledger.Key{Kind: e.Record.Kind, Key: e.Record.Key}, e.Record.Hash())
			if err != nil || string(got.Body) != string(e.Record.Body) || !got.Changed.Equal(e.Record.Changed) {
				t.Errorf("%s: %s of %v, %v; want %s of %v", e.Record.Key, got.Body, got.Changed, err, e.Record.Body, e.Record.Changed)
			}
		}
	})
}

// TestAVersionThatIsGoneIsFound: a record of which the bytes are lost is not held in silence, sealed or not.
func TestAVersionThatIsGoneIsFound(t *testing.T) {
	t.Run("sealed", func(t *testing.T) {
		onSealed(t, func(t *testing.T, dsn string, s *store.Store, _ *time.Time, _ func(string) string) { loses(t, dsn, s) })
	})
	t.Run("plain", func(t *testing.T) {
		onEach(t, func(t *testing.T, dsn string, s *store.Store, _ func(string) string) { loses(t, dsn, s) })
	})
}

func loses(t *testing.T, dsn string, s *store.Store) {
	t.Helper()
	plant(t, s, 2)
	if err := s.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := past(t, dsn).Exec(`DELETE FROM record_version WHERE key = 'k1' AND hash = (SELECT hash FROM record WHERE key = 'k1')`); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ctx); !errors.Is(err, care.ErrUnavailable) {
		t.Errorf("verified: %v", err)
	}
	var failed error
	for _, err := range s.Records(ctx, "a") {
		failed = errors.Join(failed, err)
	}
	if failed == nil {
		t.Error("a record without its bytes was read")
	}
}

// TestAVersionComesBack: it is held again, once, as it was received last, whatever a disk did to it meanwhile.
func TestAVersionComesBack(t *testing.T) {
	onSealed(t, func(t *testing.T, dsn string, s *store.Store, now *time.Time, ask func(string) string) {
		plant(t, s, 1)
		e := planted(t, 0, 0)[0]
		e.Record.Changed = planted(t, 0, 1)[0].Record.Changed.AddDate(0, 0, 1)
		if _, err := past(t, dsn).Exec(`UPDATE record_version SET body = (SELECT h.body FROM record_version h JOIN record r ON r.key = h.key AND r.hash = h.hash WHERE h.key = 'k0') WHERE key = 'k0'`); err != nil {
			t.Fatal(err)
		}
		later := at.AddDate(0, 1, 0)
		if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: begin(t, s, "a"), At: later, Entries: []ledger.Entry{e}, KeepCursor: true}); err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(ctx); err != nil {
			t.Error(err)
		}
		if got := ask(`SELECT count(*) FROM record_version WHERE key = 'k0'`); got != "2" {
			t.Errorf("%s versions, want 2", got)
		}
		got, err := s.RecordAt(ctx, "a", ledger.Key{Kind: e.Record.Kind, Key: "k0"}, e.Record.Hash())
		if err != nil || string(got.Body) != string(e.Record.Body) || !got.Changed.Equal(e.Record.Changed) {
			t.Errorf("%s of %v, %v", got.Body, got.Changed, err)
		}
		*now = at.AddDate(0, 1, 15) // the other one was received a month and a half ago, this one half a month ago
		if _, err := s.Retain(ctx, "a", store.Retention{Raw: 30 * 24 * time.Hour}, "test", false); err != nil {
			t.Fatal(err)
		}
		if got := ask(`SELECT count(*) FROM ` + replaced + ` AND key = 'k0'`); got != "0" {
			t.Errorf("%s replaced versions after retention", got)
		}
		if _, err := s.RecordAt(ctx, "a", ledger.Key{Kind: e.Record.Kind, Key: "k0"}, e.Record.Hash()); err != nil {
			t.Errorf("what is held now: %v", err)
		}
	})
}

// TestClaimsAreAskedForWhereThereAreAny: a record that claims nothing at first, then something, then
// nothing again is each time known as what it is.
func TestClaimsAreAskedForWhereThereAreAny(t *testing.T) {
	onSealed(t, func(t *testing.T, dsn string, s *store.Store, _ *time.Time, ask func(string) string) {
		plant(t, s, 1)
		silent := planted(t, 1, 0)[0]
		silent.Record.Key, silent.Subject.Numbers, silent.Subject.BirthDate, silent.Subject.Name = "later", nil, "", ""
		silent.Subject.Key = "s-later"
		telling := planted(t, 2, 1)[0]
		telling.Record.Key, telling.Subject.Key = "later", "s-later"
		telling.Record.Changed = silent.Record.Changed.AddDate(0, 0, 1)
		telling.Made = silent.Made // only who it is about is another
		mute := silent
		mute.Record.Body, mute.Record.Changed = []byte(`{"mute":true}`), telling.Record.Changed.AddDate(0, 0, 1)
		for i, step := range []struct {
			entry           ledger.Entry
			current, person string
		}{{silent, "0", "0"}, {telling, "1", "1"}, {telling, "1", "1"}, {mute, "0", "1"}} {
			if _, err := s.Save(ctx, ledger.Batch{Source: "a", Run: begin(t, s, "a"), At: at, Entries: []ledger.Entry{step.entry}, KeepCursor: true}); err != nil {
				t.Fatal(i, err)
			}
			if got := ask(`SELECT count(*) FROM claim WHERE key = 'later' AND current = 1`); got != step.current {
				t.Errorf("step %d: %s present claims, want %s", i, got, step.current)
			}
			if got := ask(`SELECT count(*) FROM subject WHERE subject = 's-later' AND person IS NOT NULL`); got != step.person {
				t.Errorf("step %d: %s persons, want %s", i, got, step.person)
			}
		}
	})
}

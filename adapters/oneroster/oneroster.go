// Package oneroster reads a school owner's roster in OneRoster: 1.2 over REST or
// 1.1 as CSV in zip files. A record is one pupil with what the roster says around
// the child: guardians, class, contact teacher, school. The package owns the two
// transports, the composition and the cursor; it does not know what any of it means.
package oneroster

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"samsyn/adapters"
)

// System is the name of this source system; its maps stand in mapping/maps/oneroster.
const System = "oneroster"

// KindPupil is the one kind of record.
const KindPupil = "pupil"

// The two modes.
const (
	REST = "rest"
	CSV  = "csv"
)

// Config is one roster.
type Config struct {
	// Mode is REST or CSV.
	Mode string `yaml:"mode"`
	// URL is the server's address without /ims/oneroster; mode rest.
	URL string `yaml:"url"`
	// Folder is where the zip files are laid, read in the order of their names; mode csv.
	Folder string `yaml:"folder"`
	// Limit is how many objects are asked for, and how many pupils are given, at a
	// time: 1 to 1000, 100 where it is zero.
	Limit int `yaml:"limit"`
	// FullEvery is how long the question "has anything changed?" is trusted before
	// everything is read again all the same, since a server may forget an object
	// without saying so; 24 hours where it is zero.
	FullEvery time.Duration `yaml:"full_every"`
}

// Validate names every field that cannot work.
func (c Config) Validate() []error {
	var errs []error
	bad := func(field, text string) {
		errs = append(errs, fmt.Errorf("%w: %s: %s", adapters.ErrConfig, field, text))
	}
	switch c.Mode {
	case REST:
		u, err := url.Parse(c.URL)
		switch {
		case c.URL == "":
			bad("url", "is missing")
		case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
			bad("url", "must be an http or https address")
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			bad("url", "must not hold a user, a query or a fragment")
		}
		if c.Folder != "" {
			bad("folder", "belongs to mode csv")
		}
	case CSV:
		if c.Folder == "" {
			bad("folder", "is missing")
		}
		if c.URL != "" {
			bad("url", "belongs to mode rest")
		}
	default:
		bad("mode", "must be rest or csv")
	}
	if c.Limit < 0 || c.Limit > 1000 {
		bad("limit", "must be from 1 to 1000")
	}
	if c.FullEvery < 0 {
		bad("full_every", "must not be negative")
	}
	return errs
}

// Addresses are what the adapter calls: nothing outside their origins. None in mode csv.
func (c Config) Addresses() []string {
	if c.Mode != REST {
		return nil
	}
	return []string{c.URL}
}

// Open gives the adapter.
func (c Config) Open(d adapters.Deps) (adapters.Adapter, error) {
	if err := errors.Join(c.Validate()...); err != nil {
		return nil, err
	}
	a := &adapter{now: d.Now, limit: c.Limit, fullEvery: c.FullEvery}
	if a.limit == 0 {
		a.limit = 100
	}
	if a.fullEvery == 0 {
		a.fullEvery = 24 * time.Hour
	}
	if c.Mode == CSV {
		a.source = &zips{folder: c.Folder}
		return a, nil
	}
	base, _ := url.Parse(strings.TrimSuffix(c.URL, "/") + "/ims/oneroster/rostering/v1p2/") // Validate has seen it
	own := *d.HTTP
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a.source = &rest{client: &own, base: base, limit: a.limit}
	return a, nil
}

// source is one of the two ways to a roster.
type source interface {
	// unchanged tells, as cheaply as it can, whether the roster is still as the mark says.
	unchanged(ctx context.Context, m mark) (bool, error)
	// read gives the whole roster and its mark.
	read(ctx context.Context) (*roster, mark, error)
	check(ctx context.Context) error
}

type adapter struct {
	source    source
	now       func() time.Time
	limit     int
	fullEvery time.Duration
}

var (
	_ adapters.Adapter = (*adapter)(nil)
	_ adapters.Checker = (*adapter)(nil)
	_ adapters.Lister  = (*adapter)(nil)
)

// Check asks for one organisation, which is nobody's data, or looks for a zip file.
func (a *adapter) Check(ctx context.Context) error {
	if err := a.source.check(ctx); err != nil {
		return fmt.Errorf("ask the roster whether it answers: %w", err)
	}
	return nil
}

// Fetch gives nothing where the roster is as it was, and otherwise every pupil.
// It can be resumed only from the end of a pass.
func (a *adapter) Fetch(ctx context.Context, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		fail := func(err error) {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			yield(adapters.Page{}, err)
		}
		at, err := parseCursor(since)
		if err != nil {
			fail(err)
			return
		}
		now := a.now().UTC().Truncate(time.Second)
		if since != "" && now.Sub(at.Full) < a.fullEvery {
			same, err := a.source.unchanged(ctx, at.Mark)
			if err != nil {
				fail(fmt.Errorf("ask what changed: %w", err))
				return
			}
			if same {
				yield(adapters.Page{Next: since}, nil)
				return
			}
		}
		r, m, err := a.source.read(ctx)
		if err != nil {
			fail(fmt.Errorf("read the roster: %w", err))
			return
		}
		page := adapters.Page{Next: since}
		pupils := r.pupils()
		for i, id := range pupils {
			if record, fault := r.record(id); fault != nil {
				page.Faults = append(page.Faults, *fault)
			} else {
				page.Records = append(page.Records, record)
			}
			if (i+1)%a.limit == 0 && i+1 < len(pupils) {
				if ctx.Err() != nil {
					fail(ctx.Err())
					return
				}
				if !yield(page, nil) {
					return
				}
				page = adapters.Page{Next: since}
			}
		}
		page.Faults = append(page.Faults, r.faults...)
		page.Next = cursor{Mark: m, Full: now}.encode()
		if ctx.Err() != nil {
			fail(ctx.Err())
			return
		}
		yield(page, nil)
	}
}

// readFolder opens the folder so that nothing outside it can be reached.
func readFolder(folder string) (*os.Root, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("%w: the folder cannot be opened: %w", adapters.ErrUnavailable, err)
	}
	return root, nil
}

package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/fhirrest"
	"samsyn/internal/ingest/ledger"
	"samsyn/internal/store"
)

// nights compares the municipality that is held with its source, in process and over HTTP.
func (m *measure) nights(ctx context.Context, p *place, s *store.Store, src ledger.Source, t *town) (err error) {
	n := t.records()
	if err := m.quiet(ctx, p, "nightly compare, the municipality's own records", func() error {
		return m.rate("nightly compare, the municipality's own records", "records", "", n, func() error {
			return m.compare(ctx, s, src, reader{town: t, to: len(t.numbers)}, n)
		})
	}); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: server{t}, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(l) }()
	defer func() {
		if e := errors.Join(web.Close(), ignore(<-ended, http.ErrServerClosed)); err == nil {
			err = e
		}
	}()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	at := "http://" + l.Addr().String() + "/fhir"
	for _, way := range []struct{ name, limit, elements, count string }{
		{"nightly compare over HTTP, ids and versions", limitIDs, "id,meta", "1000"},
		{"nightly compare over HTTP, whole resources", limitMoved, "", "500"},
	} {
		if err := m.rate(way.limit, "records", "", n, func() error { return move(ctx, client, at, way.elements, way.count) }); err != nil {
			return err
		}
		c := fhirrest.Config{Base: at, PageSize: 500}
		for _, k := range kinds {
			c.Types = append(c.Types, fhirrest.Type{Type: k.kind})
		}
		through := client
		if way.elements == "" { // the server knows no _elements
			through = &http.Client{Transport: plain{client.Transport}}
		}
		a, err := c.Open(adapters.Deps{HTTP: through, Now: time.Now, Random: rand.Reader})
		if err != nil {
			return err
		}
		if err := m.rate(way.name, "records", way.limit, n, func() error { return m.compare(ctx, s, src, a, n) }); err != nil {
			return err
		}
	}
	return nil
}

// quiet notes what f wrote: a night on which nothing changed writes its report alone.
func (m *measure) quiet(ctx context.Context, p *place, name string, f func() error) error {
	before, err := p.wal(ctx)
	if err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	after, err := p.wal(ctx)
	if err != nil {
		return err
	}
	m.note(m.base.name, name+": written in all", "bytes", "", after-before)
	return nil
}

func ignore(err, known error) error {
	if errors.Is(err, known) {
		return nil
	}
	return err
}

// plain is a server that answers a search for ids and versions as one that knows nothing of it.
type plain struct{ http.RoundTripper }

func (t plain) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		return t.RoundTripper.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return nil, err
	}
	if strings.Contains(string(body), "_elements") {
		return &http.Response{Status: "400 Bad Request", StatusCode: http.StatusBadRequest, Proto: r.Proto, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
	again := r.Clone(r.Context())
	again.Body, again.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
	return t.RoundTripper.RoundTrip(again)
}

var next = regexp.MustCompile(`"relation":"next","url":"([^"]+)"`)

// move reads every page and does nothing with it but look for the next.
func move(ctx context.Context, client *http.Client, at, elements, count string) error {
	for _, k := range kinds {
		url := at + "/" + k.kind + "/_search?_count=" + count + "&_elements=" + elements
		for url != "" {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return err
			}
			res, err := client.Do(r)
			if err != nil {
				return err
			}
			body, err := io.ReadAll(res.Body)
			if err = errors.Join(err, res.Body.Close()); err != nil {
				return err
			}
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("%s: %s", url, res.Status)
			}
			url = ""
			if found := next.FindSubmatch(body[:min(len(body), 500)]); found != nil {
				url = string(found[1])
			}
		}
	}
	return nil
}

// ledgers compares ledgers of growing size with sources that give key and hash, and one
// with whole records of 3 kB.
func (m *measure) ledgers(ctx context.Context) (err error) {
	p, err := m.base.fresh()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.drop()) }()
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	sizes := []int{m.Rows}
	for n := m.Rows / 10; n >= 1_000 && len(sizes) < 4; n /= 10 {
		sizes = append([]int{n}, sizes...)
	}
	whole := rows{n: m.Whole, body: bodyOf(3000)}
	if err := p.seed(ctx, "hele", whole); err != nil {
		return err
	}
	for _, n := range sizes {
		if err := p.seed(ctx, fmt.Sprint("liste", n), rows{n: n}); err != nil {
			return err
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	for range m.Runs {
		if err := m.threeKilobytes(ctx, p, s, whole); err != nil {
			return err
		}
		if err := m.growth(ctx, s, sizes); err != nil {
			return err
		}
	}
	return nil
}

// growth compares ledgers of (key, hash) of each size, and fits how the time grows.
func (m *measure) growth(ctx context.Context, s *store.Store, sizes []int) error {
	var rowsOf, took, spent []float64
	for i, n := range sizes {
		c, err := m.keyAndHash(ctx, s, n, i == len(sizes)-1)
		if err != nil {
			return err
		}
		rowsOf, took, spent = append(rowsOf, float64(n)), append(took, c.took.Seconds()), append(spent, c.spent.Seconds())
	}
	if len(sizes) > 1 {
		m.note(m.base.name, fmt.Sprintf("growth of the compare from %s to %s rows", number(rowsOf[0]), number(rowsOf[len(sizes)-1])), "exponent", "",
			slope(rowsOf, took), slope(rowsOf, spent))
	}
	return nil
}

func (m *measure) threeKilobytes(ctx context.Context, p *place, s *store.Store, r rows) error {
	if err := m.rate(limitHash, "records", "", r.n, func() error {
		for page, err := range r.Fetch(ctx, "") {
			if err != nil {
				return err
			}
			for _, rec := range page.Records {
				if rec.Hash() == [32]byte{} {
					return errors.New("no hash")
				}
			}
		}
		return nil
	}); err != nil {
		return err
	}
	const name = "nightly compare, whole records of 3 kB in process"
	return m.quiet(ctx, p, name, func() error {
		return m.rate(name, "records", limitHash, r.n, func() error { return m.compare(ctx, s, described("hele"), r, r.n) })
	})
}

// keyAndHash compares n rows; of the largest ledger it tells the rate, memory and limit.
func (m *measure) keyAndHash(ctx context.Context, s *store.Store, n int, largest bool) (c cost, err error) {
	source := fmt.Sprint("liste", n)
	heap, rss, err := peak(func() (err error) {
		c, err = m.timed(func() error { return m.compare(ctx, s, described(source), rows{n: n}, n) })
		return err
	})
	if err != nil || !largest {
		return c, err
	}
	m.noteRate(fmt.Sprintf("nightly compare, (key, hash), %s rows", number(float64(n))), "rows", limitStream, n, c)
	m.note(m.base.name, "most heap in that compare", "MiB", "", heap/(1<<20))
	m.note(m.base.name, "most memory (RSS) in that compare, the store's own included", "MiB", "", rss/(1<<20))
	return c, m.rate(limitStream, "rows", "", n, func() error {
		seen := 0
		for _, err := range s.Lines(ctx, source, false) {
			if err != nil {
				return err
			}
			seen++
		}
		if seen != n {
			return fmt.Errorf("%d of %d lines", seen, n)
		}
		return nil
	})
}

// shared is a source that answers slowly, read in two shards by one instance and then by two.
func (m *measure) shared(ctx context.Context) (err error) {
	if !m.base.postgres() { // a file has one instance
		return nil
	}
	p, err := m.base.fresh()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.drop()) }()
	var stores [2]*store.Store
	for i := range stores {
		if stores[i], err = p.open(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stores[i].Close()) }()
	}
	t := newTown(m.SharePages * pageChildren)
	shard := func(s *store.Store, i int) error {
		src := described("delt")
		src.Shard = fmt.Sprint(i + 1)
		got, err := m.pipeline(s, false).RunWhole(ctx, src, reader{town: t, to: len(t.numbers), answers: m.Answer}, nil)
		if err == nil && (got.Listed != t.records()/2 || got.Stored+got.Unchanged != got.Listed) {
			err = fmt.Errorf("%d listed of %d, %d stored, %d unchanged", got.Listed, t.records()/2, got.Stored, got.Unchanged)
		}
		return err
	}
	// A first reading fills the database. What is measured finds nothing changed: it is then
	// that the source is the limit.
	if err := together(2, func(i int) error { return shard(stores[i], i) }); err != nil {
		return err
	}
	const one, two = "source that answers slowly, one instance", "source that answers slowly, two instances"
	if err := m.rate(one, "records", "", t.records(), func() error { return errors.Join(shard(stores[0], 0), shard(stores[0], 1)) }); err != nil {
		return err
	}
	return m.rate(two, "records", one, t.records(), func() error {
		return together(2, func(i int) error { return shard(stores[i], i) })
	})
}

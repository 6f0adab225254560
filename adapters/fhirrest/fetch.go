package fhirrest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"samsyn/adapters"
)

// maxPages ends a type whose next links never end though they are all different.
const maxPages = 100_000

// Fetch reads each configured type in turn, one Bundle a page. The cursor moves on
// the last page of a type; until then the page carries the cursor as it was.
func (a *adapter) Fetch(ctx context.Context, since adapters.Cursor) iter.Seq2[adapters.Page, error] {
	return func(yield func(adapters.Page, error) bool) {
		at, err := readCursor(since)
		if err != nil {
			yield(adapters.Page{}, err)
			return
		}
		patients, err := a.patients()
		if err != nil {
			yield(adapters.Page{}, err)
			return
		}
		pass := &pass{adapter: a, at: at, patients: patients, seen: map[string]time.Time{}}
		for _, t := range a.config.Types {
			if !pass.read(ctx, t, yield) {
				return
			}
		}
	}
}

// pass is one reading of all types.
type pass struct {
	*adapter
	at       marks
	patients []string
	// seen holds what was already given in this pass: included resources come once
	// for each that refers to them, and a history tells every version.
	seen map[string]time.Time
}

// read reads one type; false ends the whole pass.
func (p *pass) read(ctx context.Context, t Type, yield func(adapters.Page, error) bool) bool {
	began := p.deps.Now()
	var latest time.Time
	asks := p.requests(t)
	for i, ask := range asks {
		visited := map[string]bool{}
		for n := 1; ; n++ {
			where := fmt.Sprintf("%s, page %d", t.Type, n)
			if len(asks) > 1 {
				where = fmt.Sprintf("%s, person %d of %d, page %d", t.Type, i+1, len(asks), n)
			}
			b, err := p.ask(ctx, ask)
			if err != nil {
				yield(adapters.Page{}, fmt.Errorf("read %s: %w", where, err))
				return false
			}
			page := p.page(b, t, where, &latest)
			next, err := p.next(b, visited)
			if err == nil && n == maxPages {
				err = fmt.Errorf("%w: more than %d pages of one type", adapters.ErrProtocol, maxPages)
			}
			if next == nil && err == nil && i == len(asks)-1 {
				p.at = p.at.advance(t.Type, latest, began)
			}
			page.Next = p.at.cursor()
			if ctx.Err() != nil {
				yield(adapters.Page{}, ctx.Err())
				return false
			}
			if !yield(page, nil) {
				return false
			}
			if err != nil {
				yield(adapters.Page{}, fmt.Errorf("follow %s: %w", where, err))
				return false
			}
			if next == nil {
				break
			}
			ask = request{method: http.MethodGet, url: next}
		}
	}
	return true
}

func (p *pass) page(b bundle, t Type, where string, latest *time.Time) adapters.Page {
	var page adapters.Page
	for i, raw := range b.Entry {
		r, fault := p.record(raw, t.Type, place{where, i + 1})
		switch {
		case fault != nil:
			page.Faults = append(page.Faults, *fault)
		case r != nil:
			if r.Kind == t.Type && r.Changed.After(*latest) {
				*latest = r.Changed
			}
			name := r.Kind + "/" + r.Key
			// A history tells the newest version first, whatever its time says.
			if given, ok := p.seen[name]; ok && (t.History || !r.Changed.After(given)) {
				continue
			}
			p.seen[name] = r.Changed
			r.Body = bytes.Clone(r.Body) // so that a record does not hold the whole answer
			page.Records = append(page.Records, *r)
		}
	}
	return page
}

// request is one HTTP request; form nil means no body.
type request struct {
	method string
	url    *url.URL
	form   url.Values
}

// requests are the first requests for a type: one, or one a person.
func (p *pass) requests(t Type) []request {
	from := ""
	if mark, ok := p.at[t.Type]; ok && !t.Whole {
		from = mark.Add(-p.config.Overlap).UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	count := strconv.Itoa(p.config.PageSize)
	if t.History {
		u := p.base.JoinPath(t.Type, "_history")
		q := url.Values{"_count": {count}}
		if from != "" {
			q.Set("_since", from)
		}
		u.RawQuery = q.Encode()
		return []request{{method: http.MethodGet, url: u}}
	}
	u := p.base.JoinPath(t.Type, "_search")
	form := func() url.Values {
		f := url.Values{"_count": {count}}
		for k, v := range t.Search {
			f.Set(k, v)
		}
		if from != "" {
			f.Set("_lastUpdated", "ge"+from)
		}
		return f
	}
	if p.config.PerPatient == nil {
		return []request{{method: http.MethodPost, url: u, form: form()}}
	}
	var out []request
	for _, id := range p.patients {
		f := form()
		parameter := p.config.PerPatient.Parameter
		if t.Type == "Patient" {
			parameter = "identifier" // a Patient has no patient
		}
		f.Set(parameter, id)
		out = append(out, request{method: http.MethodPost, url: u, form: f})
	}
	return out
}

// ask sends one request and reads the Bundle.
func (a *adapter) ask(ctx context.Context, r request) (bundle, error) {
	var body io.Reader
	if r.form != nil {
		body = strings.NewReader(r.form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), body)
	if err != nil {
		return bundle{}, fmt.Errorf("%w: the request cannot be made", adapters.ErrConfig)
	}
	if r.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	// A parameter that the server does not know must be refused, not ignored: an
	// ignored filter gives a wrong answer that looks right.
	req.Header.Set("Prefer", "handling=strict")
	answer, err := a.send(req)
	if err != nil {
		return bundle{}, err
	}
	most := a.config.MaxEntries
	if count, err := strconv.Atoi(r.form.Get("_count")); err == nil {
		most = max(most, count) // heads are asked for more at a time
	}
	return readBundle(answer, most+outcomes)
}

// send gives the body of a 2xx answer.
func (a *adapter) send(req *http.Request) ([]byte, error) {
	req.Header.Set("Accept", "application/fhir+json")
	resp, err := a.deps.HTTP.Do(req)
	if err != nil {
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		return nil, fmt.Errorf("%w: %w", adapters.ErrUnavailable, unaddressed(err))
	}
	defer resp.Body.Close()
	body, err := a.readAll(resp.Body)
	if err != nil {
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		return nil, fmt.Errorf("%w: the answer broke off", adapters.ErrUnavailable)
	}
	if len(body) > a.config.MaxPage {
		return nil, fmt.Errorf("%w: the answer is more than %d bytes; set page_size lower, or max_page higher", adapters.ErrProtocol, a.config.MaxPage)
	}
	if resp.StatusCode/100 == 2 {
		return body, nil
	}
	kind := adapters.ErrProtocol
	switch {
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		kind = adapters.ErrRefused
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		kind = adapters.ErrUnavailable
	}
	why := ""
	if _, err := readBundle(body, outcomes); err != nil && strings.Contains(err.Error(), "OperationOutcome") {
		why = ": " + err.Error()
	}
	return nil, fmt.Errorf("%w: HTTP %d%s", kind, resp.StatusCode, why)
}

// readAll reads an answer of at most one byte more than is allowed. Pages are much of a
// size, so there is room for one as long as the last from the beginning.
func (a *adapter) readAll(r io.Reader) ([]byte, error) {
	room := bytes.NewBuffer(make([]byte, 0, a.size.Load()+2*bytes.MinRead))
	_, err := room.ReadFrom(io.LimitReader(r, int64(a.config.MaxPage)+1))
	a.size.Store(int64(room.Len()))
	return room.Bytes(), err
}

// unaddressed takes the address out of a client error: it may hold an opaque
// search handle, and the source's name is in the log line anyway.
func unaddressed(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}

// next gives the address of the next page, nil on the last.
func (p *pass) next(b bundle, visited map[string]bool) (*url.URL, error) {
	for _, l := range b.Link {
		if l.Relation != "next" {
			continue
		}
		u, err := p.base.Parse(l.URL)
		if err != nil || l.URL == "" {
			return nil, fmt.Errorf("%w: the next link is not an address", adapters.ErrProtocol)
		}
		if u.Scheme != p.base.Scheme || u.Host != p.base.Host || u.User != nil {
			return nil, fmt.Errorf("%w: the next link leaves the configured server", adapters.ErrProtocol)
		}
		if p.namesPatient(u) {
			return nil, fmt.Errorf("%w: the next link holds a national number; it is not followed", adapters.ErrProtocol)
		}
		if visited[u.String()] {
			return nil, fmt.Errorf("%w: the next links go in a circle", adapters.ErrProtocol)
		}
		visited[u.String()] = true
		return u, nil
	}
	return nil, nil
}

func (p *pass) namesPatient(u *url.URL) bool {
	plain, err := url.QueryUnescape(u.RawQuery)
	if err != nil {
		plain = u.RawQuery
	}
	text := u.Path + "?" + plain
	for _, id := range p.patients {
		if _, value, ok := strings.Cut(id, "|"); ok {
			id = value
		}
		if strings.Contains(text, id) {
			return true
		}
	}
	return hasNationalNumber(text)
}

// patients reads the list of persons, if there is one.
func (a *adapter) patients() ([]string, error) {
	if a.config.PerPatient == nil {
		return nil, nil
	}
	f, err := os.Open(a.config.PerPatient.File)
	if err != nil {
		return nil, fmt.Errorf("%w: per_patient.file cannot be opened", adapters.ErrConfig)
	}
	defer f.Close()
	var out []string
	for lines := bufio.NewScanner(io.LimitReader(f, 8<<20)); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out, nil
}

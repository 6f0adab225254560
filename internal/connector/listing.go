package connector

import (
	"cmp"
	"fmt"
	"net/http"
	"path"
	"strings"
)

// The kinds of paging and cursor, and the formats.
const (
	pagingNone, pagingOffset, pagingPage, pagingNext, pagingToken = "none", "offset", "page", "next", "token"
	cursorChanged, cursorToken, cursorAddress                     = "changed", "token", "address"
	formatJSON, formatXML, formatCSV                              = "json", "xml", "csv"
	inQuery, inBody                                               = "query", "body"
	maxSize                                                       = 10_000
)

// listing checks one entry of read, fills in its defaults and compiles its expressions.
func (d *decoder) listing(at string, l *Listing, settings []string) {
	d.kinds(at, l)
	d.one(at+".format", l.Format, formatJSON, formatXML, formatCSV)
	d.need(at+".csv", l.CSV == nil || l.Format == formatCSV, "belongs to format csv")
	if c := l.CSV; c != nil {
		c.Separator, c.Encoding = cmp.Or(c.Separator, ","), cmp.Or(c.Encoding, "utf-8")
		d.one(at+".csv.separator", c.Separator, ",", ";", "\t", "|")
		d.one(at+".csv.encoding", c.Encoding, "utf-8", "windows-1252", "iso-8859-1")
	}
	d.need(at+".list", l.List == "" || l.Format != formatCSV, "rows of CSV stand in no list")
	d.need(at+".list", l.List != "" || l.Format != formatXML, "is required: the root's name, and the way down to the records")
	if l.List != "" {
		l.list = strings.Split(l.List, ".")
		for _, name := range l.list {
			d.need(at+".list", name != "" && !strings.ContainsAny(name, "[]()/ "), "is names with a dot between")
		}
	}
	d.need(at+".key", l.Key != "", "is required: where the source's own key stands")
	l.key, l.version = d.compile(at+".key", l.Key), d.compile(at+".version", l.Version)
	l.changed, l.deleted = d.compile(at+".changed", l.Changed), d.compile(at+".deleted", l.Deleted)
	switch {
	case (l.HTTP == nil) == (l.Folder == nil):
		d.fault(at, "", "either http: or folder: says where the records are")
	case l.Folder != nil:
		d.folder(at, l)
	default:
		d.request(at, l, settings)
	}
}

func (d *decoder) kinds(at string, l *Listing) {
	switch {
	case (l.Kind == "") == (l.KindFrom == ""):
		d.fault(at+".kind", "", "give kind, or kind_from with kinds")
	case l.Kind != "":
		d.need(at+".kind", kindForm.MatchString(l.Kind), "is a word of letters and digits: the name of its map")
		d.need(at+".kinds", len(l.Kinds) == 0, "belongs to kind_from")
	default:
		l.kind = d.compile(at+".kind_from", l.KindFrom)
		d.need(at+".kinds", len(l.Kinds) > 0, "lists the kinds that there may be")
		for i, k := range l.Kinds {
			d.need(fmt.Sprintf("%s.kinds[%d]", at, i), kindForm.MatchString(k), "is a word of letters and digits: the name of its map")
		}
	}
}

func (d *decoder) folder(at string, l *Listing) {
	f := l.Folder
	_, err := path.Match(f.Files, "x")
	d.need(at+".folder.files", f.Files != "" && err == nil && !strings.Contains(f.Files, "/"), `is a pattern of names ("*.csv")`)
	f.Take = cmp.Or(f.Take, "all")
	d.one(at+".folder.take", f.Take, "all", "last")
	d.need(at+".paging", l.Paging == nil, folderMessage)
	d.need(at+".cursor", l.Cursor == nil, folderMessage+"; a folder is read again when its files change")
}

func (d *decoder) request(at string, l *Listing, settings []string) {
	r, here := l.HTTP, at+".http"
	d.need(here+".path", strings.HasPrefix(r.Path, "/") && !strings.ContainsAny(r.Path, "?#"), "begins with / and has no query")
	d.text(here+".path", r.Path, settings)
	r.Method = cmp.Or(r.Method, http.MethodGet)
	d.one(here+".method", r.Method, http.MethodGet, http.MethodPost)
	for name, value := range r.Query {
		d.text(join(here+".query", name), value, settings)
	}
	d.texts(here+".body", r.Body, settings)
	_, object := r.Body.(map[string]any)
	d.need(here+".body", r.Body == nil || r.Method == http.MethodPost, "belongs to method POST")
	d.need(here+".body", r.Body == nil || object || !r.Form, "of a form is name: value")
	r.Accept = cmp.Or(r.Accept, map[string]string{formatJSON: "application/json", formatXML: "application/xml", formatCSV: "text/csv"}[l.Format])
	r.MaxMB = cmp.Or(r.MaxMB, 10)
	d.need(here+".max_mb", r.MaxMB > 0 && r.MaxMB <= 100, "is from 1 to 100")
	if l.Paging == nil {
		l.Paging = &Paging{Kind: pagingNone}
	}
	canBody := r.Method == http.MethodPost && (r.Body == nil || object)
	d.paging(at+".paging", l, canBody)
	if l.Cursor != nil {
		d.cursor(at+".cursor", l, settings, canBody)
	}
}

func (d *decoder) paging(at string, l *Listing, canBody bool) {
	p := l.Paging
	d.one(at+".kind", p.Kind, pagingNone, pagingOffset, pagingPage, pagingNext, pagingToken)
	p.Size = cmp.Or(p.Size, 100)
	d.need(at+".size", p.Size > 0 && p.Size <= maxSize, "is from 1 to 10000")
	d.in(at+".in", &p.In, canBody)
	needs := map[string][3]bool{ // parameter, at or header, first
		pagingOffset: {true, false, false}, pagingPage: {true, false, true}, pagingNext: {false, true, false}, pagingToken: {true, true, false},
	}[p.Kind]
	d.need(at+".parameter", (p.Parameter != "") == needs[0], fmt.Sprintf("must be given for offset, page and token, and for no other (this is %s)", p.Kind))
	d.need(at+".at", ((p.At != "") != (p.Header != "")) == needs[1] && (needs[1] || p.At == ""), "at or header must be given for next and token, and for no other")
	d.need(at+".first", p.First == nil || needs[2] && (*p.First == 0 || *p.First == 1), "is 0 or 1, for kind page")
	d.need(at+".header", p.Header == "" || headerForm.MatchString(p.Header), "is a header's name")
	d.need(at+".at", p.At == "" || l.Format == formatJSON || l.Format == formatXML, "an answer of rows says no such thing; use header")
	d.need(at+".total", p.Total == "" || l.Format != formatCSV, "an answer of rows says no such thing")
	l.next, l.total = d.compile(at+".at", p.At), d.compile(at+".total", p.Total)
}

func (d *decoder) cursor(at string, l *Listing, settings []string, canBody bool) {
	c := l.Cursor
	d.one(at+".kind", c.Kind, cursorChanged, cursorToken, cursorAddress)
	d.need(at+".parameter", c.Parameter != "", "is required: what carries the cursor")
	d.in(at+".in", &c.In, canBody)
	d.need(at+".path", (c.Path != "") == (c.Kind == cursorAddress), "belongs to kind address, which needs it")
	d.need(at+".path", c.Path == "" || strings.HasPrefix(c.Path, "/"), "begins with /")
	d.text(at+".path", c.Path, settings)
	d.text(at+".before", c.Before, nil)
	d.need(at+".at", ((c.At != "") != (c.Header != "")) == (c.Kind != cursorChanged) && (c.At == "" || c.Kind != cursorChanged), "at or header must be given for token and address, and not for changed")
	d.need(at+".kind", c.Kind != cursorChanged || l.Changed != "", "changed needs the listing's changed:")
	d.need(at+".at", c.At == "" || l.Format != formatCSV || c.Kind == cursorAddress, "an answer of rows says no such thing; use header")
	if c.As == "" {
		c.As = "asis"
		if c.Kind == cursorChanged {
			c.As = "rfc3339"
		}
	}
	d.one(at+".as", c.As, "rfc3339", "date", "epoch-ms", "epoch-s", "asis")
	d.need(at+".as", c.Kind != cursorChanged || c.As != "asis", "changed is a time; say how it is written")
	d.need(at+".overlap", c.Overlap == 0 || c.As != "asis", "needs as: which says how the time is written")
	l.mark = d.compile(at+".at", c.At)
}

// in fills in where a parameter is sent.
func (d *decoder) in(at string, v *string, canBody bool) {
	*v = cmp.Or(*v, inQuery)
	d.one(at, *v, inQuery, inBody)
	d.need(at, *v != inBody || canBody, "body needs method POST with a body that is name: value")
}

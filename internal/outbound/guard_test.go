package outbound_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"samsyn/internal/outbound"
	"samsyn/internal/sim/sts"
)

// victim is a service on this machine that no source may make us call: it counts who does.
func victim(t *testing.T) (port string, hits *atomic.Int32) {
	t.Helper()
	hits = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(s.Close)
	return portOf(t, s.URL), hits
}

func portOf(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

// tricks are addresses by which a source could try to lead a client away from its own
// origin (access.md, T15). V is the victim's port on this machine, S the source's own host
// and port. Each was seen to fool some reader of addresses.
var tricks = []string{
	// The machine itself, written in every way that some resolver takes.
	"http://127.0.0.1:V/", "http://localhost:V/", "http://LOCALHOST:V/", "http://localhost.:V/", "http://127.0.0.1.:V/", "http://127.1:V/", "http://127.0.1:V/", "http://0:V/", "http://0.0.0.0:V/",
	"http://2130706433:V/", "http://0x7f000001:V/", "http://0x7f.0x0.0x0.0x1:V/", "http://0x7f.1:V/", "http://017700000001:V/", "http://0177.0.0.1:V/", "http://0177.0.0.01:V/",
	"http://127.000.000.001:V/", "http://127.0.0.1%2e:V/", "http://127.0.0.1%00:V/", "http://%31%32%37.0.0.1:V/", "http://①②⑦.⓪.⓪.①:V/", "http://127。0。0。1:V/", "http://127．0．0．1:V/", "http://127｡0｡0｡1:V/",
	"http://[::1]:V/", "http://[0:0:0:0:0:0:0:1]:V/", "http://[::ffff:127.0.0.1]:V/", "http://[::ffff:7f00:1]:V/", "http://[::127.0.0.1]:V/", "http://[::]:V/", "http://[64:ff9b::127.0.0.1]:V/", "http://[2002:7f00:1::]:V/",
	"http://[::1%25lo]:V/", "http://[fe80::1%25eth0]:V/", "http://127.0.0.1:V", "http://127.127.127.127:V/", "http://ⓛocalhost:V/", "http://ｌocalhost:V/", "http://loc\u00adalhost:V/",
	// Names that lead there.
	"http://127.0.0.1.nip.io:V/", "http://127-0-0-1.sslip.io:V/", "http://7f000001.nip.io:V/", "http://localtest.me:V/", "http://www.127.0.0.1.xip.io:V/", "http://spoofed.burpcollaborator.net:V/", "http://localhost.localdomain:V/",
	// Metadata of clouds, and link-local addresses, at a port where no such service answers.
	"http://169.254.169.254:V/latest/meta-data/", "http://169.254.169.254.:V/", "http://0xA9FEA9FE:V/", "http://2852039166:V/", "http://0251.0376.0251.0376:V/", "http://[::ffff:169.254.169.254]:V/", "http://[::ffff:a9fe:a9fe]:V/", "http://[fd00:ec2::254]:V/",
	"http://metadata.google.internal:V/", "http://169.254.170.2:V/", "http://100.100.100.200:V/", "http://192.0.0.192:V/", "http://168.63.129.16:V/", "http://[fe80::1]:V/", "http://169.254.169.254.nip.io:V/", "http://[fd20:ce::254]:V/",
	// The own host as a beginning, an end, a user or a part of another's (CVE-2026-34361).
	"http://S.evil.example/", "http://S@127.0.0.1:V/", "http://S:x@127.0.0.1:V/", "http://127.0.0.1:V@S/", "http://S%40127.0.0.1:V/", `http://S\@127.0.0.1:V/`, `http://127.0.0.1:V\@S/`, "http://S#@127.0.0.1:V/@", "http://evil.example/S", "http://evil.example?S", "http://evil.example#S",
	"http://S%2f@127.0.0.1:V/", "http://S%00.127.0.0.1:V/", "http://S%09127.0.0.1:V/", "http://S%20127.0.0.1:V/", "http:/\\127.0.0.1:V/", `http:\\127.0.0.1:V\`, "http:///127.0.0.1:V/", "http:127.0.0.1:V/", "//127.0.0.1:V/", `\\127.0.0.1:V\`, "http://S:V/", "http://x.S/", "http://Sx/",
	// Other schemes and ports.
	"https://S/", "HTTPS://127.0.0.1:V/", "ftp://127.0.0.1:V/", "file:///etc/passwd", "gopher://127.0.0.1:V/_x", "dict://127.0.0.1:V/", "ws://127.0.0.1:V/", "jar:http://127.0.0.1:V/!/", "unix:///var/run/docker.sock", "javascript:alert(1)", "data:text/plain,x",
	"http://127.0.0.1:0V/", "http://127.0.0.1:+V/", "http://127.0.0.1:V:80/", "http://127.0.0.1:/", "http://127.0.0.1:65536/", "http://127.0.0.1:-1/", "http://127.0.0.1:V;S/", "http://127.0.0.1,S:V/",
	// Blanks and controls.
	" http://127.0.0.1:V/", "http://127.0.0.1:V/\r\nHost: S", "http://127.0.0.1\t:V/", "http://\n127.0.0.1:V/", "http://127.0.0.1 :V/", "http:// 127.0.0.1:V/", "\x00http://127.0.0.1:V/",
}

func TestNoAddressLeadsAway(t *testing.T) {
	if len(tricks) < 80 {
		t.Fatalf("%d tricks", len(tricks))
	}
	port, hits := victim(t)
	own := 0
	source := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { own++ }))
	t.Cleanup(source.Close)
	host := strings.TrimPrefix(source.URL, "http://")
	c, end, err := outbound.New(outbound.Options{Addresses: []string{source.URL + "/fhir"}, AllowPrivate: true, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	for _, trick := range tricks {
		address := strings.NewReplacer("V", port, "S", host).Replace(trick)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		before := own
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err == nil {
			var resp *http.Response
			if resp, err = c.Do(req); err == nil {
				resp.Body.Close()
			}
			if err == nil && own == before {
				t.Errorf("%q: somebody else answers", trick)
			}
			if err != nil && !errors.Is(err, outbound.ErrAddress) && !strings.Contains(err.Error(), "unsupported protocol scheme") && !strings.Contains(err.Error(), "no Host") {
				t.Errorf("%q: it is let through and fails by itself: %v", trick, err)
			}
		}
		cancel()
		if n := hits.Swap(0); n > 0 {
			t.Errorf("%q reaches another service of this machine", trick)
		}
		// And as what a configuration says: what is no plain address is told so at once.
		if _, parsed := outbound.ParseOrigin(address); parsed == nil && err != nil && !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%q is an address to the configuration and none to the client", trick)
		}
	}
	if own > 3 { // "http://S#@…" and its like are the source's own address to Go, and are asked there
		t.Errorf("%d tricks are the source's own address", own)
	}
}

// TestEveryHostGoesThroughTheGuard: the same addresses as configured ones, of which only
// the plain ones may be used, and none to a metadata or link-local address.
func TestConfiguredMetadataIsRefusedAtTheConnection(t *testing.T) {
	port, _ := victim(t) // where the guard fails, nothing answers there either
	for _, host := range []string{"169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0", "[::]", "224.0.0.1",
		"255.255.255.255", "[ff02::1]", "[2002:a9fe:a9fe::]", "[64:ff9b::a9fe:a9fe]", "169.254.170.2", "[2001:0:a9fe:a9fe::]", "[64:ff9b:1::1]"} {
		address := "http://" + host + ":" + port + "/"
		c, end, err := outbound.New(outbound.Options{Addresses: []string{address}, AllowPrivate: true, Retries: -1})
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		resp, err := c.Get(address)
		if !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%s: %v", address, err)
		}
		if err == nil {
			resp.Body.Close()
		}
		end()
	}
}

// names is a name server on loopback. Each question for a name is answered by the next of
// its addresses, the last for ever: a name that is rebound between two look-ups.
type names struct {
	answers map[string][]string
	asked   atomic.Int32
}

func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go n.serve(conn)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (n *names) serve(conn net.PacketConn) {
	buffer := make([]byte, 1500)
	for {
		size, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buffer[:size]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		m.Response, m.Authoritative, m.Additionals = true, true, nil
		name := strings.TrimSuffix(q.Name.String(), ".")
		if all := n.answers[name]; len(all) > 0 {
			ip := netip.MustParseAddr(all[0])
			head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
			switch {
			case q.Type == dnsmessage.TypeA && ip.Is4():
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: ip.As4()}})
			case q.Type == dnsmessage.TypeAAAA && ip.Is6():
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
			}
			if len(m.Answers) > 0 {
				n.asked.Add(1)
				if len(all) > 1 {
					n.answers[name] = all[1:]
				}
			}
		} else {
			m.RCode = dnsmessage.RCodeNameError
		}
		if packed, err := m.Pack(); err == nil {
			_, _ = conn.WriteTo(packed, from) // a question that is not answered is asked again
		}
	}
}

func TestNamesThatLeadInside(t *testing.T) {
	port, hits := victim(t)
	for _, c := range []struct {
		name    string
		leads   []string
		private bool
		refused bool // by the guard; otherwise the connection itself fails or is made
	}{
		{"loopback.example", []string{"127.0.0.1"}, false, true},
		{"loopback.example", []string{"127.0.0.1"}, true, true},
		{"loopback6.example", []string{"::1"}, true, true},
		{"mapped.example", []string{"::ffff:127.0.0.1"}, true, true},
		{"nat64.example", []string{"64:ff9b::7f00:1"}, true, true},
		{"hidden.example", []string{"2002:7f00:1::"}, true, true},
		{"this.example", []string{"0.0.0.0"}, true, true},
		{"metadata.example", []string{"169.254.169.254"}, true, true},
		{"metadata6.example", []string{"fd00:ec2::254"}, true, true},
		{"private.example", []string{"10.1.2.3"}, false, true},
		{"private6.example", []string{"fc00::1"}, false, true},
		{"shared.example", []string{"100.64.0.1"}, false, true},
		{"localhost", []string{"10.0.0.1"}, true, true},
	} {
		resolver := (&names{answers: map[string][]string{c.name: c.leads}}).resolver(t)
		client, end, err := outbound.New(outbound.Options{Addresses: []string{"http://" + c.name + ":" + port}, AllowPrivate: c.private, Retries: -1, Resolver: resolver})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Get("http://" + c.name + ":" + port + "/")
		if err == nil {
			resp.Body.Close()
		}
		if c.name == "localhost" { // the hosts file may know it before any name server does
			end()
			hits.Store(0)
			continue
		}
		if errors.Is(err, outbound.ErrAddress) != c.refused {
			t.Errorf("%s → %v (private %v): %v", c.name, c.leads, c.private, err)
		}
		if hits.Swap(0) > 0 {
			t.Errorf("%s → %v reaches another service of this machine", c.name, c.leads)
		}
		end()
	}
}

// TestRebinding: a name that has been looked up as a public address leads to this machine
// the next time. Every connection is looked at, so that none is made.
func TestRebinding(t *testing.T) {
	port, hits := victim(t)
	n := &names{answers: map[string][]string{"rebound.example": {"127.0.0.1", "169.254.169.254", "::1", "127.0.0.2", "127.0.0.1"}}}
	client, end, err := outbound.New(outbound.Options{Addresses: []string{"http://rebound.example:" + port}, Retries: -1, Resolver: n.resolver(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	for range 8 {
		resp, err := client.Get("http://rebound.example:" + port + "/")
		if err == nil {
			resp.Body.Close()
		}
		if !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%v", err)
		}
	}
	if hits.Load() > 0 || n.asked.Load() < 5 {
		t.Errorf("%d hits after %d look-ups", hits.Load(), n.asked.Load())
	}
}

// TestLocalhostIsLoopback: what simulators and the demo need goes on working.
func TestLocalhostIsLoopback(t *testing.T) {
	port, hits := victim(t)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		client, end, err := outbound.New(outbound.Options{Addresses: []string{"http://" + host + ":" + port}, Retries: -1})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Get("http://" + host + ":" + port + "/x")
		if err != nil || hits.Swap(0) != 1 {
			t.Errorf("%s: %v", host, err)
			continue
		}
		resp.Body.Close()
		end()
	}
}

// TestTokenGoesNowhereElse: neither to another origin that an answer names, nor, by the
// source's own requests, to the place that gave it.
func TestTokenGoesNowhereElse(t *testing.T) {
	now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	tokens := sts.New(func() time.Time { return now }, sts.Client{ID: "c", Secret: "s", Scopes: []string{"read"}})
	carried := func(counter *atomic.Int32) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" || r.Header.Get("X-Api-Key") != "" {
				counter.Add(1)
			}
			_, _ = io.Copy(w, r.Body) // the client may have gone
		})
	}
	var atSource, atTokens, atOther atomic.Int32
	mux := http.NewServeMux()
	mux.Handle("/token", tokens)
	mux.Handle("/", carried(&atTokens))
	issuer, source, other := httptest.NewServer(mux), httptest.NewServer(carried(&atSource)), httptest.NewServer(carried(&atOther))
	defer issuer.Close()
	defer source.Close()
	defer other.Close()
	c, end, err := outbound.New(outbound.Options{Addresses: []string{source.URL}, Retries: -1, Headers: map[string]string{"X-Api-Key": "k"}, Now: func() time.Time { return now },
		Auth: outbound.Auth{Kind: "oauth2", TokenURL: issuer.URL + "/token", ClientID: "c", Secret: outbound.Secret{Value: "s"}, Scopes: []string{"read"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if status, _ := post(t, c, source.URL+"/ok"); status != 200 || atSource.Load() != 1 {
		t.Fatalf("status %d, carried %d times", status, atSource.Load())
	}
	for _, address := range []string{other.URL + "/", issuer.URL + "/elsewhere", issuer.URL + "/token"} {
		resp, err := c.Get(address)
		if err == nil {
			resp.Body.Close()
		}
		if !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if atOther.Load()+atTokens.Load() > 0 {
		t.Errorf("the secret was carried to another place")
	}
}

func TestOriginsAreComparedWhole(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"http://a.no/x", "http://A.NO:80/y?z#q", true},
		{"https://a.no", "https://a.no:443/", true},
		{"https://a.no", "http://a.no:443/", false},
		{"https://a.no", "https://a.no.evil.no", false},
		{"https://a.no", "https://xa.no", false},
		{"https://a.no:8443", "https://a.no:8444", false},
		{"http://[2a01::1]:80/", "http://[2a01::1]/", true},
	} {
		a, errA := outbound.ParseOrigin(c.a)
		b, errB := outbound.ParseOrigin(c.b)
		if errA != nil || errB != nil || (a == b) != c.same {
			t.Errorf("%s and %s: %v (%v), %v (%v)", c.a, c.b, a, errA, b, errB)
		}
	}
	for _, raw := range []string{"", "a.no", "http://", "http://a..no", "http://-a.no", "http://a.no.", "http://u@a.no", "http://u:p@a.no", `http://a\b`, "http://a.no:0", "http://a.no:", "http://a.no:99999", "http://1.2.3", "http://1.2.3.4.5",
		"http://01.2.3.4", "http://[::1%25lo]", "http://[1.2.3.4]", "http://æ.no", "http://a.no/\x7f", "mailto:a@b", "http:a.no", "http://[::FFFF:1.2.3.4]"} {
		if o, err := outbound.ParseOrigin(raw); err == nil {
			t.Errorf("%q is taken for %s", raw, o)
		}
	}
}

func FuzzParseOrigin(f *testing.F) {
	for _, trick := range tricks {
		f.Add(strings.NewReplacer("V", "8080", "S", "a.no").Replace(trick))
	}
	f.Fuzz(func(t *testing.T, raw string) {
		o, err := outbound.ParseOrigin(raw)
		if err != nil {
			return
		}
		again, err := outbound.ParseOrigin(o.String())
		if err != nil || again != o {
			t.Fatalf("%q is %s, which is %s: %v", raw, o, again, err)
		}
		u, err := url.Parse(raw)
		if err != nil || u.User != nil || strings.ToLower(u.Hostname()) != o.Host {
			t.Fatalf("%q is %s and another address to others", raw, o)
		}
	})
}

package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrAddress: the address is not one that this client may call. It is no fault that passes
// by itself: the source is wrong, or its configuration is.
var ErrAddress = errors.New("address refused")

// reach tells how far an IP address leads.
type reach int

const (
	public reach = iota
	private
	loopback
	// never is no place where a source can be: the machine's own metadata, a whole
	// network at once, an address that hides another.
	never
)

// prefixes tells of all that is not public. The first that fits counts.
var prefixes = []struct {
	prefix netip.Prefix
	reach  reach
}{
	{netip.MustParsePrefix("127.0.0.0/8"), loopback},
	{netip.MustParsePrefix("::1/128"), loopback},

	{netip.MustParsePrefix("168.63.129.16/32"), never},   // Azure's wire server
	{netip.MustParsePrefix("100.100.100.200/32"), never}, // Alibaba's metadata
	{netip.MustParsePrefix("fd00:ec2::/32"), never},      // AWS's metadata, time and names
	{netip.MustParsePrefix("fd20:ce::254/128"), never},   // Google's metadata
	{netip.MustParsePrefix("169.254.0.0/16"), never},     // link-local, and most clouds' metadata
	{netip.MustParsePrefix("fe80::/10"), never},          // link-local
	{netip.MustParsePrefix("fec0::/10"), never},          // site-local, no longer in use
	{netip.MustParsePrefix("0.0.0.0/8"), never},          // "this host": many systems take it for loopback
	{netip.MustParsePrefix("::/96"), never},              // unspecified, and IPv4 in IPv6's clothes
	{netip.MustParsePrefix("224.0.0.0/4"), never},        // multicast
	{netip.MustParsePrefix("240.0.0.0/4"), never},        // reserved, and broadcast
	{netip.MustParsePrefix("ff00::/8"), never},           // multicast
	{netip.MustParsePrefix("192.0.0.0/24"), never},       // protocol assignments, Oracle's metadata
	{netip.MustParsePrefix("192.0.2.0/24"), never},       // documentation
	{netip.MustParsePrefix("198.51.100.0/24"), never},    // documentation
	{netip.MustParsePrefix("203.0.113.0/24"), never},     // documentation
	{netip.MustParsePrefix("192.88.99.0/24"), never},     // 6to4 relays
	{netip.MustParsePrefix("64:ff9b:1::/48"), never},     // a local translation to IPv4
	{netip.MustParsePrefix("100::/64"), never},           // discarded
	{netip.MustParsePrefix("2001::/32"), never},          // Teredo hides an IPv4 address
	{netip.MustParsePrefix("2001:db8::/32"), never},      // documentation
	{netip.MustParsePrefix("2002::/16"), never},          // 6to4 hides an IPv4 address
	{netip.MustParsePrefix("5f00::/16"), never},          // segment routing

	{netip.MustParsePrefix("10.0.0.0/8"), private},
	{netip.MustParsePrefix("172.16.0.0/12"), private},
	{netip.MustParsePrefix("192.168.0.0/16"), private},
	{netip.MustParsePrefix("100.64.0.0/10"), private}, // shared by a provider's customers
	{netip.MustParsePrefix("198.18.0.0/15"), private}, // benchmarks
	{netip.MustParsePrefix("fc00::/7"), private},
}

// nat64 is how a network without IPv4 calls IPv4 addresses: the last four bytes.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func reachOf(ip netip.Addr) reach {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	for _, p := range prefixes {
		if p.prefix.Contains(ip) {
			return p.reach
		}
	}
	return public
}

// door is one host and port that may be dialled.
type door struct {
	literal netip.Addr // where the host is written as an IP address: that address alone
	local   bool       // the host is localhost: loopback alone
	private bool       // the operator says that the host may be inside
	proxy   bool       // the operator's own proxy, wherever it is
}

// opens tells whether the door leads to this address.
func (d door) opens(ip netip.Addr) error {
	ip = ip.Unmap()
	r := reachOf(ip)
	switch {
	case r == never:
		return fmt.Errorf("%w: the host leads to a metadata, link-local, multicast or hidden address, which nobody may call", ErrAddress)
	case d.proxy:
		return nil
	case d.literal.IsValid():
		if ip == d.literal {
			return nil
		}
	case d.local:
		if r == loopback {
			return nil
		}
	case r == public || r == private && d.private:
		return nil
	case r == private:
		return fmt.Errorf("%w: the host leads to a private address; say allow_private: true on the source if that is where it is", ErrAddress)
	}
	return fmt.Errorf("%w: the host leads to another address than its name says", ErrAddress)
}

// guard knows the doors of one client.
type guard struct {
	origins  map[Origin]bool
	doors    map[string]door
	proxy    func(*http.Request) (*url.URL, error)
	resolver *net.Resolver
}

func newGuard(addresses []string, allowPrivate bool, resolver *net.Resolver) (*guard, error) {
	g := &guard{origins: map[Origin]bool{}, doors: map[string]door{}, proxy: http.ProxyFromEnvironment, resolver: resolver}
	for _, address := range addresses {
		o, err := ParseOrigin(address)
		if err != nil {
			return nil, fmt.Errorf("%w: a configured address cannot be used: %w", ErrAddress, err)
		}
		d := door{private: allowPrivate, local: o.Host == "localhost" || strings.HasSuffix(o.Host, ".localhost")}
		if ip, err := netip.ParseAddr(o.Host); err == nil {
			d.literal = ip
		}
		g.origins[o], g.doors[o.hostPort()] = true, d
	}
	return g, nil
}

// permit tells whether a request may be sent at all. It is asked before a token is put on it.
func (g *guard) permit(u *url.URL) error {
	o, err := originOf(u)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAddress, err)
	}
	if !g.origins[o] {
		return fmt.Errorf("%w: it is not on an origin that this client was configured for", ErrAddress)
	}
	return nil
}

// only lets through requests to the guard's origins.
type only struct {
	guard *guard
	next  http.RoundTripper
}

func (o *only) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := o.guard.permit(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper must
		}
		return nil, err
	}
	return o.next.RoundTrip(r)
}

// dialTimeout is how long a connection may take to be made.
const dialTimeout = 5 * time.Second

// dial connects to one of the doors. The address is looked at when the connection is made,
// after every look-up: a name that has led elsewhere a moment ago makes no difference.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d, ok := g.doors[strings.ToLower(address)]
	if !ok {
		if d.proxy = g.isProxy(address); !d.proxy {
			return nil, fmt.Errorf("%w: the connection is to no configured host", ErrAddress)
		}
	}
	dialer := net.Dialer{Timeout: dialTimeout, Resolver: g.resolver, ControlContext: func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return fmt.Errorf("%w: the connection is to no IP address", ErrAddress)
		}
		return d.opens(at.Addr())
	}}
	return dialer.DialContext(ctx, network, address)
}

// isProxy tells whether the address is that of the proxy through which one of the origins
// is called. What the proxy connects to is then the proxy's to judge.
func (g *guard) isProxy(address string) bool {
	for o := range g.origins {
		u, err := g.proxy(&http.Request{URL: &url.URL{Scheme: o.Scheme, Host: o.hostPort()}})
		if err != nil || u == nil {
			continue
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
		}
		if port == "" {
			port = "80"
		}
		if net.JoinHostPort(u.Hostname(), port) == address {
			return true
		}
	}
	return false
}

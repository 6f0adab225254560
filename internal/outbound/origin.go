package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Origin is scheme, host and port of an address, in the one form in which they are compared:
// small letters, the port always said. Two origins are equal or they are not; no part of
// a text is ever compared.
type Origin struct {
	Scheme, Host string
	Port         uint16
}

func (o Origin) String() string { return o.Scheme + "://" + o.hostPort() }

// hostPort is the address as a dialer is given it.
func (o Origin) hostPort() string {
	host := o.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(o.Port))
}

// ParseOrigin gives the origin of an address. Whatever two readers could understand
// differently is refused: a user, a backslash, a host that is half a number, a dot at the
// end, letters that are not ASCII. The error repeats nothing of the address.
func ParseOrigin(raw string) (Origin, error) {
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return Origin{}, errors.New("the address holds a blank, a control character or a backslash")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Origin{}, errors.New("it is not an address")
	}
	return originOf(u)
}

var ports = map[string]uint16{"http": 80, "https": 443}

func originOf(u *url.URL) (Origin, error) {
	o := Origin{Scheme: strings.ToLower(u.Scheme), Host: strings.ToLower(u.Hostname())}
	port, known := ports[o.Scheme]
	switch {
	case !known:
		return Origin{}, errors.New("the address is neither http nor https")
	case u.User != nil:
		return Origin{}, errors.New("the address holds a user")
	case u.Opaque != "" || u.Host == "":
		return Origin{}, errors.New("the address names no host")
	}
	if err := plainHost(o.Host, strings.HasPrefix(u.Host, "[")); err != nil {
		return Origin{}, err
	}
	o.Port = port
	if text := u.Port(); text != "" || strings.HasSuffix(u.Host, ":") {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 || text[0] == '0' {
			return Origin{}, errors.New("the address has no usable port")
		}
		o.Port = uint16(n)
	}
	return o, nil
}

// plainHost refuses hosts that some resolver reads in a way of its own: "127.1",
// "0x7f000001" and "2130706433" are this machine to many of them.
func plainHost(host string, bracketed bool) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" || ip.Is4In6() || ip.Is6() != bracketed || ip.String() != host {
			return errors.New("the address writes its IP address in an unusual way")
		}
		return nil
	}
	if bracketed || len(host) > 253 {
		return errors.New("the address names no host")
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("the address's host has an empty or odd part")
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return fmt.Errorf("the address's host holds something other than a-z, 0-9, - and _")
			}
		}
	}
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return errors.New("the address's host ends in a number and is no IP address")
	}
	return nil
}

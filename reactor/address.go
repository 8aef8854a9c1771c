package reactor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

func listenError(c twistor.ListenConfig, err error) error {
	network, address := c.Network, c.Address
	if c.File != nil {
		network, address = "file", c.File.Name()
	}
	return &net.OpError{Op: "listen", Net: network, Addr: written(address), Err: err}
}

// A written is an address as it was written.
type written string

func (written) Network() string { return "" }

func (w written) String() string { return string(w) }

// bindAddr reads the address of something local. A name is looked up at once,
// which blocks: on a running loop use addresses.
func (l *loop) bindAddr(network, address string) (poll.Addr, error) {
	if strings.HasPrefix(network, "unix") {
		if address == "" {
			return poll.Addr{}, errors.New("want a path")
		}
		return poll.Addr{Path: address}, nil
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return poll.Addr{}, err
	}
	number, err := portNumber(network, service)
	if err != nil {
		return poll.Addr{}, err
	}
	if host == "" {
		return poll.Addr{AddrPort: netip.AddrPortFrom(anyAddr(network), number)}, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
		defer cancel()
		ips, err := l.r.world.Resolve(ctx, host)
		if err != nil {
			return poll.Addr{}, err
		}
		ips = ofFamily(network, ips)
		if len(ips) == 0 {
			return poll.Addr{}, fmt.Errorf("no address of %q fits %s", host, network)
		}
		ip = ips[0]
	}
	if !fitsFamily(network, ip) {
		return poll.Addr{}, fmt.Errorf("address %v: want one for %s", ip, network)
	}
	return poll.Addr{AddrPort: netip.AddrPortFrom(ip, number)}, nil
}

// anyAddr is the wildcard; the zero Addr stands for both families.
func anyAddr(network string) netip.Addr {
	switch network[len(network)-1] {
	case '4':
		return netip.IPv4Unspecified()
	case '6':
		return netip.IPv6Unspecified()
	}
	return netip.Addr{}
}

func fitsFamily(network string, ip netip.Addr) bool {
	switch network[len(network)-1] {
	case '4':
		return ip.Unmap().Is4()
	case '6':
		return ip.Is6() && !ip.Is4In6()
	}
	return true
}

// ofFamily filters what fits network, IPv4 first where both do.
func ofFamily(network string, ips []netip.Addr) (fit []netip.Addr) {
	for _, four := range []bool{true, false} {
		for _, ip := range ips {
			if ip = ip.Unmap(); ip.Is4() == four && fitsFamily(network, ip) {
				fit = append(fit, ip)
			}
		}
	}
	return fit
}

// portNumber reads a port's number, or its name by the system's table.
func portNumber(network, service string) (uint16, error) {
	if n, err := strconv.ParseUint(service, 10, 16); err == nil {
		return uint16(n), nil
	}
	if service == "" || strings.Trim(service, "0123456789") == "" {
		return 0, fmt.Errorf("port %q: want a number from 0 to 65535", service)
	}
	n, err := net.LookupPort(network, service)
	if err != nil {
		return 0, fmt.Errorf("port %q: want a number from 0 to 65535 or a service's name", service)
	}
	return uint16(n), nil
}

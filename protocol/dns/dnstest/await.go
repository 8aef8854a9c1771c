package dnstest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// AwaitSerial waits until the server at addr answers for zone with the serial.
func AwaitSerial(t testing.TB, addr netip.AddrPort, zone string, serial uint32) {
	t.Helper()
	last := answer{}
	s := &Server{Addr: addr}
	err := s.await(zone, func(a answer) bool {
		last = a
		return a.hasSOA && a.serial == serial
	})
	if err != nil {
		t.Fatalf("%s at %v: %v; got rcode %d, serial %d, want serial %d", zone, addr, err, last.rcode, last.serial, serial)
	}
}

// Serial is the serial of zone at addr; false: there is none now.
func Serial(addr netip.AddrPort, zone string) (uint32, bool) {
	a, err := askSOA(addr, zone, time.Second)
	return a.serial, err == nil && a.hasSOA
}

// FreePort is a port that is free for UDP and TCP at all of addrs, or at
// 127.0.0.1 if there are none.
func FreePort(t testing.TB, addrs ...netip.Addr) uint16 {
	t.Helper()
	if len(addrs) == 0 {
		addrs = []netip.Addr{localhost}
	}
	var err error
	for range 50 {
		var port uint16
		if port, err = freePort(addrs); err == nil {
			return port
		}
	}
	t.Fatalf("no free port at %v: %v", addrs, err)
	return 0
}

func freePort(addrs []netip.Addr) (port uint16, err error) {
	for _, addr := range addrs {
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, port)))
		if err != nil {
			return 0, err
		}
		defer l.Close()
		port = uint16(l.Addr().(*net.TCPAddr).Port)
		u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, port)))
		if err != nil {
			return 0, err
		}
		defer u.Close()
	}
	return port, nil
}

// An answer is what matters in one for a zone's SOA.
type answer struct {
	rcode  int
	hasSOA bool
	serial uint32
}

// await asks for the SOA of zone until good says so, or the program has ended.
func (s *Server) await(zone string, good func(answer) bool) error {
	err := errors.New("no answer")
	for end := time.Now().Add(patience); time.Now().Before(end); {
		var a answer
		if a, err = askSOA(s.Addr, zone, time.Second); err == nil && good(a) {
			return nil
		}
		select {
		case <-s.ended: // of a server that is not ours: never
			return errors.New("it has ended")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("not within %v: %w", patience, err)
}

// askSOA asks once, over UDP.
func askSOA(addr netip.AddrPort, zone string, timeout time.Duration) (a answer, err error) {
	name, err := dnsmessage.NewName(zone)
	if err != nil {
		return a, err
	}
	const id = 0x1d1d
	query := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeSOA, Class: dnsmessage.ClassINET}},
	}
	p, err := query.Pack()
	if err != nil {
		return a, err
	}
	c, err := net.Dial("udp", addr.String())
	if err != nil {
		return a, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(timeout))
	if _, err := c.Write(p); err != nil {
		return a, err
	}
	b := make([]byte, 4096)
	n, err := c.Read(b)
	if err != nil {
		return a, err
	}
	var m dnsmessage.Message
	if err := m.Unpack(b[:n]); err != nil {
		return a, err
	}
	if m.ID != id || !m.Response {
		return a, errors.New("an answer to something else")
	}
	a.rcode = int(m.RCode)
	for _, r := range m.Answers {
		if soa, ok := r.Body.(*dnsmessage.SOAResource); ok {
			a.hasSOA, a.serial = true, soa.Serial
		}
	}
	return a, nil
}

package dns

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// FuzzAnswer sends a client what an attacker who knows the query may: nothing
// but an answer to the question ends the wait, and what is passed on is about
// the name, or what its aliases lead to.
func FuzzAnswer(f *testing.F) {
	q := &Message{Question: []Question{{Name: "www.a.test.", Qtype: TypeA, Qclass: ClassIN}}}
	good := reply(q, "www.a.test. 60 CNAME x.b.test.", "x.b.test. 60 A 192.0.2.1", "evil.test. 60 A 192.0.2.2")
	f.Add(packed(good), true)
	good.Truncated = true
	f.Add(packed(good), true)
	for _, code := range []int{RcodeFormatError, RcodeNameError, RcodeBadCookie, RcodeServerFailure} {
		m := reply(q)
		m.SetEdns0(1232, false)
		m.Rcode = code
		f.Add(packed(m), true)
	}
	f.Add([]byte{0, 0, 0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0}, true)
	f.Add([]byte("nonsense"), false)
	f.Fuzz(func(t *testing.T, p []byte, knows bool) {
		clock := sim.NewClock(t)
		c := &Client{Loop: clock, Servers: []Upstream{{Addr: netip.MustParseAddrPort("192.0.2.53:53")}}}
		d := c.Resolve(Question{Name: "www.a.test.", Qtype: TypeA}, Options{})
		port := clock.PacketPorts()[0]
		sent := []byte(port.Take()[0].Bytes)
		end := headerBytes + nameBytes(sent[headerBytes:]) + 4
		p = bytes.Clone(p)
		if knows && len(p) >= 2 {
			copy(p, sent[:2])
			if len(p) >= end && p[5] == 1 {
				copy(p[headerBytes:end], sent[headerBytes:end])
			}
		}
		port.Receive(string(p), twistor.Peer{Addr: netip.MustParseAddrPort("192.0.2.53:53")})
		clock.Advance(0)
		o, fired := d.Result()
		switch {
		case !fired:
		case o.Err != nil && !strings.Contains(o.Err.Error(), "from 192.0.2.53"):
			t.Errorf("fails with %v", o.Err)
		case o.Err == nil:
			if !bytes.Equal(p[:2], sent[:2]) || o.Value.Question[0] != (Question{Name: "www.a.test.", Qtype: TypeA, Qclass: ClassIN}) {
				t.Errorf("takes %x", p)
			}
			names := []string{wireName("www.a.test.")}
			for range o.Value.Answer {
				if next, ok := aliasOf(o.Value.Answer, names[len(names)-1]); ok {
					names = append(names, next)
				}
			}
			for _, r := range o.Value.Answer {
				if n := wireName(r.Header().Name); !slices.Contains(names, n) && r.Header().Rrtype != TypeDNAME && r.Header().Rrtype != TypeRRSIG {
					t.Errorf("passes on %v", r)
				}
			}
		}
		d.Cancel()
		c.Close()
		clock.Advance(0)
		if c.pending != 0 || c.sockets != 0 || clock.Pending() != 0 {
			t.Errorf("left behind: %d questions, %d sockets, %d timers", c.pending, c.sockets, clock.Pending())
		}
		clock.Errors()
	})
}

// FuzzResolvConf: whatever the file says there is a Client in bounds, and what
// it understood it understands again.
func FuzzResolvConf(f *testing.F) {
	f.Add([]byte("nameserver 192.0.2.1\nsearch a.test b.test\noptions ndots:3 timeout:2 attempts:9 rotate use-vc\n"))
	f.Add([]byte("nameserver ::1 ; x\ndomain .\noptions\n#"))
	f.Fuzz(func(t *testing.T, p []byte) {
		c := ParseResolvConf(p)
		k := c.Client()
		if len(k.Servers) < 1 || len(k.Servers) > maxNameservers || len(c.Search) > maxSearch || c.Ndots > maxNdots || len(k.Timeouts) < 1 || len(k.Timeouts) > maxAttempts || k.Deadline <= 0 || len(c.Ignored) > 100 {
			t.Errorf("got %+v", c)
		}
		var b strings.Builder
		for _, s := range c.Servers {
			b.WriteString("nameserver " + s.Addr().String() + "\n")
		}
		b.WriteString("search " + strings.Join(c.Search, " ") + "\n")
		again := ParseResolvConf([]byte(b.String()))
		if !slices.Equal(again.Servers, c.Servers) || !slices.Equal(again.Search, c.Search) {
			t.Errorf("got %v %q, and again %v %q", c.Servers, c.Search, again.Servers, again.Search)
		}
		for _, name := range []string{"host", "host.domain", "host."} {
			for _, full := range c.Completing(nil).candidates(name) {
				if !strings.HasSuffix(full, ".") || !strings.HasPrefix(full, "host") {
					t.Errorf("%s: candidate %q", name, full)
				}
			}
		}
	})
}

// FuzzHosts: each name that the file has is found, with each of its addresses,
// and nothing else is.
func FuzzHosts(f *testing.F) {
	f.Add([]byte("127.0.0.1 localhost\n::1 localhost # x\n192.0.2.1 a.test A.test b\nfe80::1%x c\n"), "a.test")
	f.Add([]byte("192.0.2.1\r\n\t192.0.2.1\ta\vb\n"), "a")
	f.Fuzz(func(t *testing.T, p []byte, name string) {
		table := parseHosts(p)
		for key, addrs := range table.addrs {
			m := table.answer(Name(key), Question{Name: Name(key).String(), Qtype: TypeANY, Qclass: ClassIN})
			if m == nil || len(m.Answer) != len(addrs) || len(addrs) > maxHostAddrs {
				t.Fatalf("%x: got %v, want %v", key, m, addrs)
			}
			if _, err := m.Pack(); err != nil {
				t.Errorf("%x: %v", key, err)
			}
		}
		n, err := ParseName(name)
		if err != nil || n.In(localhost) {
			return
		}
		m := table.answer(n, Question{Name: name, Qtype: TypeA, Qclass: ClassIN})
		if (m != nil) != (len(table.addrs[string(n)]) > 0) {
			t.Errorf("%s: got %v", name, m)
		}
	})
}

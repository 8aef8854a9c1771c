package dns

import (
	"net/netip"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// UC22, N15: names of others are looked up for this host and private networks, and
// for nobody else, unless it is said for whom.
func TestUC22NeverOpenByDefault(t *testing.T) {
	for _, tc := range []struct {
		args []string
		may  []string
		not  []string
	}{
		{nil, []string{"127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "172.31.0.1", "100.64.0.1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1"},
			[]string{"8.8.8.8", "192.0.2.1", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8"}},
		{[]string{"--allow-recursion", "192.0.2.0/24", "--allow-recursion", "2001:db8::1"}, []string{"192.0.2.9", "2001:db8::1"},
			[]string{"127.0.0.1", "10.0.0.1", "192.0.3.1", "2001:db8::2"}},
		{[]string{"--allow-recursion", "any"}, []string{"8.8.8.8", "2001:db8::1"}, nil},
	} {
		p, err := parse(t, tc.args...).plan()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range tc.may {
			if !p.recursion.hold(netip.MustParseAddr(a)) {
				t.Errorf("%q: %s may not ask, want it to", tc.args, a)
			}
		}
		for _, a := range tc.not {
			if p.recursion.hold(netip.MustParseAddr(a)) {
				t.Errorf("%q: %s may ask, want it refused", tc.args, a)
			}
		}
	}
}

// UC22: what is not allowed is refused, and what is allowed is not, by network
// and by key.
func TestUC22Rights(t *testing.T) {
	w := sim.New(t, 1)
	files := func() map[string]string {
		return map[string]string{"a.zone": apex("1"), "hosts": "192.0.2.7 printer\n", "keys": "hmac-sha256:k:c2VjcmV0\nhmac-sha256:other:b3RoZXI=\n"}
	}
	strict := serve(t, w, "strict", files(), "--zone", "a.zone", "--hosts", "hosts", "--allow-recursion", "192.0.2.0/24")
	strict.want("ns.a. A", "NOERROR AA 192.0.2.53")
	strict.want("printer. A", "REFUSED")

	closed := serve(t, w, "closed", files(), "--zone", "a.zone", "--allow-query", "192.0.2.0/24")
	closed.want("ns.a. A", "REFUSED")

	open := serve(t, w, "open", files(), "--zone", "a.zone", "--hosts", "hosts", "--allow-recursion", "any", "--tsig", "keys",
		"--allow-transfer", "key:k", "--allow-update", "a=key:k")
	open.want("printer. A", "NOERROR 192.0.2.7")
	open.want("localhost. A", "NOERROR 127.0.0.1")
	open.want("scanner. A", "REFUSED")
	open.want("a. AXFR", "REFUSED")
	key, err := dns.ParseTSIGKey("hmac-sha256:k:c2VjcmV0")
	if err != nil {
		t.Fatal(err)
	}
	other, err := dns.ParseTSIGKey("hmac-sha256:other:b3RoZXI=")
	if err != nil {
		t.Fatal(err)
	}
	add, err := dns.ParseRR("new.a. 60 IN A 192.0.2.8")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		key  *dns.TSIGKey
		want dns.Rcode
	}{{nil, dns.RcodeRefused}, {other, dns.RcodeRefused}, {key, dns.RcodeSuccess}} {
		m := &dns.Message{Question: []dns.Question{{Name: "a.", Qtype: dns.TypeSOA, Qclass: dns.ClassIN}}, Ns: []dns.RR{add}}
		m.Opcode = dns.OpcodeUpdate
		open.client.Do(func(co *deferred.Co) error {
			a, err := open.asking.Exchange(m, dns.Upstream{Addr: netip.AddrPortFrom(open.host.Addr(), 53), Key: tc.key}).Await(co)
			if err != nil {
				t.Errorf("update with key %v: %v", tc.key, err)
			} else if got := dns.Rcode(a.Rcode); got != tc.want {
				t.Errorf("update with key %v: got %v, want %v", tc.key, got, tc.want)
			}
			return nil
		})
		want := "NXDOMAIN AA"
		if tc.want == dns.RcodeSuccess {
			want = "NOERROR AA 192.0.2.8"
		}
		open.want("new.a. A", want)
	}
}

// UC22, DNS-06: --rate-limit bounds what strangers, who show no cookie, get; without
// it there is no such bound.
func TestUC22RateLimit(t *testing.T) {
	for _, tc := range []struct {
		args    []string
		limited bool
	}{{[]string{"--zone", "a.zone", "--rate-limit", "5"}, true}, {[]string{"--zone", "a.zone"}, false}} {
		s := serve(t, sim.New(t, 1), "server", map[string]string{"a.zone": apex("1")}, tc.args...)
		s.asking.NoEDNS = true
		for range 40 {
			s.want("ns.a. A", "NOERROR AA 192.0.2.53") // over TCP, where UDP is cut short
		}
		var limited uint64
		for _, one := range s.tree().sites {
			stats := one.Stats()
			limited += stats.Limited
		}
		if got := limited > 0; got != tc.limited {
			t.Errorf("%q: %d queries were limited, want some: %v", tc.args, limited, tc.limited)
		}
	}
}

package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A table is a Resolver of fixed answers: lines of zone files. A name that is
// not in it does not exist.
type table struct {
	records []RR
	fails   map[string]error // by the name that is asked for
	asked   []string
}

func tableOf(records ...string) *table {
	t := &table{fails: map[string]error{}}
	for _, s := range records {
		t.records = append(t.records, rr(s))
	}
	return t
}

func (t *table) Resolve(q Question, o Options) *deferred.Deferred[*Message] {
	t.asked = append(t.asked, q.Name+" "+Type(q.Qtype).String())
	if err := t.fails[q.Name]; err != nil {
		return deferred.Failed[*Message](nil, err)
	}
	m := &Message{Question: []Question{q}}
	m.Response, m.Rcode = true, RcodeNameError
	for _, r := range t.records {
		if wireName(r.Header().Name) != wireName(q.Name) {
			continue
		}
		m.Rcode = RcodeSuccess
		if t := r.Header().Rrtype; t == q.Qtype || t == TypeCNAME || q.Qtype == TypeANY {
			m.Answer = append(m.Answer, r)
		}
	}
	return deferred.Succeeded(m)
}

func outcome[T any](d *deferred.Deferred[T]) (T, error) {
	o, fired := d.Result()
	if !fired {
		return o.Value, errors.New("has not fired")
	}
	return o.Value, o.Err
}

// TestN05Lookups: what Twisted has a method for, by type of record.
func TestN05Lookups(t *testing.T) {
	r := tableOf(
		"a.test. A 192.0.2.1", "a.test. AAAA 2001:db8::1", "a.test. MX 20 two.test.", "a.test. MX 10 one.test.",
		"a.test. NS ns.test.", "c.test. CNAME a.test.", "a.test. MB mb.test.", "a.test. MG mg.test.", "a.test. MR mr.test.",
		"1.2.0.192.in-addr.arpa. PTR a.test.", "a.test. SOA ns.test. me.test. 1 2 3 4 5", `a.test. TXT "one " "two"`,
		`a.test. HINFO "cpu" "os"`, "a.test. MINFO r.test. e.test.", `a.test. SPF "v=spf1"`, "a.test. RP me.test. txt.test.",
		"a.test. AFSDB 1 afs.test.", "_x._tcp.a.test. SRV 1 2 3 srv.test.", `a.test. NAPTR 1 2 "u" "E2U" "!x!y!" .`,
		`a.test. CAA 0 issue "ca.test"`, "a.test. SVCB 1 . alpn=h2", "a.test. TLSA 3 1 1 00", "a.test. DNAME d.test.",
	)
	check := func(what string, n int, err error) {
		t.Helper()
		if n != 1 || err != nil {
			t.Errorf("%s: got %d, %v", what, n, err)
		}
	}
	one := func(what string, f func() (int, error)) { t.Helper(); n, err := f(); check(what, n, err) }
	one("lookupAddress", count[*A](r, "a.test"))
	one("lookupIPV6Address, lookupAddress6", count[*AAAA](r, "a.test"))
	one("lookupNameservers", count[*NS](r, "a.test"))
	one("lookupMailBox", count[*MB](r, "a.test"))
	one("lookupMailGroup", count[*MG](r, "a.test"))
	one("lookupMailRename", count[*MR](r, "a.test"))
	one("lookupPointer", count[*PTR](r, "1.2.0.192.in-addr.arpa"))
	one("lookupAuthority", count[*SOA](r, "a.test"))
	one("lookupHostInfo", count[*HINFO](r, "a.test"))
	one("lookupMailboxInfo", count[*MINFO](r, "a.test"))
	one("lookupSenderPolicy", count[*SPF](r, "a.test"))
	one("lookupResponsibility", count[*RP](r, "a.test"))
	one("lookupAFSDatabase", count[*AFSDB](r, "a.test"))
	one("lookupNamingAuthorityPointer", count[*NAPTR](r, "a.test"))
	one("CAA", count[*CAA](r, "a.test"))
	one("SVCB", count[*SVCB](r, "a.test"))
	one("TLSA", count[*TLSA](r, "a.test"))

	if got, err := outcome(LookupMX(r, "a.test")); err != nil || len(got) != 2 || got[0].Mx != "one.test." {
		t.Errorf("lookupMailExchange: got %v, %v", got, err)
	}
	if got, err := outcome(LookupTXT(r, "a.test")); err != nil || len(got) != 1 || got[0] != "one two" {
		t.Errorf("lookupText: got %q, %v", got, err)
	}
	if got, err := outcome(LookupCNAME(r, "c.test")); err != nil || got != "a.test." {
		t.Errorf("lookupCanonicalName: got %q, %v", got, err)
	}
	if got, err := outcome(LookupCNAME(r, "a.test")); err != nil || got != "a.test." {
		t.Errorf("lookupCanonicalName of what is none: got %q, %v", got, err)
	}
	if got, err := outcome(LookupSRV(r, zeros{}, "_x._tcp.a.test")); err != nil || len(got) != 1 || got[0].Target != "srv.test." {
		t.Errorf("lookupService: got %v, %v", got, err)
	}
	if got, err := outcome(LookupType(r, "a.test", TypeANY)); err != nil || len(got) != 20 {
		t.Errorf("lookupAllRecords: got %d, %v", len(got), err)
	}
	if got, err := outcome(r.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{})); err != nil || len(got.Answer) != 1 || got.Ns != nil || got.Extra != nil {
		t.Errorf("the three sections: got %v, %v", got, err)
	}
}

func count[T RR](r Resolver, name string) func() (int, error) {
	return func() (int, error) { got, err := outcome(Lookup[T](r, name)); return len(got), err }
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestN04Errors: what went wrong, by errors.Is, and as package net says it.
func TestN04Errors(t *testing.T) {
	r := tableOf("a.test. A 192.0.2.1")
	r.fails["fail.test"] = &ResponseError{Question: Question{Name: "fail.test.", Qtype: TypeA}, Rcode: RcodeServerFailure}
	r.fails["late.test"] = &timeoutError{question: Question{Name: "late.test.", Qtype: TypeA}}
	r.fails["no.test"] = &ResponseError{Rcode: RcodeRefused}
	r.fails["old.test"] = &ResponseError{Rcode: RcodeNotImplemented}
	r.fails["bad.test"] = &ResponseError{Rcode: RcodeFormatError}
	all := []error{ErrNoSuchName, ErrNoRecords, ErrServerFailure, ErrTimeout, ErrRefused, ErrNotImplemented, ErrFormat}
	for _, tt := range []struct {
		name                        string
		t                           Type
		want                        error
		notFound, timeout, tempDown bool
	}{
		{"none.test", TypeA, ErrNoSuchName, true, false, false},
		{"a.test", TypeMX, ErrNoRecords, true, false, false},
		{"fail.test", TypeA, ErrServerFailure, false, false, true},
		{"late.test", TypeA, ErrTimeout, false, true, true},
		{"no.test", TypeA, ErrRefused, false, false, false},
		{"old.test", TypeA, ErrNotImplemented, false, false, false},
		{"bad.test", TypeA, ErrFormat, false, false, false},
	} {
		_, err := outcome(LookupType(r, tt.name, tt.t))
		for _, e := range all {
			if got, want := errors.Is(err, e), e == tt.want; got != want {
				t.Errorf("%s: %v: Is(%v) = %v", tt.name, err, e, got)
			}
		}
		var d *net.DNSError
		if !errors.As(err, &d) || d.IsNotFound != tt.notFound || d.IsTimeout != tt.timeout || d.IsTemporary != tt.tempDown {
			t.Errorf("%s: as package net has it: %#v", tt.name, d)
		}
		if n, ok := err.(net.Error); !ok || n.Timeout() != tt.timeout {
			t.Errorf("%s: %T is no net.Error, or times out", tt.name, err)
		}
	}
}

// TestN06Aliases: addresses are found behind aliases that the resolver has not
// followed, and loops end.
func TestN06Aliases(t *testing.T) {
	r := tableOf("a.test. CNAME b.test.", "b.test. CNAME c.test.", "c.test. A 192.0.2.3", "loop.test. CNAME pool.test.", "pool.test. CNAME loop.test.",
		"six.test. AAAA 2001:db8::1", "long0.test. CNAME long1.test.")
	for i := range 20 {
		r.records = append(r.records, rr(fmt.Sprintf("long%d.test. CNAME long%d.test.", i, i+1)))
	}
	if got, err := outcome(LookupHost(r, "A.test")); err != nil || got.String() != "192.0.2.3" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := outcome(LookupHost(r, "six.test")); err != nil || got.String() != "2001:db8::1" {
		t.Errorf("got %v, %v", got, err)
	}
	for _, name := range []string{"loop.test", "long0.test"} {
		r.asked = nil
		if _, err := outcome(LookupHost(r, name)); err == nil || len(r.asked) > 2*(maxChain+1) {
			t.Errorf("%s: got %v after %d questions", name, err, len(r.asked))
		}
	}
	if got, err := outcome(LookupAddrs(r, "192.0.2.9")); err != nil || len(got) != 1 {
		t.Errorf("an address: got %v, %v", got, err)
	}
}

// TestN20Reverse: names of addresses, there and back.
func TestN20Reverse(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.10":         "10.2.0.192.in-addr.arpa.",
		"0.0.0.255":          "255.0.0.0.in-addr.arpa.",
		"::ffff:192.0.2.1":   "1.2.0.192.in-addr.arpa.",
		"2001:db8::567:89ab": "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
	} {
		ip := netip.MustParseAddr(addr)
		n := ReverseName(ip)
		if n.String() != want {
			t.Errorf("%s: got %s, want %s", addr, n, want)
		}
		if again, err := ParseName(want); err != nil || string(again) != string(n) {
			t.Errorf("%s: not as ParseName has it: %v", addr, err)
		}
		if back, ok := ParseReverseName(n); !ok || back != ip.Unmap() {
			t.Errorf("%s: back comes %v, %v", addr, back, ok)
		}
	}
	for _, s := range []string{".", "in-addr.arpa", "01.2.0.192.in-addr.arpa", "1.0.192.in-addr.arpa", "1.2.3.4.5.in-addr.arpa", "g.ip6.arpa", "x.1.2.0.192.in-addr.arpa"} {
		if ip, ok := ParseReverseName(MustParseName(s)); ok {
			t.Errorf("%s: got %v", s, ip)
		}
	}
	r := tableOf("10.2.0.192.in-addr.arpa. PTR ten.test.")
	if got, err := outcome(LookupPTR(r, netip.MustParseAddr("192.0.2.10"))); err != nil || len(got) != 1 || got[0] != "ten.test." {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestN10Chain: the next resolver is asked if one fails, and not if one says
// that there is no such name.
func TestN10Chain(t *testing.T) {
	first, second := tableOf("a.test. A 192.0.2.1"), tableOf("a.test. A 192.0.2.2", "b.test. A 192.0.2.2")
	first.fails["b.test"] = ErrNotKnown
	first.fails["c.test"] = &ResponseError{Rcode: RcodeServerFailure}
	second.fails["c.test"] = ErrNotKnown
	for _, tt := range []struct {
		name, want string
		asked      int // the second one
		err        error
	}{
		{"a.test", "192.0.2.1", 0, nil},
		{"b.test", "192.0.2.2", 1, nil},
		{"none.test", "", 0, ErrNoSuchName},
		{"c.test", "", 1, ErrServerFailure},
	} {
		second.asked = nil
		got, err := outcome(Lookup[*A](Chain{first, second}, tt.name))
		if !errors.Is(err, tt.err) || tt.err == nil && (len(got) != 1 || got[0].A.String() != tt.want) || len(second.asked) != tt.asked {
			t.Errorf("%s: got %v, %v, and the second was asked %v", tt.name, got, err, second.asked)
		}
	}
	if got, err := outcome(LookupType(Chain{first, second}, "b.test", TypeANY)); err != nil || len(got) != 1 {
		t.Errorf("all records: got %v, %v", got, err)
	}
	if _, err := outcome(LookupType(Chain{}, "b.test", TypeA)); !errors.Is(err, ErrNotKnown) {
		t.Errorf("a chain of none: got %v", err)
	}
}

// TestN04Search: names without a final dot are completed as resolv.conf says.
func TestN04Search(t *testing.T) {
	r := tableOf("www.one.test. A 192.0.2.1", "www.two.test. AAAA 2001:db8::2", "a.b. A 192.0.2.3", "only.two.test. A 192.0.2.4", "mail.one.test. MX 1 mx.test.", "mail.two.test. A 192.0.2.5")
	r.fails["slow.one.test."] = ErrTimeout
	r.fails["bad.one.test."] = &ResponseError{Rcode: RcodeServerFailure}
	r.records = append(r.records, rr("bad.two.test. A 192.0.2.6"), rr("slow.two.test. A 192.0.2.7"))
	s := &Search{Resolver: r, Domains: []string{"one.test", "two.test."}}
	for _, tt := range []struct{ name, asked, want string }{
		{"www", "www.one.test.", "192.0.2.1"},
		{"www.", "www.", "no such name"},
		{"only", "only.one.test. only.two.test.", "192.0.2.4"},
		{"a.b", "a.b.", "192.0.2.3"},
		{"x.y", "x.y. x.y.one.test. x.y.two.test.", "no such name"},
		{"mail", "mail.one.test.", "no records"}, // it exists: both families must agree
		{"bad", "bad.one.test. bad.two.test.", "192.0.2.6"},
		{"slow", "slow.one.test.", "no answer in time"}, // silence must not change what a name means
		{strings.Repeat("x", 63), strings.Repeat("x", 63) + ".one.test. " + strings.Repeat("x", 63) + ".two.test. " + strings.Repeat("x", 63) + ".", "no such name"},
	} {
		r.asked = nil
		got, err := outcome(Lookup[*A](s, tt.name))
		text := fmt.Sprint(err)
		if err == nil {
			text = got[0].A.String()
		}
		asked := strings.ReplaceAll(strings.Join(r.asked, " "), " A", "")
		if !strings.Contains(text, tt.want) || asked != tt.asked {
			t.Errorf("%s: got %s, asked %s; want %s, %s", tt.name, text, asked, tt.want, tt.asked)
		}
	}
	long := strings.TrimSuffix(strings.Repeat("abcdefghi.", 25), ".") // fits alone only
	r.asked = nil
	outcome(Lookup[*A](s, long))
	if len(r.asked) != 1 {
		t.Errorf("a long name: asked %d", len(r.asked))
	}
}

// TestN18OrderSRV: by priority, and within one by chance, as weights say.
func TestN18OrderSRV(t *testing.T) {
	rand := sim.NewClock(t).Rand()
	const rounds = 20_000
	first := map[string]int{}
	for range rounds {
		all := []*SRV{{Target: "heavy.", Priority: 1, Weight: 60}, {Target: "last.", Priority: 2}, {Target: "light.", Priority: 1, Weight: 20}, {Target: "none.", Priority: 1}, {Target: "light2.", Priority: 1, Weight: 20}}
		if err := orderSRV(rand, all); err != nil {
			t.Fatal(err)
		}
		if all[4].Target != "last." {
			t.Fatalf("got %v: want the other priority last", all)
		}
		first[all[0].Target]++
	}
	// A draw of 0 to 100, inclusive: 0 is the one without weight.
	for target, weight := range map[string]int{"none.": 1, "light.": 20, "light2.": 20, "heavy.": 60} {
		want := rounds * weight / 101
		if got := first[target]; got < want*8/10-20 || got > want*12/10+20 {
			t.Errorf("%s first %d times: want about %d", target, got, want)
		}
	}
}

// TestN18DialSRV: the target of the best record is dialed, then the next; a
// domain without records is dialed itself; "." means no.
func TestN18DialSRV(t *testing.T) {
	w := sim.New(t, 0)
	client := w.Host("client").Loop()
	for _, name := range []string{"one", "two", "domain"} {
		w.Host(name)
	}
	w.Host("two").Listen("tcp", ":5222", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &sim.Ear{Transport: t} }))
	w.Host("domain").Listen("tcp", ":5222", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &sim.Ear{Transport: t} }))
	r := tableOf("_xmpp._tcp.both. SRV 1 0 5222 one.", "_xmpp._tcp.both. SRV 2 0 5222 two.", "_xmpp._tcp.dot. SRV 0 0 0 .", "_xmpp._tcp.down. SRV 0 0 5222 one.")
	r.fails["_xmpp._tcp.fail"] = ErrTimeout
	for _, tt := range []struct {
		domain string
		port   uint16
		peer   string // the host that is met
		err    error
	}{
		{"both", 0, "two", nil},
		{"domain", 5222, "domain", nil},
		{"domain", 0, "", ErrNoSuchName},
		{"dot", 5222, "", ErrNoService},
		{"fail", 5222, "", ErrTimeout},
		{"down", 5222, "", errAny},
	} {
		var p twistor.Protocol
		var err error
		fired := false
		ear := new(sim.Ear)
		DialSRV(client, r, SRVDial{Service: "xmpp", Domain: tt.domain, DefaultPort: tt.port}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { ear.Transport = t; return ear })).Done(func(got twistor.Protocol, e error) { p, err, fired = got, e, true })
		w.Run(func() bool { return fired })
		if tt.err == errAny && err != nil || tt.err != nil && errors.Is(err, tt.err) {
			continue
		}
		if err != nil || p != twistor.Protocol(ear) {
			t.Errorf("%s: got %v, %v", tt.domain, p, err)
			continue
		}
		if got, want := ear.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap(), w.Host(tt.peer); got != want.Addr() && got != want.Addr6() {
			t.Errorf("%s: met %v, want %s", tt.domain, got, tt.peer)
		}
		ear.Abort()
	}
}

var errAny = errors.New("any")

// put writes a file, as another program would.
func put(t *testing.T, h *sim.Host, name, text string) {
	t.Helper()
	h.Disk.Mkdir("/etc", 0o755)
	f, err := h.Disk.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// TestN08Hosts: names and addresses of the file, both families, all of them; a
// missing file is an empty one; a changed one is read again, after 5 s.
func TestN08Hosts(t *testing.T) {
	w := sim.New(t, 0)
	w.Net.WorkTime = time.Millisecond
	h := w.Host("client")
	hosts := &Hosts{Loop: h.Loop()}
	look := func(name string) string {
		t.Helper()
		var got string
		LookupAddrs(hosts, name).Done(func(all []netip.Addr, err error) {
			if got = fmt.Sprint(all); err != nil {
				got = err.Error()
			}
		})
		w.Run(func() bool { return got != "" })
		return got
	}
	want := func(name, want string) {
		t.Helper()
		if got := look(name); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	want("me.test", "not known here") // no file
	want("localhost", "[::1 127.0.0.1]")
	want("app.localhost.", "[::1 127.0.0.1]")
	put(t, h, "/etc/hosts", "# comment\n192.0.2.1 me.test me # and more\n2001:db8::1\tME.test\n192.0.2.2 me.test\nfe80::1%eth0 zone.test\nnonsense me.test\n192.0.2.3\n")
	want("me.test", "not known here") // not looked at yet
	w.Advance(5 * time.Second)
	want("me.test", "[2001:db8::1 192.0.2.1 192.0.2.2]")
	want("me", "[192.0.2.1]")
	want("zone.test", "not known here")
	var names []string
	LookupPTR(hosts, netip.MustParseAddr("192.0.2.1")).Done(func(got []string, err error) { names = got })
	w.Run(func() bool { return names != nil })
	if fmt.Sprint(names) != "[me.test. me.]" {
		t.Errorf("N08: names of the address: got %q", names)
	}
	var m *Message
	var err error
	hosts.Resolve(Question{Name: "me.test.", Qtype: TypeA, Qclass: ClassIN}, Options{}).Done(func(got *Message, e error) { m, err = got, e })
	w.Run(func() bool { return m != nil || err != nil })
	if err != nil || len(m.Answer) != 2 || m.Answer[0].Header().Ttl != 3600 {
		t.Errorf("N08: got %v, %v", m, err)
	}
	put(t, h, "/etc/hosts", "192.0.2.9 me.test\n")
	w.Advance(5 * time.Second)
	want("me.test", "[192.0.2.9]")
	h.Disk.Remove("/etc/hosts")
	w.Advance(5 * time.Second)
	want("me.test", "not known here")
}

// TestN04ResolvConf: all that the file can say, and what it cannot.
func TestN04ResolvConf(t *testing.T) {
	c := ParseResolvConf([]byte("; comment\n# comment\nnameserver 192.0.2.1 # trailing\nnameserver\t2001:db8::1\nnameserver fe80::1%eth0\nnameserver ns.test\n" +
		"domain old.test\nsearch one.test two.test. .\noptions ndots:2 timeout:3 attempts:4 rotate use-vc edns0 trust-ad ndots:x bogus\noptions timeout:999\nsortlist 1.2.3.4\nnameserver\n"))
	if got, want := fmt.Sprint(c.Servers), "[192.0.2.1:53 [2001:db8::1]:53 [fe80::1%eth0]:53]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := fmt.Sprint(c.Search, c.Ndots, c.Timeout, c.Attempts, c.Rotate, c.UseTCP, c.TrustAD); got != "[one.test two.test] 2 30s 4 true true true" {
		t.Errorf("got %s", got)
	}
	for i, want := range []string{`line 6: nameserver "ns.test": want an address`, `line 9: option "ndots:x": want a number from 0 to 15; option "bogus": not known`, "line 11: ", `line 12: "nameserver": want something`} {
		if i >= len(c.Ignored) || !strings.Contains(c.Ignored[i], want) {
			t.Errorf("ignored %q: want %q", c.Ignored, want)
		}
	}
	client := c.Client()
	if len(client.Servers) != 3 || client.Servers[0].Network != OverTCP || client.Order != InTurn || !client.TrustAD || len(client.Timeouts) != 4 || client.Deadline != 30*time.Second {
		t.Errorf("the client: %+v", client)
	}
	empty := ParseResolvConf(nil)
	if cl := empty.Client(); len(cl.Servers) != 1 || cl.Servers[0].addr().String() != "127.0.0.1:53" || empty.Attempts != 2 || empty.Timeout != 5*time.Second || empty.Ndots != 1 {
		t.Errorf("without a file: %+v", cl)
	}
}

// TestN07System: the hosts file goes first, then the servers of resolv.conf,
// which is read again after 60 s if it has changed; Names is on top.
func TestN07System(t *testing.T) {
	w := sim.New(t, 0)
	w.Net.WorkTime = time.Millisecond
	h := w.Host("client")
	one := (&fakeServer{udp: saying("60 A 192.0.2.1")}).serve(t, w.Host("one"))
	two := (&fakeServer{udp: saying("60 A 192.0.2.2")}).serve(t, w.Host("two"))
	put(t, h, "/etc/hosts", "192.0.2.77 file.test\n")
	put(t, h, "/etc/resolv.conf", "nameserver "+w.Host("one").Addr().String()+"\nsearch sub.test\n")
	clients := 0
	s := &System{Loop: h.Loop(), Before: func(c *Client) Resolver { clients++; return c }}
	names := &Names{Loop: h.Loop(), Resolver: s}
	want := func(name, want string) {
		t.Helper()
		var got string
		names.Resolve(name).Done(func(all []netip.Addr, err error) {
			if got = fmt.Sprint(all); err != nil {
				got = err.Error()
			}
		})
		w.Run(func() bool { return got != "" })
		if got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	want("file.test", "[192.0.2.77]")
	if len(one.heard) != 0 {
		t.Error("N07: a server was asked for a name of the file")
	}
	want("net.test", "[192.0.2.1]")
	want("short", "[192.0.2.1]")
	if q := one.heard[len(one.heard)-1].Question[0].Name; !strings.EqualFold(q, "short.sub.test.") {
		t.Errorf("N04: asked for %s", q)
	}
	want("192.0.2.5", "[192.0.2.5]")
	want("LOCALHOST", "[127.0.0.1 ::1]")
	put(t, h, "/etc/resolv.conf", "nameserver "+w.Host("two").Addr().String()+"\n# longer than before\n")
	want("other.test", "[192.0.2.1]")
	w.Advance(60 * time.Second)
	want("later.test", "[192.0.2.2]")
	if clients != 2 || len(two.heard) == 0 {
		t.Errorf("N04: %d clients", clients)
	}
	w.Advance(60 * time.Second)
	want("still.test", "[192.0.2.2]")
	if clients != 2 {
		t.Errorf("N04: a new client for a file that has not changed")
	}
	s.Close()
}

// A busyLoop has no place on its pool.
type busyLoop struct {
	twistor.Loop
	busy bool
}

func (l *busyLoop) Work(job func(context.Context) func()) (func(), error) {
	if l.busy {
		return nil, deferred.ErrPoolFull
	}
	return l.Loop.Work(job)
}

// TestN08Busy: while the pool is full a file that was read is as it was, and
// one that was not is looked at again soon.
func TestN08Busy(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("client")
	put(t, h, "/etc/hosts", "192.0.2.1 me.test\n")
	l := &busyLoop{h.Loop(), true}
	hosts := &Hosts{Loop: l}
	look := func() (addr netip.Addr, err error) {
		fired := false
		LookupHost(hosts, "me.test").Done(func(a netip.Addr, e error) { addr, err, fired = a, e, true })
		w.Run(func() bool { return fired })
		return addr, err
	}
	if a, err := look(); !errors.Is(err, deferred.ErrPoolFull) {
		t.Errorf("got %v, %v", a, err)
	}
	l.busy = false
	if a, err := look(); err != nil {
		t.Errorf("got %v, %v", a, err)
	}
	l.busy = true
	w.Advance(time.Minute)
	if a, err := look(); err != nil {
		t.Errorf("got %v, %v", a, err)
	}
}

// TestN08Large: a file beyond the limit is not read, which is logged once.
func TestN08Large(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("client")
	put(t, h, "/etc/resolv.conf", strings.Repeat("nameserver 192.0.2.1\n", maxResolvConfBytes/20))
	file := &followed[*ResolvConf]{name: "/etc/resolv.conf", every: time.Second, maxBytes: maxResolvConfBytes, parse: ParseResolvConf}
	for range 3 {
		var c *ResolvConf
		file.get(h.Loop()).Done(func(got *ResolvConf, err error) { c = got })
		w.Run(func() bool { return c != nil })
		if len(c.Servers) != 0 {
			t.Errorf("got %d servers", len(c.Servers))
		}
		w.Advance(2 * time.Second)
	}
	if n := strings.Count(w.Logged(), "cannot read"); n != 1 {
		t.Errorf("logged %d times: %s", n, w.Logged())
	}
}

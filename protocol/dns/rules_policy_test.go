package dns

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/twistor-go/twistor"
)

// from is a client's address.
func from(addr string) twistor.Peer {
	return twistor.Peer{Addr: netip.MustParseAddrPort(addr), Via: client.Via}
}

// TestDNS_04: what is no query, and what comes from where no client is, is never
// answered, over UDP, TCP and HTTPS: two servers cannot be made to talk to each other for ever.
func TestDNS_04(t *testing.T) {
	b := newBench(t, &Server{Handler: aHandler})
	_, p := question(t, "example.com.", TypeA)
	for _, tt := range []struct {
		name string
		p    []byte
		from twistor.Peer
		want int
	}{
		{"a client", p, client, 1},
		{"port 1", p, from("198.51.100.7:1"), 1},
		{"our port of another machine", p, from("198.51.100.7:1053"), 1},
		{"DNS", p, from("198.51.100.7:53"), 0},
		{"echo", p, from("198.51.100.7:7"), 0},
		{"quote of the day", p, from("198.51.100.7:17"), 0},
		{"chargen", p, from("198.51.100.7:19"), 0},
		{"RIP", p, from("198.51.100.7:520"), 0},
		{"no port", p, from("198.51.100.7:0"), 0},
		{"ourselves", p, from("192.0.2.53:53"), 0},
		{"a response", append([]byte{0, 1, 0x80}, p[3:]...), client, 0},
		{"a refusal", append([]byte{0, 1, 0x80, 5}, p[4:]...), client, 0},
		{"a malformed response", append([]byte{0, 1, 0x80, 0, 9, 9}, p[6:]...), client, 0},
		{"nothing", nil, client, 0},
		{"eleven bytes", p[:11], client, 0},
		{"twelve bytes", p[:12], client, 1},
	} {
		if got := len(b.udp(tt.p, tt.from)); got != tt.want {
			t.Errorf("%s: got %d answers, want %d", tt.name, got, tt.want)
		}
		if tt.from != client {
			continue
		}
		tr := b.tcp()
		tr.Receive(framed(tt.p))
		b.clock.Advance(0)
		if got := len(unframed(t, tr.Take())); got != tt.want || tr.Closed() != (tt.want == 0 || len(tt.p) == headerBytes) {
			t.Errorf("%s over TCP: got %d answers, closed %v; want %d", tt.name, got, tr.Closed(), tt.want)
		}
		tr.Reset()
		b.clock.Advance(0)
	}
	// A port other than 53 does not answer itself either.
	own := newBench(t, &Server{Handler: aHandler})
	if _, err := own.clock.ListenPacket(twistor.ListenConfig{Network: "udp", Address: "192.0.2.53:1053"}, own.s.Packets()); err != nil {
		t.Fatal(err)
	}
	own.port = own.clock.PacketPorts()[1]
	if got := len(own.udp(p, from("192.0.2.53:1053"))); got != 0 {
		t.Errorf("ourselves on port 1053: got %d answers, want none", got)
	}
	if got := len(own.udp(p, from("198.51.100.7:1053"))); got != 1 {
		t.Errorf("a client whose port is ours: got %d answers, want 1", got)
	}
}

// flood sends n times p from one network, 1,000 a second, and returns the bytes
// that go out and in.
func (b *bench) flood(p []byte, n int) (out, in int) {
	for i := range n {
		for _, a := range b.udp(p, from(fmt.Sprintf("203.0.113.%d:%d", i%250+1, 1024+i%60_000))) {
			out += len(a)
		}
		in += len(p)
		if i%10 == 0 {
			b.clock.Advance(10 * time.Millisecond)
		}
	}
	return out, in
}

// TestDNS_06: a network of strangers gets three bytes for each that it sends, and
// what is free; an answer has 1,232 bytes at most; a client of that network with
// a cookie, and everybody else, is served in spite of the flood. Without the
// limit the same flood would be answered twenty times over.
func TestDNS_06(t *testing.T) {
	const n = 5000
	m, _ := question(t, "example.com.", TypeTXT)
	m.SetEdns0(4096, true)
	p := pack(t, m)
	open := newBench(t, &Server{Handler: txtHandler(20), MaxAmplification: -1})
	out, in := open.flood(p, n)
	if factor := float64(out) / float64(in); factor < 20 || out/n > 1232 {
		t.Errorf("without a limit: got %.1f bytes for each, %d an answer; want over 20, and up to 1,232", factor, out/n)
	}

	b := newBench(t, &Server{Handler: txtHandler(20)})
	// An honest client gets its cookie before, or by one of the answers that come.
	m.IsEdns0().Option = append(m.IsEdns0().Option, cookieOption("0102030405060708"))
	honest := from("203.0.113.77:4711")
	m.IsEdns0().Option[0] = cookieOption(cookieOf(one(t, b.udp(pack(t, m), honest))))
	out, in = b.flood(p, n)
	free := freeBytes + freeBytesPerSecond*int(b.clock.Elapsed()/time.Second)
	if most := 3*in + free; out > most {
		t.Errorf("got %d bytes for %d, %.1f for each; want up to %d", out, in, float64(out)/float64(in), most)
	}
	if factor := float64(out-free) / float64(in); factor > 3 || out < in {
		t.Errorf("got %.2f bytes for each beyond what is free: want up to 3, and some", factor)
	}
	st := b.s.Stats()
	if st.Limited < n/2 || st.Truncated < st.Limited/2-1 {
		t.Errorf("got %d limited, %d truncated: want most, and half of them", st.Limited, st.Truncated)
	}
	if got := one(t, b.udp(pack(t, m), honest)); len(got.Answer) == 0 {
		t.Errorf("a client with a cookie: got %v, want an answer", got)
	}
	if got := one(t, b.udp(p, client)); len(got.Answer) == 0 {
		t.Errorf("a client of another network: got %v, want an answer", got)
	}
	m.IsEdns0().Option[0] = cookieOption("0102030405060708" + "01000000" + "70dbd880" + "0123456789abcdef")
	answered := 0
	for range 50 {
		for _, a := range b.udp(pack(t, m), honest) {
			if len(a) > 600 {
				answered++
			}
		}
	}
	if answered > 25 {
		t.Errorf("a client with a forged cookie: got %d answers of 50, want it limited", answered)
	}
	tr := b.tcpFrom("203.0.113.77:4711")
	tr.Receive(framed(p))
	b.clock.Advance(0)
	if got := one(t, unframed(t, tr.Take())); len(got.Answer) != 20 {
		t.Errorf("over TCP: got %v, want an answer", got)
	}
	tr.Reset()
	b.clock.Advance(0)
}

// TestDNS_06Rate: RatePerSecond is answers of a network, as many at once; every
// second one beyond is truncated. What is small is not otherwise limited.
func TestDNS_06Rate(t *testing.T) {
	b := newBench(t, &Server{Handler: aHandler, RatePerSecond: 100})
	_, p := question(t, "example.com.", TypeA)
	full, empty := 0, 0
	ask := func(n int) {
		full, empty = 0, 0
		for i := range n {
			for _, a := range b.udp(p, from(fmt.Sprintf("[2001:db8:0:%x::1]:1024", i%16))) {
				if m := one(t, []string{a}); m.Truncated {
					empty++
				} else {
					full++
				}
			}
		}
	}
	ask(300)
	if full != 100 || empty != 100 {
		t.Errorf("at once: got %d answers and %d empty ones of 300; want 100 and 100", full, empty)
	}
	b.clock.Advance(500 * time.Millisecond)
	ask(100)
	if full != 50 || empty != 25 {
		t.Errorf("half a second later: got %d and %d of 100, want 50 and 25", full, empty)
	}
	b.clock.Advance(time.Hour)
	ask(200)
	if full != 100 {
		t.Errorf("an hour later: got %d, want 100", full)
	}
	if got := one(t, b.udp(p, from("[2001:db8:1::1]:1024"))); got.Truncated {
		t.Error("another network: got an empty answer")
	}
	b.s.RatePerSecond = 0
	ask(300)
	if full != 300 {
		t.Errorf("without a limit: got %d of 300", full)
	}
}

// TestLimiterMemory: more networks than there is room for do not push out who
// asks all the time, and take no more memory.
func TestLimiterMemory(t *testing.T) {
	b := newBench(t, &Server{Handler: aHandler, RatePerSecond: 1})
	_, p := question(t, "example.com.", TypeA)
	limited := 0
	for i := range 3 * limiterSets * limiterWays {
		b.udp(p, from(fmt.Sprintf("10.%d.%d.1:1024", i>>8&255, i&255)))
		if i%100 == 0 {
			b.clock.Advance(time.Millisecond)
			if a := b.udp(p, from("203.0.113.1:1024")); len(a) == 0 || one(t, a).Truncated {
				limited++
			}
		}
	}
	if limited < 400 {
		t.Errorf("got a network limited %d times: want it remembered", limited)
	}
}

// TestCookies: a client gets a cookie, the same again, and a new one in time;
// one that is not its own, or too old, proves nothing; a Server can want one.
func TestCookies(t *testing.T) {
	b := newBench(t, &Server{Handler: aHandler, RequireCookie: true})
	const mine = "0102030405060708"
	m, plain := question(t, "example.com.", TypeA)
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = []dns.EDNS0{cookieOption(mine)}
	ask := func(cookie string, from twistor.Peer) (Rcode, string) {
		m.IsEdns0().Option[0] = cookieOption(cookie)
		got := one(t, b.udp(pack(t, m), from))
		return Rcode(got.Rcode), cookieOf(got)
	}
	code, first := ask(mine, client)
	if code != RcodeBadCookie || len(first) != 48 || first[:16] != mine {
		t.Fatalf("without: got %v, %s; want BADCOOKIE and a cookie", code, first)
	}
	other := client
	other.Addr = netip.MustParseAddrPort("198.51.100.8:4711")
	for _, tt := range []struct {
		name   string
		after  time.Duration
		cookie string
		from   twistor.Peer
		want   Rcode
		same   bool // as a fresh one of that second is
	}{
		{"the same", 0, first, client, RcodeSuccess, true},
		{"another port", 0, first, from("198.51.100.7:1"), RcodeSuccess, true},
		{"another client", 0, first, other, RcodeBadCookie, false},
		{"another half", 0, "ff" + first[2:], client, RcodeBadCookie, false},
		{"another hash", 0, first[:46] + "00", client, RcodeBadCookie, true},
		{"another version", 0, first[:16] + "02" + first[18:], client, RcodeBadCookie, true},
		{"20 bytes of theirs", 0, first + "00000000", client, RcodeBadCookie, true},
		{"in 31 minutes", 31 * time.Minute, first, client, RcodeSuccess, false},
		{"in an hour and more", 30 * time.Minute, first, client, RcodeBadCookie, false},
	} {
		b.clock.Advance(tt.after)
		code, cookie := ask(tt.cookie, tt.from)
		if code != tt.want || (cookie == first) != tt.same || cookie[:16] != tt.cookie[:16] {
			t.Errorf("%s: got %v, %s; want %v, the same %v", tt.name, code, cookie, tt.want, tt.same)
		}
	}
	for _, bad := range []string{"01", "010203040506070809", mine + "01020304050607", mine + strings.Repeat("00", 33)} {
		if code, _ := ask(bad, client); code != RcodeFormatError {
			t.Errorf("a cookie of %d bytes: got %v, want FORMERR", len(bad)/2, code)
		}
	}
	if got := one(t, b.udp(plain, client)); !got.Truncated || len(got.Answer) != 0 {
		t.Errorf("without EDNS: got %v, want it sent to TCP", got)
	}
	tr := b.tcp()
	tr.Receive(framed(plain))
	b.clock.Advance(0)
	if got := one(t, unframed(t, tr.Take())); len(got.Answer) != 1 {
		t.Errorf("over TCP: got %v, want an answer", got)
	}
	tr.Reset()

	// A day later another secret is in use, and for a while both.
	b.clock.Advance(24*time.Hour - time.Duration(b.clock.Now().Unix()%cookieEpochSeconds+60)*time.Second)
	_, evening := ask(mine, client)
	b.clock.Advance(2 * time.Minute)
	if code, _ := ask(evening, client); code != RcodeSuccess {
		t.Errorf("over midnight: got %v, want it taken", code)
	}
	_, morning := ask(mine, client)
	if d := b.s.jar.days; !d[0].known || !d[1].known || bytes.Equal(d[0].key[:], d[1].key[:]) {
		t.Errorf("got secrets %v: want two that differ", d)
	}
	// Servers of other loops take it, if they share the secrets.
	two := &Server{Handler: aHandler, RequireCookie: true, Cookies: b.s.jar.cookies}
	b.port.Close()
	b.s = two
	if _, err := b.clock.ListenPacket(twistor.ListenConfig{Network: "udp", Address: "192.0.2.54:53"}, two.Packets()); err != nil {
		t.Fatal(err)
	}
	ports := b.clock.PacketPorts()
	b.port = ports[len(ports)-1]
	if code, _ := ask(morning, client); code != RcodeSuccess {
		t.Errorf("another server: got %v, want it taken", code)
	}
}

// TestIdentity: who a server is, and what runs there, is said if that is wanted;
// by default questions of class CH are refused.
func TestIdentity(t *testing.T) {
	for _, tt := range []struct {
		name, version, identity, want string
		qtype                         uint16
	}{
		{"version.bind.", "", "ns1", "", TypeTXT},
		{"version.bind.", "1.0", "ns1", "1.0", TypeTXT},
		{"VERSION.server.", "1.0", "", "1.0", TypeTXT},
		{"hostname.bind.", "1.0", "", "", TypeTXT},
		{"hostname.bind.", "", "ns1", "ns1", TypeTXT},
		{"id.server.", "", "ns1", "ns1", TypeTXT},
		{"id.server.", "", "ns1", "", TypeA},
		{"authors.bind.", "1.0", "ns1", "", TypeTXT},
	} {
		b := newBench(t, &Server{Handler: aHandler, Version: tt.version, Identity: tt.identity})
		m, _ := question(t, tt.name, tt.qtype)
		m.Question[0].Qclass = ClassCH
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID}}
		got := one(t, b.udp(pack(t, m), client))
		text, nsid := "", ""
		if len(got.Answer) > 0 {
			text = got.Answer[0].(*dns.TXT).Txt[0]
		}
		for _, o := range got.IsEdns0().Option {
			nsid = string(unhex(t, o.(*dns.EDNS0_NSID).Nsid))
		}
		if text != tt.want || nsid != tt.identity || (got.Rcode == RcodeRefused) != (tt.want == "") {
			t.Errorf("%s: got %q, %v, NSID %q; want %q and %q", tt.name, text, Rcode(got.Rcode), nsid, tt.want, tt.identity)
		}
	}
}

// TestKeepalive: over TCP a client learns how long it may be idle, over UDP that
// option is not answered; and over TLS answers are padded, if it wants that.
func TestKeepalive(t *testing.T) {
	b := newBench(t, &Server{Handler: aHandler, IdleTimeout: 2500 * time.Millisecond})
	m, _ := question(t, "example.com.", TypeA)
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}, &dns.EDNS0_PADDING{Padding: make([]byte, 9)}}
	p := pack(t, m)
	if got := one(t, b.udp(p, client)); len(got.IsEdns0().Option) != 0 {
		t.Errorf("over UDP: got %v, want no options", got.IsEdns0())
	}
	tr := b.tcp()
	tr.Receive(framed(p))
	b.clock.Advance(0)
	answers := unframed(t, tr.Take())
	got := one(t, answers).IsEdns0().Option
	if len(got) != 1 || got[0].(*dns.EDNS0_TCP_KEEPALIVE).Timeout != 25 {
		t.Errorf("over TCP: got %v, want 2.5 s", got)
	}
	b.clock.Advance(2400 * time.Millisecond)
	if tr.Closed() {
		t.Error("after 2.4 s: got it closed")
	}
	b.clock.Advance(200 * time.Millisecond)
	if !tr.Closed() {
		t.Error("after 2.6 s: got it open")
	}
	tr.Reset()
	b.clock.Advance(0)
	for _, n := range []Network{OverTLS, OverHTTPS} {
		d := b.s.Answer(b.clock, p, client, n)
		a, _ := d.Result()
		if len(a.Value) != paddedBytes {
			t.Errorf("over %v: got %d bytes, want %d", n, len(a.Value), paddedBytes)
		}
	}
}

// TestAuthenticated: AD goes to who shows that it understands it, by AD or DO,
// and CD comes back.
func TestAuthenticated(t *testing.T) {
	b := newBench(t, &Server{Handler: HandlerFunc(func(w *ResponseWriter, q *Query) {
		w.SetAuthenticated(true)
		w.SetRecursionAvailable(true)
	})})
	for _, tt := range []struct{ ad, do, cd, rd, want bool }{
		{want: false}, {ad: true, want: true}, {do: true, want: true}, {cd: true, want: false}, {ad: true, cd: true, want: true}, {rd: true},
	} {
		m, _ := question(t, "example.com.", TypeA)
		m.AuthenticatedData, m.CheckingDisabled, m.RecursionDesired = tt.ad, tt.cd, tt.rd
		if tt.do {
			m.SetEdns0(1232, true)
		}
		got := one(t, b.udp(pack(t, m), client))
		if got.AuthenticatedData != tt.want || got.CheckingDisabled != tt.cd || got.RecursionDesired != tt.rd || !got.RecursionAvailable {
			t.Errorf("%+v: got %v", tt, got.MsgHdr)
		}
	}
}

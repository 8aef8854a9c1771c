package endpoint_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/sim"
)

const (
	header1 = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"
	header2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x01\xbb"
	local2  = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

// proxied opens an endpoint on a clock and returns a connection to it.
func proxied(t *testing.T, s string, from net.Addr) (*sim.Clock, *echo, *sim.Transport) {
	t.Helper()
	l, f := sim.NewClock(t), &echo{}
	if _, err := endpoint.Listen(l, s, f); err != nil {
		t.Fatal(err)
	}
	port := l.Ports()[0]
	tr := sim.NewTransport(l)
	tr.SetAddrs(port.Addr(), from)
	tr.Build(port.Factory)
	return l, f, tr
}

var balancer = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9), Port: 1234}

// E13: the client's addresses are shown in place of the balancer's, and the
// bytes after the header are the protocol's, however the header is cut.
func TestE13ProxyShowsTheClient(t *testing.T) {
	for name, header := range map[string]string{"v1": header1, "v2": header2} {
		for cut := 1; cut <= len(header)+3; cut++ {
			l, f, tr := proxied(t, "proxy:tcp:80", balancer)
			all := header + "hello"
			tr.Receive(all[:cut], all[cut:])
			if f.last == nil {
				t.Fatalf("%s, cut after %d: got no protocol, want one", name, cut)
			}
			if got, want := f.last.RemoteAddr().String(), "192.0.2.1:56324"; got != want {
				t.Errorf("%s: got client %s, want %s", name, got, want)
			}
			if got, want := f.last.LocalAddr().String(), "192.0.2.2:443"; got != want {
				t.Errorf("%s: got local address %s, want %s", name, got, want)
			}
			if got := tr.Written(); got != "hello" {
				t.Errorf("%s, cut after %d: got %q back, want hello", name, cut, got)
			}
			if f.last.connected != 1 {
				t.Errorf("%s: got Connected %d times, want once", name, f.last.connected)
			}
			if n := l.Pending(); n != 0 {
				t.Errorf("%s: got %d timers after the header, want 0", name, n)
			}
		}
	}
}

// E13: LOCAL and UNKNOWN leave the addresses as they are; what lies below is
// found by As; logs show both.
func TestE13ProxySpeaksForItself(t *testing.T) {
	for _, header := range []string{local2, "PROXY UNKNOWN\r\n"} {
		_, f, tr := proxied(t, "proxy:tcp:80", balancer)
		tr.Receive(header)
		if got, want := f.last.RemoteAddr().String(), balancer.String(); got != want {
			t.Errorf("%q: got client %s, want %s", header, got, want)
		}
	}
	l, f, tr := proxied(t, "proxy:tcp:80", balancer)
	tr.Receive(header1)
	if _, ok := twistor.As[twistor.Tuner](f.last.Transport); !ok {
		t.Error("got no Tuner below the PROXY header, want the TCP connection's")
	}
	l.Log().Info("test", "conn", f.last.Transport)
	for _, want := range []string{"192.0.2.1:56324", "10.0.0.9:1234"} {
		if !strings.Contains(l.Logged(), want) {
			t.Errorf("got log %q, want %s in it", l.Logged(), want)
		}
	}
}

// E13, Q06: a connection that begins otherwise is closed, and nothing of it
// reaches the protocol.
func TestE13InvalidHeaderCloses(t *testing.T) {
	for _, in := range []string{"GET / HTTP/1.1\r\n", "PROXY TCP4 x\r\n", header2[:12] + "\x11" + header2[13:]} {
		l, f, tr := proxied(t, "proxy:tcp:80", balancer)
		tr.Receive(in, header1, "hello")
		if f.last != nil || tr.Err() == nil || tr.Written() != "" {
			t.Errorf("%q: got protocol %v, error %v, output %q, want a closed connection", in, f.last, tr.Err(), tr.Written())
		}
		if !strings.Contains(l.Logged(), "no valid PROXY header") {
			t.Errorf("%q: got log %q, want the reason", in, l.Logged())
		}
	}
}

// E13: a header that is late closes, also when bytes keep trickling in.
func TestE13LateHeaderCloses(t *testing.T) {
	l, _, tr := proxied(t, "proxy:tcp:80", balancer)
	for i := range 9 {
		l.Advance(time.Second)
		tr.Receive(header1[i : i+1])
	}
	if tr.Err() != nil {
		t.Fatalf("got error %v after 9 s, want none", tr.Err())
	}
	l.Advance(time.Second)
	if tr.Err() == nil {
		t.Error("got an open connection after 10 s without a header, want a closed one")
	}

	l, _, tr = proxied(t, "proxy:timeout=2s:tcp:80", balancer)
	l.Advance(2 * time.Second)
	if tr.Err() == nil {
		t.Error("got an open connection after timeout=2s, want a closed one")
	}

	l, f, tr := proxied(t, "proxy:timeout=none:tcp:80", balancer)
	l.Advance(time.Hour)
	tr.Receive(header1)
	if f.last == nil {
		t.Error("got no protocol with timeout=none, want one")
	}
}

// E13: a connection that ends before its header leaves nothing behind.
func TestE13EndBeforeHeader(t *testing.T) {
	l, f, tr := proxied(t, "proxy:tcp:80", balancer)
	tr.Receive("PROXY")
	tr.End()
	if !errors.Is(tr.Err(), io.EOF) || f.last != nil || l.Pending() != 0 {
		t.Errorf("got error %v, protocol %v, %d timers, want io.EOF, none, 0", tr.Err(), f.last, l.Pending())
	}
}

// PX-07: only who is trusted may say who the client is. The same header from
// another host is refused before it is read.
func TestPX07UntrustedPeerIsRefused(t *testing.T) {
	tcp := func(s string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(s), Port: 1} }
	for _, tt := range []struct {
		endpoint string
		from     net.Addr
		want     bool
	}{
		{"proxy:tcp:80", tcp("127.0.0.1"), true},
		{"proxy:tcp:80", tcp("10.1.2.3"), true},
		{"proxy:tcp:80", tcp("::1"), true},
		{"proxy:tcp:80", tcp("::ffff:10.1.2.3"), true},
		{"proxy:tcp:80", tcp("fd00::1"), true},
		{"proxy:tcp:80", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 1, Zone: "eth0"}, true},
		{"proxy:tcp:80", tcp("172.32.0.1"), false},
		{"proxy:tcp:80", tcp("203.0.113.1"), false},
		{"proxy:tcp:80", tcp("2001:db8::1"), false},
		{"proxy:unix:/run/x", &net.UnixAddr{Net: "unix"}, true},
		{"proxy:from=203.0.113.0/24,[2001:db8::]/32:tcp:80", tcp("203.0.113.1"), true},
		{"proxy:from=203.0.113.0/24,[2001:db8::]/32:tcp:80", tcp("2001:db8::1"), true},
		{"proxy:from=203.0.113.0/24,[2001:db8::]/32:tcp:80", tcp("10.1.2.3"), false},
		{"proxy:from=203.0.113.7:tcp:80", tcp("203.0.113.7"), true},
		{"proxy:from=203.0.113.7:tcp:80", tcp("203.0.113.8"), false},
		{"proxy:from=any:tcp:80", tcp("203.0.113.8"), true},
		{"proxy:from=any:tcp:80", tcp("2001:db8::1"), true},
	} {
		l, f, tr := proxied(t, tt.endpoint, tt.from)
		tr.Receive(header1, "hello")
		if got := f.last != nil; got != tt.want {
			t.Errorf("%s from %v: got served %v, want %v", tt.endpoint, tt.from, got, tt.want)
		}
		l.Advance(0)
		if got := tr.Aborted(); got == tt.want {
			t.Errorf("%s from %v: got reset %v, want %v", tt.endpoint, tt.from, got, !tt.want)
		}
	}
}

// PX-07: without proxy: a header is nothing but bytes.
func TestPX07OffByDefault(t *testing.T) {
	_, f, tr := proxied(t, "tcp:80", balancer)
	tr.Receive(header1)
	if got, want := f.last.RemoteAddr().String(), balancer.String(); got != want {
		t.Errorf("got client %s, want %s", got, want)
	}
}

// E13: the factory's Opened and Closed come through, and a factory may refuse.
func TestE13ProxyFactory(t *testing.T) {
	l, f := sim.NewClock(t), &opening{refuse: true}
	port, err := endpoint.Listen(l, "proxy:tcp:80", f)
	if err != nil || f.opened != 1 {
		t.Fatalf("got error %v, Opened %d times, want once", err, f.opened)
	}
	tr := l.Ports()[0].Accept()
	tr.Receive(header1)
	l.Advance(0)
	if !tr.Closed() || tr.Written() != "no" {
		t.Errorf("got closed %v, output %q after a refusal, want a flush of no", tr.Closed(), tr.Written())
	}
	port.Close()
	l.Advance(0)
	if f.closed != 1 {
		t.Errorf("got Closed %d times, want once", f.closed)
	}
	f.fail = errors.New("cannot open")
	if _, err := endpoint.Listen(l, "proxy:tcp:81", f); !errors.Is(err, f.fail) {
		t.Errorf("got error %v, want %v", err, f.fail)
	}
}

// An opening counts, and refuses politely.
type opening struct {
	opened, closed int
	refuse         bool
	fail           error
}

func (f *opening) Opened(twistor.Loop) error { f.opened++; return f.fail }
func (f *opening) Closed()                   { f.closed++ }
func (f *opening) Build(t twistor.Transport) twistor.Protocol {
	io.WriteString(t, "no")
	return nil
}

// E13: the header comes before TLS; what is behind it is for the handshake.
func TestE13ProxyBeforeTLS(t *testing.T) {
	l, f := sim.NewClock(t), &echo{}
	ca := newAuthority(t, "ca")
	ca.write(l, "/site.pem", "a.example")
	if _, err := endpoint.Listen(l, "proxy:tls:443:cert=/site.pem", f); err != nil {
		t.Fatal(err)
	}
	port := l.Ports()[0]
	if port.Config.TLS != nil {
		t.Error("got TLS on the port, want it behind the header")
	}
	client := &securing{header: header2, config: &tls.Config{RootCAs: ca.pool(), ServerName: "a.example"}}
	pipe := sim.NewPipe(l, port.Factory, client)
	pipe.Flush()
	l.Advance(time.Second)
	if f.last == nil || client.heard != "hello" {
		t.Fatalf("got protocol %v, answer %q, want hello", f.last, client.heard)
	}
	if got, want := f.last.RemoteAddr().String(), "192.0.2.1:56324"; got != want {
		t.Errorf("got client %s, want %s", got, want)
	}
	if f.last.TLS() == nil {
		t.Error("got no TLS, want it")
	}
}

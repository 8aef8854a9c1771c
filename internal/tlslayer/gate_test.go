package tlslayer_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/sim"
)

// A crowd is one server factory and many clients of it.
type crowd struct {
	*sim.Clock
	gate   *tlslayer.Gate
	server twistor.Factory
	done   int     // handshakes that succeeded
	failed []error // and those that did not
}

func newCrowd(t sim.T) *crowd {
	w := &crowd{Clock: sim.NewClock(t)}
	w.server = tlslayer.Factory(ca.Server("a.test"), twistor.AsServer,
		twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol { return &talker{Transport: tr} }),
		func(p twistor.Protocol, err error) {
			if err == nil {
				w.done++
			} else {
				w.failed = append(w.failed, err)
			}
		})
	w.gate = tlslayer.GateOf(w.Clock, w.server)
	return w
}

// honest is a client that shakes hands.
func (w *crowd) honest() *outcome {
	o := new(outcome)
	var c talker
	sim.NewPipe(w.Clock, w.server, tlslayer.Factory(ca.Client("a.test"), twistor.AsClient, c.factory(), o.done))
	return o
}

// hello is what a client says first.
func hello(t testing.TB, config *tls.Config) []byte {
	c := sim.NewClock(nil)
	tr := sim.Connect(c, tlslayer.Factory(config, twistor.AsClient, (&talker{}).factory(), nil))
	c.Advance(0)
	if tr.Written() == "" {
		t.Fatal("no hello")
	}
	return []byte(tr.Written())
}

// saying is a peer that says b and nothing else.
func (w *crowd) saying(b []byte) *sim.Transport {
	tr := sim.Connect(w.Clock, w.server)
	if len(b) > 0 {
		tr.Receive(string(b))
	}
	return tr
}

// TestTLS_01Slowloris: connections that send nothing, or half a hello a byte at a
// time, count as no handshake, are gone after 10 s whatever they send, and keep
// nobody out. An honest client is the positive control.
func TestTLS_01Slowloris(t *testing.T) {
	n := 10_000
	if testing.Short() || raceEnabled {
		n = 1000
	}
	w := newCrowd(t)
	w.gate.MaxHandshakes = 16
	half := hello(t, ca.Client("a.test"))
	half = half[:len(half)-1]
	var slow []*sim.Transport
	for i := range n {
		slow = append(slow, w.saying(half[:i%2*len(half)/2]))
	}
	w.Advance(0)
	if got := w.gate.Running(); got != 0 {
		t.Errorf("%d handshakes run, want none", got)
	}
	o := w.honest()
	if w.Advance(0); o.err != nil || o.calls != 1 {
		t.Errorf("an honest client among %d slow ones: %+v", n, o)
	}
	for range 9 { // no byte resets the deadline
		w.Advance(time.Second)
		for i, tr := range slow {
			if i%2 == 1 {
				tr.Receive(string(half[len(half)/2]))
			}
		}
	}
	if w.Advance(999 * time.Millisecond); len(w.failed) != 0 {
		t.Errorf("%d ended before 10 s", len(w.failed))
	}
	if w.Advance(time.Millisecond); len(w.failed) != n || !errors.Is(w.failed[0], tlslayer.ErrHandshakeTimeout) {
		t.Errorf("after 10 s %d of %d ended, with %v", len(w.failed), n, w.failed[:min(1, len(w.failed))])
	}
	for _, tr := range slow {
		if tr.Err() == nil {
			t.Fatal("a connection goes on")
		}
	}
}

// TestTLS_01AtMostSoMany: peers that stop after a whole hello fill the gate; the
// next ones wait, and after a second those who stalled longest give way.
func TestTLS_01AtMostSoMany(t *testing.T) {
	w := newCrowd(t)
	w.gate.MaxHandshakes = 4
	h := hello(t, ca.Client("a.test"))
	var stalled []*sim.Transport
	for range 4 {
		stalled = append(stalled, w.saying(h))
	}
	w.Advance(0)
	if got := w.gate.Running(); got != 4 {
		t.Fatalf("%d handshakes run, want 4", got)
	}
	w.Advance(100 * time.Millisecond)
	a, b := w.honest(), w.honest()
	w.Advance(0)
	if tr := w.saying(h); !tr.Paused() {
		t.Error("who waits outside goes on sending")
	} else {
		tr.Reset()
	}
	if w.gate.Running() != 4 || a.calls+b.calls != 0 {
		t.Errorf("%d handshakes run, %d are done; want 4, and nobody let in", w.gate.Running(), a.calls+b.calls)
	}
	w.failed = w.failed[:0]
	if w.Advance(899 * time.Millisecond); len(w.failed) != 0 {
		t.Errorf("%v gave way within a second", w.failed)
	}
	w.Advance(time.Millisecond)
	if a.calls != 1 || a.err != nil || b.calls != 1 || b.err != nil {
		t.Errorf("the honest ones: %+v, %+v; want both done", a, b)
	}
	if got := len(w.failed); got == 0 || got > 2 || stalled[0].Err() == nil || stalled[3].Err() != nil {
		t.Errorf("%d gave way, want the first one or two", got)
	}
	w.Advance(10 * time.Second)
	if got := w.gate.Running(); got != 0 || len(w.failed) != 4 {
		t.Errorf("%d run and %d failed in the end, want 0 and 4", got, len(w.failed))
	}
}

// TestTLS_01StepsPerTurn: at most 8 handshakes are advanced in one turn of the
// loop, whoever knocks.
func TestTLS_01StepsPerTurn(t *testing.T) {
	w := newCrowd(t)
	h := hello(t, ca.Client("a.test"))
	var all []*sim.Transport
	for range 20 {
		all = append(all, w.saying(h))
	}
	answered := func() (n int) {
		for _, tr := range all {
			if tr.Written() != "" {
				n++
			}
		}
		return n
	}
	if got := answered(); got != 8 {
		t.Errorf("%d hellos were answered in one turn, want 8", got)
	}
	if w.Advance(0); answered() != 20 {
		t.Errorf("%d hellos were answered in the end, want 20", answered())
	}
}

// TestTLS_01LeftWhileWaiting: who leaves before being let in is not let in.
func TestTLS_01LeftWhileWaiting(t *testing.T) {
	w := newCrowd(t)
	w.gate.MaxHandshakes = 1
	h := hello(t, ca.Client("a.test"))
	w.saying(h)
	left := w.saying(h)
	o := w.honest()
	w.Advance(0)
	left.Reset()
	w.Advance(10 * time.Second)
	if o.calls != 1 || o.err != nil || w.done != 1 || w.gate.Running() != 0 {
		t.Errorf("the honest one: %+v; %d done, %d running", o, w.done, w.gate.Running())
	}
}

// TestTLS_05NotTLS: who does not speak TLS is told so in his own words, once, and
// the connection ends; who does is the positive control.
func TestTLS_05NotTLS(t *testing.T) {
	for _, test := range []struct{ says, want string }{
		{"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "HTTP/1.0 400 "},
		{"POST /x HTTP/1.1\r\n", "HTTP/1.0 400 "},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.0 400 "},
		{"SSH-2.0-OpenSSH_9\r\n", "\x15\x03\x01\x00\x02\x02\x0a"},
		{"\x00\x00\x00\x00\x00", "\x15\x03\x01\x00\x02\x02\x0a"},
		{"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", "\x15\x03"}, // SSLv2
	} {
		w := newCrowd(t)
		tr := w.saying([]byte(test.says))
		w.Advance(time.Minute)
		if got := tr.Written(); len(got) < len(test.want) || got[:len(test.want)] != test.want {
			t.Errorf("%.10q: got %.20q, want %q", test.says, got, test.want)
		}
		if len(w.failed) != 1 || tr.Err() == nil || !tr.Closed() {
			t.Errorf("%.10q: failed %v, ended with %v", test.says, w.failed, tr.Err())
		}
	}
	w := newCrowd(t)
	if tr := w.saying(hello(t, ca.Client("a.test"))); len(tr.Written()) < 100 || tr.Written()[0] != 22 {
		t.Errorf("to a hello: got %.20q", tr.Written())
	}
}

// TestTLS_05Linger: who broke the rules has two seconds to read the alert.
func TestTLS_05Linger(t *testing.T) {
	w := newCrowd(t)
	tr := w.saying(nil)
	tr.Hold()
	tr.Receive("SSH-2.0-OpenSSH_9\r\n")
	if w.Advance(1999 * time.Millisecond); tr.Err() != nil {
		t.Errorf("ended with %v within two seconds", tr.Err())
	}
	if w.Advance(time.Millisecond); tr.Err() == nil {
		t.Error("goes on after two seconds")
	}
}

// TestTLS_05ALPN: without a common protocol the handshake fails with its own
// alert: "If the server supports no protocols that the client advertises, then
// the server SHALL respond with a fatal "no_application_protocol" alert."
// https://www.rfc-editor.org/rfc/rfc7301#section-3.2
func TestTLS_05ALPN(t *testing.T) {
	for _, test := range []struct {
		server, client []string
		want           string // "": failure
	}{
		{[]string{"h2"}, []string{"h2", "http/1.1"}, "h2"},
		{[]string{"ftp"}, []string{"h2", "http/1.1"}, ""},
		{[]string{"imap"}, []string{"pop3"}, ""},
	} {
		sc, cc := ca.Server("a.test"), ca.Client("a.test")
		sc.NextProtos, cc.NextProtos = test.server, test.client
		var s, c talker
		l := newLink(t, sc, cc, s.factory(), c.factory())
		if test.want != "" {
			wantString(t, "negotiated", s.TLS().NegotiatedProtocol, test.want)
			continue
		}
		var alert *net.OpError
		if !errors.As(l.client.err, &alert) || fmt.Sprint(alert.Err) != "tls: no application protocol" {
			t.Errorf("%q and %q: client got %v, want the alert", test.server, test.client, l.client.err)
		}
		if l.server.err == nil || s.events != nil || c.events != nil {
			t.Errorf("%q and %q: server got %v; events %q, %q", test.server, test.client, l.server.err, s.events, c.events)
		}
	}
}

// TestTLS_07WaitingBytes: what a peer sends while its handshake waits for us, here
// for the pool of workers, stops at 16 KiB, and goes on afterwards.
func TestTLS_07WaitingBytes(t *testing.T) {
	sc := &tls.Config{Certificates: []tls.Certificate{ca.Issue(certtest.Leaf{Names: []string{"a.test"}, Key: certtest.RSA()})}}
	c := sim.NewClock(t)
	c.WorkTime = time.Second
	var s talker
	tr := sim.Connect(c, tlslayer.Factory(sc, twistor.AsServer, s.factory(), nil))
	tr.Receive(string(hello(t, ca.Client("a.test"))))
	c.Advance(0)
	tr.Receive(string(make([]byte, 10_000)))
	if tr.Paused() {
		t.Error("paused after 10,000 bytes")
	}
	tr.Receive(string(make([]byte, 10_000)))
	if !tr.Paused() {
		t.Error("not paused after 20,000 bytes")
	}
	if c.Advance(time.Second); tr.Err() == nil && !tr.Closed() && tr.Paused() {
		t.Error("still paused when the handshake went on")
	}
}

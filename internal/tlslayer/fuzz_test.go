package tlslayer_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/sim"
)

// TestHello: a hello is complete at its last byte, however many records it is
// cut into; what is no hello, as soon as that can be seen.
func TestHello(t *testing.T) {
	whole := hello(t, ca.Client("a.test"))
	for _, size := range []int{1, 3, 4, 5, 100, 16 << 10} {
		var b []byte
		for m := whole[5:]; len(m) > 0; {
			part := m[:min(size, len(m))]
			m = m[len(part):]
			b = append(b, 22, 3, 1, byte(len(part)>>8), byte(len(part)))
			b = append(b, part...)
		}
		if got := tlslayer.HelloAt(append(b, "more"...)); got != len(b) {
			t.Errorf("records of %d bytes: complete at %d, want %d", size, got, len(b))
		}
	}
	for _, test := range []struct {
		b    string
		want int
	}{
		{"GET /", 1},
		{"\x16GET /", 2},
		{"\x16\x03\x01\x00\x00", 5},             // an empty record
		{"\x16\x03\x01\xff\xff", 5},             // a long one
		{"\x16\x03\x01\x00\x01\x01\x15\x03", 7}, // an alert in the middle
		{"\x16\x03\x01\x40\x00\x01", -1},
		{"", -1},
	} {
		if got := tlslayer.HelloAt([]byte(test.b)); got != test.want {
			t.Errorf("%q: complete at %d, want %d", test.b, got, test.want)
		}
	}
}

// FuzzHello: whether a hello is complete does not depend on how it was cut, and
// stays so.
func FuzzHello(f *testing.F) {
	f.Add(hello(f, ca.Client("a.test")))
	f.Add([]byte("\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x05\x00\x00\x02xx"))
	f.Add([]byte("\x16\x03\x01\x00\x04\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		at := tlslayer.HelloAt(b)
		if got := tlslayer.HelloComplete(b); got != (at >= 0) {
			t.Errorf("at once %v, byte by byte at %d", got, at)
		}
		if at > 0 && tlslayer.HelloComplete(b[:at-1]) {
			t.Errorf("complete at %d and before", at)
		}
	})
}

// FuzzServer: no bytes whatever crash a server, or reach its protocol, and
// within the deadline the connection is over or the handshake waits in vain.
func FuzzServer(f *testing.F) {
	h := hello(f, ca.Client("a.test"))
	f.Add(h, 0)
	f.Add(append(h[:len(h):len(h)], "\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x05hello"...), 100)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), 3)
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28"), 1)
	config := ca.Server("a.test")
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var s talker
		var o outcome
		c := sim.NewClock(t)
		tr := sim.Connect(c, tlslayer.Factory(config, twistor.AsServer, s.factory(), o.done))
		cut = max(0, min(cut, len(b)))
		tr.Receive(string(b[:cut]), string(b[cut:]))
		c.Advance(0)
		c.Advance(time.Minute)
		if s.events != nil || o.calls != 1 || o.err == nil || tr.Err() == nil {
			t.Errorf("events %q, done %+v, ended with %v", s.events, o, tr.Err())
		}
	})
}

// FuzzCuts: what two layers say to each other does not depend on how the
// network cuts it.
func FuzzCuts(f *testing.F) {
	f.Add(uint64(1), []byte("hello"), true)
	f.Add(uint64(2), make([]byte, 40_000), false)
	f.Fuzz(func(t *testing.T, seed uint64, said []byte, new bool) {
		v := uint16(tls.VersionTLS12)
		if new {
			v = tls.VersionTLS13
		}
		if len(said) > 100_000 {
			t.Skip()
		}
		var s, c talker
		s.received = func(p []byte) { s.Write(p) }
		c.connected = func() { c.Write(said) }
		l := joined(t, at(v, ca.Server("a.test")), at(v, ca.Client("a.test")), s.factory(), c.factory())
		l.pipe.Cut(seed)
		l.Advance(0)
		if string(s.heard) != string(said) || string(c.heard) != string(said) {
			t.Errorf("server heard %d bytes, client %d; want %d", len(s.heard), len(c.heard), len(said))
		}
	})
}

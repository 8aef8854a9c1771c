package tlslayer_test

import (
	"testing"
)

func TestEcho(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		var s, c talker
		s.received = func(p []byte) { s.Write(p) }
		c.connected = func() { c.Write([]byte("hello")) }
		l := newLink(t, at(v, ca.Server("a.test")), at(v, ca.Client("a.test")), s.factory(), c.factory())
		wantString(t, "server heard", s.heard, "hello")
		wantString(t, "client heard", c.heard, "hello")
		c.Close()
		l.Advance(0)
		t.Log(s.events, c.events, l.server, l.client)
	})
}

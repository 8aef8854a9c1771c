package cred_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/sim"
)

// A line is a transport that has an address, and perhaps TLS.
type line struct {
	twistor.Transport
	remote net.Addr
	state  *tls.ConnectionState
}

func (l line) RemoteAddr() net.Addr      { return l.remote }
func (l line) TLS() *tls.ConnectionState { return l.state }

// CR01: what is known of a peer before it logs in.
func TestCR01OriginOf(t *testing.T) {
	tcp := &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1"), Port: 1}
	v6 := &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 1}
	state := &tls.ConnectionState{}
	for _, c := range []struct {
		name string
		t    line
		want cred.Origin
	}{
		{"TCP", line{remote: tcp}, cred.Origin{Peer: netip.MustParseAddr("192.0.2.1")}},
		{"TLS", line{remote: tcp, state: state}, cred.Origin{Peer: netip.MustParseAddr("192.0.2.1"), Secure: true, TLS: state}},
		{"IPv6", line{remote: v6}, cred.Origin{Peer: netip.MustParseAddr("fe80::1")}},
		{"UNIX", line{remote: &net.UnixAddr{}}, cred.Origin{Secure: true}},
		{"nothing", line{}, cred.Origin{}},
	} {
		if got := cred.OriginOf(c.t); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// CR09: hosts of IPv6 are counted by what one customer gets, a /64.
func TestCR09TriesByNetwork(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	guess := func(from string) (late bool) {
		login := d.Login(d.clock, password("jo", "wrong"), cred.Origin{Peer: netip.MustParseAddr(from)})
		d.clock.Advance(time.Millisecond)
		_, fired := login.Result()
		login.Cancel()
		d.clock.Advance(0)
		return !fired
	}
	for range 5 {
		guess("2001:db8::1")
		guess("192.0.2.1")
	}
	for from, want := range map[string]bool{"2001:db8::2": true, "2001:db8:0:1::1": false, "192.0.2.2": false, "::ffff:192.0.2.1": true} {
		if got := guess(from); got != want {
			t.Errorf("%s: delayed: %v, want %v", from, got, want)
		}
	}
}

// CR01: a portal's state has no lock, so a second loop is refused.
func TestCR01OneLoop(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	d.login(password("jo", "secret"))
	other := sim.NewClock(t)
	_, err := wait(t, other, d.Login(other, password("jo", "secret"), peer))
	if _, ok := errors.AsType[*deferred.PanicError](err); !ok {
		t.Errorf("got %v, want a panic that says so", err)
	}
}

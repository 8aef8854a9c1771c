package tlslayer_test

import (
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// TestReentrancy does everything a protocol can ask inside everything it can
// hear: no recursion, no event after the last, the last exactly once. It is F-16
// for this layer.
func TestReentrancy(t *testing.T) {
	actions := map[string]func(p *halfTalker){
		"write":      func(p *halfTalker) { p.Write([]byte("x")) },
		"much":       func(p *halfTalker) { p.Write(make([]byte, 100_000)) },
		"too much":   func(p *halfTalker) { p.Write(make([]byte, 2<<20)) },
		"close":      func(p *halfTalker) { p.Close() },
		"closeWrite": func(p *halfTalker) { p.CloseWrite() },
		"abort":      func(p *halfTalker) { p.Abort() },
		"pause":      func(p *halfTalker) { p.Pause() },
		"resume":     func(p *halfTalker) { p.Pause(); p.Resume() },
		"switch":     func(p *halfTalker) { p.Switch(&talker{Transport: p.Transport}, []byte("x")) },
		"file":       func(p *halfTalker) { p.SendFile(section("file")).Done(nil) },
		"limits":     func(p *halfTalker) { p.SetLimits(twistor.Limits{High: 1, Max: 10}) },
		"startTLS":   func(p *halfTalker) { p.StartTLS(ca.Server("b.test"), twistor.AsServer, nil) },
	}
	places := map[string]func(p *halfTalker, act func()){
		"connected":  func(p *halfTalker, act func()) { p.connected = act },
		"received":   func(p *halfTalker, act func()) { p.received = func([]byte) { act() } },
		"readClosed": func(p *halfTalker, act func()) { p.readClosed = act },
	}
	for place, set := range places {
		for first, a := range actions {
			for second, b := range actions {
				var s halfTalker
				var c talker
				set(&s, func() { a(&s); b(&s) })
				c.connected = func() { c.Write([]byte("hello")); c.Close() }
				l := &link{Clock: sim.NewClock(t)}
				l.TLS = instant{} // 432 handshakes
				l.join(nil, nil, s.factory(), c.factory())
				l.Advance(0)
				s.Abort()
				l.Advance(60e9)
				ended := 0
				for i, e := range s.events {
					if strings.HasPrefix(e, "disconnected") {
						ended++
						if i != len(s.events)-1 {
							t.Errorf("%s, %s, %s: events after the end: %q", place, first, second, s.events)
						}
					}
				}
				want := 1
				if s.err == nil && (first == "switch" || second == "switch" || first == "startTLS") {
					want = 0 // another one heard
				}
				if ended != want {
					t.Errorf("%s, %s, %s: got %q, want one end", place, first, second, s.events)
				}
				l.Close()
			}
		}
	}
}

package sim

import (
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/twistor-go/twistor/internal/poll"
)

// Leaks are what a World may find at its end without failing the test.
type Leaks struct {
	Connections bool // still open between two hosts
	Timers      bool // still to come on a host without ports and connections
}

// farewell is how long hosts have to end their connections when the Peers have
// gone: longer than Limits.Linger and the keep-alive of a connection take.
const farewell = 2 * time.Minute

// Close ends the World. All faults end and all Peers leave; then the test fails
// for connections that are still open two virtual minutes later, and for timers
// of hosts with neither ports nor connections, unless Tolerate says otherwise.
// Then the reactors close, and the test fails for failures that nobody handled
// and for logged errors that nobody took with Errors. The end of the test calls
// it; later calls do nothing.
//
// If the test has failed, the log says how to replay it, and what happened last.
func (w *World) Close() {
	if w.closed {
		return
	}
	w.t.Helper()
	w.closed = true
	if !w.t.Failed() {
		w.leave()
		w.findLeaks()
	}
	for _, h := range w.hosts {
		if h.reactor == nil {
			continue
		}
		if err := h.reactor.Close(); err != nil {
			w.t.Errorf("sim: host %s: %v", h.name, err)
		}
	}
	for _, err := range w.Errors() {
		w.t.Errorf("sim: %v", err)
	}
	if w.t.Failed() {
		w.t.Logf("sim: replay with: %s", w.replay())
		w.t.Logf("sim: %s", w.trace.lately())
	}
}

// leave lets the Peers go, and waits for the hosts to notice.
func (w *World) leave() {
	for _, h := range w.hosts {
		for _, p := range h.peers {
			p.gone()
		}
	}
	w.Net = Net{}
	clear(w.parted)
	w.retransmit()
	w.play(w.mono+int64(farewell), func() bool { return w.active == 0 && !w.busy() && len(w.open()) == 0 })
}

// open names the connections that loops still have.
func (w *World) open() (names []string) {
	for _, h := range w.hosts {
		for _, c := range h.conns {
			if c.poller != nil {
				names = append(names, fmt.Sprintf("%s: %s from %s to %s", h.name, family(c.spec.Network), place(c.local), place(c.remote)))
			}
		}
	}
	return names
}

// place prints an address.
func place(a poll.Addr) string {
	if a.AddrPort.IsValid() {
		return a.AddrPort.String()
	}
	return fmt.Sprintf("%q", a.Path)
}

func (w *World) findLeaks() {
	w.t.Helper()
	if open := w.open(); len(open) > 0 && !w.Tolerate.Connections {
		w.t.Errorf("sim: connections left open, want none %v after all Peers have left:\n\t%s", farewell, strings.Join(open, "\n\t"))
	}
	for _, h := range w.hosts {
		if h.reactor == nil || w.Tolerate.Timers {
			continue
		}
		if s := h.reactor.Stats(); s.Timers > 0 && s.Ports == 0 && s.Connections == 0 {
			at, _ := h.reactor.NextTimer()
			w.t.Errorf("sim: host %s: %d timers left, the next in %v, want none on a host without ports and connections",
				h.name, s.Timers, time.Duration(at-w.mono))
		}
	}
}

// replay is the command that runs this test again.
func (w *World) replay() string {
	pkg := "."
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasSuffix(info.Path, ".test") {
		pkg = "./" + strings.TrimPrefix(strings.TrimSuffix(info.Path, ".test"), info.Main.Path+"/")
	}
	var pattern []string
	for _, part := range strings.Split(w.t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	return fmt.Sprintf("SIM_SEED=%#x go test -run '%s' %s", w.Seed, strings.Join(pattern, "/"), pkg)
}

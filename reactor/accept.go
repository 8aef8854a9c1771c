package reactor

import (
	"errors"
	"syscall"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
)

// ready accepts what is there, within a budget.
func (p *port) ready(r poll.Ready) {
	l := p.l
	for range maxAccepts {
		if p.h == 0 || p.want&poll.In == 0 {
			return
		}
		if p.max >= 0 && p.conns.Load() >= p.max {
			p.held.Store(true)
			p.wanted()
			p.logEvery("at its limit of connections", nil)
			if p.conns.Load() < p.max { // one ended meanwhile, on another loop
				p.unhold()
			}
			return
		}
		sock, from, err := l.poller.Accept(p.h)
		if err != nil {
			if p.refused(err) {
				continue
			}
			return
		}
		p.delay = 0
		p.conns.Add(1)
		p.give(sock, from)
	}
}

// give hands a connection to the loop that has the fewest, ties in turn.
func (p *port) give(sock poll.Socket, from poll.Addr) {
	if len(p.serve) == 1 {
		p.l.load.Add(1)
		p.l.accepted(p, p.serve[0], sock, from)
		return
	}
	loops := p.l.r.loops
	best := -1
	for i := range loops {
		k := (p.turn + i) % len(loops)
		if best < 0 || loops[k].load.Load() < loops[best].load.Load() {
			best = k
		}
	}
	p.turn = (best + 1) % len(loops)
	to, f := loops[best], p.serve[best]
	to.load.Add(1)
	if to == p.l {
		to.accepted(p, f, sock, from)
		return
	}
	if !to.mail.putAlways(func() { to.accepted(p, f, sock, from) }) {
		to.load.Add(-1)
		p.conns.Add(-1)
		p.l.poller.Drop(sock, true)
		return
	}
	to.rouse()
}

// accepted begins a connection on its own loop.
func (l *loop) accepted(p *port, f twistor.Factory, sock poll.Socket, from poll.Addr) {
	h, err := l.poller.Adopt(sock, poll.Spec{Network: p.network})
	if err != nil {
		l.poller.Drop(sock, true)
		l.load.Add(-1)
		p.ended()
		l.log.Warn("cannot serve a connection", "op", "accept", "err", err)
		return
	}
	c := &conn{l: l, h: h, port: p, limits: defaultLimits, remote: from.AddrPort, want: poll.In}
	if !from.AddrPort.IsValid() {
		c.state |= local
		if from.Path != "" {
			c.extra().path = from.Path
		}
	}
	l.register(h, c)
	l.conns++
	l.begin(c, f)
}

// begin gives c its Protocol.
func (l *loop) begin(c *conn, f twistor.Factory) {
	was := l.current
	l.current = c
	if p := f.Build(c); p == nil {
		c.p = refusal{}
		c.close()
	} else {
		c.p = p
		c.state |= live
		c.receives()
		p.Connected()
	}
	l.resume()
	l.settle(c)
	l.current = was
}

// A refusal stands in for the Protocol that Build did not return.
type refusal struct{}

func (refusal) Connected() {}

func (refusal) Received([]byte) {}

func (refusal) Disconnected(error) {}

// refused handles a failure of accept; it reports whether to try the next
// connection at once. See accept(2): errors of the network belong to one
// connection, not to the port.
func (p *port) refused(err error) (again bool) {
	switch {
	case err == poll.ErrAgain:
		return false
	case isErrno(err, syscall.EMFILE, syscall.ENFILE):
		if spare, ok := p.l.poller.(poll.Reserver); ok {
			spare.TurnAway(p.h)
		}
		p.backOff(err)
		return false
	case isErrno(err, syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EOPNOTSUPP) || errors.Is(err, poll.ErrClosed):
		p.l.log.Error("port is broken", "op", "accept", "local", p.Addr().String(), "err", err)
		p.Close()
		return false
	case isErrno(err, syscall.ECONNABORTED, syscall.EPROTO, syscall.EPERM, syscall.ENETDOWN, syscall.EHOSTDOWN,
		noNetwork, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENOPROTOOPT, syscall.ECONNRESET, syscall.ETIMEDOUT):
		return true
	default: // ENOBUFS, ENOMEM, and what we do not know
		p.backOff(err)
		return false
	}
}

func isErrno(err error, list ...syscall.Errno) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	for _, e := range list {
		if e == errno {
			return true
		}
	}
	return false
}

// backOff stops accepting for a time that doubles while it fails.
func (p *port) backOff(err error) {
	p.delay = min(max(2*p.delay, minAcceptDelay), maxAcceptDelay)
	p.logEvery("cannot accept", err)
	if p.timer == (deferred.Timer{}) {
		p.timer = p.l.CallLater(p.delay, p.wanted)
	} else {
		p.timer.Reset(p.delay)
	}
	p.wanted()
}

// logEvery logs at most once a second.
func (p *port) logEvery(what string, err error) {
	if now := p.l.Now(); now.Sub(p.logged) >= time.Second {
		p.logged = now
		p.l.log.Warn(what, "op", "accept", "local", p.Addr().String(), "err", err, "connections", p.conns.Load())
	}
}

// ended notes that one of the port's connections is gone, on any loop.
func (p *port) ended() {
	if n := p.conns.Add(-1); p.held.Load() && n < p.max {
		if p.l.mail.putAlways(p.unhold) {
			p.l.rouse()
		}
	}
}

func (p *port) unhold() {
	p.held.Store(false)
	p.wanted()
}

// wanted tells the Poller whether to report connections.
func (p *port) wanted() {
	if p.h == 0 {
		return
	}
	w := poll.In
	if p.paused || p.held.Load() || !p.timer.When().IsZero() {
		w = 0
	}
	if w != p.want {
		p.want = w
		p.l.poller.Want(p.h, w)
	}
}

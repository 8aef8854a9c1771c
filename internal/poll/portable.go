package poll

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// OpenPortable makes a Poller over package net, for systems without epoll and
// kqueue: blocked goroutines, two a connection, pump bytes between the sockets
// and small buffers, and Wait tells of those.
//
// It does what the others do but for this: it has no Sender, Rights, Watcher or
// Reserver; a Packet's Via is not known and Backlog has no effect; a UNIX
// socket's Mode is set a moment after it is bound, and no lock file guards a
// dead one's removal. A connection that moves data holds up to 144 KiB, a packet
// socket 64 KiB. Where a socket cannot be closed gently at once because bytes
// that Write took are still on their way, that goes on for up to 30 s behind
// the scenes; Shut gives them 1 s.
func OpenPortable() (Poller, error) {
	return &portable{
		nudge:    make(chan struct{}, 1),
		timer:    time.NewTimer(time.Hour),
		draining: map[*pumped]struct{}{},
	}, nil
}

// lingerTime and shutTime are how long bytes may be on their way after Close.
const (
	lingerTime = 30 * time.Second
	shutTime   = time.Second
)

type portable struct {
	// Owned by the loop.
	table table[*pumped]
	timer *time.Timer
	shut  bool

	nudge chan struct{} // of one: hot or woken has changed
	woken atomic.Bool

	closing sync.WaitGroup // the pumps of closed sockets

	mu       sync.Mutex
	hot      []warm               // what may be ready. Guarded by mu.
	draining map[*pumped]struct{} // closed, but still writing. Guarded by mu.
}

// A warm socket may be ready, if it is still known by that handle.
type warm struct {
	socket *pumped
	handle Handle
}

func (p *portable) Wait(ev []Event, until int64) (int, error) {
	if p.shut {
		return 0, ErrClosed
	}
	for {
		woken := p.woken.Swap(false)
		if n := p.collect(ev); n > 0 || woken || until <= 0 {
			return n, nil
		}
		if until == Never {
			<-p.nudge
			continue
		}
		_, now := Now()
		if until <= now {
			return 0, nil
		}
		p.timer.Reset(time.Duration(until - now))
		select {
		case <-p.nudge:
		case <-p.timer.C:
		}
		p.timer.Stop()
	}
}

// collect looks through the warm sockets and forgets those that have cooled.
func (p *portable) collect(ev []Event) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := 0
	for i, w := range p.hot {
		if n == len(ev) {
			// Those that were not looked at come first next time.
			p.hot = slices.Concat(p.hot[i:], p.hot[:kept])
			return n
		}
		if r := w.socket.look(w.handle); r != 0 {
			ev[n] = Event{Handle: w.handle, Ready: r}
			n++
			p.hot[kept] = w
			kept++
		}
	}
	clear(p.hot[kept:])
	p.hot = p.hot[:kept]
	return n
}

// heat has Wait look at a socket. Safe for concurrent use.
func (p *portable) heat(w warm) {
	p.mu.Lock()
	p.hot = append(p.hot, w)
	p.mu.Unlock()
	p.poke()
}

func (p *portable) poke() {
	select {
	case p.nudge <- struct{}{}:
	default:
	}
}

func (p *portable) Wake() {
	if !p.woken.Swap(true) {
		p.poke()
	}
}

// add takes a socket into the table.
func (p *portable) add(s *pumped, want Ready) (Handle, error) {
	if p.shut {
		return 0, ErrClosed
	}
	h := p.table.add(s)
	s.join(p, h, want)
	return h, nil
}

func (p *portable) get(h Handle) *pumped {
	if s := p.table.get(h); s != nil {
		return *s
	}
	return nil
}

func (p *portable) Want(h Handle, r Ready) error {
	s := p.get(h)
	if s == nil {
		return ErrClosed
	}
	s.setWant(r & (In | Out))
	return nil
}

func (p *portable) Close(h Handle, reset bool) error {
	s := p.get(h)
	if s == nil {
		return ErrClosed
	}
	p.table.remove(h)
	return s.close(p, reset, lingerTime)
}

func (p *portable) Detach(h Handle) (Socket, error) {
	s := p.get(h)
	if s == nil {
		return nil, ErrClosed
	}
	p.table.remove(h)
	s.leave()
	return s, nil
}

func (p *portable) Drop(sock Socket, reset bool) {
	switch s := sock.(type) {
	case *pumped:
		s.close(p, reset, lingerTime)
	case FD:
		dropForeign(s)
	}
}

// drain keeps in mind that s is closed but still writing.
func (p *portable) drain(s *pumped) {
	p.mu.Lock()
	p.draining[s] = struct{}{}
	p.mu.Unlock()
}

func (p *portable) Shut() error {
	if p.shut {
		return nil
	}
	for _, h := range p.table.handles() {
		s := p.get(h)
		p.table.remove(h)
		s.close(p, false, shutTime)
	}
	p.shut = true
	p.mu.Lock()
	for s := range p.draining {
		s.hurry(shutTime)
	}
	p.mu.Unlock()
	p.closing.Wait()
	return nil
}

func (p *portable) LocalAddr(h Handle) Addr {
	if s := p.get(h); s != nil {
		return portableAddr(s.localAddr())
	}
	return Addr{}
}

func (p *portable) RemoteAddr(h Handle) Addr {
	if s := p.get(h); s != nil {
		return portableAddr(s.remoteAddr())
	}
	return Addr{}
}

func portableAddr(a net.Addr) Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return Addr{AddrPort: unmap(a.AddrPort())}
	case *net.UDPAddr:
		return Addr{AddrPort: unmap(a.AddrPort())}
	case *net.UnixAddr:
		if a == nil || a.Name == "@" {
			return Addr{} // unnamed
		}
		return Addr{Path: a.Name}
	}
	return Addr{}
}

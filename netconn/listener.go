package netconn

import (
	"net"
	"sync"

	"github.com/twistor-go/twistor"
)

// A Listener is a Factory whose connections are taken by Accept, as Conns: a
// net.Listener, for http.Server.Serve and its like. Listen makes one. Accept
// and Close are for any goroutine but the loop's; the rest is the loop's, of
// any loop of the reactor. Safe for concurrent use.
type Listener struct {
	port twistor.Port
	loop twistor.Loop // port's
	max  int

	mu      sync.Mutex
	changed sync.Cond
	// Guarded by mu.
	waiting []*Conn // Connected and not yet accepted
	closed  bool
}

var (
	_ net.Listener    = (*Listener)(nil)
	_ twistor.Factory = (*Listener)(nil)
	_ twistor.Opener  = (*Listener)(nil)
)

// maxWaiting is how many connections may wait for Accept; more are closed at
// once. The listen queue of the system comes before that.
const maxWaiting = 1024

// Listen opens a port of l for Accept. Loop-only.
func Listen(l twistor.Loop, network, address string) (*Listener, error) {
	return ListenBy(l, func(f twistor.Factory) (twistor.Port, error) {
		return twistor.Listen(l, network, address, f)
	})
}

// ListenBy is Listen for a port that open makes, by package endpoint or on
// several loops:
//
//	netconn.ListenBy(l, func(f twistor.Factory) (twistor.Port, error) {
//		return endpoint.Listen(l, "tls:443:cert=site.pem", f)
//	})
//
// Loop-only.
func ListenBy(l twistor.Loop, open func(f twistor.Factory) (twistor.Port, error)) (*Listener, error) {
	n := &Listener{loop: l, max: maxWaiting}
	n.changed.L = &n.mu
	port, err := open(n)
	if err != nil {
		return nil, err
	}
	n.port = port
	return n, nil
}

// Addr is the port's.
func (n *Listener) Addr() net.Addr { return n.port.Addr() }

// Accept blocks until there is a connection. The error is net.ErrClosed after
// Close, or when the port was closed otherwise, in a *net.OpError.
func (n *Listener) Accept() (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.waiting) == 0 {
		if n.closed {
			return nil, n.opError("accept")
		}
		n.changed.Wait()
	}
	c := n.waiting[0]
	n.waiting[0] = nil
	n.waiting = n.waiting[1:]
	return c, nil
}

// Close closes the port, and aborts the connections that nobody has accepted.
// It does not wait until the address is free.
func (n *Listener) Close() error {
	if !n.end() {
		return n.opError("close")
	}
	n.loop.Post(func() { n.port.Close() }) // else the loop is closed, and the port with it
	return nil
}

// end lets Accept fail; it reports whether it did not before.
func (n *Listener) end() bool {
	n.mu.Lock()
	waiting, first := n.waiting, !n.closed
	n.waiting, n.closed = nil, true
	n.changed.Broadcast()
	n.mu.Unlock()
	for _, c := range waiting {
		c.loop.Post(func() { c.t.Abort() }) // nobody has read from it, or written
	}
	return first
}

func (n *Listener) opError(op string) error {
	return &net.OpError{Op: op, Net: n.Addr().Network(), Addr: n.Addr(), Err: net.ErrClosed}
}

// Build is the loop's: it makes the Conn that Accept will return.
func (n *Listener) Build(t twistor.Transport) twistor.Protocol {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || len(n.waiting) >= n.max {
		return nil
	}
	return &events{Conn: newConn(t), begin: n.connected}
}

// connected queues c for Accept.
func (n *Listener) connected(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		c.t.Abort()
		return
	}
	n.waiting = append(n.waiting, c)
	n.changed.Signal()
}

// Opened is the loop's.
func (n *Listener) Opened(twistor.Loop) error { return nil }

// Closed is the loop's: the port is closed, perhaps not by us.
func (n *Listener) Closed() { n.end() }

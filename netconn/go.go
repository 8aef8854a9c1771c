package netconn

import (
	"net"
	"runtime/debug"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Go returns a Protocol that gives the conversation over t to f, on a
// goroutine of its own, once it is Connected: return it from Build, or pass it
// to Transport.Switch. The connection is closed when f returns, and aborted if
// f panics, which the loop reports. The goroutines are as many as connections,
// whose number ListenConfig.MaxConnections bounds; when the loop stops, their
// reads and writes fail with twistor.ErrStopped. Loop-only; f runs outside.
func Go(t twistor.Transport, f func(net.Conn)) twistor.Protocol {
	return &events{Conn: newConn(t), begin: func(c *Conn) { go c.run(f) }}
}

// Factory is the Factory of Go's Protocols.
func Factory(f func(net.Conn)) twistor.Factory {
	return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return Go(t, f) })
}

// run is the goroutine.
func (c *Conn) run(f func(net.Conn)) {
	returned := false
	defer func() {
		if returned {
			c.Close()
			return
		}
		if r := recover(); r != nil { // nil: runtime.Goexit
			failure := &deferred.PanicError{Value: r, Stack: debug.Stack()}
			c.loop.Post(func() { c.loop.Report(failure) })
		}
		c.abort()
	}()
	f(c)
	returned = true
}

// New returns the Conn of t and the Protocol that feeds it: return that from
// Build, or pass it to Transport.Switch. It is for those who have a goroutine
// already; the connection lives until they Close it. Loop-only.
func New(t twistor.Transport) (*Conn, twistor.Protocol) {
	c := newConn(t)
	return c, &events{Conn: c, begin: func(*Conn) {}}
}

package netconn

import (
	"context"
	"net"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Dial connects by the loop l and waits for it: for a http.Transport's
// DialContext, and for any goroutine but the loop's. The error is ctx's, what
// Loop.Dial says, or that the loop has stopped. Safe for concurrent use.
func Dial(ctx context.Context, l twistor.Loop, network, address string) (net.Conn, error) {
	return DialBy(ctx, l, func(f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
		return l.Dial(twistor.DialConfig{Network: network, Address: address}, f)
	})
}

// DialBy is Dial for a connection that open makes, such as package endpoint's
// Dial; it is called on the loop. Safe for concurrent use.
func DialBy(ctx context.Context, l twistor.Loop, open func(f twistor.Factory) *deferred.Deferred[twistor.Protocol]) (net.Conn, error) {
	var made *Conn // Owned by the loop.
	f := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		made = newConn(t)
		return &events{Conn: made, begin: func(*Conn) {}}
	})
	c, err := deferred.Call(ctx, l, func() *deferred.Deferred[*Conn] {
		return deferred.Then(open(f), func(twistor.Protocol) (*Conn, error) { return made, nil })
	})
	if err != nil {
		// ctx may have ended while the connection was already there.
		l.Post(func() {
			if made != nil {
				made.t.Abort()
			}
		})
		return nil, err // not c: a nil *Conn is not a nil net.Conn
	}
	return c, nil
}

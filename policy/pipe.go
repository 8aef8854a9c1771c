package policy

import (
	"errors"
	"io"
	"net"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Traffic is what a Pipe has carried.
type Traffic struct {
	AToB, BToA int64 // bytes
	// Err is what broke the first connection that broke; nil: both ended in
	// order.
	Err error
}

// Pipe forwards what a receives to b and the reverse, until both connections
// are over: a forwarder, a tunnel. It takes both over by Switch, and resumes
// them. Who reads slowly slows the other down: at most a write queue's High
// mark and one read wait on each side. The end of one direction is the end of
// that direction on the other side, and the other direction goes on; a reset
// is passed on as one, so that nobody takes a torn stream for a whole one.
//
// The Deferred fires when both are over. It never fails, and may be ignored;
// to cancel it aborts both. a and b must live on one loop, else Pipe panics.
func Pipe(a, b twistor.Transport) *deferred.Deferred[Traffic] {
	if a.Loop() != b.Loop() {
		panic("policy: Pipe of two loops: dial from the loop that accepted")
	}
	p := &pipe{done: deferred.New[Traffic](a.Loop())}
	p.a = pipeEnd{pipe: p, t: a, to: &p.b}
	p.b = pipeEnd{pipe: p, t: b, to: &p.a}
	p.done.OnCancel(func() {
		a.Abort()
		b.Abort()
	})
	p.a.begin()
	p.b.begin()
	switch {
	case p.a.gone && p.b.gone:
		p.done.Succeed(Traffic{})
	case p.a.gone:
		b.Close()
	case p.b.gone:
		a.Close()
	}
	return p.done
}

// begin takes the connection over, unless it is over already: while the other
// one was being dialed, say.
func (e *pipeEnd) begin() {
	if _, err := e.t.Write(nil); err != nil {
		e.gone = true
		return
	}
	e.t.Switch(e, nil)
}

type pipe struct {
	a, b pipeEnd
	done *deferred.Deferred[Traffic]
	err  error
}

// A pipeEnd is the protocol of one of the two connections.
type pipeEnd struct {
	pipe  *pipe
	t     twistor.Transport
	to    *pipeEnd
	bytes int64 // passed on from here
	ended bool  // the peer sends no more
	gone  bool
}

func (e *pipeEnd) Connected() {
	if e.to.t.Full() {
		e.t.Pause()
	} else {
		e.t.Resume()
	}
}

// Received need not look at Write's error: it means that the other connection
// is ending, and its Disconnected will come here.
func (e *pipeEnd) Received(p []byte) {
	n, _ := e.to.t.Write(p)
	e.bytes += int64(n)
	if e.to.t.Full() {
		e.t.Pause()
	}
}

func (e *pipeEnd) Drained() { e.to.t.Resume() }

func (e *pipeEnd) ReadClosed() {
	e.ended = true
	if !e.to.ended {
		e.to.t.CloseWrite()
		return
	}
	e.t.Close()
	e.to.t.Close()
}

func (e *pipeEnd) Disconnected(err error) {
	e.gone = true
	switch orderly := orderly(err); {
	case e.to.gone:
	case orderly:
		e.to.t.Close()
	default:
		e.pipe.err = err
		e.to.t.Abort()
	}
	if e.to.gone {
		p := e.pipe
		p.done.Succeed(Traffic{AToB: p.a.bytes, BToA: p.b.bytes, Err: p.err})
	}
}

// orderly reports whether a connection that ended with err has flushed what
// was written, and got all that was sent.
func orderly(err error) bool {
	return err == io.EOF || errors.Is(err, net.ErrClosed) && !errors.Is(err, twistor.ErrAborted) &&
		!errors.Is(err, twistor.ErrOverflow) && !errors.Is(err, twistor.ErrStopped)
}

package netconn

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// readBytes is the buffer of a served connection's reader.
const readBytes = 32 << 10

// Serve makes a Transport of c, on l, for the Protocol that f builds: for what
// is a net.Conn and no socket, such as a channel of SSH. Two goroutines read
// and write c, which is theirs, and closed at the end; it may be of any kind,
// but must be usable by two goroutines at once, and Close must end its Read
// and Write. Where c has no CloseWrite, our direction cannot end alone.
// twistor.ByDirection means AsServer to it, and Opener is not called.
//
// The error is twistor.ErrRefused if f builds nil, after what it wrote is sent.
// When the loop stops the Protocol hears twistor.ErrStopped. Loop-only; from
// elsewhere, Post it.
func Serve(l twistor.Loop, c net.Conn, f twistor.Factory) error {
	w := &wire{
		loop: l, conn: c,
		local: c.LocalAddr(), remote: c.RemoteAddr(),
		over: deferred.New[struct{}](l),
		pump: &pump{
			loop: l, conn: c,
			reads: make(chan net.Conn, 1),
			jobs:  make(chan job, 1),
		},
	}
	w.SetLimits(twistor.Limits{})
	go w.pump.read(w.received)
	go w.pump.write(w.did)
	deferred.Inline(l, w.untilStopped).Done(nil)

	p := f.Build(w)
	if p == nil {
		w.protocol = nobody{}
		w.Close()
		return twistor.ErrRefused
	}
	w.next = &change{protocol: p}
	w.later()
	return nil
}

// untilStopped is a coroutine only because the loop ends those when it stops.
func (w *wire) untilStopped(co *deferred.Co) (struct{}, error) {
	if _, err := w.over.Await(co); err != nil {
		w.fail(twistor.ErrStopped)
		w.settle()
	}
	return struct{}{}, nil
}

// nobody is who has refused.
type nobody struct{}

func (nobody) Connected()         {}
func (nobody) Received([]byte)    {}
func (nobody) Disconnected(error) {}

// A pump is the goroutines of a served connection. Each does one thing at a
// time that the loop gives it, and posts what came of it.
type pump struct {
	loop twistor.Loop
	conn net.Conn // as given: what is below TLS
	// Each has room for one, and the loop sends one only when the last is done:
	// it never waits. They are closed at the end.
	reads chan net.Conn // read once from it
	jobs  chan job
	ended atomic.Bool
}

// A job is for the writer: it returns how many bytes it has sent.
type job func() (int64, error)

func (u *pump) read(received func(p []byte, err error)) {
	buf := make([]byte, readBytes)
	for c := range u.reads {
		n, err := c.Read(buf)
		u.post(func() { received(buf[:n], err) })
	}
}

func (u *pump) write(did func(n int64, err error)) {
	for j := range u.jobs {
		n, err := j()
		u.post(func() { did(n, err) })
	}
}

// post is Post that waits while the queue is full. A loop that is closed has
// ended the connection first.
func (u *pump) post(f func()) {
	for !u.loop.Post(f) && !u.ended.Load() {
		runtime.Gosched()
	}
}

// end lets both goroutines end, wherever they are. rude drops what the system
// still holds, where c can.
func (u *pump) end(c net.Conn, rude bool) {
	u.ended.Store(true)
	close(u.reads)
	close(u.jobs)
	if l, ok := u.conn.(interface{ SetLinger(int) error }); ok && rude {
		l.SetLinger(0)
		c = u.conn // and no farewell of TLS
	}
	go c.Close() // which may wait
}

// interrupt makes a Read that waits come back.
func (u *pump) interrupt() { u.conn.SetReadDeadline(time.Unix(1, 0)) }

// secure is the job that shakes hands. begun is what was read too early.
func (u *pump) secure(begun []byte, config *tls.Config, server bool, result **tls.Conn) job {
	return func() (int64, error) {
		u.conn.SetReadDeadline(time.Time{}) // what has none was not interrupted
		below := &begunConn{Conn: u.conn, begun: begun}
		c := tls.Client(below, config)
		if server {
			c = tls.Server(below, config)
		}
		*result = c
		err := c.HandshakeContext(context.Background()) // Close ends it
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
}

// A begunConn has been read from already.
type begunConn struct {
	net.Conn
	begun []byte
}

func (c *begunConn) Read(p []byte) (int, error) {
	if len(c.begun) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.begun)
	c.begun = c.begun[n:]
	return n, nil
}

// interrupted reports whether err is interrupt's work.
func interrupted(err error) bool {
	e, ok := err.(net.Error)
	return err == os.ErrDeadlineExceeded || ok && e.Timeout()
}

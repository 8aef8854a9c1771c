package sse

import (
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

const (
	// DefaultHeartbeat is how often a comment is sent if nothing else is.
	DefaultHeartbeat = 15 * time.Second
	// DefaultMaxQueued is how many events wait for one client, beside what its
	// connection holds.
	DefaultMaxQueued = 256
)

// A Config says how Streams behave. Its zero is ready. Immutable after first use.
type Config struct {
	// Heartbeat is how often a comment is sent if nothing else is. 0: 15 s;
	// negative: never.
	Heartbeat time.Duration
	// MaxQueued is how many events wait for a client that reads slowly, beside the
	// 64 KiB that its connection holds. 0: 256; negative: none. What happens to one more
	// is what Slow says.
	MaxQueued int
	// Slow says what happens when too many wait: DropOldest, or EndStream.
	Slow Slow
	// Retry is how long a client is to wait before it connects again. 0: as it
	// likes, 3 s most often.
	Retry time.Duration
}

// Slow is what happens to a client that reads more slowly than it is sent to.
type Slow int

const (
	// DropOldest forgets the event that has waited longest.
	DropOldest Slow = iota
	// EndStream cuts the answer: the client connects again, and says what it
	// heard last.
	EndStream
)

// ErrSlow: the client reads too slowly, and its Stream ended. It is a
// web.ErrEnded: the server has nothing to complain of.
var ErrSlow = fmt.Errorf("sse: the client reads too slowly: %w", web.ErrEnded)

// A Stream is one client that listens. Loop-only.
type Stream struct {
	w       *web.ResponseWriter
	config  Config
	last    string
	done    *deferred.Signal
	queue   [][]byte // what waits, as it is sent
	waiting bool     // for the connection to have room
	beat    deferred.Timer
	dropped int64
	over    bool
	topic   *Topic
	at      int    // in topic.streams
	heard   uint64 // topic.sent, when it heard of it
}

// Open begins the answer: its head leaves at once. Return Done as the Handler's
// Signal. The answer to a HEAD is that head, and the Stream over.
func Open(w *web.ResponseWriter, r *web.Request, c Config) *Stream {
	s := open(w, r, c)
	if s.over {
		return s
	}
	if d := c.heartbeat(); d > 0 {
		s.beat = r.Loop().CallLater(d, s.beats)
	}
	return s
}

func (c *Config) heartbeat() time.Duration {
	if c.Heartbeat == 0 {
		return DefaultHeartbeat
	}
	return c.Heartbeat
}

func open(w *web.ResponseWriter, r *web.Request, c Config) *Stream {
	s := &Stream{w: w, config: c, last: r.Header.Get("Last-Event-ID"), done: deferred.New[struct{}](r.Loop())}
	s.done.Always(s.end)
	w.SetHeader("Content-Type", "text/event-stream")
	if !w.Header().Has("Cache-Control") {
		w.SetHeader("Cache-Control", "no-store")
	}
	// Reverse proxies of nginx's kind would hold events back.
	w.SetHeader("X-Accel-Buffering", "no")
	if c.Retry > 0 {
		p, _ := Event{Retry: c.Retry}.Append(nil)
		w.Write(p)
	}
	w.Flush()
	if r.Method == "HEAD" {
		s.Close()
	}
	return s
}

// LastEventID is what the client has heard last, before it was cut off; "": it says
// nothing. It is what the client says: believe it no more than a parameter.
func (s *Stream) LastEventID() string { return s.last }

// Done fires when the Stream ends: by Close, or because the client left, which
// cancels it.
func (s *Stream) Done() *deferred.Signal { return s.done }

// Dropped is how many events the client did not get because it reads too
// slowly.
func (s *Stream) Dropped() int64 { return s.dropped }

// Send sends e. The error is of an event that cannot be sent, ErrSlow, or
// web.ErrEnded when the Stream is over.
func (s *Stream) Send(e Event) error {
	if s.over {
		return web.ErrEnded
	}
	p, err := e.Append(nil)
	if err != nil {
		return err
	}
	return s.send(p)
}

// send sends p, which never changes.
func (s *Stream) send(p []byte) error {
	if s.over {
		return web.ErrEnded
	}
	if s.waiting || s.w.Full() {
		return s.hold(p)
	}
	return s.write(p)
}

func (s *Stream) write(p []byte) error {
	if err := s.w.WriteShared(p); err != nil {
		return err
	}
	if s.beat.When().IsZero() {
		return s.w.Flush() // a Filter would hold it back
	}
	s.beat.Reset(s.config.heartbeat())
	return s.w.Flush()
}

// hold has p wait, until the connection has room.
func (s *Stream) hold(p []byte) error {
	most := s.config.MaxQueued
	if most == 0 {
		most = DefaultMaxQueued
	}
	if len(s.queue) >= most {
		if s.config.Slow == EndStream {
			s.done.Fail(ErrSlow) // which cuts the answer
			return ErrSlow
		}
		s.dropped++
		if len(s.queue) == 0 || most < 0 {
			return nil
		}
		s.queue[0] = nil
		s.queue = s.queue[1:]
	}
	s.queue = append(s.queue, p)
	if !s.waiting {
		s.waiting = true
		s.w.Ready().Done(s.ready)
	}
	return nil
}

// ready sends what waits.
func (s *Stream) ready(_ struct{}, err error) {
	s.waiting = false
	if err != nil || s.over {
		return
	}
	for len(s.queue) > 0 && !s.w.Full() {
		p := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		if s.write(p) != nil {
			return
		}
	}
	if len(s.queue) == 0 {
		s.queue = nil
		return
	}
	s.waiting = true
	s.w.Ready().Done(s.ready)
}

// comment is what nobody hears.
var comment = []byte(":\n\n")

// beats says that we are still here, to whoever listens.
func (s *Stream) beats() {
	if s.over {
		return
	}
	if !s.w.Full() {
		s.w.Write(comment)
		s.w.Flush()
	}
	s.beat.Reset(s.config.heartbeat())
}

// Close ends the Stream when what was written has been sent; what still waits is
// dropped. The client will connect again, unless it is told not to: by an event that its
// page knows, or by an answer of 204.
func (s *Stream) Close() { s.done.Succeed(struct{}{}) }

// end is what happens when done has fired, however.
func (s *Stream) end() {
	s.over = true
	s.beat.Stop()
	s.queue = nil
	if t := s.topic; t != nil {
		s.topic = nil
		t.remove(s)
	}
}

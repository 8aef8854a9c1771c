package weblog

import (
	"errors"
	"log/slog"
	"math"

	"github.com/twistor-go/twistor"
)

// What a Server does when its fields are zero.
const (
	DefaultKeep           = 100
	DefaultMaxClients     = 1000
	DefaultMaxBehindBytes = 8 << 20
)

// A Server is the factory that serves one weblog to every client of every port
// it listens on: each gets the hits at its own pace, and none waits for
// another. Its zero is ready; Publish feeds it. Loop-only.
type Server struct {
	// Immutable after first use.

	// Keep is how many of the last hits are remembered for Replay and Pull.
	// 0: 100; negative: none.
	Keep int
	// Replay: a client first gets the hits that are remembered.
	Replay bool
	// Pull: a client is sent what is new when it asks "NEW?", not before. A
	// client that asks too seldom hears how many hits it has lost.
	Pull bool
	// MaxClients is how many may be connected; another one is refused with an
	// empty document. 0: 1,000; negative: no limit.
	MaxClients int
	// MaxBehindBytes is how much of the stream a client may have before it
	// that was not sent yet, because it reads too slowly; beyond, and behind
	// the last Keep hits, it is aborted. The memory is shared: it is this much
	// in all, not for each client. 0: 8 MiB; negative: Keep's hits only.
	MaxBehindBytes int
	// Published hears of each hit, in order, before any client has it: for who
	// shows the stream in another way. r is valid during the call. Nil: nobody.
	Published func(r *Record)
	// Log hears of clients that come, go and misbehave, and of lines that are
	// no hits. Nil: slog.Default().
	Log *slog.Logger

	// Owned by the loop.

	past        backlog
	subscribers []*subscriber
	encoder     Encoder
	xml         []byte // of the batch being encoded
	ends        []int
	first       uint64 // the hit that this life began with
	stats       Stats
}

// Stats counts what a Server did so far.
type Stats struct {
	Hits    uint64 // published
	Misread uint64 // lines that are no hits
	Clients int    // connected now
	Served  uint64 // clients accepted
	Refused uint64 // clients beyond MaxClients
	Dropped uint64 // clients that read too slowly
}

// Stats returns what s did so far.
func (s *Server) Stats() Stats {
	s.stats.Hits, s.stats.Clients = s.past.next-s.first, len(s.subscribers)
	return s.stats
}

// Build accepts a client, if there is room.
func (s *Server) Build(t twistor.Transport) twistor.Protocol {
	if limit := orDefault(s.MaxClients, DefaultMaxClients); len(s.subscribers) >= limit {
		s.stats.Refused++
		s.log().Warn("weblog: client refused", "conn", t, "clients", limit)
		t.Write([]byte(header + "<!-- too many clients -->\n" + trailer))
		return nil
	}
	c := &subscriber{Transport: t, server: s}
	// Not by twistor.As: below a layer, such as TLS, it would bypass that.
	c.shared, _ = t.(twistor.Sharer)
	return c
}

// Publish sends lines of a log, which have no newline, to every client. It
// keeps none of them. Who follows the log calls it with as many lines at once
// as there are; a line that is no hit is counted, and logged each time the
// count has doubled.
func (s *Server) Publish(lines [][]byte) {
	s.xml, s.ends = s.xml[:0], s.ends[:0]
	var r Record
	for _, line := range lines {
		if err := r.Parse(line); err != nil {
			s.misread(err)
			continue
		}
		s.xml = s.encoder.AppendHit(s.xml, &r)
		s.ends = append(s.ends, len(s.xml))
		if s.Published != nil {
			s.Published(&r)
		}
	}
	if len(s.ends) == 0 {
		return
	}
	s.bound()
	s.past.add(s.xml, s.ends)

	// From the last to the first, so that one who leaves meanwhile makes
	// nobody be passed over.
	for i := len(s.subscribers) - 1; i >= 0; i-- {
		s.subscribers[i].published()
	}
}

// bound tells the backlog its limits.
func (s *Server) bound() {
	s.past.keep = s.keep()
	s.past.maxBytes = orDefault(s.MaxBehindBytes, DefaultMaxBehindBytes)
	if s.MaxBehindBytes < 0 {
		s.past.maxBytes = 0
	}
}

func (s *Server) misread(err error) {
	s.stats.Misread++
	if n := s.stats.Misread; n&(n-1) == 0 {
		bad, _ := errors.AsType[*SyntaxError](err)
		s.log().Warn("weblog: line is no hit", "line", bad.Line, "want", bad.Want, "count", n)
	}
}

func (s *Server) add(c *subscriber) {
	c.place = len(s.subscribers)
	s.subscribers = append(s.subscribers, c)
	s.stats.Served++
}

// remove forgets a client, whose place the last one takes.
func (s *Server) remove(c *subscriber) {
	last := len(s.subscribers) - 1
	s.subscribers[c.place] = s.subscribers[last]
	s.subscribers[c.place].place = c.place
	s.subscribers[last] = nil
	s.subscribers = s.subscribers[:last]
}

func (s *Server) keep() int {
	if s.Keep < 0 {
		return 0
	}
	return orDefault(s.Keep, DefaultKeep)
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}

// orDefault resolves a limit: zero is the default, negative no limit.
func orDefault(n, zero int) int {
	switch {
	case n == 0:
		return zero
	case n < 0:
		return math.MaxInt
	}
	return n
}

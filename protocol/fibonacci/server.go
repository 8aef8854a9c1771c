package fibonacci

import (
	"log/slog"
	"math"
	"math/big"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// What a Server does when its fields are zero.
const (
	DefaultMaxClients   = 1000
	DefaultMaxLineBytes = 1024
	DefaultMaxDigits    = 100_000
	DefaultLineTimeout  = 30 * time.Second
)

// MostDigits is the highest MaxDigits: one number of that length takes 0.1 s to
// write down, in which the loop does nothing else.
const MostDigits = 1_000_000

// A Journal makes Steps durable: a *persist.Journal[Step] is one. Append makes
// the Step at once, and fires when it will be there after any crash. If it fails
// the Step may be made or not, but never is unmade while the program runs.
type Journal interface {
	Append(Step) *deferred.Signal
}

// A Server is the factory that gives each number to one client of one of its
// ports. Its zero is ready, and begins with 2. Loop-only.
type Server struct {
	// State is where the numbers have come to. Whoever keeps it loads it before
	// the first client comes.
	State State

	// Immutable after first use.

	// Journal is told of each number before that is sent. Nil: numbers are sent
	// at once, and it is State alone that knows of them.
	Journal Journal
	// MaxClients is how many may be connected; another one is refused. 0: 1,000;
	// negative: no limit.
	MaxClients int
	// MaxLineBytes is how long a line may be; a longer one is the client's last.
	// 0: 1,024; negative: no limit, as none of it is kept.
	MaxLineBytes int
	// LineTimeout is how long a line that has begun may take to end; else it is
	// the client's last. 0: 30 s; negative: no limit.
	LineTimeout time.Duration
	// MaxDigits is how long a number may be: there is none after the last that
	// fits. 0: 100,000; above MostDigits, or negative: that.
	MaxDigits int
	// Log hears of clients that come and go, and of numbers that could not be
	// remembered. Nil: slog.Default().
	Log *slog.Logger

	// Owned by the loop.

	clients int
	stats   Stats
	failing bool   // the last number could not be remembered
	scratch []byte // for an answer
}

// Stats counts what a Server did so far.
type Stats struct {
	Given   uint64 // numbers that were sent
	Lost    uint64 // numbers that nobody got: not remembered, or the client left
	Clients int    // connected now
	Served  uint64 // clients accepted
	Refused uint64 // clients beyond MaxClients
}

// Stats returns what s did so far.
func (s *Server) Stats() Stats {
	s.stats.Clients = s.clients
	return s.stats
}

// Opened refuses to serve from a State that is none.
func (s *Server) Opened(twistor.Loop) error { return s.State.Check() }

// Closed does nothing: connections outlive their ports.
func (s *Server) Closed() {}

// Build accepts a client, if there is room.
func (s *Server) Build(t twistor.Transport) twistor.Protocol {
	if s.clients >= orDefault(s.MaxClients, DefaultMaxClients) {
		s.stats.Refused++
		s.log().Warn("fibonacci: client refused", "conn", t, "clients", s.clients)
		t.Write(errTooMany.line())
		return nil
	}
	return &asker{Transport: t, server: s}
}

// next is the next number, on its way to be remembered; saved is nil if it need
// not be. n is nil if the next one is too long.
func (s *Server) next() (n *big.Int, saved *deferred.Signal) {
	s.State.begin()
	if digits(s.State.B.BitLen()+1) > s.maxDigits() {
		return nil, nil
	}
	if s.Journal == nil {
		return s.State.Advance(), nil
	}
	saved = s.Journal.Append(Step{})
	return s.State.B, saved // mine, if it is saved: nobody ran between
}

// remembered notes whether a number could be, and logs when that changes.
func (s *Server) remembered(err error) {
	switch {
	case err != nil && !s.failing:
		s.log().Error("fibonacci: numbers cannot be remembered", "err", err)
	case err == nil && s.failing:
		s.log().Info("fibonacci: numbers can be remembered again", "lost", s.stats.Lost)
	}
	s.failing = err != nil
}

func (s *Server) lineTimeout() time.Duration {
	if s.LineTimeout == 0 {
		return DefaultLineTimeout
	}
	return s.LineTimeout
}

func (s *Server) maxDigits() int {
	return min(orDefault(s.MaxDigits, DefaultMaxDigits), MostDigits)
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

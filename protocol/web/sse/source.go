package sse

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

const (
	// DefaultMinDelay is how long a Source waits before it connects again.
	DefaultMinDelay = 3 * time.Second
	// DefaultMaxDelay is the longest that it waits.
	DefaultMaxDelay = time.Minute
)

// A Source listens to a URL, and connects again whenever it is cut off. It needs
// Client, URL and Received. Loop-only.
type Source struct {
	// Client asks. Its Timeout ends each listening: let it be negative. Its
	// ReadTimeout is to be longer than the server's heartbeat.
	Client *web.Client
	// URL is what to listen to.
	URL string
	// Received is called for each event.
	Received func(Event)

	// Prepare, if it is not nil, is called for each request before it is sent,
	// to set fields such as Authorization.
	Prepare func(*web.Request)
	// Lost, if it is not nil, hears why the Source was cut off, and when it
	// connects again.
	Lost func(err error, again time.Duration)
	// LastEventID is what was heard last: set it to go on where another Source
	// stopped.
	LastEventID string
	// MinDelay is how long to wait before connecting again, unless the server
	// says; each failure in a row doubles it. 0: 3 s.
	MinDelay time.Duration
	// MaxDelay is the longest wait. 0: 60 s.
	MaxDelay time.Duration
	// MaxBytes is how long an event may be. 0: 1 MiB; a longer one cuts it off.
	MaxBytes int

	parser   Parser
	failures int
}

// Listen listens until the Signal is cancelled. It succeeds when the server answers 204, which means
// that there is nothing to listen to, and fails with a *RefusedError if it is another thing than
// events: a Source does not ask again then. https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
func (s *Source) Listen() *deferred.Signal {
	s.parser = Parser{MaxBytes: s.MaxBytes, lastID: s.LastEventID, id: []byte(s.LastEventID)}
	s.failures = 0
	return deferred.Inline(s.Client.Loop, func(co *deferred.Co) (struct{}, error) {
		for {
			over, err := s.listen(co)
			if over || co.Err() != nil {
				return struct{}{}, err
			}
			d := s.delay(s.Client.Loop)
			if s.Lost != nil {
				s.Lost(err, d)
			}
			if err := co.Sleep(d); err != nil {
				return struct{}{}, err
			}
		}
	})
}

// A RefusedError is an answer that no event comes with.
type RefusedError struct {
	Status int
	Type   string // its Content-Type
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("sse: the server answered %d with type %.100q: want 200 and text/event-stream", e.Status, e.Type)
}

// listen asks once, and hears all of the answer. over: do not ask again.
func (s *Source) listen(co *deferred.Co) (over bool, err error) {
	r, err := web.NewRequest("GET", s.URL)
	if err != nil {
		return true, err
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("Cache-Control", "no-store")
	if s.parser.lastID != "" {
		// What no field can hold cannot be said: the server begins anew.
		_ = r.Header.Set("Last-Event-ID", s.parser.lastID)
	}
	if s.Prepare != nil {
		s.Prepare(r)
	}
	answer, err := s.Client.Do(r).Await(co)
	if err != nil {
		s.failures++
		return false, err
	}
	defer answer.Close()
	ctype := answer.Header.Get("Content-Type")
	kind, _, _ := strings.Cut(ctype, ";")
	switch refused := (&RefusedError{answer.Status, ctype}); {
	case answer.Status == 204:
		return true, nil
	case answer.Status >= 500 || answer.Status == 429 || answer.Status == 408:
		s.failures++ // it may pass
		return false, refused
	case answer.Status != 200 || !strings.EqualFold(strings.TrimSpace(kind), "text/event-stream"):
		return true, refused
	}
	return false, s.hear(co, answer.Body)
}

// hear reads events until the stream ends.
func (s *Source) hear(co *deferred.Co, body *web.Body) error {
	body.Limit(-1)
	s.failures++ // until something comes
	p := make([]byte, 4<<10)
	for {
		n, err := body.Read(co, p)
		if n > 0 {
			s.failures = 0
			err := s.parser.Parse(p[:n], func(e Event) {
				s.LastEventID = e.ID
				s.Received(e)
			})
			if err != nil {
				s.parser.Reset()
				s.failures++
				return err
			}
		}
		if err != nil {
			s.parser.Reset()
			return err
		}
	}
}

// delay is how long to wait now: doubled with each failure in a row, and a fifth
// of it left to chance, so that those who were cut off together do not come back
// together.
func (s *Source) delay(l twistor.Loop) time.Duration {
	d, most := s.MinDelay, s.MaxDelay
	if d <= 0 {
		d = DefaultMinDelay
	}
	if said := s.parser.Retry(); said > 0 {
		d = said
	}
	if most <= 0 {
		most = DefaultMaxDelay
	}
	for range min(s.failures, 30) {
		d = min(2*d, most)
	}
	d = min(d, most)
	var random [2]byte
	if _, err := io.ReadFull(l.Rand(), random[:]); err == nil {
		part := float64(binary.BigEndian.Uint16(random[:])) / (1 << 16)
		d += time.Duration((part - 0.5) * 0.4 * float64(d))
	}
	return d
}

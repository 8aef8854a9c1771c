package sse

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

const (
	// DefaultMaxStreams is how many clients listen to a Topic.
	DefaultMaxStreams = 10_000
	// maxEventBytes is how large an event of a Topic may be, as it is sent: it
	// may be kept, and wait for thousands. Publish refuses more.
	maxEventBytes = 64 << 10
)

// A Topic sends each event to all who listen. It is a Handler: who asks it
// listens. It is for the clients of one loop; a Topic on each, by
// twistor.Each, is for more. Loop-only.
type Topic struct {
	// Config is that of the Streams.
	Config Config
	// Keep is how many of the last events are kept for clients that were cut off. They need
	// an ID: those that have none get a number. 0: none are kept.
	Keep int
	// All sends all that is kept to who comes for the first time, too.
	All bool
	// MaxStreams is how many may listen; more get 503. 0: 10,000.
	MaxStreams int
	// Opened, if it is not nil, is called for each client before it hears
	// anything else; Send greets it.
	Opened func(s *Stream, r *web.Request)

	// Owned by the loop.

	streams []*Stream
	kept    []kept // a ring of Keep, the oldest at next
	next    int
	sent    uint64
	numbers uint64
	beat    deferred.Timer
	queue   []kept // published, and not sent
	busy    bool   // sending it
}

type kept struct {
	id   string
	text []byte
}

// Len is how many listen.
func (t *Topic) Len() int { return len(t.streams) }

// Serve has r's client listen until it leaves, or Close.
func (t *Topic) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	most := t.MaxStreams
	if most <= 0 {
		most = DefaultMaxStreams
	}
	if len(t.streams) >= most {
		return deferred.Failed[struct{}](r.Loop(), &web.Error{Status: 503, Public: "too many listen"})
	}
	s := open(w, r, t.Config)
	if s.over {
		return s.done
	}
	t.add(s, r.Loop())
	if t.Opened != nil {
		t.Opened(s, r)
	}
	t.replay(s)
	return s.done
}

func (t *Topic) add(s *Stream, l twistor.Loop) {
	s.topic, s.at, s.heard = t, len(t.streams), t.sent
	t.streams = append(t.streams, s)
	if d := t.Config.heartbeat(); d > 0 && len(t.streams) == 1 {
		t.beat = l.CallLater(d, t.beats)
	}
}

// remove takes s out; the last one takes its place.
func (t *Topic) remove(s *Stream) {
	last := len(t.streams) - 1
	t.streams[s.at] = t.streams[last]
	t.streams[s.at].at = s.at
	t.streams[last] = nil
	t.streams = t.streams[:last]
	if last == 0 {
		t.streams = nil
		t.beat.Stop()
	}
}

// replay sends what s has missed. An ID that is not known, or not any more, gets
// all that is kept: better twice than never.
func (t *Topic) replay(s *Stream) {
	if s.last == "" && !t.All {
		return
	}
	ring := slices.Concat(t.kept[t.next:], t.kept[:t.next])
	from := 0
	for i, k := range ring {
		if k.id == s.last && s.last != "" {
			from = i + 1
		}
	}
	for _, k := range ring[from:] {
		if s.send(k.text) != nil {
			return
		}
	}
}

// Publish sends e to all who listen now, and keeps it for those who come back.
// An error is of an event that cannot be sent. What is published while an event is
// being sent, because somebody heard that a Stream ended, is sent after it: the
// order is the same for all.
func (t *Topic) Publish(e Event) error {
	if t.Keep > 0 && e.ID == "" {
		t.numbers++
		e.ID = strconv.FormatUint(t.numbers, 10)
	}
	p, err := e.Append(nil)
	if err != nil {
		return err
	}
	if len(p) > maxEventBytes {
		return fmt.Errorf("sse: event of %d bytes: want %d at most", len(p), maxEventBytes)
	}
	t.queue = append(t.queue, kept{e.ID, p})
	if t.busy {
		return nil
	}
	t.busy = true
	defer func() { t.busy = false }()
	for len(t.queue) > 0 {
		k := t.queue[0]
		t.queue = t.queue[1:]
		t.keep(k)
		t.each(func(s *Stream) { s.send(k.text) })
	}
	t.queue = nil
	if !t.beat.When().IsZero() {
		t.beat.Reset(t.Config.heartbeat())
	}
	return nil
}

// each calls f once for each Stream that is there now, though some end
// meanwhile.
func (t *Topic) each(f func(*Stream)) {
	t.sent++
	now := t.sent
	for i := len(t.streams) - 1; i >= 0; i-- {
		if i >= len(t.streams) {
			i = len(t.streams)
			continue
		}
		// Where one was removed another stands, which may have heard already.
		if s := t.streams[i]; s.heard < now {
			s.heard = now
			f(s)
		}
	}
}

func (t *Topic) keep(k kept) {
	switch {
	case t.Keep <= 0:
	case len(t.kept) < t.Keep:
		t.kept = append(t.kept, k)
	default:
		t.kept[t.next] = k
		t.next = (t.next + 1) % len(t.kept)
	}
}

// beats sends one comment to all.
func (t *Topic) beats() {
	t.each(func(s *Stream) {
		if !s.w.Full() {
			s.w.Write(comment)
			s.w.Flush()
		}
	})
	t.beat.Reset(t.Config.heartbeat())
}

// Close ends all Streams. Those who come later are served.
func (t *Topic) Close() {
	for len(t.streams) > 0 {
		t.streams[len(t.streams)-1].Close()
	}
}

package sse_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/sse"
	"github.com/twistor-go/twistor/sim"
)

// A listener asks a Server on a Clock, and takes its answer.
type listener struct {
	*sim.Transport
	t     testing.TB
	clock *sim.Clock
	first string // the head
	rest  string // what was not looked at
}

func listen(t testing.TB, clock *sim.Clock, s *web.Server, fields ...string) *listener {
	t.Helper()
	l := &listener{Transport: sim.Connect(clock, s), t: t, clock: clock}
	l.Receive("GET /events HTTP/1.1\r\nHost: example.com\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n")
	return l
}

// head is the head of the answer.
func (l *listener) head() string {
	l.clock.Advance(0)
	l.rest += l.Take()
	if l.first == "" {
		var whole bool
		if l.first, l.rest, whole = strings.Cut(l.rest, "\r\n\r\n"); !whole {
			l.first, l.rest = "", l.first
		}
	}
	return l.first
}

// text is what came since the last look, without chunks.
func (l *listener) text() string {
	l.t.Helper()
	l.head()
	var text strings.Builder
	for l.rest != "" {
		var n int
		size, rest, ok := strings.Cut(l.rest, "\r\n")
		if _, err := fmt.Sscanf(size, "%x", &n); err != nil || !ok || len(rest) < n+2 {
			break // it is not whole
		}
		if n == 0 {
			text.WriteString("<end>")
		}
		text.WriteString(rest[:n])
		l.rest = rest[n+2:]
	}
	return text.String()
}

func (l *listener) want(sentence, want string) {
	l.t.Helper()
	if got := l.text(); got != want {
		l.t.Errorf("%s: got %q, want %q", sentence, got, want)
	}
}

func TestTopicPublishes(t *testing.T) {
	clock := sim.NewClock(t)
	topic := &sse.Topic{}
	s := &web.Server{Handler: topic}
	a, b := listen(t, clock, s), listen(t, clock, s)
	for _, want := range []string{"HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Cache-Control: no-store", "X-Accel-Buffering: no"} {
		if !strings.Contains(a.head(), want) {
			t.Errorf("no %q in %q", want, a.head())
		}
	}
	topic.Publish(sse.Event{Data: "it rains"})
	a.want("each hears it", "data: it rains\n\n")
	b.want("each hears it", "data: it rains\n\n")
	b.Break(io.ErrUnexpectedEOF)
	clock.Advance(0)
	if topic.Len() != 1 {
		t.Errorf("%d listen, want 1", topic.Len())
	}
	topic.Publish(sse.Event{ID: "7", Type: "news", Data: "two\r\nlines\rand more\n", Retry: 2 * time.Second})
	a.want("all fields", "id: 7\nevent: news\nretry: 2000\ndata: two\ndata: lines\ndata: and more\ndata: \n\n")
	topic.Close()
	a.want("the end", "<end>")
	if topic.Len() != 0 {
		t.Errorf("%d listen, want none", topic.Len())
	}
}

func TestEventRefused(t *testing.T) {
	topic := &sse.Topic{}
	for _, e := range []sse.Event{{ID: "a\nb"}, {ID: "a\rb"}, {ID: "a\x00"}, {Type: "x\ndata: y"}, {Data: strings.Repeat("x", 64<<10)}} {
		if topic.Publish(e) == nil {
			t.Errorf("%.40v: want an error", e)
		}
	}
	if err := topic.Publish(sse.Event{Type: "x", Data: "\x00\xff"}); err != nil {
		t.Errorf("control: %v", err)
	}
}

// Who comes back gets what it missed, and nothing twice if it can be helped.
func TestTopicReplay(t *testing.T) {
	clock := sim.NewClock(t)
	topic := &sse.Topic{Keep: 3}
	s := &web.Server{Handler: topic}
	for i := range 5 {
		topic.Publish(sse.Event{Data: fmt.Sprint("e", i+1)})
	}
	const e3, e4, e5 = "id: 3\ndata: e3\n\n", "id: 4\ndata: e4\n\n", "id: 5\ndata: e5\n\n"
	for id, want := range map[string]string{"3": e4 + e5, "5": "", "4": e5, "1": e3 + e4 + e5, "what": e3 + e4 + e5} {
		l := listen(t, clock, s, "Last-Event-ID: "+id)
		l.want("after "+id, want)
		topic.Close()
	}
	listen(t, clock, s).want("who comes for the first time", "")
	topic.All = true
	listen(t, clock, s).want("unless it wants all", e3+e4+e5)
}

func TestTopicOpened(t *testing.T) {
	clock := sim.NewClock(t)
	topic := &sse.Topic{Keep: 1, All: true}
	topic.Opened = func(s *sse.Stream, r *web.Request) {
		s.Send(sse.Event{Data: "hello " + r.Path() + s.LastEventID()})
	}
	topic.Publish(sse.Event{Data: "kept"})
	listen(t, clock, &web.Server{Handler: topic}, "Last-Event-ID: x").want("greeting first", "data: hello /eventsx\n\nid: 1\ndata: kept\n\n")
}

// What is published because somebody left while an event was sent reaches all,
// in the same order.
func TestTopicPublishWithinPublish(t *testing.T) {
	clock := sim.NewClock(t)
	topic := &sse.Topic{Config: sse.Config{MaxQueued: -1, Slow: sse.EndStream}}
	h := web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		w.After(func(int, int64, error) { topic.Publish(sse.Event{Data: "one left"}) })
		return topic.Serve(w, r)
	})
	s := &web.Server{Handler: h}
	a, slow, b := listen(t, clock, s), listen(t, clock, s), listen(t, clock, s)
	slow.Hold()
	large := strings.Repeat("x", 60<<10)
	topic.Publish(sse.Event{Data: large})
	topic.Publish(sse.Event{Data: large})
	a.text()
	b.text()
	topic.Publish(sse.Event{Data: "last straw"})
	a.want("in order", "data: last straw\n\ndata: one left\n\n")
	b.want("in order", "data: last straw\n\ndata: one left\n\n")
	if topic.Len() != 2 {
		t.Errorf("%d listen, want 2", topic.Len())
	}
	a.Hold()
	clock.Advance(0)
}

func TestHeartbeat(t *testing.T) {
	clock := sim.NewClock(t)
	topic := &sse.Topic{}
	own := web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		s := sse.Open(w, r, sse.Config{Retry: time.Second})
		s.Send(sse.Event{Data: "hi"})
		return s.Done()
	})
	a, b := listen(t, clock, &web.Server{Handler: topic}), listen(t, clock, &web.Server{Handler: own})
	a.want("nothing yet", "")
	b.want("the greeting", "retry: 1000\n\ndata: hi\n\n")
	clock.Advance(14 * time.Second)
	a.want("not yet", "")
	b.want("not yet", "")
	topic.Publish(sse.Event{Data: "x"})
	a.want("an event", "data: x\n\n")
	clock.Advance(2 * time.Second)
	a.want("an event counts as one", "")
	b.want("after 15 s", ":\n\n")
	clock.Advance(60 * time.Second)
	a.want("again and again", strings.Repeat(":\n\n", 4))
	b.want("again and again", strings.Repeat(":\n\n", 4))
	a.Break(io.ErrUnexpectedEOF)
	b.Break(io.ErrUnexpectedEOF)
	clock.Advance(0)
	if n := clock.Pending(); n != 0 {
		t.Errorf("%d timers are left", n)
	}
}

// a client that does not read costs a bounded amount, and the others nothing.
func TestX01SlowClients(t *testing.T) {
	for _, slow := range []sse.Slow{sse.DropOldest, sse.EndStream} {
		clock := sim.NewClock(t)
		var dropped *sse.Stream
		topic := &sse.Topic{Config: sse.Config{MaxQueued: 10, Slow: slow, Heartbeat: -1}}
		topic.Opened = func(s *sse.Stream, r *web.Request) {
			if s.LastEventID() == "slow" {
				dropped = s
			}
		}
		s := &web.Server{Handler: topic}
		a, b := listen(t, clock, s, "Last-Event-ID: slow"), listen(t, clock, s)
		a.Hold()
		text := strings.Repeat("x", 1<<10)
		heard := 0
		for i := range 1000 {
			topic.Publish(sse.Event{Data: fmt.Sprint(i, " ", text)})
			heard += strings.Count(b.text(), "data: ")
		}
		if heard != 1000 {
			t.Errorf("the quick one heard %d of 1000", heard)
		}
		if a.Buffered() > 128<<10 {
			t.Errorf("%d bytes wait for the slow one", a.Buffered())
		}
		if slow == sse.EndStream {
			if topic.Len() != 1 || !a.Closed() && !a.Aborted() {
				t.Errorf("it goes on: %d listen", topic.Len())
			}
			continue
		}
		for range 20 {
			a.Drain(1 << 20)
			clock.Advance(0)
		}
		all := a.text()
		got := strings.Count(all, "data: ")
		if got < 60 || got > 100 || int(dropped.Dropped()) != 1000-got || !strings.Contains(all, "data: 999 ") || !strings.Contains(all, "data: 0 ") {
			t.Errorf("it heard %d and missed %d; want the first ones, and the last ten", got, dropped.Dropped())
		}
		if !strings.Contains(all, "data: 990 ") || strings.Contains(all, "data: 989 ") {
			t.Error("want the oldest that wait to be dropped, and nothing else")
		}
	}
}

func TestX01MaxStreams(t *testing.T) {
	clock := sim.NewClock(t)
	topic := &sse.Topic{MaxStreams: 2}
	s := &web.Server{Handler: topic}
	a, _, c := listen(t, clock, s), listen(t, clock, s), listen(t, clock, s)
	if !strings.HasPrefix(c.head(), "HTTP/1.1 503 ") {
		t.Errorf("the third: %q", c.head())
	}
	a.Break(io.ErrUnexpectedEOF)
	clock.Advance(0)
	if d := listen(t, clock, s); !strings.HasPrefix(d.head(), "HTTP/1.1 200 ") {
		t.Errorf("when one has left: %q", d.head())
	}
	clock.Errors()
}

func TestHead(t *testing.T) {
	clock := sim.NewClock(t)
	topic := &sse.Topic{}
	c := sim.Connect(clock, &web.Server{Handler: topic})
	c.Receive("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
	clock.Advance(0)
	if got := c.Written(); strings.Count(got, "HTTP/1.1 200 OK") != 2 || topic.Len() != 0 {
		t.Errorf("got %q, %d listen", got, topic.Len())
	}
}

func TestSendAfterTheEnd(t *testing.T) {
	clock := sim.NewClock(t)
	var stream *sse.Stream
	l := listen(t, clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		stream = sse.Open(w, r, sse.Config{})
		return stream.Done()
	})})
	l.text()
	l.Break(io.ErrUnexpectedEOF)
	clock.Advance(0)
	if err := stream.Send(sse.Event{Data: "x"}); !errors.Is(err, web.ErrEnded) {
		t.Errorf("got %v, want ErrEnded", err)
	}
}

func BenchmarkTopic(b *testing.B) {
	clock := sim.NewClock(b)
	topic := &sse.Topic{Config: sse.Config{Heartbeat: -1}}
	s := &web.Server{Handler: topic}
	var all []*listener
	for range 1000 {
		all = append(all, listen(b, clock, s))
	}
	b.ReportAllocs()
	for b.Loop() {
		topic.Publish(sse.Event{Data: "a short message"})
		b.StopTimer()
		clock.Advance(0)
		for _, l := range all {
			l.Clear()
		}
		b.StartTimer()
	}
}

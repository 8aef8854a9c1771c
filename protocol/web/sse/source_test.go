package sse_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/sse"
	"github.com/twistor-go/twistor/sim"
)

// source is one on the host client that listens to the host server, and what it heard.
func source(w *sim.World) (s *sse.Source, heard *[]string) {
	heard = new([]string)
	s = &sse.Source{
		Client:   &web.Client{Loop: w.Host("client").Loop(), Timeout: -1},
		URL:      "http://server/events",
		Received: func(e sse.Event) { *heard = append(*heard, e.ID+":"+e.Data) },
		Lost:     func(err error, again time.Duration) { *heard = append(*heard, "lost") },
	}
	return s, heard
}

// A Source that is cut off comes back, says what it heard last, and misses
// nothing; over networks of all kinds.
func TestSourceComesBack(t *testing.T) {
	sim.Seeds(t, 20, func(t *testing.T, w *sim.World) {
		topic := &sse.Topic{Keep: 100}
		server := w.Host("server")
		server.Listen("tcp", ":80", &web.Server{Handler: topic})
		s, heard := source(w)
		done := s.Listen()
		client := w.Host("client")
		client.Do(func(co *deferred.Co) error {
			for i := range 6 {
				if err := co.Sleep(30 * time.Second); err != nil {
					return err
				}
				topic.Publish(sse.Event{Data: "while it listens"})
				co.Sleep(5 * time.Second)
				if i == 1 || i == 3 {
					topic.Close()
					topic.Publish(sse.Event{Data: "while it is away"})
				}
			}
			co.Sleep(time.Minute)
			done.Cancel()
			s.Client.Close()
			return nil
		})
		var events []string
		for _, h := range *heard {
			if h != "lost" {
				events = append(events, h)
			}
		}
		want := "1:while it listens 2:while it listens 3:while it is away 4:while it listens 5:while it listens 6:while it is away 7:while it listens 8:while it listens"
		if got := strings.Join(events, " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := len(*heard) - len(events); got < 2 {
			t.Errorf("it was cut off %d times, want 2", got)
		}
	})
}

// What is no stream of events ends a Source; what may pass does not.
func TestSourceRefused(t *testing.T) {
	for _, c := range []struct {
		status int
		ctype  string
		want   string // "refused", "ended", or "again"
	}{
		{204, "", "ended"},
		{200, "text/html", "refused"},
		{200, "text/event-streams", "refused"},
		{404, "text/event-stream", "refused"},
		{503, "text/plain", "again"},
		{429, "text/plain", "again"},
		{200, "text/event-stream; charset=utf-8", "again"},
	} {
		w := sim.New(t, 0)
		asked := 0
		w.Host("server").Listen("tcp", ":80", &web.Server{Handler: web.HandlerFunc(func(rw *web.ResponseWriter, r *web.Request) {
			asked++
			rw.SetHeader("Content-Type", c.ctype)
			rw.WriteHeader(c.status)
		})})
		s, _ := source(w)
		got := "again"
		w.Host("client").Do(func(co *deferred.Co) error {
			done := s.Listen()
			co.Sleep(20 * time.Second)
			if o, fired := done.Result(); fired {
				got = "ended"
				if refused, ok := errors.AsType[*sse.RefusedError](o.Err); ok {
					got = "refused"
					if refused.Status != c.status {
						t.Errorf("%d: got %v", c.status, refused)
					}
				}
			}
			done.Cancel()
			s.Client.Close()
			return nil
		})
		if got != c.want || (asked > 1) != (c.want == "again") {
			t.Errorf("%d %q: %s after %d questions, want %s", c.status, c.ctype, got, asked, c.want)
		}
	}
}

// A server that is away is asked less and less often, and what it says about
// that is heard.
func TestSourceDelays(t *testing.T) {
	w := sim.New(t, 0)
	s, _ := source(w)
	var delays []time.Duration
	s.Lost = func(err error, again time.Duration) { delays = append(delays, again) }
	w.Host("server").Listen("tcp", ":80", &web.Server{Handler: web.HandlerFunc(func(rw *web.ResponseWriter, r *web.Request) {
		if len(delays) < 6 {
			rw.WriteHeader(503)
			return
		}
		rw.SetHeader("Content-Type", "text/event-stream")
		rw.WriteString("retry: 1000\n\n")
	})})
	w.Host("client").Do(func(co *deferred.Co) error {
		done := s.Listen()
		co.Sleep(4 * time.Minute)
		done.Cancel()
		s.Client.Close()
		return nil
	})
	want := []time.Duration{6, 12, 24, 48, 60, 60, 1, 1}
	if len(delays) < len(want) {
		t.Fatalf("got %v", delays)
	}
	for i, d := range want {
		d *= time.Second
		if got := delays[i]; got < d*4/5 || got > d*6/5 {
			t.Errorf("delay %d: got %v, want about %v", i, got, d)
		}
	}
}

// A stream whose events are too large is left, and asked again.
func TestX01SourceMaxBytes(t *testing.T) {
	w := sim.New(t, 0)
	w.Host("server").Listen("tcp", ":80", &web.Server{Handler: web.HandlerFunc(func(rw *web.ResponseWriter, r *web.Request) {
		rw.SetHeader("Content-Type", "text/event-stream")
		fmt.Fprintf(rw, "data: fine\n\ndata: %s\n\n", strings.Repeat("x", 2000))
	})})
	s, heard := source(w)
	s.MaxBytes = 1000
	var why error
	s.Lost = func(err error, again time.Duration) { why = err }
	w.Host("client").Do(func(co *deferred.Co) error {
		done := s.Listen()
		co.Sleep(2 * time.Second)
		done.Cancel()
		s.Client.Close()
		return nil
	})
	if !errors.Is(why, sse.ErrTooLarge) || len(*heard) != 1 {
		t.Errorf("got %v, heard %q", why, *heard)
	}
}

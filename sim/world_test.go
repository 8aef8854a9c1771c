package sim

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// An echo writes back what it receives.
type echo struct {
	twistor.Transport
	ends []error
}

func (e *echo) Connected()             {}
func (e *echo) Received(p []byte)      { e.Write(p) }
func (e *echo) Disconnected(err error) { e.ends = append(e.ends, err) }

var echoes = twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &echo{Transport: t} })

func TestWorldEcho(t *testing.T) {
	w := New(t, 0)
	w.Net.Latency = 20 * time.Millisecond
	w.Host("server").Listen("tcp", ":7", echoes)
	p := w.Host("client").Dial("server:7")
	if got := w.Elapsed(); got != 40*time.Millisecond {
		t.Errorf("connected after %v, want a round trip", got)
	}
	p.Send("hello")
	p.Expect("hello")
	if got := w.Elapsed(); got != 80*time.Millisecond {
		t.Errorf("answered after %v, want two round trips", got)
	}
	p.CloseWrite()
	p.ExpectEnd()
}

func TestWorldDialsByName(t *testing.T) {
	w := New(t, 0)
	w.Host("server").Listen("tcp", ":7", echoes)
	client := w.Host("client")
	e := &Ear{}
	client.Do(func(co *deferred.Co) error {
		p, err := twistor.Dial(client.Loop(), "tcp", "server:7", func(t twistor.Transport) *Ear {
			e.Transport = t
			return e
		}).Await(co)
		if err != nil {
			return err
		}
		fmt.Fprint(p, "hi")
		return nil
	})
	w.Run(func() bool { return len(e.Events) == 2 })
	checkEvents(t, e, "connected", "received hi")
	if got := e.RemoteAddr().String(); got != "10.0.0.1:7" {
		t.Errorf("RemoteAddr: got %s", got)
	}
	e.Close()
	w.Settle()
	checkEvents(t, e, "connected", "received hi", "disconnected use of closed network connection")
}

// TestTR02Leaks proves TR02: connections and timers left behind fail the test.
func TestTR02Leaks(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		do         func(w *World)
	}{
		{"connection", "left open", func(w *World) {
			w.Host("server").Listen("tcp", ":7", echoes)
			w.Host("client").Loop().Dial(twistor.DialConfig{Network: "tcp", Address: "server:7"}, echoes)
			w.Settle()
		}},
		{"timer", "1 timers left", func(w *World) {
			w.Host("server").Loop().CallLater(time.Hour, func() {})
		}},
		{"failure", "organ", func(w *World) {
			deferred.Failed[int](w.Host("server").Loop(), errors.New("organ"))
		}},
		{"log", "logged: lost", func(w *World) {
			w.Host("server").Loop().Log().Error("lost")
		}},
		{"panic", "panic in a callback", func(w *World) {
			w.Host("server").Loop().CallLater(time.Second, func() { panic("oh") })
			w.Advance(time.Minute)
		}},
		{"nothing", "", func(w *World) {
			w.Host("server").Listen("tcp", ":7", echoes)
			p := w.Host("client").Dial("server:7")
			p.Send("left without a word")
		}},
	} {
		var f fakeT
		f.try(func(t T) { tc.do(New(t, 0)) })
		got := strings.Join(f.failures, "\n")
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got failures %q, want %q", tc.name, got, tc.want)
		}
		if tc.want != "" && !strings.Contains(strings.Join(f.logs, "\n"), "SIM_SEED=0x0 go test -run '^TestFake$' ./sim") {
			t.Errorf("%s: no replay in %q", tc.name, f.logs)
		}
	}
}

func TestWorldUnix(t *testing.T) {
	w := New(t, 0)
	h := w.Host("one")
	h.Listen("unix", "/run/echo", echoes)
	p := h.Dial("unix:/run/echo")
	p.Send("x")
	p.Expect("x")
	p.Close()
	if _, err := w.Host("two").TryDial("unix:/run/echo"); err == nil {
		t.Error("another host's path could be dialed")
	}
}

func TestWorldFiles(t *testing.T) {
	w := New(t, 0)
	w.Net.WorkTime = time.Second
	h := w.Host("one")
	h.Do(func(co *deferred.Co) error {
		f, err := h.Loop().FS().OpenFile("x", 0x42, 0o644)
		if err != nil {
			return err
		}
		_, err = io.WriteString(f, "data")
		return err
	})
	if got := read(t, h.Disk, "x"); got != "data" {
		t.Errorf("got %q", got)
	}
}

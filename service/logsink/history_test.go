package logsink

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
)

func TestO09History(t *testing.T) {
	h := &History{MaxRecords: 3}
	log := slog.New(h)
	for i := range 5 {
		log.Debug(fmt.Sprint("m", i))
	}
	log.With("a", 1).WithGroup("g").With("b", 2).Info("last", "c", 3)
	var b bytes.Buffer
	for range 2 { // they remain
		b.Reset()
		dropped, err := h.Replay(t.Context(), NewText(&b, nil))
		if got := messages(&b); got != "m3|m4|last a=1 g.b=2 g.c=3" || dropped != 3 || err != nil {
			t.Errorf("got %s, %d dropped, %v", got, dropped, err)
		}
	}
	b.Reset()
	h.Replay(t.Context(), NewText(&b, slog.LevelInfo))
	if got := messages(&b); got != "last a=1 g.b=2 g.c=3" {
		t.Errorf("got %s, want what the handler wants", got)
	}
	empty := new(History)
	for range 201 {
		slog.New(empty).Info("m")
	}
	if dropped, _ := empty.Replay(t.Context(), NewText(&b, nil)); dropped != 1 {
		t.Errorf("dropped %d of 201, want 1", dropped)
	}
}

// What a record says does not change after it was logged.
func TestHistorySettles(t *testing.T) {
	h := new(History)
	changing := &bytes.Buffer{}
	changing.WriteString("before")
	log := slog.New(h).With("a", changing)
	log.Info("m", "b", changing, slog.Group("g", "c", changing))
	changing.Reset()
	changing.WriteString("after")
	var b bytes.Buffer
	h.Replay(t.Context(), NewText(&b, nil))
	if got, want := messages(&b), "m a=before b=before g.c=before"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHistoryHandler(t *testing.T) {
	var h *History
	slogtest.Run(t, func(*testing.T) slog.Handler { h = new(History); return h }, func(t *testing.T) map[string]any {
		var b bytes.Buffer
		h.Replay(t.Context(), NewText(&b, nil))
		return parsed(b.String())
	})
}

// O05: what is logged before the sinks are there is not lost.
func TestO05Early(t *testing.T) {
	e := new(Early)
	log := slog.New(e)
	derived := log.With("service", "web").WithGroup("g")
	for i := range 201 {
		log.Debug(fmt.Sprint("early", i))
	}
	derived.Info("derived", "a", 1)

	var first, second bytes.Buffer
	e.Begin(NewText(&first, slog.LevelInfo))
	log.Debug("too little")
	log.Info("late")
	derived.Info("derived", "a", 2)
	e.Begin(NewText(&second, nil))
	derived.Info("derived", "a", 3)
	derived.With("b", 4).Info("more")

	want := "early log records dropped lost=2|derived service=web g.a=1|late|derived service=web g.a=2"
	if got := messages(&first); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := messages(&second), "derived service=web g.a=3|more service=web g.b=4"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Those who log while the sinks are opened are after those who did before, each
// once.
func TestO05EarlyOrder(t *testing.T) {
	const writers, each = 4, 40
	e := new(Early)
	var b bytes.Buffer
	var wg sync.WaitGroup
	for i := range writers {
		log := slog.New(e).With("i", i)
		wg.Go(func() {
			for j := range each {
				log.Info("m", "j", j)
			}
		})
	}
	wg.Go(func() { e.Begin(NewText(&b, nil)) })
	wg.Wait()
	next := make([]int, writers)
	for line := range strings.Lines(b.String()) {
		var i, j int
		_, rest, _ := strings.Cut(line, " m ")
		if _, err := fmt.Sscanf(rest, "i=%d j=%d", &i, &j); err != nil || next[i] != j {
			t.Fatalf("%q, want the %d-th", line, next[i])
		}
		next[i]++
	}
	if got := strings.Count(b.String(), "\n"); got != writers*each {
		t.Errorf("%d records, want %d", got, writers*each)
	}
}

// A value that logs when it is asked what it is does not stop the others.
func TestEarlyReentrant(t *testing.T) {
	e := new(Early)
	log := slog.New(e)
	log.Info("outer", "v", talker{log})
	var b bytes.Buffer
	e.Begin(NewText(&b, nil))
	if got, want := messages(&b), "inner|outer v=said"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

type talker struct{ log *slog.Logger }

func (t talker) LogValue() slog.Value { t.log.Info("inner"); return slog.StringValue("said") }

func TestEarlyHandler(t *testing.T) {
	for _, before := range []bool{true, false} {
		var b bytes.Buffer
		var e *Early
		slogtest.Run(t, func(*testing.T) slog.Handler {
			b.Reset()
			if e = new(Early); !before {
				e.Begin(NewText(&b, nil))
			}
			return e
		}, func(*testing.T) map[string]any {
			if before {
				e.Begin(NewText(&b, nil))
			}
			return parsed(b.String())
		})
	}
}

// O09, O10: package log and others that write lines are bridged by package slog.
func TestO10StandardLog(t *testing.T) {
	var b bytes.Buffer
	slog.NewLogLogger(NewText(&b, nil), slog.LevelWarn).Print("from package log\nwith two lines")
	if got, want := messages(&b), `"from package log\nwith two lines"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

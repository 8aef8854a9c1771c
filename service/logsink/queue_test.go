package logsink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A gate is a sink that takes a line only when it is let.
type gate struct {
	mu     sync.Mutex
	lines  []string
	err    error         // of the next Writes
	let    chan struct{} // nil: it takes all
	begun  chan struct{} // tells that a Write has begun; nil: nobody
	panics bool
}

func (g *gate) Write(p []byte) (int, error) {
	if g.begun != nil {
		g.begun <- struct{}{}
	}
	if g.let != nil {
		<-g.let
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.panics {
		panic("oh")
	}
	if g.err != nil {
		return 0, g.err
	}
	g.lines = append(g.lines, string(p))
	return len(p), nil
}

func (g *gate) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = err
}

// got are the lines, without the times of records.
func (g *gate) got() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	lines := slices.Clone(g.lines)
	for i, l := range lines {
		if _, rest, ok := strings.Cut(l, " WARN "); ok {
			lines[i] = "WARN " + rest
		}
	}
	return lines
}

func flush(t *testing.T, q *Queue) {
	t.Helper()
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// F-34: the queue never blocks those who log. What has no room is dropped, and
// counted, in its place.
func TestF_34QueueDrops(t *testing.T) {
	g := &gate{let: make(chan struct{}), begun: make(chan struct{}, 1)}
	q := &Queue{To: g, MaxLines: 3}
	put := func(lines ...string) (dropped int) {
		for _, l := range lines {
			if _, err := io.WriteString(q, l); err == ErrFull {
				dropped++
			} else if err != nil {
				t.Error(err)
			}
		}
		return dropped
	}
	put("a\n")
	<-g.begun // a is being written, and counts
	if n := put("b\n", "c\n", "d\n", "e\n"); n != 2 {
		t.Fatalf("dropped %d, want 2", n)
	}
	if got, want := q.Stats(), (Stats{Dropped: 2, Waiting: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	g.let <- struct{}{}
	<-g.begun // b: a has left
	if n := put("f", "g\n"); n != 1 {
		t.Errorf("dropped %d, want 1: there is room for one", n)
	}
	go func() {
		for range g.begun {
		}
	}()
	close(g.let)
	flush(t, q)
	close(g.begun)
	g.begun = nil
	full := " err=\"logsink: queue is full\"\n"
	want := []string{"a\n", "b\n", "c\n", "WARN log lines lost lost=2" + full, "f\n", "WARN log lines lost lost=1" + full}
	if got := g.got(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got, want := q.Stats(), (Stats{Written: 4, Dropped: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestQueueMaxBytes(t *testing.T) {
	g := &gate{let: make(chan struct{})}
	q := &Queue{To: g, MaxBytes: 10}
	for _, tc := range []struct {
		line string
		want error
	}{{"12345678901", ErrFull}, {"12345", nil}, {"1234", ErrFull}, {"123", nil}, {"\n", ErrFull}} {
		if n, err := io.WriteString(q, tc.line); err != tc.want || err == nil && n != len(tc.line) {
			t.Errorf("%q: got %d, %v, want %v", tc.line, n, err, tc.want)
		}
	}
	close(g.let)
	flush(t, q)
}

// A sink that fails loses the lines that it fails with, and those only; it hears
// how many when it works again.
func TestQueueSinkFails(t *testing.T) {
	for _, panics := range []bool{false, true} {
		g := &gate{panics: panics}
		q := &Queue{To: g, Format: NewJSON}
		if g.fail(syscall.ENOSPC); panics {
			g.fail(nil)
		}
		for _, l := range []string{"a\n", "b\n"} {
			io.WriteString(q, l)
			flush(t, q)
		}
		if _, err := io.WriteString(q, "c\n"); err == nil || !panics && err != syscall.ENOSPC {
			t.Errorf("got %v, want what the sink says", err)
		}
		flush(t, q)
		g.mu.Lock()
		g.panics, g.err = false, nil
		g.mu.Unlock()
		flush(t, q) // says it without another line
		io.WriteString(q, "d\n")
		flush(t, q)
		if _, err := io.WriteString(q, "e\n"); err != nil {
			t.Errorf("got %v, want none: the sink works", err)
		}
		flush(t, q)
		got := g.got()
		if len(got) != 3 || !strings.Contains(got[0], `"lost":3,"err":`) || got[1] != "d\n" || got[2] != "e\n" {
			t.Errorf("got %q, want a record about three lines, and d and e", got)
		}
		if got, want := q.Stats(), (Stats{Written: 2, Failed: 3}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// What a sink that takes a line has to complain of is a record, once.
func TestQueueSinkComplains(t *testing.T) {
	var lines []string
	q := &Queue{To: writer(func(p []byte) (int, error) {
		lines = append(lines, string(p))
		if len(lines) == 1 {
			return len(p), errors.New("cannot rotate")
		}
		return len(p), nil
	})}
	io.WriteString(q, "a\n")
	flush(t, q)
	io.WriteString(q, "b\n")
	flush(t, q)
	if len(lines) != 3 || !strings.HasSuffix(lines[1], " WARN log sink has trouble err=\"cannot rotate\"\n") || lines[2] != "b\n" {
		t.Errorf("got %q", lines)
	}
	if got, want := q.Stats(), (Stats{Written: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestQueueFlushGivesUp(t *testing.T) {
	g := &gate{let: make(chan struct{})}
	q := &Queue{To: g}
	io.WriteString(q, "a\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Flush(ctx); err != context.Canceled {
		t.Errorf("got %v, want it to give up", err)
	}
	if err := q.Close(ctx); err != context.Canceled {
		t.Errorf("got %v, want it to give up", err)
	}
	close(g.let)
	flush(t, q)
	if _, err := io.WriteString(q, "b\n"); err != os.ErrClosed {
		t.Errorf("got %v, want os.ErrClosed", err)
	}
	if err := q.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := g.got(); len(got) != 2 || got[0] != "a\n" {
		t.Errorf("got %q, want a, and what came too late counted", got)
	}
}

// Lines of many keep their order, each line once, and no line is torn.
func TestQueueOrder(t *testing.T) {
	const writers, each = 8, 500
	g := &gate{}
	q := &Queue{To: g, MaxLines: -1, MaxBytes: -1}
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for j := range each {
				fmt.Fprintf(q, "%d %d\n", i, j)
			}
		})
	}
	wg.Wait()
	flush(t, q)
	next := make([]int, writers)
	for _, l := range g.got() {
		var i, j int
		if _, err := fmt.Sscanf(l, "%d %d\n", &i, &j); err != nil || j != next[i] {
			t.Fatalf("%q, want the %d-th of %d", l, next[i], i)
		}
		next[i]++
	}
	if got := q.Stats().Written; got != writers*each {
		t.Errorf("%d lines, want %d", got, writers*each)
	}
}

func TestQueueAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	q := &Queue{To: io.Discard}
	log := slog.New(NewText(q, nil))
	line := []byte("a line of a log\n")
	if got := testing.AllocsPerRun(1000, func() { q.Write(line) }); got > 1 {
		t.Errorf("Write: %v allocations, want at most the goroutine's", got)
	}
	if got := testing.AllocsPerRun(1000, func() { log.Info("listening", "at", "tcp:8888", "n", 1) }); got > 1 {
		t.Errorf("a record: %v allocations, want at most the goroutine's", got)
	}
}

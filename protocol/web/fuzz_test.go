package web_test

import (
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/framing/http1/http1test"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// FuzzServer: whatever comes, what a Server answers does not depend on how it came, it ends what it
// began, nothing panics, and nobody but the client is blamed.
func FuzzServer(f *testing.F) {
	for _, c := range http1test.Corpus() {
		if !c.Response && len(c.Bytes) < 2000 {
			f.Add(c.Bytes, uint16(3))
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte, size uint16) {
		if len(wire) > 64<<10 {
			t.Skip("long inputs are other tests'")
		}
		n := int(size)%len(append(wire, 0)) + 1
		for _, h := range []web.Handler{web.Later(echoed), says("ok"), gathering} {
			whole := fuzzed(t, h, wire, len(wire)+1)
			if cut := fuzzed(t, h, wire, n); cut != whole {
				t.Errorf("whole: %q\nby %d bytes: %q", whole, n, cut)
			}
		}
	})
}

// fuzzed is what a Server with h answers wire, which comes n bytes at a time and then ends.
func fuzzed(t *testing.T, h web.Handler, wire []byte, n int) string {
	var log strings.Builder
	s := &web.Server{Handler: h, DisableHTTP2: true, MinBodyRate: -1, Log: slog.New(slog.NewTextHandler(&log, nil))}
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, s)
	for rest := wire; len(rest) > 0; {
		k := min(n, len(rest))
		tr.Receive(string(rest[:k]))
		clock.Advance(0)
		rest = rest[k:]
	}
	tr.End()
	clock.Advance(0)
	if !over(tr) {
		t.Errorf("still open after the end of %q", wire)
	}
	tr.Reset()
	clock.Advance(time.Minute)
	if log.Len() > 0 {
		t.Errorf("an error of ours? %s", log.String())
	}
	return tr.Written()
}

// bytesAllocated is how much f allocates, and 16 bytes more for each piece.
func bytesAllocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc + 16*(after.Mallocs-before.Mallocs)
}

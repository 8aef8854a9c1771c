package http1

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

// however a head or a trailer section comes, no byte is looked at twice
// for a line's end, and nothing but the lines themselves is read.
func TestX03EachByteOnce(t *testing.T) {
	head := "GET /" + strings.Repeat("a", 8000) + " HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: "+strings.Repeat("y", 150)+"\r\n", 98) + "\r\n"
	var s Parser
	var r Request
	for i := range len(head) {
		_, done, err := s.Request([]byte(head[i:i+1]), &r)
		if err != nil || done != (i == len(head)-1) {
			t.Fatalf("byte %d: got %v, %v", i, done, err)
		}
		if !done && s.part.seen != len(s.part.buf) {
			t.Fatalf("byte %d: %d bytes would be looked at again", i, len(s.part.buf)-s.part.seen)
		}
	}
	if r.Header.Len() != 99 {
		t.Errorf("got %d fields, want 99", r.Header.Len())
	}
}

// T-08: a body of a mebibyte in chunks of one byte costs the same however it
// comes: no memory at all. Each byte is one step of a state machine.
func TestT_08_ChunksByteByByte(t *testing.T) {
	n := 1 << 20
	if testing.Short() || RaceEnabled {
		n = 1 << 16
	}
	stream := append(bytes.Repeat([]byte("1\r\nx\r\n"), n), LastChunk...)
	for _, step := range []int{1, 2, 7, len(stream)} {
		var b BodyReader
		b.Start(Chunked, -1, nil)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, calls := 0, 0
		for p := stream; len(p) > 0; {
			piece := p[:min(step, len(p))]
			p = p[len(piece):]
			for len(piece) > 0 {
				data, m, _, err := b.Next(piece)
				if err != nil {
					t.Fatal(err)
				}
				got, calls = got+len(data), calls+1
				piece = piece[m:]
			}
		}
		runtime.ReadMemStats(&after)
		if got != n || b.Closed() != nil {
			t.Errorf("step %d: got %d bytes and %v, want %d", step, got, b.Closed(), n)
		}
		if calls > len(stream)/step+n+2 {
			t.Errorf("step %d: %d calls for %d bytes", step, calls, len(stream))
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<10 {
			t.Errorf("step %d: %d bytes of memory, want none to speak of", step, grown)
		}
	}
}

// twice as many fields, or bytes, cost at most 2.3 times the memory, and
// four times as many 2.3 times that.
func TestX03LinearMemory(t *testing.T) {
	limits := Limits{MaxLine: 1 << 22, MaxField: 1 << 22, MaxHead: 1 << 22, MaxFields: 1 << 20, MaxTrailer: 1 << 22}
	for name, stream := range map[string]func(n int) string{
		"fields":  func(n int) string { return "GET / HTTP/1.0\r\n" + strings.Repeat("X: y\r\n", n) + "\r\n" },
		"a field": func(n int) string { return "GET / HTTP/1.0\r\nX: " + strings.Repeat("yyyyyy", n) + "\r\n\r\n" },
		"target":  func(n int) string { return "GET /" + strings.Repeat("yyyyyy", n) + " HTTP/1.0\r\n\r\n" },
		"list":    func(n int) string { return "GET / HTTP/1.0\r\nConnection: " + strings.Repeat("a,b,c,", n) + "\r\n\r\n" },
	} {
		cost := func(n int) float64 {
			p := []byte(stream(n))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s := Parser{Limits: limits}
			var r Request
			for i := range p {
				if _, done, err := s.Request(p[i:i+1], &r); err != nil || done != (i == len(p)-1) {
					t.Fatalf("%s: byte %d: %v, %v", name, i, done, err)
				}
			}
			runtime.ReadMemStats(&after)
			return float64(after.TotalAlloc - before.TotalAlloc)
		}
		if small, large := cost(1<<12), cost(1<<14); large > 2.3*2.3*small {
			t.Errorf("%s: four times as many cost %.2f times the memory", name, large/small)
		}
	}
}

// H1-14: whoever sends without an end makes us keep no more than the limit, and
// not more of one large read than that.
func TestH1_14_Memory(t *testing.T) {
	flood := bytes.Repeat([]byte("a"), 1<<20)
	for _, tc := range []struct{ name, before string }{
		{"request line", "GET /"},
		{"field", "GET / HTTP/1.1\r\nX: "},
		{"fields", "GET / HTTP/1.1\r\n" + strings.Repeat("X: "+strings.Repeat("a", 4000)+"\r\n", 4)},
	} {
		var s Parser
		var r Request
		if _, _, err := s.Request([]byte(tc.before), &r); err != nil {
			t.Fatal(err)
		}
		part := s.part
		if _, _, err := s.Request(flood, &r); err == nil {
			t.Errorf("%s: want an error", tc.name)
		}
		if got, most := len(part.buf), 8<<10+16<<10+len("\r\n"); got > most {
			t.Errorf("%s: kept %d bytes, want %d at most", tc.name, got, most)
		}
		if s.part != nil {
			t.Errorf("%s: still kept after the refusal", tc.name)
		}
	}
}

// An idle connection holds a Parser and a BodyReader: they are small, and hold no
// memory between messages.
func TestIdleIsSmall(t *testing.T) {
	if got := unsafe.Sizeof(Parser{}) - unsafe.Sizeof(Limits{}); got > 16 {
		t.Errorf("a Parser has %d bytes beside its Limits, want 16", got)
	}
	if got := unsafe.Sizeof(BodyReader{}); got > 48 {
		t.Errorf("a BodyReader has %d bytes, want 48 as it says", got)
	}
	var s Parser
	var r Request
	for _, piece := range []string{"GET / HTTP/1.0\r\nX: y", "\r\n\r\n"} {
		if _, _, err := s.Request([]byte(piece), &r); err != nil {
			t.Fatal(err)
		}
	}
	if s.part != nil || !s.Idle() {
		t.Error("a Parser holds memory after a head")
	}
	if r.Header.borrowed {
		t.Error("a head that came in pieces points into the parser's input")
	}
	large := "GET / HTTP/1.0\r\nX: " + strings.Repeat("y", 8000) + "\r\n\r\n"
	for i := range len(large) {
		s.Request([]byte(large[i:i+1]), &r)
	}
	r.Reset()
	if got := cap(r.Header.block); got > keptHeaderBytes {
		t.Errorf("an empty Header keeps %d bytes, want %d at most", got, keptHeaderBytes)
	}
	for range 2 * keptHeaderFields {
		r.Header.Add("X", "y")
	}
	r.Reset()
	if got := cap(r.Header.fields); got > keptHeaderFields {
		t.Errorf("an empty Header keeps a list of %d fields, want %d at most", got, keptHeaderFields)
	}
}

// Idle is not the same as not Started: half an empty line is something to know.
func TestIdle(t *testing.T) {
	var s Parser
	var r Request
	for _, tc := range []struct {
		piece string
		want  bool
	}{{"", true}, {"\r", false}, {"\n", false}, {"GET / HTTP/1.0\r\n", false}, {"\r\n", true}, {"\r\n", false}} {
		if _, _, err := s.Request([]byte(tc.piece), &r); err != nil {
			t.Fatal(err)
		}
		if got := s.Idle(); got != tc.want {
			t.Errorf("after %q: got %v, want %v", tc.piece, got, tc.want)
		}
	}
	if s.Reset(); !s.Idle() {
		t.Error("not idle after Reset")
	}
}

// The eight bytes at a time say what the bytes one by one say.
func TestValidValue(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				for _, rest := range []byte{'a', 0xff, ' '} {
					v := bytes.Repeat([]byte{rest}, length)
					v[at] = byte(c)
					if got, want := validValue(v), all(v, valueByte); got != want {
						t.Fatalf("%q: got %v, want %v", v, got, want)
					}
				}
			}
		}
	}
}

// Limits that are set hold, at their byte; those below zero are the defaults.
func TestLimitsAreSet(t *testing.T) {
	chunked := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, tc := range []struct {
		name, format string
		limits       Limits
		fits         int // how many x
		want         string
	}{
		{"MaxLine", "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", Limits{MaxLine: 20}, 6, "http1: first line too large: want 20 bytes at most"},
		{"MaxField", "GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", Limits{MaxField: 20}, 17, "http1: field line too large: want 20 bytes at most"},
		{"MaxHead", "GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", Limits{MaxHead: 20}, 6, "http1: header section too large: want 20 bytes at most"},
		{"MaxFields", "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", Limits{MaxFields: 2}, 1, "http1: too many fields: want 2 at most"},
		{"MaxChunkLine", chunked + "1;%s\r\na\r\n0\r\n\r\n", Limits{MaxChunkLine: 20}, 18, "http1: chunk line too large: want 20 bytes at most"},
		{"MaxExtensions", chunked + "1;%s\r\na\r\n0\r\n\r\n", Limits{MaxExtensions: 20}, 19, "http1: chunk extensions of a body too large: want 20 bytes at most"},
		{"MaxTrailer", chunked + "0\r\nX: %s\r\n\r\n", Limits{MaxTrailer: 20}, 15, "http1: trailer section too large: want 20 bytes at most"},
		{"MaxFields", chunked + "0\r\n%s\r\n", Limits{MaxFields: 2}, 2, "http1: too many fields: want 2 at most"},
		{"none", "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", Limits{-1, -1, -1, -1, -1, -1, -1}, 8178, "http1: first line too large: want 8192 bytes at most"},
	} {
		for more := range 2 {
			x := "x"
			if tc.name == "MaxFields" {
				x = "X:\r\n"
			}
			p := fmt.Appendf(nil, tc.format, strings.Repeat(x, tc.fits+more))
			s := Parser{Limits: tc.limits}
			var r Request
			var b BodyReader
			n, done, err := s.Request(p, &r)
			if done {
				b.Start(r.Framing, r.Length, &tc.limits)
			}
			for p = p[n:]; done && len(p) > 0 && err == nil; p = p[n:] {
				_, n, _, err = b.Next(p)
			}
			switch {
			case more == 0 && err != nil:
				t.Errorf("%s: got %v, want it taken", tc.name, err)
			case more == 1 && (err == nil || err.Error() != tc.want):
				t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
			}
		}
	}
}

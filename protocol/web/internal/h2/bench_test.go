package h2

import (
	"bytes"
	"testing"
	"unsafe"
)

// steady is a server with one client that asks the same again and again: frames
// of n requests, each time with the next numbers.
type steady struct {
	r     *rig
	block []byte
	frame []byte
	next  uint32
}

func newSteady(tb testing.TB) *steady {
	r := serving(tb, Config{})
	body := []byte("hello world\n")
	date := []byte("Tue, 01 Jan 2030 00:00:00 GMT")
	fields := headerOf("Content-Type", "text/plain")
	r.quiet = func(s *Stream) {
		r.c.Answer(s, Answer{Status: 200, Date: date, Length: 12, Header: fields, Body: body, End: true})
		r.c.Release(s)
	}
	r.fr.WriteWindowUpdate(0, maxWindow-firstWindow)
	r.feed()
	st := &steady{r: r, next: 1}
	st.block = r.get("user-agent", "bench/1.0", "accept", "*/*")
	st.ask(1)
	st.block = r.get("user-agent", "bench/1.0", "accept", "*/*") // now from the table
	return st
}

func (s *steady) ask(n int) {
	s.frame = s.frame[:0]
	for range n {
		s.frame = appendBlock(s.frame, s.next, s.block, true)
		s.next += 2
	}
	if s.r.c.sendWindow < firstWindow {
		s.frame = appendWindowUpdate(s.frame, 0, maxWindow-firstWindow)
	}
	s.r.c.Receive(s.frame)
	s.r.out.Reset()
}

// A request whose fields the tables know, and its answer, allocate nothing.
func TestARequestAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s := newSteady(t)
	s.ask(32)
	if n := testing.AllocsPerRun(100, func() { s.ask(32) }); n > 0 {
		t.Errorf("32 requests allocate %v times, want 0", n)
	}
	if s.r.over {
		t.Fatal(s.r.ended)
	}
}

// An idle connection owns little: no buffers, and no tables before they are used.
func TestIdleConnectionIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n > 1024 {
		t.Errorf("a Conn has %d bytes, want at most 1,024", n)
	}
	r := serving(t, Config{})
	r.headers(1, true, r.get())
	p := bytes.Clone(r.in.Bytes())
	r.c.Receive(p[:len(p)-1])
	if r.c.partial == nil {
		t.Fatal("nothing waits")
	}
	r.c.Receive(p[len(p)-1:])
	if r.c.partial != nil || r.c.block.bytes != nil || r.c.forgotten != nil || len(r.c.pool.blocks) != 1 {
		t.Error("a connection without a request keeps buffers")
	}
}

func BenchmarkRequest(b *testing.B) {
	s := newSteady(b)
	b.ReportAllocs()
	for b.Loop() {
		s.ask(1)
		if s.next > maxStreamID-2 {
			b.Fatal("no more streams")
		}
	}
}

func BenchmarkRequests32(b *testing.B) {
	s := newSteady(b)
	b.ReportAllocs()
	for b.Loop() {
		s.ask(32)
	}
	if s.r.over {
		b.Fatal(s.r.ended)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/request")
}

func BenchmarkDATA(b *testing.B) {
	r := serving(b, Config{})
	r.serve = func(s *Stream, h *Head, end bool) {}
	r.headers(1, false, r.post())
	r.feed()
	r.quiet = func(s *Stream) {}
	frame := append(appendFrameHead(nil, maxFrame, frameData, 0, 1), make([]byte, maxFrame)...)
	b.SetBytes(maxFrame)
	b.ReportAllocs()
	for b.Loop() {
		r.c.Receive(frame)
		r.out.Reset()
	}
}

package web_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// sink is a Transport that only counts what is written, so that a benchmark
// measures this package and not the simulator.
type sink struct {
	*sim.Transport
	wrote int
}

func (s *sink) Write(p []byte) (int, error) { s.wrote += len(p); return len(p), nil }

var getHello = []byte("GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")

func hello(w *web.ResponseWriter, r *web.Request) {
	w.SetHeader("Content-Type", "text/plain")
	w.WriteString("Hello, world!\n")
}

// feed is a connection to s, and a function that has it receive p.
func feed(tb testing.TB, s *web.Server) (*sink, func(p []byte)) {
	clock := sim.NewClock(tb)
	t := &sink{Transport: sim.NewTransport(clock)}
	p := s.Build(t)
	p.Connected()
	return t, p.Received
}

func BenchmarkHello(b *testing.B) {
	t, received := feed(b, &web.Server{Handler: web.HandlerFunc(hello)})
	b.ReportAllocs()
	for b.Loop() {
		received(getHello)
	}
	if t.wrote == 0 {
		b.Fatal("nothing was answered")
	}
}

func BenchmarkHelloPipelined16(b *testing.B) {
	_, received := feed(b, &web.Server{Handler: web.HandlerFunc(hello)})
	sixteen := []byte(strings.Repeat(string(getHello), 16))
	b.ReportAllocs()
	for b.Loop() {
		received(sixteen)
	}
}

func BenchmarkHelloOnLoop(b *testing.B) {
	_, received := feed(b, &web.Server{Handler: web.OnLoop(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "Hello, world!\n")
	}))})
	b.ReportAllocs()
	for b.Loop() {
		received(getHello)
	}
}

// TestV01NoAllocation: a simple answer allocates nothing.
func TestV01NoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	_, received := feed(t, &web.Server{Handler: web.HandlerFunc(hello)})
	received(getHello)
	if n := testing.AllocsPerRun(1000, func() { received(getHello) }); n != 0 {
		t.Errorf("got %v allocations for a request, want none", n)
	}
}

var _ twistor.Transport = (*sink)(nil)

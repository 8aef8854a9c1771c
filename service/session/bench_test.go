package session_test

import (
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/session"
	"github.com/twistor-go/twistor/sim"
)

// BenchmarkHandler is a request of a visitor who is known, and the same one
// without sessions.
func BenchmarkHandler(b *testing.B) {
	seen := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("hello") })
	begin := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { session.Of[Visitor](r).Save().Done(nil) })
	visitors := &session.Sessions[Visitor]{}
	clock := sim.NewClock(nil)
	deferred.Inline(twistor.Loop(clock), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, visitors.Start(co, service.On(clock))
	}).Done(nil)
	mux := &web.Mux{}
	mux.Handle("GET /", seen)
	mux.Handle("GET /begin", begin)
	known := &web.Server{Handler: visitors.Handler(mux)}
	cookie := ""
	t := sim.Connect(clock, known)
	t.Receive("GET /begin HTTP/1.1\r\nHost: a\r\n\r\n")
	clock.Advance(0)
	for line := range strings.Lines(t.Written()) {
		if set, ok := strings.CutPrefix(line, "Set-Cookie: "); ok {
			pair, _, _ := strings.Cut(set, ";")
			cookie = "Cookie: " + pair + "\r\n"
		}
	}
	if cookie == "" {
		b.Fatal("no session")
	}
	for name, server := range map[string]*web.Server{"session": known, "none": {Handler: mux}} {
		b.Run(name, func(b *testing.B) {
			t := sim.Connect(clock, server)
			request := "GET / HTTP/1.1\r\nHost: a\r\n" + cookie + "\r\n"
			b.ReportAllocs()
			for b.Loop() {
				t.Receive(request)
				t.Clear()
			}
		})
	}
}

package guard_test

import (
	"testing"

	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service/cred"
)

// BenchmarkBasic is a request with a password that is remembered, and the same
// one without a Guard.
func BenchmarkBasic(b *testing.B) {
	hello := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("hello") })
	for _, guarded := range []bool{true, false} {
		name := "none"
		s := newSite(b, cred.Only(memory("jo", "secret"), cred.KindPassword))
		s.server = &web.Server{Handler: hello}
		if guarded {
			name = "guard"
			s.server = &web.Server{Handler: s.guard.Handler(hello)}
		}
		b.Run(name, func(b *testing.B) {
			tr := s.connect()
			request := "GET / HTTP/1.1\r\nHost: a\r\n" + basic("jo", "secret") + "\r\n\r\n"
			tr.Receive(request)
			s.clock.Pump(0, 0, 0, 0) // the first is checked
			b.ReportAllocs()
			for b.Loop() {
				tr.Receive(request)
				tr.Clear()
				s.events = s.events[:0]
			}
		})
	}
}

package web_test

import (
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// A whole URI as the target is taken apart: its host rules, and the rest is the target.
// https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
func TestV01AbsoluteTarget(t *testing.T) {
	for target, want := range map[string]string{
		"http://other/a?b=c": "other /a?b=c /a", "http://other:81": "other:81 / /", "HTTP://other?b": "other /?b /", "http://other/%41": "other /%41 /A", "/a": "host /a /a",
	} {
		var got string
		conn := sim.Connect(sim.NewClock(t), &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
			got = r.Host() + " " + r.Target() + " " + r.Path()
		})})
		conn.Receive("GET " + target + " HTTP/1.1\r\nHost: host\r\nConnection: close\r\n\r\n")
		if got != want || !strings.HasPrefix(conn.Written(), "HTTP/1.1 200") {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
}

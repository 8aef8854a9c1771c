package weblog

import (
	"log/slog"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim/protocoltest"
)

// TestPromises: what every server of this project promises, X-01 and X-03, but
// for X-02: nobody is to say anything here, so silence and slowness are no
// reason to be closed. What they can hold is a place among MaxClients.
func TestPromises(t *testing.T) {
	for _, e := range []protocoltest.Entry{
		{Name: "push", Talks: []string{"GET / HTTP/1.1\r\n\r\n"}},
		{Name: "pull", Talks: []string{"NEW?", "NEW?\r\n", "\n\nNEW?NEW?\r\n"}},
	} {
		pull := e.Name == "pull"
		e.Build = func(twistor.Loop) twistor.Factory {
			s := &Server{Pull: pull, Replay: true, Log: slog.New(slog.DiscardHandler)}
			s.Publish([][]byte{[]byte(sampleLine), []byte(sampleLine)})
			return s
		}
		t.Run(e.Name+" X-01 unbounded", func(t *testing.T) { protocoltest.Unbounded(t, e) })
		t.Run(e.Name+" X-08 never", func(t *testing.T) { protocoltest.Never(t, e) })
		t.Run(e.Name+" X-03 linear", func(t *testing.T) { protocoltest.Linear(t, e) })
		t.Run(e.Name+" cuts", func(t *testing.T) { protocoltest.Cuts(t, e) })
	}
}

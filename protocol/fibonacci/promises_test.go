package fibonacci

import (
	"log/slog"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim/protocoltest"
)

// TestPromises: what every server of this project promises, X-01 and X-03. X-02
// is TestLineTimeout: a line must end in time, but silence is allowed. For X-03
// nothing ever is durable, so that what is measured is the input: answers grow,
// as the numbers do.
func TestPromises(t *testing.T) {
	e := protocoltest.Entry{
		Name:  "fibonacci",
		Build: func(twistor.Loop) twistor.Factory { return &Server{Log: slog.New(slog.DiscardHandler)} },
		Talks: []string{"next\n", "\n\r\nagain\n\n", "\n\nnot the end"},
	}
	t.Run("X-01 unbounded", func(t *testing.T) { protocoltest.Unbounded(t, e) })
	t.Run("cuts", func(t *testing.T) { protocoltest.Cuts(t, e) })
	e.Build = func(twistor.Loop) twistor.Factory {
		s := &Server{Log: slog.New(slog.DiscardHandler)}
		s.Journal = &ledger{state: &s.State}
		return s
	}
	t.Run("X-08 never", func(t *testing.T) { protocoltest.Never(t, e) })
	t.Run("X-03 linear", func(t *testing.T) { protocoltest.Linear(t, e) })
}

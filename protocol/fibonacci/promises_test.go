package fibonacci

import (
	"log/slog"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim/protocoltest"
)

// TestPromises: what every server of this project promises, X-01 to X-03.
func TestPromises(t *testing.T) {
	protocoltest.Run(t, protocoltest.Entry{
		Name:  "fibonacci",
		Build: func(twistor.Loop) twistor.Factory { return &Server{Log: slog.New(slog.DiscardHandler)} },
		Talks: []string{"next\n", "\n\r\nagain\n\n", "\n\nnot the end"},
	})
}

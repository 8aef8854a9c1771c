package websocket

import (
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim/protocoltest"
)

// TestPromises: what every server of this project promises, X-01 to X-03, after
// the handshake. A peer may be silent as long as it answers pings; one that
// does not, or that sends a byte now and then, is given up after two intervals.
func TestPromises(t *testing.T) {
	for name, d := range map[string]*Deflate{"plain": nil, "deflate": {}} {
		t.Run(name, func(t *testing.T) {
			lead := sampleRequest
			if d != nil {
				lead = swap("Sec-WebSocket-Version", "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Version")
			}
			protocoltest.Run(t, protocoltest.Entry{
				Name: "websocket",
				Build: func(twistor.Loop) twistor.Factory {
					var h *heard
					s := hearing(&h)
					s.Deflate = d
					return &web.Server{Handler: s}
				},
				Lead: lead,
				Talks: []string{
					masked(0x81, "hello"),
					masked(0x01, "h\xc3") + masked(0x89, "ping") + masked(0x80, "\xa9"),
					masked(0x82, "\x00\xff") + masked(0x88, closing(Normal, "bye")),
					masked(0x81, "\xff"),
				},
				Deadline: 2*DefaultPingInterval + time.Second,
			})
		})
	}
}

// TestPromisesOfHandshakes: the same before it, where web.Server keeps them.
func TestPromisesOfHandshakes(t *testing.T) {
	var h *heard
	e := protocoltest.Entry{
		Name:  "websocket handshake",
		Build: func(twistor.Loop) twistor.Factory { return &web.Server{Handler: hearing(&h)} },
		Talks: []string{sampleRequest + masked(0x81, "hello"), swap("13", "14")},
	}
	t.Run("cuts", func(t *testing.T) { protocoltest.Cuts(t, e) })
}

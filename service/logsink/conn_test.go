package logsink

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

type peer struct {
	twistor.Transport
	log *slog.Logger
}

func (p *peer) Connected()         { p.log.Debug("connected", "conn", p.Transport) }
func (p *peer) Received([]byte)    {}
func (p *peer) Disconnected(error) {}

// O14: a line about a connection says which protocol it is of, and who is at
// its other end; and its protocol's level counts.
func TestO14Connection(t *testing.T) {
	levels, _ := ParseLevels("info,logsink=debug")
	for _, tc := range []struct {
		name   string
		format Format
		want   string
	}{
		{"text", NewText, " conn.proto=*logsink.peer conn.peer=%s conn.local=%s\n"},
		{"json", NewJSON, `"conn":{"proto":"*logsink.peer","peer":"%s","local":"%s"}}` + "\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b bytes.Buffer
			log := slog.New(levels.Handler(tc.format(&b, nil)))
			c := sim.NewClock(t)
			port := service.Listen("tcp:8001", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				return &peer{t, log}
			}))
			started := deferred.Inline(c, func(co *deferred.Co) (struct{}, error) {
				return struct{}{}, port.Start(co, service.On(c))
			})
			started.Done(func(_ struct{}, err error) {
				if err != nil {
					t.Error(err)
				}
			})
			c.Advance(0)
			conn := c.Ports()[0].Accept()
			if want := fmt.Sprintf(tc.want, conn.RemoteAddr(), conn.LocalAddr()); !strings.HasSuffix(b.String(), want) {
				t.Errorf("got %s, want it to end with %s", b.String(), want)
			}
		})
	}
}

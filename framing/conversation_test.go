package framing_test

import (
	"fmt"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/sim"
)

func TestConversationEcho(t *testing.T) {
	c := sim.NewClock(t)
	tr := sim.Connect(c, framing.Conversation(func(co *deferred.Co, c *framing.Conn) error {
		for line := range c.Lines(co) {
			fmt.Fprintf(c, "%s!\n", line)
		}
		return c.Err()
	}))
	tr.Receive("a\nb\nc", "d\n")
	tr.End()
	c.Advance(0)
	if got, want := tr.Written(), "a!\nb!\ncd!\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
	if tr.Err() == nil {
		t.Error("not closed at the end")
	}
}

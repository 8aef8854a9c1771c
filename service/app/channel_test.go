package app

import (
	"encoding/json"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// TestF38ChannelCuts: what the two processes of an upgrade say does not depend on
// how it was cut on its way.
func TestF38ChannelCuts(t *testing.T) {
	clock := sim.NewClock(t)
	said := []message{{Kind: "port", Name: "tcp:1"}, {Kind: "connection", Unsent: []byte("a\nb")}, {Kind: "start"}}
	var text []byte
	for _, m := range said {
		line, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, line...), '\n')
	}
	for cut := range len(text) {
		c := &channel{came: deferred.Queue[message]{MaxItems: 10}}
		p := append([]byte(nil), text[:cut]...)
		c.Received(p)
		clear(p) // it was valid only during the call
		c.Received(text[cut:])
		for i, want := range said {
			got := sim.Result(t, c.came.Get(clock))
			if got.Kind != want.Kind || got.Name != want.Name || string(got.Unsent) != string(want.Unsent) {
				t.Fatalf("cut at %d, message %d: got %+v, want %+v", cut, i, got, want)
			}
		}
		if c.came.Len() != 0 || len(c.partial) != 0 {
			t.Fatalf("cut at %d: %d messages and %q are left", cut, c.came.Len(), c.partial)
		}
	}
}

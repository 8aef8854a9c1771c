package h2

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

func TestRFC9218_4_Parse(t *testing.T) {
	for v, want := range map[string]priority{
		"":               {3, false},
		"u=0":            {0, false},
		"u=7, i":         {7, true},
		"i,u=1":          {1, true},
		"i=?0, u=2":      {2, false},
		"i=?1":           {3, true},
		"u=8":            {3, false},
		"u=-1, i":        {3, true},
		"u=11":           {3, false},
		"x=\"u=1\", u=4": {4, false},
		"u":              {3, false},
	} {
		if got := parsePriority(v); got != want {
			t.Errorf("%q: got %v, want %v", v, got, want)
		}
	}
}

// https://www.rfc-editor.org/rfc/rfc9218#section-10
func TestRFC9218_10_Order(t *testing.T) {
	waiting := func() *rig {
		r := serving(t, Config{})
		r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
		r.serve = func(s *Stream, h *Head, end bool) {
			r.c.Answer(s, Answer{Status: 200, Length: -1})
			r.c.SendData(s, []byte(strings.Repeat("x", 2*maxFrame)), true)
		}
		r.headers(1, true, r.get()) // takes the connection's window, but for a byte
		r.headers(101, true, r.get())
		r.feed()
		r.c.Reset(r.streams[0], Cancel)
		r.c.Reset(r.streams[1], Cancel)
		return r
	}
	r := waiting()
	for i, p := range []string{"u=5", "u=1", "u=1", "u=3, i", "u=3, i", "u=0"} {
		r.headers(uint32(2*i+103), true, r.get("priority", p))
	}
	r.feed()
	r.fr.WriteRawFrame(0x10, 0, 0, []byte("\x00\x00\x00\x71u=6")) // stream 113, u=0 before
	r.feed()
	r.said()
	r.fr.WriteWindowUpdate(0, 1<<20)
	r.feed()
	got := r.said()
	var order []string
	for line := range strings.Lines(got) {
		order = append(order, strings.Fields(line)[1])
	}
	if got, want := strings.Join(order, " "), "105 105 107 107 109 111 109 111 103 103 113 113"; got != want {
		t.Errorf("served %s, want %s", got, want)
	}
}

// A stream that waits for more urgent ones is not taken for stalled; one whose
// own window is shut is.
func TestPriorityIsNoStall(t *testing.T) {
	r := serving(t, Config{})
	r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: maxWindow})
	r.serve = func(s *Stream, h *Head, end bool) {
		r.c.Answer(s, Answer{Status: 200, Length: -1})
		r.c.SendData(s, make([]byte, 400_000), false)
	}
	r.headers(1, true, r.get("priority", "u=0"))
	r.headers(3, true, r.get("priority", "u=7"))
	r.feed()
	for range 100 {
		r.clock.Advance(time.Second)
		r.fr.WriteWindowUpdate(0, 2000)
		r.feed()
	}
	if said := r.said(); strings.Contains(said, "RST_STREAM") {
		t.Error("a stream that waits for others was reset")
	}
	r.clock.Advance(100 * time.Second)
	if said := r.said(); strings.Count(said, "RST_STREAM") != 2 {
		t.Errorf("control: a connection that takes nothing: got\n%s", said)
	}
}

package websocket

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/twistor-go/twistor"
)

// TestWS_03_Frames: each frame that breaks a rule of RFC 6455 is told 1002, and
// is the last that is read; the one beside it, which keeps the rule, is heard.
func TestWS_03_Frames(t *testing.T) {
	server := func(p string) string { return p }
	client := func(c *Conn) { c.client = true }
	for _, tc := range []struct {
		name       string
		set        func(*Conn)
		bad, good  string
		goodEvents string
	}{
		{"a client's frame without a mask", nil, plain(0x81, "x"), masked(0x81, "x"), `text "x"`},
		{"a server's frame with a mask", client, masked(0x81, "x"), server(plain(0x81, "x")), `text "x"`},
		{"RSV1 without an extension", nil, masked(0xC1, "x"), masked(0x81, "x"), `text "x"`},
		{"RSV2", nil, masked(0xA1, "x"), masked(0x81, "x"), `text "x"`},
		{"RSV3", nil, masked(0x91, "x"), masked(0x81, "x"), `text "x"`},
		{"RSV2 beside RSV1", deflating, masked(0xE1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), masked(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), `text "Hello"`},
		{"RSV3 beside RSV1", deflating, masked(0xD1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), masked(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), `text "Hello"`},
		{"RSV1 on a control frame", deflating, masked(0xC9, ""), masked(0x89, ""), ""},
		{"RSV1 on a continuation", deflating, masked(0x01, "x") + masked(0xC0, "y"), masked(0x01, "x") + masked(0x80, "y"), `text "xy"`},
		{"opcode 3", nil, masked(0x83, "x"), masked(0x82, "x"), `binary "x"`},
		{"opcode 7", nil, masked(0x87, ""), masked(0x82, ""), `binary ""`},
		{"opcode 0xB", nil, masked(0x8B, ""), masked(0x8A, ""), `pong ""`},
		{"opcode 0xF", nil, masked(0x8F, ""), masked(0x8A, ""), `pong ""`},
		{"a control frame of 126 bytes", nil, masked(0x8A, strings.Repeat("p", 126)), masked(0x8A, strings.Repeat("p", 125)), fmt.Sprintf("pong %q", strings.Repeat("p", 125))},
		{"a ping in fragments", nil, masked(0x09, "p"), masked(0x89, "p"), ""},
		{"a close in fragments", nil, masked(0x08, ""), masked(0x8A, ""), `pong ""`},
		{"a continuation of nothing", nil, masked(0x80, "x"), masked(0x01, "x") + masked(0x80, "y"), `text "xy"`},
		{"a message within a message", nil, masked(0x01, "x") + masked(0x81, "y"), masked(0x01, "x") + masked(0x89, "") + masked(0x80, "y"), `text "xy"`},
		{"a continuation behind the last", nil, masked(0x81, "x") + masked(0x00, "y"), masked(0x81, "x") + masked(0x82, "y"), `text "x", binary "y"`},
	} {
		r := newRig(t, tc.set)
		before := len(r.events)
		r.net.Receive(tc.bad, tc.good)
		if got := told(t, r.net.Written()); !strings.HasSuffix(got, "close 1002") {
			t.Errorf("%s: told %q, want 1002", tc.name, got)
		}
		for _, e := range r.events[before:] {
			if e != `text "x"` || !strings.Contains(tc.name, "behind") {
				t.Errorf("%s: heard %q", tc.name, r.events)
			}
		}
		if r.over(); !is[*ProtocolError](r.err) {
			t.Errorf("%s: Disconnected(%v), want a *ProtocolError", tc.name, r.err)
		}

		r = newRig(t, tc.set)
		r.net.Receive(tc.good)
		if got := r.list(); got != tc.goodEvents || r.net.Closed() {
			t.Errorf("%s, the control: heard %q, want %q; closed %v", tc.name, got, tc.goodEvents, r.net.Closed())
		}
		r.over()
	}
}

// deflating has agreed on compression with all defaults.
func deflating(c *Conn) {
	c.deflate = (&Deflate{}).agreed(15, 15, false, false)
}

// deflated is what a peer's compressor makes of parts, each a message, of one
// context.
func deflated(t testing.TB, parts ...string) (list []string) {
	var out written
	w, err := flate.NewWriter(&out, 9)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		out = nil
		w.Write([]byte(p))
		w.Flush()
		list = append(list, strings.TrimSuffix(string(out), flushed))
	}
	return list
}

// TestWS_04_Bomb: 1 MiB that inflates to 1 GiB is told 1009 while it is
// inflated: no more than the limit and 32 KiB ever is. With a context, and
// without. The control inflates to the limit exactly.
func TestWS_04_Bomb(t *testing.T) {
	part := deflated(t, strings.Repeat("\x00", 8<<20))[0] + flushed
	bomb := strings.Repeat(part, 128)
	if len(bomb) > 1<<20+64<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	for _, tc := range []struct {
		name    string
		context bool
	}{{"context", true}, {"no context", false}} {
		r := newRig(t, func(c *Conn) {
			deflating(c)
			c.deflate.in.noContext = !tc.context
		})
		r.net.Receive(masked(0xC1, deflated(t, "hello, hello")[0]))
		var before, after runtime.MemStats
		frame := masked(0xC2, bomb[:len(bomb)&^3])
		runtime.ReadMemStats(&before)
		r.net.Receive(frame)
		runtime.ReadMemStats(&after)
		if got := told(t, r.net.Written()); got != "close 1009" {
			t.Errorf("%s: told %q, want 1009", tc.name, got)
		}
		// What is allocated in all: the frame, and a buffer that doubles up to
		// the limit.
		if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
			t.Errorf("%s: %d KiB allocated for it", tc.name, got>>10)
		}
		out, err := r.inflate(Binary, []byte(bomb))
		if len(out) > DefaultMaxMessageBytes+32<<10 || !is[*TooLongError](err) {
			t.Errorf("%s: inflated %d bytes, %v", tc.name, len(out), err)
		}
		r.over()

		r = newRig(t, func(c *Conn) { deflating(c); c.deflate.in.noContext = !tc.context })
		r.net.Receive(masked(0xC2, deflated(t, strings.Repeat("\x00", DefaultMaxMessageBytes))[0]))
		if len(r.events) != 1 || r.net.Closed() {
			t.Errorf("%s, the control: heard %d messages, told %q", tc.name, len(r.events), told(t, r.net.Written()))
		}
		r.over()
		r = newRig(t, func(c *Conn) { deflating(c); c.deflate.in.noContext = !tc.context })
		r.net.Receive(masked(0xC2, deflated(t, strings.Repeat("\x00", DefaultMaxMessageBytes+1))[0]))
		if got := told(t, r.net.Written()); got != "close 1009" {
			t.Errorf("%s: one byte more: told %q, want 1009", tc.name, got)
		}
		r.over()
	}
}

// TestWS_05_Fragments: a text of 131,000 fragments of one byte is refused by
// their number; memory is twice the payload at most. The control has as many as
// are allowed.
func TestWS_05_Fragments(t *testing.T) {
	r := newRig(t, nil)
	r.net.Receive(masked(0x01, "x"))
	one := masked(0x00, "x")
	fed, most := 1, 0
	for ; fed < 131000 && !r.net.Closed(); fed++ {
		r.net.Receive(one)
		r.run()
		if n := cap(r.in.message); n > max(2*fed, minMessageBytes) {
			t.Fatalf("%d bytes kept after %d", n, fed)
		}
		most = max(most, len(r.in.message))
	}
	if got := told(t, r.net.Written()); got != "close 1009" || fed != DefaultMaxFragments+1 || most > DefaultMaxFragments {
		t.Errorf("told %q after %d fragments, want 1009 after %d", got, fed, DefaultMaxFragments+1)
	}
	r.over()

	r = newRig(t, nil)
	r.net.Receive(masked(0x01, "x"))
	for range DefaultMaxFragments - 2 {
		r.net.Receive(one)
	}
	r.net.Receive(masked(0x80, "y"))
	if len(r.events) != 1 || r.net.Closed() {
		t.Errorf("the control: heard %d messages, told %q", len(r.events), told(t, r.net.Written()))
	}
	r.over()
}

// TestWS_06_Declared: what would be beyond 1 MiB is refused by the head, also
// of a fragment that would be, and nothing is kept for it.
func TestWS_06_Declared(t *testing.T) {
	half := strings.Repeat("x", 512<<10)
	for _, tc := range []struct {
		name, lead, head string
		want             string
	}{
		{"1 MiB + 1 in one frame", "", masked(0x82, strings.Repeat("x", 1<<20+1))[:14], "close 1009"},
		{"1 MiB in one frame", "", masked(0x82, strings.Repeat("x", 1<<20))[:14], ""},
		{"a second half and 1", masked(0x02, half), masked(0x80, half+"x")[:14], "close 1009"},
		{"a second half", masked(0x02, half), masked(0x80, half)[:14], ""},
	} {
		r := newRig(t, nil)
		r.net.Receive(tc.lead + tc.head)
		if got := told(t, r.net.Written()); got != tc.want {
			t.Errorf("%s: told %q, want %q", tc.name, got, tc.want)
		}
		if n := cap(r.in.message); n > 2*len(tc.lead) {
			t.Errorf("%s: %d bytes are kept for a head", tc.name, n)
		}
		r.over()
	}
}

// TestWS_07_UTF8: what is no UTF-8 is told 1007 at its first byte, before the
// frame or the message ends; what is, however it is split, is heard.
func TestWS_07_UTF8(t *testing.T) {
	for _, tc := range []struct{ name, input, want string }{
		{"a bad byte in the middle of a frame", masked(0x81, "abc\xff"+strings.Repeat("d", 100))[:6+4], "close 1007"},
		{"in the second fragment", masked(0x01, "abc\xe2\x82") + masked(0x00, "\x28zzz")[:6+1], "close 1007"},
		{"a surrogate", masked(0x01, "\xed") + masked(0x00, "\xa0zz")[:6+1], "close 1007"},
		{"beyond U+10FFFF", masked(0x01, "\xf4") + masked(0x00, "\x90zz")[:6+1], "close 1007"},
		{"cut at the end", masked(0x01, "abc\xe2\x82") + masked(0x80, ""), "close 1007"},
		{"behind an empty fragment", masked(0x01, "") + masked(0x80, "\xff"), "close 1007"},
		{"in the reason of a close", masked(0x88, closing(Normal, "\xff")), "close 1007"},
		{"whole, in one frame", masked(0x81, "abc\xffdef"), "close 1007"},
	} {
		r := newRig(t, nil)
		r.net.Receive(tc.input)
		if got := told(t, r.net.Written()); got != tc.want || len(r.events) > 0 {
			t.Errorf("%s: told %q, heard %q, want %q", tc.name, got, r.events, tc.want)
		}
		r.over()
	}
	for _, input := range []string{
		masked(0x01, "abc\xe2\x82") + masked(0x00, "") + masked(0x89, "") + masked(0x80, "\xac!"),
		masked(0x81, "abc\xe2\x82\xac!"),
		masked(0x82, "\xff\xfe"), // binary may be anything
	} {
		for cut := range input {
			r := newRig(t, nil)
			r.net.Receive(input[:cut], input[cut:])
			if len(r.events) != 1 || r.net.Closed() {
				t.Errorf("the control %q cut at %d: heard %q, told %q", input, cut, r.events, told(t, r.net.Written()))
			}
			r.over()
		}
	}
	// Of a deflated text too, while it is inflated.
	for _, s := range []string{"fine\xff" + strings.Repeat("z", 1000), "fine\xe2\x82"} {
		r := newRig(t, deflating)
		r.net.Receive(masked(0xC1, deflated(t, s)[0]))
		if got := told(t, r.net.Written()); got != "close 1007" {
			t.Errorf("deflated: told %q, want 1007", got)
		}
		r.over()
	}
}

// TestWS_08_PingFlood: a peer that pings without end and does not read gets one
// pong, of its last ping, when it does. The control reads, and gets each.
func TestWS_08_PingFlood(t *testing.T) {
	r := newRig(t, nil)
	r.net.Hold()
	for i := range 30_000 {
		r.net.Receive(masked(0x89, fmt.Sprintf("%0100d", i)))
	}
	high := twistor.Limits{}.Resolved().High
	if n := r.Buffered(); n > high+maxControlBytes || n < high/2 {
		t.Errorf("%d bytes wait for a peer that does not read, want about %d", n, high)
	}
	r.net.Clear()
	r.net.Drain(-1)
	r.run()
	if got, want := told(t, r.net.Take()), fmt.Sprintf("pong %q", fmt.Sprintf("%0100d", 29_999)); got != want {
		t.Errorf("when it reads: %q, want %q", got, want)
	}
	for i := range 10 {
		r.net.Receive(masked(0x89, fmt.Sprint(i)))
	}
	if got := len(frames(t, r.net.Written())); got != 10 {
		t.Errorf("the control: %d pongs for 10 pings", got)
	}
	r.over()
}

// TestWS_09_Close: a peer that does not answer our close is cut after 10 s, also
// one that goes on sending; nothing is delivered after it. The control answers,
// and is closed in order.
func TestWS_09_Close(t *testing.T) {
	r := newRig(t, nil)
	r.Close()
	r.net.Receive(masked(0x81, "late"))
	if err := r.WriteText("more"); err != net.ErrClosed {
		t.Errorf("a write after Close: %v", err)
	}
	for range 9 {
		r.clock.Advance(time.Second)
		r.net.Receive(masked(0x81, "late"))
	}
	if r.net.Aborted() || r.net.Closed() {
		t.Error("cut before 10 s")
	}
	r.clock.Advance(time.Second)
	if !r.net.Aborted() || len(r.events) > 0 || r.err != ErrSilent {
		t.Errorf("after 10 s: aborted %v, heard %q, Disconnected(%v)", r.net.Aborted(), r.events, r.err)
	}

	r = newRig(t, nil)
	r.CloseWith(4000, "enough")
	r.net.Receive(masked(0x81, "late") + masked(0x88, closing(4000, "")) + masked(0x81, "later"))
	if got := told(t, r.net.Written()); got != `close 4000 "enough"` || !r.net.Closed() || len(r.events) > 0 {
		t.Errorf("the control: told %q, closed %v, heard %q", got, r.net.Closed(), r.events)
	}
	r.run()
	r.over()
	if r.err != net.ErrClosed {
		t.Errorf("the control: Disconnected(%v)", r.err)
	}
	if r.clock.Pending() != 0 {
		t.Error("a timer is left")
	}
}

// TestWS_10_Headers: fields of 64 KiB of commas, quotes and all that could make
// a parser start again cost work in proportion to their length.
func TestWS_10_Headers(t *testing.T) {
	for _, unit := range []string{",", "\"", ", \t", "a;", "a; b=\"", "a;b=\"\\", "permessage-deflate; x,", "a=", ";", "permessage-deflate,", "a;b;c;d;e;f,", "a;b=c", ";b", "é"} {
		allocated := func(n int) uint64 {
			field := strings.Repeat(unit, n/len(unit))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			(&Deflate{}).accept(field)
			(&Deflate{}).settle(field)
			tokens(field)
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc + 4096
		}
		allocated(1 << 10)
		if once, twice := allocated(64<<10), allocated(128<<10); float64(twice) > 2.3*float64(once) {
			t.Errorf("%q repeated: %d bytes for 64 KiB, %d for 128 KiB", unit, once, twice)
		}
	}
	field := strings.Repeat(",", 32<<10) + `permessage-deflate; server_max_window_bits="10"` + strings.Repeat(" ,", 16<<10)
	if answer, _, ok := (&Deflate{}).accept(field); !ok || answer != "permessage-deflate; server_max_window_bits=10" {
		t.Errorf("the control: %q, %v", answer, ok)
	}
}

package websocket

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// TestPause: messages that are here already wait too, and come in order with
// those that come later.
func TestPause(t *testing.T) {
	r := newRig(t, nil)
	r.hear = func(_ Kind, p []byte) {
		if string(p) == "2" {
			r.Pause()
		}
	}
	r.net.Receive(masked(0x81, "1") + masked(0x81, "2") + masked(0x81, "3") + masked(0x89, "p") + masked(0x81, "4")[:3])
	r.net.Receive(masked(0x81, "4")[3:], masked(0x81, "5"))
	r.run()
	if got := r.list(); got != `text "1", text "2"` || !r.net.Paused() || r.net.Written() != "" {
		t.Errorf("paused: heard %s", got)
	}
	r.Resume()
	if got := r.list(); got != `text "1", text "2"` {
		t.Errorf("Resume called back: heard %s", got)
	}
	r.run()
	if got := r.list(); got != `text "1", text "2", text "3", text "4", text "5"` || r.net.Paused() {
		t.Errorf("resumed: heard %s", got)
	}
	if got := told(t, r.net.Written()); got != `pong "p"` {
		t.Errorf("told %s", got)
	}
	r.Pause()
	r.Resume()
	if r.net.Paused() {
		t.Error("a Resume without bytes left it paused")
	}
	r.over()
}

// TestPausedClose: a close frame that stands behind what was held back is
// heeded when we close.
func TestPausedClose(t *testing.T) {
	r := newRig(t, nil)
	r.hear = func(Kind, []byte) { r.Pause() }
	r.net.Receive(masked(0x81, "1") + masked(0x81, "2") + masked(0x88, closing(Normal, "")))
	r.CloseWith(GoingAway, "")
	r.run()
	if got := r.list(); got != `text "1"` || !r.net.Closed() {
		t.Errorf("heard %s, closed %v", got, r.net.Closed())
	}
	r.over()
}

// TestStopsAtOnce: after Close, Abort or the peer's close no message is delivered,
// also of those that came in the same read.
func TestStopsAtOnce(t *testing.T) {
	for name, stop := range map[string]func(r *rig){
		"Close":     func(r *rig) { r.Close() },
		"CloseWith": func(r *rig) { r.CloseWith(4001, "enough") },
		"Abort":     func(r *rig) { r.Abort() },
	} {
		r := newRig(t, nil)
		r.hear = func(Kind, []byte) { stop(r) }
		r.net.Receive(masked(0x81, "1")+masked(0x81, "2"), masked(0x8A, "pong"))
		if got := r.list(); got != `text "1"` {
			t.Errorf("%s: heard %s", name, got)
		}
		if err := r.WriteText("x"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: a write after it: %v", name, err)
		}
		r.over()
	}
}

// TestDisconnected: what ends a connection, and what its Protocol hears of it.
func TestDisconnected(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(r *rig)
		want func(err error) bool
	}{
		{"the peer's close", func(r *rig) { r.net.Receive(masked(0x88, closing(4001, "why"))) }, func(err error) bool {
			var e *Error
			return errors.As(err, &e) && *e == Error{4001, "why"} && !errors.Is(err, io.EOF)
		}},
		{"an orderly one", func(r *rig) { r.net.Receive(masked(0x88, closing(GoingAway, ""))) }, func(err error) bool { return errors.Is(err, io.EOF) }},
		{"one without a code", func(r *rig) { r.net.Receive(masked(0x88, "")) }, func(err error) bool { return errors.Is(err, io.EOF) }},
		{"an end without a close", func(r *rig) { r.net.End() }, func(err error) bool { return err == io.ErrUnexpectedEOF }},
		{"an end in a frame", func(r *rig) { r.net.Receive(masked(0x81, "x")[:3]); r.net.End() }, func(err error) bool { return err == io.ErrUnexpectedEOF }},
		{"our close", func(r *rig) { r.Close(); r.net.Receive(masked(0x88, closing(Normal, ""))) }, func(err error) bool { return err == net.ErrClosed }},
		{"our close, and an end", func(r *rig) { r.Close(); r.net.End() }, func(err error) bool { return err == net.ErrClosed }},
		{"our abort", func(r *rig) { r.Abort() }, func(err error) bool { return err == twistor.ErrAborted }},
		{"too much unsent", func(r *rig) { r.net.Hold(); r.WriteBinary(make([]byte, 3<<20)) }, func(err error) bool { return err == twistor.ErrOverflow }},
		{"a broken wire", func(r *rig) { r.net.Break(io.ErrClosedPipe) }, func(err error) bool { return err == io.ErrClosedPipe }},
		{"a bad frame", func(r *rig) { r.net.Receive(plain(0x81, "x")) }, func(err error) bool { return is[*ProtocolError](err) }},
		{"a long message", func(r *rig) { r.net.Receive("\x82\xff\x00\x00\x00\x00\xff\x00\x00\x00mask") }, func(err error) bool { return is[*TooLongError](err) }},
	} {
		r := newRig(t, nil)
		tc.end(r)
		r.run()
		r.net.Drain(-1)
		r.clock.Advance(time.Minute)
		if r.err == nil {
			r.over() // sim's Close waits for the peer
		}
		if !tc.want(r.err) {
			t.Errorf("%s: Disconnected(%v)", tc.name, r.err)
		}
		if n := r.clock.Pending(); n != 0 {
			t.Errorf("%s: %d timers are left", tc.name, n)
		}
	}
}

// TestRFC6455ClientWaits: "the underlying TCP connection … SHOULD be closed
// by the server first"; a client does so itself if the server does not.
func TestRFC6455ClientWaits(t *testing.T) {
	r := newRig(t, func(c *Conn) { c.client = true })
	r.net.Receive(plain(0x88, closing(Normal, "")))
	r.run()
	if got := told(t, r.net.Written()); got != "close 1000" || r.net.Closed() {
		t.Errorf("told %s, closed %v; want an answer, and open", got, r.net.Closed())
	}
	if r.clock.Advance(lingerTime); !r.net.Closed() {
		t.Error("the client waits for ever")
	}
	r.over()
	r = newRig(t, func(c *Conn) { c.client = true })
	r.net.Receive(plain(0x88, closing(Normal, "")))
	r.net.End()
	r.run()
	if r.over(); !errors.Is(r.err, io.EOF) || r.clock.Pending() != 0 {
		t.Errorf("Disconnected(%v), %d timers", r.err, r.clock.Pending())
	}
}

// TestPings: a silent peer is asked, and given up; one that answers is not, nor
// one that is at work on a long frame; a byte now and then is no answer.
func TestPings(t *testing.T) {
	r := newRig(t, nil)
	r.clock.Advance(DefaultPingInterval)
	if got := told(t, r.net.Take()); got != `ping ""` {
		t.Fatalf("told %q after a silence", got)
	}
	r.net.Receive(masked(0x8A, ""))
	for range 10 {
		r.clock.Advance(DefaultPingInterval)
		r.net.Receive(masked(0x8A, ""))
	}
	if r.net.Aborted() {
		t.Fatal("a peer that answers was given up")
	}
	r.clock.Advance(3 * DefaultPingInterval)
	if !r.net.Aborted() || r.err != ErrSilent {
		t.Errorf("a silent peer: aborted %v, Disconnected(%v)", r.net.Aborted(), r.err)
	}

	r = newRig(t, nil)
	long := masked(0x82, strings.Repeat("x", 1<<20))
	for at := 0; at < 100*1000; at += 1000 {
		r.net.Receive(long[at : at+1000])
		r.clock.Advance(5 * time.Second)
	}
	if r.net.Aborted() {
		t.Error("a peer at work was given up")
	}
	for at := 100 * 1000; at < 100*1000+100 && !r.net.Aborted(); at++ {
		r.net.Receive(long[at : at+1])
		r.clock.Advance(time.Second)
	}
	if !r.net.Aborted() {
		t.Error("a byte a second keeps a connection")
	}
	r.over()

	r = newRig(t, nil)
	r.Pause()
	r.clock.Advance(time.Hour)
	if r.net.Aborted() {
		t.Error("given up while it was us who did not read")
	}
	r.over()

	r = newRig(t, func(c *Conn) { c.pool = newPool(0, 0, -1, 0) })
	r.clock.Advance(time.Hour)
	if r.net.Written() != "" || r.clock.Pending() != 0 {
		t.Error("pings although PingInterval is negative")
	}
	r.over()
}

// TestPing: what Ping sends, and who hears the answer.
func TestPing(t *testing.T) {
	r := newRig(t, nil)
	if err := r.Ping([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := r.Ping(make([]byte, 126)); err != ErrControl {
		t.Errorf("126 bytes: %v", err)
	}
	if got := told(t, r.net.Written()); got != `ping "a"` {
		t.Errorf("told %s", got)
	}
	pong := masked(0x8A, "a")
	for _, b := range []byte(pong) {
		r.net.Receive(string([]byte{b}))
	}
	if got := r.list(); got != `pong "a"` {
		t.Errorf("heard %s", got)
	}
	r.over()
}

// TestWrites: what is refused, and that nothing of it is written.
func TestWrites(t *testing.T) {
	r := newRig(t, nil)
	if err := r.WriteText("\xff"); err != ErrText {
		t.Errorf("a text that is none: %v", err)
	}
	if err := r.WritePrepared(Prepare(Text, []byte("\xff"))); err != ErrText {
		t.Errorf("a prepared text that is none: %v", err)
	}
	if r.net.Written() != "" {
		t.Errorf("wrote %q", r.net.Written())
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a message of kind 3 did not panic")
			}
		}()
		r.WriteMessage(3, nil)
	}()
	for _, n := range []int{0, 125, 126, maxJoinedBytes, maxJoinedBytes + 1, 65535, 65536} {
		p := strings.Repeat("x", n)
		r.WriteText(p)
		if got := frames(t, r.net.Take()); len(got) != 1 || got[0].payload != p || got[0].first != 0x81 {
			t.Errorf("a text of %d bytes is not one frame", n)
		}
	}
	r.over()
}

// TestPreparedOfClients: a client masks those too.
func TestPreparedOfClients(t *testing.T) {
	r := newRig(t, func(c *Conn) { c.client = true })
	r.WritePrepared(Prepare(Text, []byte("news")))
	if p := r.net.Written(); p[1]&bitMask == 0 || told(t, p) != `text "news"` {
		t.Errorf("wrote %q", p)
	}
	r.over()
}

// TestRefusalStays: a peer that is refused and does not read on is not called
// silent later.
func TestRefusalStays(t *testing.T) {
	r := newRig(t, func(c *Conn) { c.pool = newPool(0, 0, time.Millisecond, 0) })
	r.net.Hold()
	r.net.Receive(plain(0x81, "x"))
	r.clock.Advance(time.Hour)
	if r.over(); !is[*ProtocolError](r.err) {
		t.Errorf("Disconnected(%v), want a *ProtocolError", r.err)
	}
}

// TestAppend: what a Protocol appends to a message does not write over the next one.
func TestAppend(t *testing.T) {
	r := newRig(t, func(c *Conn) { c.client = true })
	r.hear = func(_ Kind, p []byte) { _ = append(p, "01"...) }
	r.net.Receive(plain(0x81, "first") + plain(0x81, "second"))
	if got := r.list(); got != `text "first", text "second"` {
		t.Errorf("heard %s", got)
	}
	r.over()
}

// TestCloseWords: a text that is too long is cut between characters; a code
// that must not be sent panics.
func TestCloseWords(t *testing.T) {
	for _, tc := range []struct {
		text string
		want int
	}{{strings.Repeat("é", 100), 122}, {strings.Repeat("x", 200), 123}, {"ok", 2}, {"bad\xffrest", 3}, {strings.Repeat("\U0001F600", 40), 120}} {
		r := newRig(t, nil)
		r.CloseWith(4000, tc.text)
		if got := frames(t, r.net.Written())[0].payload[2:]; len(got) != tc.want || !strings.HasPrefix(tc.text, got) {
			t.Errorf("%q: sent %q", tc.text, got)
		}
		r.over()
	}
	for _, code := range []Code{0, 999, 1004, NoCode, Abnormal, 1015, 2999, 5000} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("CloseWith(%d) did not panic", code)
				}
			}()
			newRig(t, nil).CloseWith(code, "")
		}()
	}
}

// TestDismissed: a service that stops tells so.
func TestDismissed(t *testing.T) {
	r := newRig(t, nil)
	r.net.Dismiss()
	if got := told(t, r.net.Written()); got != "close 1001" {
		t.Errorf("told %q", got)
	}
	r.over()
}

// TestFull: a writer hears when it may go on.
func TestFull(t *testing.T) {
	r := newRig(t, nil)
	r.net.Hold()
	n := 0
	for ; !r.Full(); n++ {
		if err := r.WriteBinary(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if n < 60 || n > 70 || r.Buffered() < 64<<10 {
		t.Errorf("full after %d KB", n)
	}
	r.net.Drain(-1)
	r.run()
	if got := r.list(); got != "drained" || r.Full() {
		t.Errorf("heard %q, full %v", got, r.Full())
	}
	r.over()
}

// TestUnreadIsBounded: what nobody reads pauses the peer, each time.
func TestUnreadIsBounded(t *testing.T) {
	r := newRig(t, func(c *Conn) { c.protocol = newConversation(c, nil) })
	v := r.talk
	frame := masked(0x82, strings.Repeat("x", 10_000))
	for round := range 5 {
		for range 20 {
			r.net.Receive(frame)
			r.run()
		}
		if !r.net.Paused() || v.bytes > maxUnreadBytes+10_064 || len(v.unread) > 7 {
			t.Fatalf("round %d: paused %v, %d bytes in %d messages unread", round, r.net.Paused(), v.bytes, len(v.unread))
		}
		read := 0
		d := deferred.Inline(r.clock, func(co *deferred.Co) (struct{}, error) {
			for ; read < 20; read++ {
				if _, err := r.Read(co); err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, nil
		})
		for range 40 {
			r.run()
		}
		sim.Result(t, d)
		if r.net.Paused() || v.bytes != 0 || v.unread != nil {
			t.Fatalf("round %d: read all: paused %v, %d bytes", round, r.net.Paused(), v.bytes)
		}
	}
	r.over()
}

// TestCloseDropsUnread: after our Close Read says so at once; after the peer's
// it gives what came before.
func TestCloseDropsUnread(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(r *rig)
		want func(m Message, err error) bool
	}{
		"ours":   {func(r *rig) { r.Close() }, func(m Message, err error) bool { return err == net.ErrClosed }},
		"abort":  {func(r *rig) { r.Abort() }, func(m Message, err error) bool { return err == twistor.ErrAborted }},
		"theirs": {func(r *rig) { r.net.Receive(masked(0x88, "")) }, func(m Message, err error) bool { return err == nil && m.Text() == "unread" }},
	} {
		r := newRig(t, func(c *Conn) { c.protocol = newConversation(c, nil) })
		r.net.Receive(masked(0x81, "unread"))
		tc.end(r)
		d := deferred.Inline(r.clock, func(co *deferred.Co) (struct{}, error) {
			if m, err := r.Read(co); !tc.want(m, err) {
				t.Errorf("%s: Read gave %q, %v", name, m.Bytes, err)
			}
			return struct{}{}, nil
		})
		r.run()
		sim.Result(t, d)
		r.over()
	}
}

// TestGroup: all members hear, once each, and those that left or ended do not.
func TestGroup(t *testing.T) {
	var g, other Group
	var rigs []*rig
	for i := range 6 {
		r := newRig(t, func(c *Conn) {
			if i == 2 {
				c.deflate = (&Deflate{MinBytes: 1}).agreed(15, 15, false, false)
			}
		})
		rigs = append(rigs, r)
		g.Add(r.Conn)
		g.Add(r.Conn)
		other.Add(r.Conn)
	}
	rigs[1].over()
	g.Remove(rigs[4].Conn)
	g.Remove(rigs[4].Conn)
	if g.Len() != 4 || other.Len() != 5 {
		t.Errorf("%d and %d members, want 4 and 5", g.Len(), other.Len())
	}
	long := strings.Repeat("news ", 200)
	if err := g.WriteText(long); err != nil {
		t.Fatal(err)
	}
	if err := g.WriteText("\xff"); err != ErrText {
		t.Errorf("a text that is none: %v", err)
	}
	for i, r := range rigs {
		got := frames(t, r.net.Written())
		want := 1
		if i == 1 || i == 4 {
			want = 0
		}
		if len(got) != want || want == 1 && (got[0].first&bitDeflated != 0) != (i == 2) {
			t.Errorf("member %d: got %d frames", i, len(got))
		}
		if i == 2 && len(got[0].payload) > 100 {
			t.Errorf("not compressed: %d bytes", len(got[0].payload))
		}
		r.over()
	}
	g.Add(rigs[0].Conn) // too late
	if g.Len() != 0 || other.Len() != 0 || len(g.at) != 0 {
		t.Errorf("%d and %d members are left", g.Len(), other.Len())
	}
}

// TestGroupSlow: a member that does not read is cut, and hinders nobody.
func TestGroupSlow(t *testing.T) {
	var g Group
	slow, quick := newRig(t, nil), newRig(t, nil)
	g.Add(slow.Conn)
	g.Add(quick.Conn)
	slow.net.Hold()
	m := Prepare(Binary, make([]byte, 100<<10))
	for range 25 {
		g.Write(m)
		slow.run()
	}
	if slow.err != twistor.ErrOverflow || g.Len() != 1 {
		t.Errorf("the slow one: Disconnected(%v), %d members", slow.err, g.Len())
	}
	if n := len(frames(t, quick.net.Written())); n != 25 {
		t.Errorf("the quick one got %d messages of 25", n)
	}
	quick.over()
}

// TestPanic: a Protocol that panics in a message that Resume brought cuts its
// connection, as anywhere else.
func TestPanic(t *testing.T) {
	r := newRig(t, nil)
	n := 0
	r.hear = func(Kind, []byte) {
		if n++; n == 1 {
			r.Pause()
		} else {
			panic("no")
		}
	}
	r.net.Receive(masked(0x81, "1") + masked(0x81, "2"))
	r.Resume()
	func() {
		defer func() { recover() }()
		r.run()
	}()
	if !r.net.Aborted() {
		t.Error("still open")
	}
	defer func() { recover() }()
	r.over()
}

func ExampleError() {
	var err error = &Error{Code: GoingAway, Text: "restart"}
	fmt.Println(err, errors.Is(err, io.EOF))
	// Output:
	// websocket: closed with 1001 "restart" true
}

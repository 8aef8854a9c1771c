package h2

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// H2-01: whoever opens streams and resets them at once is told to calm down
// after 200; who has its answers may give up more. A new window begins after
// 10 s.
func TestH2_01RapidReset(t *testing.T) {
	r := serving(t, Config{})
	r.serve = func(s *Stream, h *Head, end bool) {} // the answer takes its time
	begun := 0
	for i := range 10_000 {
		id := uint32(2*i + 1)
		r.headers(id, true, r.get())
		r.fr.WriteRSTStream(id, http2.ErrCodeCancel)
		r.feed()
		if r.over {
			break
		}
		begun++
	}
	r.gone("10,000 resets", EnhanceYourCalm)
	if begun != 200 {
		t.Errorf("%d requests were begun before, want 200", begun)
	}

	r = serving(t, Config{})
	answer := true
	r.serve = func(s *Stream, h *Head, end bool) {
		if answer {
			r.hello(s)
		}
	}
	id := uint32(1)
	ask := func(n int) {
		for range n {
			r.headers(id, true, r.get())
			if !answer {
				r.fr.WriteRSTStream(id, http2.ErrCodeCancel)
			}
			id += 2
		}
		r.feed()
	}
	ask(500)
	answer = false
	ask(700) // 500 of them are forgiven
	r.clock.Advance(11 * time.Second)
	ask(200)
	if r.over {
		t.Errorf("control: who completes 500 and resets 700, and 200 later, was sent away: %v", r.ended)
	}
}

// H2-01: what counts is who still works on an answer, not what the peer has
// open: a reset makes no room.
func TestH2_01HandlersCount(t *testing.T) {
	r := serving(t, Config{MaxStreams: 10})
	r.serve = func(s *Stream, h *Head, end bool) {}
	var kept []*Stream
	r.keep = func(s *Stream) { kept = append(kept, s) }
	for i := range 11 {
		id := uint32(2*i + 1)
		r.headers(id, true, r.get())
		r.fr.WriteRSTStream(id, http2.ErrCodeCancel)
	}
	r.feed()
	r.wants("the 11th request", "RST_STREAM 21 REFUSED_STREAM")
	if len(kept) != 10 {
		t.Fatalf("%d streams were reset, want 10", len(kept))
	}
	r.c.Release(kept[0])
	r.serve = nil
	r.headers(23, true, r.get())
	r.feed()
	r.wants("control: after one was released", "HEADERS 23 :status=200 content-length=5", "DATA 23 hello end")
}

// H2-02: resets that the peer makes us send are paid from the same budget.
func TestH2_02MadeYouReset(t *testing.T) {
	for name, provoke := range map[string]func(r *rig, id uint32){
		"WINDOW_UPDATE of 0":     func(r *rig, id uint32) { r.fr.WriteWindowUpdate(id, 0) },
		"window overflow":        func(r *rig, id uint32) { r.fr.WriteWindowUpdate(id, maxWindow) },
		"DATA after the end":     func(r *rig, id uint32) { r.fr.WriteData(id, true, []byte("x")) },
		"HEADERS after the end":  func(r *rig, id uint32) { r.headers(id, true, r.encode("a", "b")) },
		"dependence on itself":   func(r *rig, id uint32) { r.fr.WritePriority(id, http2.PriorityParam{StreamDep: id}) },
		"PRIORITY of wrong size": func(r *rig, id uint32) { r.fr.WriteRawFrame(http2.FramePriority, 0, id, []byte("1234")) },
	} {
		r := serving(t, Config{})
		r.serve = func(s *Stream, h *Head, end bool) {}
		n := 0
		for i := range 1000 {
			id := uint32(2*i + 1)
			r.headers(id, true, r.get())
			provoke(r, id)
			r.feed()
			r.out.Next(1 << 20) // the peer reads
			if r.over {
				break
			}
			n++
		}
		if !r.over || r.ended == nil || r.ended.Code != EnhanceYourCalm || n != 200 {
			t.Errorf("%s: after %d: %v, want ENHANCE_YOUR_CALM after 200", name, n, r.ended)
		}
	}
}

// H2-03: a header block without an end is given up at 64 KiB, with empty frames
// too; a long one that ends is not.
func TestH2_03EndlessContinuation(t *testing.T) {
	for _, piece := range []int{0, 1, 1000, maxFrame} {
		r := serving(t, Config{})
		r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.get()})
		sent := 0
		for !r.over && sent < 1<<20 {
			r.fr.WriteContinuation(1, false, make([]byte, piece))
			sent += piece + frameHead
			r.feed()
		}
		r.gone(fmt.Sprintf("pieces of %d", piece), EnhanceYourCalm)
		if sent > 64<<10+maxFrame+frameHead {
			t.Errorf("pieces of %d: %d bytes were read, want 64 KiB", piece, sent)
		}
	}
	r := serving(t, Config{})
	block := r.get("x", strings.Repeat("z", 10_000))
	r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true, BlockFragment: block[:10]})
	for p := range slices.Chunk(block[10:], 10) {
		r.fr.WriteContinuation(1, false, p)
	}
	r.fr.WriteContinuation(1, true, nil)
	r.feed()
	r.wants("control: 10 KB in many pieces", "HEADERS 1 :status=200 content-length=5", "DATA 1 hello end")
}

// H2-03: a whole block that Huffman's code makes dear is not even unpacked
// beyond what a header may be: it allocates less than twice its length.
func TestH2_03CostlyBlock(t *testing.T) {
	r := serving(t, Config{})
	block := r.get()
	for len(block) < 60<<10 {
		block = append(block, r.encode("x", strings.Repeat("0", 15_000))...)
	}
	r.headers(1, true, r.get())
	r.feed() // what is made once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := r.c.decode(block, false); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if !r.c.pool.head.TooLarge {
		t.Error("the block is not too large")
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(2*len(block)) {
		t.Errorf("%d bytes were allocated for a block of %d", n, len(block))
	}
}

// H2-04: one byte on the wire may stand for a whole field. A list is cut at 100
// fields and 16 KiB, and what all lists of a connection hold is bounded too.
func TestH2_04Bomb(t *testing.T) {
	r := serving(t, Config{MaxStreams: 1000})
	r.serve = func(s *Stream, h *Head, end bool) {} // nothing is ever released
	bomb := r.get("x", strings.Repeat("v", 3000))
	again := r.encode("x", strings.Repeat("v", 3000)) // one byte
	if len(again) != 1 {
		t.Fatalf("the bomb's reference has %d bytes, want 1", len(again))
	}
	r.headers(1, true, append(bomb, bytes.Repeat(again, 4000)...))
	r.feed()
	if n := r.c.pool.head.Header.Len(); n > 100 || !r.c.pool.head.TooLarge {
		t.Errorf("%d fields were kept, want at most 100 and TooLarge", n)
	}
	for i := range 400 {
		r.headers(uint32(2*i+3), true, append(r.get(), bytes.Repeat(again, 4)...))
	}
	r.feed()
	if r.c.heldBytes > 1<<20 {
		t.Errorf("%d bytes of headers are held, want at most 1 MiB", r.c.heldBytes)
	}
	if !r.over {
		t.Error("400 streams of 12 KB of headers did not end the connection")
	}

	r = serving(t, Config{})
	r.serve = func(s *Stream, h *Head, end bool) {}
	for i := range 80 {
		r.headers(uint32(2*i+1), true, append(r.get(), r.encode("x", strings.Repeat("v", 3000), "x", strings.Repeat("v", 3000))...))
	}
	r.feed()
	if r.over || len(r.streams) != 80 {
		t.Errorf("control: 80 streams of 6 KB: %d are open, %v", len(r.streams), r.ended)
	}
	for len(r.streams) > 0 {
		r.hello(r.streams[0])
	}
	if r.c.heldBytes != 0 {
		t.Errorf("%d bytes are held when all have ended, want 0", r.c.heldBytes)
	}
}

// H2-04: cookie crumbs are one field, and each is charged.
func TestH2_04Crumbs(t *testing.T) {
	r := serving(t, Config{})
	r.headers(1, true, r.get("cookie", "a=b", "x", "y", "cookie", "c=d", "cookie", "e=f"))
	var crumbs []string
	for range 120 {
		crumbs = append(crumbs, "cookie", "")
	}
	r.headers(3, true, r.get(crumbs...))
	r.feed()
	if want := "1 GET http://a.test/ x=y cookie=a=b; c=d; e=f true"; r.events[0] != want {
		t.Errorf("got %q, want %q", r.events[0], want)
	}
	if want := "3 too large"; r.events[2] != want {
		t.Errorf("120 crumbs: got %q, want %q", r.events[2], want)
	}
}

// H2-04, H2-12: a stream whose window stays shut, or opens by single bytes, is
// reset; one that takes its 1,024 bytes in time is not.
func TestH2_04ZeroWindow(t *testing.T) {
	for _, c := range []struct {
		name  string
		every uint32 // bytes of window each second
		lives bool
	}{{"shut", 0, false}, {"single bytes", 1, false}, {"100 bytes a second", 100, true}} {
		r := serving(t, Config{})
		r.serve = func(s *Stream, h *Head, end bool) {
			r.c.Answer(s, Answer{Status: 200, Length: 20_000, Body: make([]byte, 20_000), End: true})
			r.release(s)
		}
		r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		r.headers(1, true, r.get())
		r.feed()
		for range 100 {
			r.clock.Advance(time.Second)
			if c.every > 0 && !r.over {
				r.fr.WriteWindowUpdate(1, c.every)
				r.feed()
			}
		}
		reset := strings.Contains(r.said(), "RST_STREAM 1 CANCEL")
		if reset == c.lives || r.c.queued > 0 != c.lives {
			t.Errorf("%s: reset %v with %d bytes waiting, want it to live: %v", c.name, reset, r.c.queued, c.lives)
		}
	}
}

// H2-05, T-13: what we must answer at once may wait up to 17 KiB for a peer
// that does not read, then it is aborted; a peer that reads may ask for ever.
func TestH2_05ControlFloods(t *testing.T) {
	for name, flood := range map[string]func(r *rig, i int){
		"PING":     func(r *rig, i int) { r.fr.WritePing(false, [8]byte{}) },
		"SETTINGS": func(r *rig, i int) { r.fr.WriteSettings() },
		"RST":      func(r *rig, i int) { r.headers(uint32(2*i+1), true, r.encode("a", "b")) },
		"Upload": func(r *rig, i int) {
			if i == 0 {
				r.headers(1, false, r.post())
				r.hold = false
			}
			r.fr.WriteData(1, false, make([]byte, maxFrame))
		},
	} {
		config := Config{MaxResets: 1 << 30, StreamWindowBytes: 1 << 16, ConnWindowBytes: 1 << 16}
		r := serving(t, config)
		r.serve = func(s *Stream, h *Head, end bool) {}
		for i := 0; i < 50_000 && !r.over; i++ {
			flood(r, i)
			r.feed()
		}
		if !r.over || r.ended == nil || !r.ended.Abort {
			t.Errorf("%s: the connection was not aborted: %v", name, r.ended)
		}
		if n := r.out.Buffered(); n > 17<<10 {
			t.Errorf("%s: %d bytes wait, want at most 17 KiB", name, n)
		}

		r = serving(t, config)
		r.serve = func(s *Stream, h *Head, end bool) {}
		n := 20_000
		if testing.Short() {
			n = 3_000
		}
		for i := range n {
			flood(r, i)
			r.feed()
			if r.out.Next(1000); r.over {
				break
			}
		}
		if r.over {
			t.Errorf("%s: control: a peer that reads was aborted: %v", name, r.ended)
		}
	}
}

// T-13: a download that keeps the transport busy is not mistaken for a backlog.
func TestT13BacklogIsNotDATA(t *testing.T) {
	r := serving(t, Config{})
	r.out.high = 64 << 10
	r.serve = func(s *Stream, h *Head, end bool) { r.c.Answer(s, Answer{Status: 200, Length: -1}) }
	r.headers(1, true, r.get())
	r.feed()
	s := r.streams[0]
	for range 2_000 {
		for !r.c.Full(s) && r.c.SendData(s, make([]byte, 8<<10), false) == nil {
		}
		r.fr.WriteWindowUpdate(1, 40_000)
		r.fr.WriteWindowUpdate(0, 40_000)
		r.fr.WritePing(false, [8]byte{})
		r.feed()
		r.out.Next(40_000) // it never reads all
		r.c.Drained()
		if r.over {
			t.Fatalf("the connection ended: %v", r.ended)
		}
	}
}

// H2-05: frames that ask for nothing are counted.
func TestH2_05UselessFloods(t *testing.T) {
	for name, flood := range map[string]func(r *rig){
		"PRIORITY":        func(r *rig) { r.fr.WritePriority(1, http2.PriorityParam{StreamDep: 3}) },
		"PRIORITY_UPDATE": func(r *rig) { r.fr.WriteRawFrame(0x10, 0, 0, []byte{0, 0, 0, 1, 'u', '=', '1'}) },
		"empty DATA":      func(r *rig) { r.fr.WriteData(1, false, nil) },
		"padding":         func(r *rig) { r.fr.WriteDataPadded(1, false, nil, make([]byte, 1)) },
		"unknown":         func(r *rig) { r.fr.WriteRawFrame(0xbb, 0xff, 1, nil) },
	} {
		r := serving(t, Config{})
		r.serve = func(s *Stream, h *Head, end bool) {}
		r.headers(1, false, r.post())
		for range 10_000 {
			flood(r)
		}
		r.feed()
		if r.over {
			t.Errorf("%s: control: 10,000 ended the connection: %v", name, r.ended)
			continue
		}
		r.out.Reset()
		flood(r)
		r.feed()
		r.gone(name, EnhanceYourCalm)
	}
}

// T-13: only what is of use keeps a connection: PINGs do not.
func TestT13IdleTimer(t *testing.T) {
	r := serving(t, Config{})
	for range 61 {
		r.clock.Advance(time.Second)
		if !r.over {
			r.fr.WritePing(false, [8]byte{})
			r.feed()
		}
	}
	if !r.over || r.ended != nil {
		t.Errorf("a connection of PINGs lives: %v %v", r.over, r.ended)
	}
	if said := r.said(); !strings.HasSuffix(said, "GOAWAY 0 NO_ERROR\n") {
		t.Errorf("it was told %q, want GOAWAY", said)
	}
	r = serving(t, Config{})
	for i := range 4 {
		r.clock.Advance(40 * time.Second)
		r.headers(uint32(2*i+1), true, r.get())
		r.feed()
	}
	if r.over {
		t.Error("control: a connection with a request each 40 s has ended")
	}
}

// H2-06: settings and windows beyond their bounds end the connection, or the
// stream; those at the bounds do not.
func TestH2_06Settings(t *testing.T) {
	for _, c := range []struct {
		id   http2.SettingID
		v    uint32
		want Code
	}{
		{http2.SettingMaxFrameSize, 0, ProtocolError},
		{http2.SettingMaxFrameSize, 16_383, ProtocolError},
		{http2.SettingMaxFrameSize, 16_384, NoError},
		{http2.SettingMaxFrameSize, 1<<24 - 1, NoError},
		{http2.SettingMaxFrameSize, 1 << 24, ProtocolError},
		{http2.SettingInitialWindowSize, 1<<31 - 1, NoError},
		{http2.SettingInitialWindowSize, 1 << 31, FlowControlError},
		{http2.SettingEnablePush, 1, NoError},
		{http2.SettingEnablePush, 2, ProtocolError},
		{http2.SettingEnableConnectProtocol, 2, ProtocolError},
		{http2.SettingHeaderTableSize, 1<<32 - 1, NoError},
		{http2.SettingMaxConcurrentStreams, 0, NoError},
		{0xf0f0, 1<<32 - 1, NoError},
	} {
		r := serving(t, Config{})
		r.fr.WriteSettings(http2.Setting{ID: c.id, Val: c.v})
		r.headers(1, true, r.get())
		r.feed()
		if c.want != NoError {
			r.gone(fmt.Sprint(c.id, c.v), c.want)
		} else if said := r.said(); !strings.Contains(said, "DATA 1 hello end") {
			t.Errorf("control: %v=%d: got\n%s", c.id, c.v, said)
		}
	}
}

// H2-06: windows that would exceed 2^31-1.
func TestH2_06WindowOverflow(t *testing.T) {
	open := func() *rig {
		r := serving(t, Config{})
		r.serve = func(s *Stream, h *Head, end bool) {}
		r.headers(1, true, r.get())
		return r
	}
	r := open()
	r.fr.WriteWindowUpdate(0, maxWindow-firstWindow)
	r.fr.WriteWindowUpdate(1, maxWindow-firstWindow)
	r.feed()
	r.wants("control: exactly 2^31-1")
	r.fr.WriteWindowUpdate(1, 1)
	r.feed()
	r.wants("a stream's", "RST_STREAM 1 FLOW_CONTROL_ERROR")
	r.fr.WriteWindowUpdate(0, 1)
	r.feed()
	r.gone("the connection's", FlowControlError)
	r = open()
	r.fr.WriteWindowUpdate(1, maxWindow-firstWindow)
	r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: firstWindow + 1})
	r.feed()
	r.gone("by SETTINGS", FlowControlError)
}

// H2-08: the deadline of the head begins with the connection, not after the
// preface.
func TestH2_08PrefaceDeadline(t *testing.T) {
	for _, began := range []string{"", "PRI * HT", Preface, Preface + "\x00\x00\x06\x04\x00\x00\x00\x00"} {
		r := newRig(t, Server, Config{})
		r.out.Reset()
		r.c.Receive([]byte(began))
		r.clock.Advance(10*time.Second - 1)
		if r.over {
			t.Errorf("%q: it ended before its time", began)
		}
		r.clock.Advance(time.Second)
		r.gone(fmt.Sprintf("%q and silence", began), SettingsTimeout)
	}
	r := serving(t, Config{})
	r.clock.Advance(30 * time.Second)
	if r.over {
		t.Error("control: a connection that has said hello ended")
	}
	r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.get()})
	r.feed()
	r.clock.Advance(11 * time.Second)
	r.gone("a header block without its end", EnhanceYourCalm)
}

// H2-11: what cannot be decompressed ends the connection, since nothing after
// it can be either.
func TestH2_11Compression(t *testing.T) {
	for _, c := range []struct {
		name, block string
		want        Code
	}{
		{"index 0", "\x80", CompressionError},
		{"an index beyond the tables", "\xff\x00", CompressionError},
		{"a name's index beyond the tables", "\x7f\x80\x01\x01x", CompressionError},
		{"an integer of 10 continuations", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", CompressionError},
		{"a table larger than we allow", "\x3f\xe2\x1f", CompressionError},
		{"a size after a field", "\x40\x01x\x01y\x20", CompressionError},
		{"a cut string", "\x00\x05abc", CompressionError},
		{"a cut Huffman code", "\x00\x01x\x81\x00", CompressionError},
		{"EOS in Huffman's code", "\x00\x01x\x84\xff\xff\xff\xff", CompressionError},
		{"a string longer than all may be", "\x00\x01x\x7f\x81\x80\x01", EnhanceYourCalm},
	} {
		r := serving(t, Config{})
		r.headers(1, true, []byte(c.block))
		r.feed()
		r.gone(c.name, c.want)
	}
	r := serving(t, Config{})
	r.headers(1, true, append([]byte("\x20\x3f\xe1\x1f"), r.get()...)) // 0, then 4,096
	storm := bytes.Repeat([]byte("\x20\x3f\xe1\x1f"), 4_000)
	r.enc.SetMaxDynamicTableSize(0)
	r.headers(3, true, append(storm, r.get()...))
	r.feed()
	r.wants("control: sizes that are allowed, and a storm of them",
		"HEADERS 1 :status=200 content-length=5", "DATA 1 hello end", "HEADERS 3 :status=200 content-length=5", "DATA 3 hello end")
}

// H2-12: an answer without end to a peer that reads nothing, or a byte at a
// time: a handler that asks Full is stopped at 64 KiB a stream, 512 KiB all.
func TestH2_12NonReader(t *testing.T) {
	r := serving(t, Config{})
	r.out.high = 64 << 10
	const streams = 50
	write := func(s *Stream) {
		for !r.c.Full(s) {
			if err := r.c.SendData(s, make([]byte, 4096), false); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.serve = func(s *Stream, h *Head, end bool) {
		r.c.Answer(s, Answer{Status: 200, Length: 1 << 30})
		write(s)
	}
	r.drained = write
	for i := range streams {
		r.headers(uint32(2*i+1), true, r.get())
	}
	r.feed()
	for range 20_000 {
		r.fr.WriteWindowUpdate(1, 1)
	}
	r.feed()
	for _, s := range r.streams {
		if s.queued > 64<<10+4096 {
			t.Errorf("stream %d holds %d bytes, want 64 KiB", s.ID(), s.queued)
		}
	}
	if r.c.queued > 512<<10+4096 || r.out.Buffered() > 64<<10+maxFrame+streams*100 {
		t.Errorf("%d and %d bytes wait, want at most 512 KiB and 64 KiB", r.c.queued, r.out.Buffered())
	}
	if !r.c.Congested() {
		t.Error("the connection is not congested")
	}
	r.events = nil
	r.c.Reset(r.streams[0], Cancel)
	for _, s := range r.streams[1:] {
		r.c.Reset(s, Cancel)
	}
	if r.c.queued != 0 {
		t.Errorf("%d bytes wait after all were reset, want 0", r.c.queued)
	}
}

// H2-12: a handler that does not ask is refused at 1 MiB.
func TestH2_12Overflow(t *testing.T) {
	r := serving(t, Config{})
	r.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	r.serve = func(s *Stream, h *Head, end bool) { r.c.Answer(s, Answer{Status: 200, Length: -1}) }
	r.headers(1, true, r.get())
	r.feed()
	s, total := r.streams[0], 0
	var err error
	for range 1000 {
		if err = r.c.SendData(s, make([]byte, 10_000), false); err != nil {
			break
		}
		total += 10_000
	}
	if err != ErrOverflow || total > 1<<20 || total < 1<<20-10_000 {
		t.Errorf("%d bytes were taken, then %v; want 1 MiB and ErrOverflow", total, err)
	}
	if !strings.HasSuffix(r.said(), "RST_STREAM 1 INTERNAL_ERROR\n") || r.c.queued != 0 {
		t.Errorf("the stream was not reset, or %d bytes are kept", r.c.queued)
	}
}

// what we think of a peer stays here.
func TestX07GoAwayIsOpaque(t *testing.T) {
	r := serving(t, Config{})
	r.fr.WriteData(0, false, []byte("x"))
	r.feed()
	p := r.out.Bytes()
	if len(p) != frameHead+8 || binary.BigEndian.Uint32(p[frameHead+4:]) != uint32(ProtocolError) {
		t.Errorf("got %q, want a GOAWAY without words", p)
	}
}

package tlslayer_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/sim"
)

// TestT08PauseHoldsBack: after Pause nothing more is received, also of bytes
// that are decrypted or here already; below is paused; Resume delivers the rest
// in order, the end last, and not before it returns.
func TestT08PauseHoldsBack(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		said := strings.Repeat("0123456789", 10_000) // several blocks
		var s halfTalker
		s.received = func([]byte) { s.Pause() }
		c := sim.NewClock(t)
		f := tlslayer.Factory(at(v, ca.Server("a.test")), twistor.AsServer, s.factory(), nil)
		_, pipe := newPeer(c, f, func(conn net.Conn) error {
			tc := tls.Client(conn, ca.Client("a.test"))
			tc.Write([]byte(said))
			return tc.Close()
		})
		c.Advance(0)
		if s.parts != 1 || len(s.heard) >= len(said) {
			t.Fatalf("Received %d times, %d bytes; want once, and not all", s.parts, len(s.heard))
		}
		if !pipe.A.Paused() {
			t.Error("below is not paused")
		}
		for range 100 {
			before := s.parts
			s.Resume()
			if s.parts != before {
				t.Fatal("Received inside of Resume")
			}
			c.Advance(0)
			if len(s.heard) < len(said) && s.parts != before+1 {
				t.Fatalf("Received %d times after one Resume, want once", s.parts-before)
			}
		}
		wantString(t, "heard", s.heard, said)
		if len(s.events) < 2 || s.events[1] != "read closed" {
			t.Errorf("events: got %q, want the end after Resume", s.events)
		}
	})
}

// TestT08PausedBelow: an idle connection that is paused does not read, and one
// that was resumed does.
func TestT08PausedBelow(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	s.Pause()
	s.Pause()
	if !l.pipe.A.Paused() {
		t.Error("below is not paused")
	}
	c.Write([]byte("later"))
	if l.Advance(0); len(s.heard) != 0 {
		t.Errorf("heard %q while paused", s.heard)
	}
	s.Resume()
	if l.Advance(0); l.pipe.A.Paused() {
		t.Error("below is still paused")
	}
	wantString(t, "heard", s.heard, "later")
}

// TestT09FullAndDrained: Full begins above Limits.High, counting plaintext of
// this event and what below has; Drained comes once for it.
func TestT09FullAndDrained(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	l.pipe.A.Hold()
	s.SetLimits(twistor.Limits{High: 1000, Low: 100})
	s.Write(make([]byte, 1000))
	if s.Buffered() != 1000 || s.Full() {
		t.Errorf("got %d buffered, full %v; want 1000, not full", s.Buffered(), s.Full())
	}
	s.Write(make([]byte, 1))
	if s.Buffered() != 1001 || !s.Full() {
		t.Errorf("got %d buffered, full %v; want 1001, full", s.Buffered(), s.Full())
	}
	l.Advance(0)
	if got := s.Buffered(); got <= 1001 || !s.Full() {
		t.Errorf("got %d buffered, full %v; want 1001 and TLS's own", got, s.Full())
	}
	if len(s.events) != 1 {
		t.Errorf("events: %q, want no Drained yet", s.events)
	}
	l.pipe.A.Drain(-1)
	l.Advance(0)
	if s.Buffered() != 0 || s.Full() || len(s.events) != 2 || s.events[1] != "drained" {
		t.Errorf("got %d buffered, full %v, events %q; want 0, not full, drained once", s.Buffered(), s.Full(), s.events)
	}
}

// TestT09DrainedWithoutBelow: a connection that was Full before its plaintext was
// encrypted hears Drained also if below took it all at once.
func TestT09DrainedWithoutBelow(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	s.SetLimits(twistor.Limits{High: 1000})
	if s.Write(make([]byte, 2000)); !s.Full() {
		t.Fatal("not full")
	}
	l.Advance(0)
	if s.Full() || len(s.events) != 2 || s.events[1] != "drained" {
		t.Errorf("full %v, events %q; want drained", s.Full(), s.events)
	}
}

// TestT09Producer writes a megabyte as back-pressure allows: no more than High
// and one write is ever buffered.
func TestT09Producer(t *testing.T) {
	var s, c talker
	left, most := 1<<20, 0
	produce := func() {
		for left > 0 && !s.Full() {
			s.Write(make([]byte, 4096))
			left -= 4096
			most = max(most, s.Buffered())
		}
	}
	s.connected, s.drained = produce, produce
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	l.pipe.A.Hold()
	for range 10_000 {
		l.pipe.A.Drain(10_000)
		l.Advance(0)
	}
	l.pipe.A.Drain(-1)
	l.Advance(0)
	if len(c.heard) != 1<<20 {
		t.Errorf("client heard %d bytes, want 1 MiB; %q", len(c.heard), s.events)
	}
	if most > 64<<10+8192 {
		t.Errorf("%d bytes were buffered, want no more than High and a write", most)
	}
}

// TestT09Overflow: a write beyond Limits.Max is refused and ends the connection;
// one within does not.
func TestT09Overflow(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	l.pipe.A.Hold()
	s.SetLimits(twistor.Limits{Max: 10_000})
	if _, err := s.Write(make([]byte, 9000)); err != nil {
		t.Errorf("9,000 bytes: %v", err)
	}
	n, err := s.Write(make([]byte, 2000))
	if n != 0 || err != twistor.ErrOverflow || s.err != nil {
		t.Errorf("beyond Max: got %d, %v, and Disconnected %v; want ErrOverflow, and Disconnected later", n, err, s.err)
	}
	if l.Advance(0); s.err != twistor.ErrOverflow {
		t.Errorf("ended with %v, want ErrOverflow", s.err)
	}
}

// TestT15SmallWritesBecomeOneRecord: what one event writes in small pieces is
// one record; what is written from elsewhere in one turn too.
func TestT15SmallWritesBecomeOneRecord(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		config := at(v, ca.Server("a.test"))
		config.DynamicRecordSizingDisabled = true
		var s, c talker
		s.received = func([]byte) {
			for range 1000 {
				s.Write([]byte("tick"))
			}
		}
		l := newLink(t, config, at(v, ca.Client("a.test")), s.factory(), c.factory())
		l.pipe.A.Clear()
		c.Write([]byte("go"))
		l.Advance(0)
		if got := records(l.pipe.A.Take()); len(got) != 1 {
			t.Errorf("in an event: got records of %v bytes, want one", got)
		}
		for range 1000 {
			s.Write([]byte("tock"))
		}
		if got := l.pipe.A.Written(); got != "" {
			t.Errorf("outside of events: %d bytes were sent at once, want them at the end of the turn", len(got))
		}
		l.Advance(0)
		if got := records(l.pipe.A.Take()); len(got) != 1 {
			t.Errorf("outside of events: got records of %v bytes, want one", got)
		}
		s.Write(make([]byte, 100_000)) // more than a record: whole ones at once, the rest at the end
		if got := records(l.pipe.A.Written()); len(got) != 6 {
			t.Errorf("a large write: got records of %v bytes, want 6 at once", got)
		}
		l.Advance(0)
		wantString(t, "client heard", c.heard[:8000], strings.Repeat("tick", 1000)+strings.Repeat("tock", 1000))
		if len(c.heard) != 108_000 {
			t.Errorf("client heard %d bytes, want 108,000", len(c.heard))
		}
	})
}

// records are the lengths of the TLS records in b.
func records(b string) (lengths []int) {
	for len(b) >= 5 {
		n := int(b[3])<<8 | int(b[4])
		lengths = append(lengths, n)
		b = b[min(len(b), 5+n):]
	}
	return lengths
}

// TestT15Broadcast: who writes to thousands of connections in one event does not
// make each of them collect in memory of its own.
func TestT15Broadcast(t *testing.T) {
	const n = 200
	clock := sim.NewClock(t)
	var all []*talker
	var first *talker
	var gate *tlslayer.Gate
	lent := 0
	server := tlslayer.Factory(ca.Server("a.test"), twistor.AsServer, twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		p := &talker{Transport: tr}
		p.received = func(b []byte) {
			for _, q := range all {
				q.Write(b)
				q.Write(b)
				lent = max(lent, gate.Lent())
			}
		}
		all = append(all, p)
		return p
	}), nil)
	gate = tlslayer.GateOf(clock, server)
	client := tlslayer.Factory(ca.Client("a.test"), twistor.AsClient, twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		p := &talker{Transport: tr}
		if first == nil {
			first = p
		}
		return p
	}), nil)
	var pipes []*sim.Pipe
	for range n {
		pipes = append(pipes, sim.NewPipe(clock, server, client))
	}
	clock.Advance(0)
	if len(all) != n {
		t.Fatalf("%d connections, want %d", len(all), n)
	}
	for _, p := range pipes {
		p.A.Clear()
	}
	first.Write([]byte("to all"))
	clock.Advance(0)
	if lent == 0 || lent > tlslayer.MaxBlocksLent || gate.Lent() != 0 {
		t.Errorf("%d blocks were lent at a time, %d in the end; want up to %d, and 0", lent, gate.Lent(), tlslayer.MaxBlocksLent)
	}
	for i, p := range pipes {
		if got := records(p.A.Written()); len(got) != 1 {
			t.Fatalf("connection %d: records of %v bytes, want one", i, got)
		}
	}
}

// TestT10SendFile: a file stands in its place among the writes, is read piece by
// piece as the peer takes it, and Close waits for it.
func TestT10SendFile(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		var s, c talker
		l := newLink(t, at(v, ca.Server("a.test")), at(v, ca.Client("a.test")), s.factory(), c.factory())
		l.pipe.A.Hold()
		text := strings.Repeat("0123456789", 100_000)
		r := &countingReader{ReaderAt: strings.NewReader(text)}
		s.Write([]byte("before"))
		sent := s.SendFile(io.NewSectionReader(r, 0, int64(len(text))))
		s.Write([]byte("between"))
		second := s.SendFile(section("second"))
		s.Write([]byte("after"))
		s.Close()
		l.Advance(0)
		if r.bytes == 0 || r.bytes > 256<<10 {
			t.Errorf("%d bytes were read though the peer takes none; want a few pieces", r.bytes)
		}
		if _, fired := sent.Result(); fired {
			t.Error("the first file is sent before the peer took it")
		}
		for range 1000 {
			l.pipe.A.Drain(5000)
			l.Advance(0)
		}
		l.pipe.A.Drain(-1)
		l.Advance(0)
		wantString(t, "client heard", c.heard, "before"+text+"betweensecondafter")
		if got, _ := sent.Result(); got.Value != int64(len(text)) || got.Err != nil {
			t.Errorf("first file: got %+v, want %d bytes", got, len(text))
		}
		if got, _ := second.Result(); got.Value != 6 || got.Err != nil {
			t.Errorf("second file: got %+v, want 6 bytes", got)
		}
		if c.err != io.EOF || s.err != net.ErrClosed {
			t.Errorf("ended with %v and %v, want a clean close", s.err, c.err)
		}
	})
}

type countingReader struct {
	io.ReaderAt
	bytes int
	err   error
}

func (r *countingReader) ReadAt(p []byte, off int64) (int, error) {
	r.bytes += len(p)
	if r.err != nil {
		return 0, r.err
	}
	return r.ReaderAt.ReadAt(p, off)
}

// TestT10SendFileFails: a file that cannot be read ends the connection with the
// reason, a shorter one is sent as far as it goes, and an empty one is nothing.
func TestT10SendFileFails(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	empty := s.SendFile(section(""))
	short := s.SendFile(io.NewSectionReader(strings.NewReader("abc"), 0, 100))
	l.Advance(0)
	if got, _ := empty.Result(); got.Value != 0 || got.Err != nil {
		t.Errorf("empty file: got %+v", got)
	}
	if got, _ := short.Result(); got.Value != 3 || got.Err != nil {
		t.Errorf("short file: got %+v, want 3 bytes", got)
	}
	wantString(t, "client heard", c.heard, "abc")

	bad := errors.New("bad disk")
	broken := s.SendFile(io.NewSectionReader(&countingReader{err: bad}, 0, 100))
	broken.Done(nil)
	l.Advance(0)
	if got, _ := broken.Result(); got.Err != bad || s.err != bad {
		t.Errorf("broken file: got %+v, and ended with %v; want the disk's error", got, s.err)
	}
}

// TestT10SendFileCancelled ends after the piece that is being read; what was
// written behind it follows.
func TestT10SendFileCancelled(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	l.pipe.A.Hold()
	sent := s.SendFile(section(strings.Repeat("x", 1<<20)))
	s.Write([]byte("after"))
	l.Advance(0)
	sent.Cancel()
	l.pipe.A.Drain(-1)
	l.Advance(0)
	if got := string(c.heard); !strings.HasSuffix(got, "xafter") || len(got) > 256<<10 {
		t.Errorf("client heard %d bytes, ending in %.10q", len(got), got[max(0, len(got)-10):])
	}
	if got, _ := sent.Result(); !errors.Is(got.Err, deferred.ErrCanceled) {
		t.Errorf("got %+v, want ErrCanceled", got)
	}
}

// TestT10AbortWhileReading: the file stays open until its Deferred fires, which
// is not before the pool has let go of it.
func TestT10AbortWhileReading(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	l.WorkTime = 1e9
	reading := s.SendFile(section("file"))
	waiting := s.SendFile(section("file"))
	reading.Done(nil)
	waiting.Done(nil)
	s.Abort()
	l.Advance(0)
	if _, fired := reading.Result(); fired {
		t.Error("the file being read is given up while it is read")
	}
	if got, _ := waiting.Result(); got.Err != twistor.ErrAborted {
		t.Errorf("the waiting file: got %+v, want ErrAborted", got)
	}
	l.Advance(1e9)
	if got, _ := reading.Result(); got.Err != twistor.ErrAborted {
		t.Errorf("the file being read: got %+v, want ErrAborted", got)
	}
}

// TestWriteShared: the optional ways to write do not lead around TLS.
func TestWriteShared(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	l.pipe.A.Clear()
	sharer, ok := twistor.As[twistor.Sharer](s.Transport)
	if !ok || sharer.WriteShared([]byte("secret")) != nil {
		t.Fatal("no Sharer")
	}
	l.Advance(0)
	if strings.Contains(l.pipe.A.Written(), "secret") {
		t.Error("WriteShared sends plaintext")
	}
	wantString(t, "client heard", c.heard, "secret")
	files, ok := twistor.As[twistor.FileSender](s.Transport)
	if !ok || !errors.Is(files.WriteFiles([]byte("secret")), errors.ErrUnsupported) {
		t.Error("WriteFiles does not refuse")
	}
	if _, ok := twistor.As[twistor.Tuner](s.Transport); !ok {
		t.Error("the Tuner below is not found")
	}
	if !bytes.Contains([]byte(s.LogValue().String()), []byte("TLS 1.3")) {
		t.Errorf("LogValue: got %v, want the version in it", s.LogValue())
	}
}

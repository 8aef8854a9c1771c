package tlslayer_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

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

// TestT10Linger: a file that the peer does not take ends the connection within
// Limits.Linger of Close; one that it takes piece by piece may last longer.
func TestT10Linger(t *testing.T) {
	for _, slow := range []bool{false, true} {
		var s, c talker
		l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
		s.SetLimits(twistor.Limits{Linger: 5 * time.Second})
		l.pipe.A.Hold()
		s.SendFile(section(strings.Repeat("x", 1<<20))).Done(nil)
		s.Close()
		for range 20 {
			if slow {
				l.pipe.A.Drain(100_000)
			}
			l.Advance(4 * time.Second)
		}
		if want := map[bool]error{false: twistor.ErrAborted, true: net.ErrClosed}[slow]; s.err != want {
			t.Errorf("peer that takes it %v: ended with %v, want %v", slow, s.err, want)
		}
	}
}

// TestT10ManyFiles: no more than 1,024 files are queued.
func TestT10ManyFiles(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	for i := range 1025 {
		sent := s.SendFile(section("x"))
		sent.Done(nil)
		if got, failed := sent.Result(); failed != (i == 1024) {
			t.Fatalf("file %d: %+v", i, got)
		}
	}
	l.Advance(0)
	wantString(t, "client heard", c.heard, strings.Repeat("x", 1024))
}

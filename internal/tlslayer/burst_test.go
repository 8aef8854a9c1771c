package tlslayer_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/sim"
)

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
	const n = 60
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

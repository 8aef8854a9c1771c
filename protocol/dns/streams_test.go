package dns

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
	"github.com/twistor-go/twistor/sim/protocoltest"
)

// TestPromises: what every server of this project promises, X-01 to X-03, and
// that an answer does not depend on how a query was cut.
func TestPromises(t *testing.T) {
	_, a := question(t, "example.com.", TypeA)
	m, _ := question(t, "example.com.", TypeTXT)
	m.SetEdns0(1232, true)
	protocoltest.Run(t, protocoltest.Entry{
		Name:     "dns over TCP",
		Build:    func(twistor.Loop) twistor.Factory { return (&Server{Handler: txtHandler(3)}).Factory() },
		Talks:    []string{framed(a), framed(pack(t, m)) + framed(a), "\x00\x05abcde", "\x00\x00"},
		Deadline: 11 * time.Second,
	})
}

// later is a Handler whose answers the test completes.
type later struct {
	loop    twistor.Loop
	begun   []*deferred.Signal
	names   []string
	dropped int
}

func (h *later) Serve(w *ResponseWriter, q *Query) *deferred.Signal {
	d := deferred.New[struct{}](h.loop)
	d.OnCancel(func() { h.dropped++ })
	h.begun, h.names = append(h.begun, d), append(h.names, q.Name.String())
	return deferred.Then(d, func(struct{}) (struct{}, error) {
		w.AddRRset(Answer, q.Name, RRset{Type: TypeA, TTL: 60, Data: []byte{0, 4, 192, 0, 2, 1}})
		return struct{}{}, nil
	})
}

// complete completes the i-th answer.
func (h *later) complete(i int) { h.begun[i].Succeed(struct{}{}) }

// many are n queries, framed.
func many(t testing.TB, n int) string {
	var b strings.Builder
	for i := range n {
		_, p := question(t, fmt.Sprintf("n%d.example.com.", i), TypeA)
		b.WriteString(framed(p))
	}
	return b.String()
}

// TestDNS_12: a message has 10 s from its first byte, however it dribbles; 16
// queries of a connection are under way and the next ones wait; who never reads
// is read no more, and cut off; a length of zero is the end.
func TestDNS_12(t *testing.T) {
	_, p := question(t, "example.com.", TypeA)
	t.Run("dribble", func(t *testing.T) {
		b := newBench(t, &Server{Handler: aHandler, IdleTimeout: 60 * time.Second})
		tr := b.tcp()
		b.clock.Advance(30 * time.Second) // silence is not a message yet
		for i := range 9 {
			tr.Receive(framed(p)[i : i+1])
			b.clock.Advance(time.Second)
		}
		if tr.Closed() {
			t.Fatal("after 9 s: got it closed")
		}
		b.clock.Advance(1100 * time.Millisecond)
		if !tr.Closed() {
			t.Fatal("after 10.1 s: got it open")
		}
		tr.Reset()
		b.clock.Advance(0)
		// The same bytes within the time are a query, one after another.
		tr = b.tcp()
		for range 3 {
			for i := range framed(p) {
				tr.Receive(framed(p)[i : i+1])
				b.clock.Advance(300 * time.Millisecond)
			}
			if got := one(t, unframed(t, tr.Take())); len(got.Answer) != 1 {
				t.Errorf("in time: got %v", got)
			}
		}
		tr.Reset()
		b.clock.Advance(0)
	})
	t.Run("pipelined", func(t *testing.T) {
		h := new(later)
		b := newBench(t, &Server{Handler: h})
		h.loop = b.clock
		tr := b.tcp()
		tr.Receive(many(t, 40))
		b.clock.Advance(0)
		if len(h.begun) != 16 || !tr.Paused() {
			t.Fatalf("got %d under way, paused %v; want 16 and a pause", len(h.begun), tr.Paused())
		}
		b.clock.Advance(time.Minute) // those that wait for us have no deadline
		if tr.Closed() {
			t.Fatal("got it closed while we were slow")
		}
		h.complete(3)
		b.clock.Advance(0)
		if len(h.begun) != 17 {
			t.Errorf("after one answer: got %d begun, want 17", len(h.begun))
		}
		if got := one(t, unframed(t, tr.Take())); got.Question[0].Name != "n3.example.com." {
			t.Errorf("got the answer to %v, want n3's, which is ready", got.Question)
		}
		for i := 0; i < len(h.begun); i++ {
			h.complete(i)
			b.clock.Advance(0)
		}
		if got := len(unframed(t, tr.Take())); got != 39 || len(h.begun) != 40 {
			t.Errorf("got %d answers, %d begun; want 39 and 40", got, len(h.begun))
		}
		tr.Receive(many(t, 2))
		b.clock.Advance(0)
		tr.Break(errors.New("gone"))
		b.clock.Advance(0)
		if h.dropped != 2 || b.s.pending != 0 {
			t.Errorf("after the client left: got %d cancelled, %d pending; want 2 and none", h.dropped, b.s.pending)
		}
	})
	t.Run("never read", func(t *testing.T) {
		b := newBench(t, &Server{Handler: txtHandler(100)})
		tr := b.tcp()
		tr.Hold()
		queries := strings.Repeat(framed(p), 100)
		for range 100 { // 10,000 of them, 110 MB of answers
			tr.Receive(queries)
			b.clock.Advance(time.Millisecond)
		}
		if got, most := tr.Buffered(), 64<<10+16<<10; got > most || got < 64<<10 || !tr.Paused() {
			t.Errorf("got %d bytes waiting, paused %v; want up to %d, and a pause", got, tr.Paused(), most)
		}
		b.clock.Advance(39 * time.Second)
		if !tr.Closed() && !tr.Aborted() {
			t.Error("after 39 s in which it took nothing: got it open")
		}
		b.clock.Advance(time.Minute)
		if !tr.Aborted() {
			t.Error("a minute later: got it lingering")
		}
	})
	t.Run("length zero", func(t *testing.T) {
		b := newBench(t, &Server{Handler: aHandler})
		tr := b.tcp()
		tr.Receive("\x00\x00" + framed(p))
		b.clock.Advance(0)
		if !tr.Closed() || tr.Written() != "" {
			t.Errorf("got %q, closed %v; want the end", tr.Written(), tr.Closed())
		}
		tr.Reset()
		b.clock.Advance(0)
	})
	t.Run("idle", func(t *testing.T) {
		b := newBench(t, &Server{Handler: aHandler})
		tr := b.tcp()
		for range 5 {
			b.clock.Advance(9 * time.Second)
			tr.Receive(framed(p))
			b.clock.Advance(0)
		}
		if tr.Closed() {
			t.Error("with a query every 9 s: got it closed")
		}
		b.clock.Advance(10 * time.Second)
		if !tr.Closed() {
			t.Error("after 10 s of silence: got it open")
		}
		tr.Reset()
		b.clock.Advance(0)
	})
}

// TestDismissed: when the service stops, and when the client says that it asks
// no more, what is under way is answered, and then the connection closed.
func TestDismissed(t *testing.T) {
	for name, end := range map[string]func(tr *sim.Transport){"dismissed": (*sim.Transport).Dismiss, "half closed": (*sim.Transport).End} {
		h := new(later)
		b := newBench(t, &Server{Handler: h})
		h.loop = b.clock
		tr := b.tcp()
		tr.Receive(many(t, 2))
		b.clock.Advance(0)
		end(tr)
		b.clock.Advance(0)
		if tr.Closed() {
			t.Fatalf("%s: got it closed with answers to come", name)
		}
		h.complete(1)
		h.complete(0)
		b.clock.Advance(0)
		if got := len(unframed(t, tr.Take())); got != 2 || !tr.Closed() {
			t.Errorf("%s: got %d answers, closed %v; want 2, and then the end", name, got, tr.Closed())
		}
		tr.Reset()
		b.clock.Advance(0)
		idle := b.tcp()
		end(idle)
		b.clock.Advance(0)
		if !idle.Closed() {
			t.Errorf("%s with nothing under way: got it open", name)
		}
		idle.Reset()
		b.clock.Advance(0)
	}
}

// TestTransfer: an answer in many messages, each signed, waits for a client that
// reads slowly: of 10 MiB there are never more than the high mark and a message
// in memory. A client that leaves ends it.
func TestTransfer(t *testing.T) {
	k := testKey(t, "")
	var failed error
	sent := 0
	zone := Inline(func(co *deferred.Co, w *ResponseWriter, q *Query) error {
		for i := range 100_000 {
			rr := &dns.TXT{Hdr: RecordHeader{Name: q.Name.String(), Rrtype: TypeTXT, Class: ClassIN, Ttl: 60}, Txt: []string{fmt.Sprintf("%0100d", i)}}
			if w.Room() < 16<<10 || w.Size() > 16<<10 {
				if _, err := w.Flush().Await(co); err != nil {
					failed = err
					return err
				}
			}
			w.Answer(rr)
			sent++
		}
		return nil
	})
	b := newBench(t, &Server{Handler: zone, Keys: testRing(t, k)})
	_, p := question(t, "example.com.", TypeAXFR)
	p, check, _ := k.Sign(p, b.clock.Now())
	tr := b.tcp()
	tr.Hold()
	tr.Receive(framed(p))
	most, records, messages, total := 0, 0, 0, 0
	rest := ""
	for range 10_000 {
		b.clock.Advance(0)
		most = max(most, tr.Buffered())
		if tr.Buffered() == 0 {
			break
		}
		tr.Drain(8 << 10)
		rest += tr.Take()
		for len(rest) > 2 && len(rest) >= 2+int(rest[0])<<8+int(rest[1]) {
			n := 2 + int(rest[0])<<8 + int(rest[1])
			body, err := check.Verify([]byte(rest[2:n]), b.clock.Now())
			if err != nil {
				t.Fatalf("message %d: %v", messages, err)
			}
			m, err := ParseMessage(body)
			if err != nil {
				t.Fatal(err)
			}
			if (len(m.Question) == 1) != (messages == 0) {
				t.Errorf("message %d: got %d questions, want one in the first", messages, len(m.Question))
			}
			records += len(m.Answer)
			messages++
			total += n
			rest = rest[n:]
		}
	}
	if records != 100_000 || rest != "" || !check.Proven() || total < 10<<20 {
		t.Errorf("got %d records in %d bytes, %d left, proven %v; want 100,000", records, total, len(rest), check.Proven())
	}
	if limit := 64<<10 + 17<<10; most > limit {
		t.Errorf("got %d bytes in memory, want up to %d", most, limit)
	}

	sent = 0
	_, p = question(t, "example.com.", TypeAXFR)
	p, _, _ = k.Sign(p, b.clock.Now())
	tr.Receive(framed(p))
	b.clock.Advance(0)
	tr.Break(errors.New("gone"))
	b.clock.Advance(0)
	if failed == nil || sent > 2000 {
		t.Errorf("after the client left: got %v, %d records made; want an end", failed, sent)
	}
	// Over UDP there are no several messages.
	failed = nil
	_, plain := question(t, "example.com.", TypeTXT)
	if got := one(t, b.udp(plain, client)); got.Rcode != RcodeSuccess && got.Rcode != RcodeServerFailure {
		t.Errorf("over UDP: got %v", got)
	}
	_, axfr := question(t, "example.com.", TypeAXFR)
	if got := one(t, b.udp(axfr, client)); got.Rcode != RcodeRefused {
		t.Errorf("AXFR over UDP: got %v, want REFUSED", got)
	}
}

// TestPending: answers on their way have a limit, over which UDP is silent and
// TCP says SERVFAIL.
func TestPending(t *testing.T) {
	h := new(later)
	b := newBench(t, &Server{Handler: h, MaxPending: 5})
	h.loop = b.clock
	_, p := question(t, "example.com.", TypeA)
	for range 8 {
		b.udp(p, client)
	}
	if len(h.begun) != 5 || b.s.Stats().Dropped != 3 {
		t.Errorf("got %d begun, %d dropped; want 5 and 3", len(h.begun), b.s.Stats().Dropped)
	}
	tr := b.tcp()
	tr.Receive(framed(p))
	b.clock.Advance(0)
	if got := one(t, unframed(t, tr.Take())); got.Rcode != RcodeServerFailure {
		t.Errorf("over TCP: got %v, want SERVFAIL", got)
	}
	tr.Reset()
	for i := range h.begun {
		h.complete(i)
	}
	b.clock.Advance(0)
	if got := len(b.port.Take()); got != 5 {
		t.Errorf("got %d answers, want 5", got)
	}
	if got := len(b.udp(p, client)); got != 0 || len(h.begun) != 6 {
		t.Errorf("then: got %d begun, want 6", len(h.begun))
	}
	h.begun[5].Fail(errors.New("no zone"))
	b.clock.Advance(0)
	if got := one(t, []string{b.port.Take()[0].Bytes}); got.Rcode != RcodeServerFailure {
		t.Errorf("a Handler that fails: got %v, want SERVFAIL", got)
	}
}

// TestAnsweredAtOnce: a Handler whose Signal has fired when it returns it, as
// a coroutine's that did not wait and a cache's, is done with, also for the
// count of what is under way.
func TestAnsweredAtOnce(t *testing.T) {
	for name, h := range map[string]Handler{
		"a fired Signal": firedHandler{},
		"a coroutine":    Inline(func(co *deferred.Co, w *ResponseWriter, q *Query) error { aHandler(w, q); return nil }),
	} {
		b := newBench(t, &Server{Handler: h})
		tr := b.tcp()
		for range 3 {
			tr.Receive(many(t, 20))
			b.clock.Advance(0)
		}
		if got := len(unframed(t, tr.Take())); got != 60 || tr.Paused() || b.s.pending != 0 {
			t.Errorf("%s: got %d answers, paused %v, %d pending; want 60, and none", name, got, tr.Paused(), b.s.pending)
		}
		b.clock.Advance(11 * time.Second)
		if !tr.Closed() {
			t.Errorf("%s: got it open after 11 s of silence", name)
		}
		tr.Reset()
		b.clock.Advance(0)
	}
}

// TestTSIGRoom: over UDP without EDNS a signed answer has the room that its
// signature leaves, and no less.
func TestTSIGRoom(t *testing.T) {
	k := testKey(t, "")
	var room int
	b := newBench(t, &Server{Keys: testRing(t, k), Handler: HandlerFunc(func(w *ResponseWriter, q *Query) {
		room = w.Room()
		aHandler(w, q)
	})})
	_, p := question(t, "example.com.", TypeSOA)
	asked := len(p)
	p, check, _ := k.Sign(p, b.clock.Now())
	answers := b.udp(p, client)
	if got, want := room, 512-asked-(len(p)-asked)-6; got != want {
		t.Errorf("got room for %d bytes, want %d", got, want)
	}
	if _, err := check.Verify([]byte(answers[0]), b.clock.Now()); err != nil {
		t.Error(err)
	}
}

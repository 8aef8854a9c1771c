package weblog

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/sim"
)

// A stage is a server in the simulator, and what it logged.
type stage struct {
	*Server
	t     *testing.T
	clock *sim.Clock
	logs  bytes.Buffer
	next  int
}

func newStage(t *testing.T, s *Server) *stage {
	st := &stage{Server: s, t: t, clock: sim.NewClock(t)}
	s.Log = slog.New(slog.NewTextHandler(&st.logs, nil))
	return st
}

func (st *stage) connect() *sim.Transport { return sim.Connect(st.clock, st.Server) }

// publish makes n hits, numbered from where the last call stopped, come at once.
func (st *stage) publish(n int) {
	var lines [][]byte
	for range n {
		lines = append(lines, fmt.Appendf(nil, `127.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /%d HTTP/1.1" 200 7 "-" "-"`, st.next))
		st.next++
	}
	st.Publish(lines)
	st.clock.Advance(0)
}

// logged says how often the log has text.
func (st *stage) logged(text string) int { return strings.Count(st.logs.String(), text) }

// heard is what a client made of a stream: the numbers of its hits, "lost n"
// and "none" in their places, and "." at the good-bye. It need not be at its end.
func heard(t *testing.T, stream string) string {
	t.Helper()
	var b strings.Builder
	for _, line := range strings.SplitAfter(strings.TrimPrefix(stream, header), "\n") {
		var n int
		switch {
		case line == "":
		case line == none:
			b.WriteString(" none")
		case line == trailer:
			b.WriteString(" .")
		case strings.HasPrefix(line, "<lost"):
			fmt.Sscanf(line, `<lost count="%d"/>`, &n)
			fmt.Fprintf(&b, " lost %d", n)
		default:
			for hit, err := range Hits(strings.NewReader("<weblog>" + line)) {
				if err == nil {
					b.WriteString(" " + strings.TrimPrefix(hit.Path, "/"))
				}
			}
		}
	}
	return strings.TrimPrefix(b.String(), " ")
}

// wantHeard checks what client got since the last time.
func (st *stage) wantHeard(client *sim.Transport, why, want string) {
	st.t.Helper()
	if got := heard(st.t, client.Take()); got != want {
		st.t.Errorf("%s: got %q, want %q", why, got, want)
	}
}

func TestPush(t *testing.T) {
	st := newStage(t, &Server{})
	st.publish(2)
	a := st.connect()
	if got := a.Written(); got != header {
		t.Errorf("a new client got %q, want only the header", got)
	}
	st.publish(1)
	b := st.connect()
	st.publish(2)
	st.wantHeard(a, "the first client has every hit from its connection on", "2 3 4")
	st.wantHeard(b, "so has the second one", "3 4")

	a.End()
	st.publish(1)
	st.wantHeard(a, "who only listens may end its own direction", "5")
	b.Reset()
	st.publish(1)
	st.wantHeard(a, "the loss of a client touches nobody else", "6")
	if got := st.Stats(); got.Clients != 1 || got.Served != 2 || got.Hits != 7 {
		t.Errorf("got %+v, want 1 client of 2, and 7 hits", got)
	}
}

func TestReplay(t *testing.T) {
	st := newStage(t, &Server{Keep: 3, Replay: true})
	early := st.connect()
	st.publish(2)
	st.wantHeard(early, "nothing is remembered yet", "0 1")
	st.wantHeard(st.connect(), "fewer than Keep are all remembered", "0 1")
	st.publish(1)
	st.publish(2)
	late := st.connect()
	st.wantHeard(late, "the last Keep hits come first", "2 3 4")
	st.publish(1)
	st.wantHeard(late, "and then the new ones", "5")
}

func TestReplayOfNone(t *testing.T) {
	st := newStage(t, &Server{Keep: -1, Replay: true})
	st.publish(2)
	c := st.connect()
	st.publish(1)
	st.wantHeard(c, "a negative Keep remembers nothing", "2")
}

func TestGoodbye(t *testing.T) {
	st := newStage(t, &Server{})
	c, slow := st.connect(), st.connect()
	slow.Hold()
	st.publish(1000)
	for _, client := range []*sim.Transport{c, slow} {
		client.Protocol().(*subscriber).Dismissed()
	}
	st.publish(1) // comes too late for both
	if got := heard(t, c.Written()); !strings.HasSuffix(got, " 998 999 .") || !c.Closed() {
		t.Errorf("got ...%q, closed %v, want a good-bye after the last hit", got[max(0, len(got)-20):], c.Closed())
	}
	if slow.Closed() {
		t.Error("a slow client was closed before it had everything")
	}
	slow.Drain(-1)
	if got := heard(t, slow.Written()); got != heard(t, c.Written()) || !slow.Closed() {
		t.Errorf("a slow client got %d bytes, want what the other got", len(got))
	}
	st.clock.Advance(0)
	if got := st.Stats().Clients; got != 0 {
		t.Errorf("got %d clients, want 0", got)
	}
}

// A slow client is dropped at its limit, with a log line; another client never
// waits for it, and what it costs is bounded.
func TestSlowClient(t *testing.T) {
	st := newStage(t, &Server{Keep: 10, MaxBehindBytes: 100_000})
	slow, fast := st.connect(), st.connect()
	slow.Hold()
	for i := 0; i < 100; i++ {
		st.publish(100)
		want := heardRange(st.next-100, st.next)
		st.wantHeard(fast, "nobody waits for a slow client", want)
		if got, most := slow.Buffered(), 64<<10+pieceBytes; got > most {
			t.Fatalf("a slow client has %d bytes buffered, want at most %d", got, most)
		}
		if got, most := st.past.bytes, 100_000+100*200; got > most {
			t.Fatalf("the backlog has %d bytes, want at most %d", got, most)
		}
	}
	if !slow.Aborted() || st.Stats().Dropped != 1 || st.Stats().Clients != 1 {
		t.Errorf("aborted %v, %+v, want the slow client dropped", slow.Aborted(), st.Stats())
	}
	if got := st.logged("reads too slowly"); got != 1 {
		t.Errorf("it was logged %d times, want once:\n%s", got, st.logs.String())
	}
	if got := st.logged("client left"); got != 0 {
		t.Errorf("its end was logged %d times more, want 0", got)
	}
}

// A client that catches up in time has missed nothing.
func TestSlowClientCatchesUp(t *testing.T) {
	st := newStage(t, &Server{Keep: 10, MaxBehindBytes: 1_000_000})
	slow := st.connect()
	slow.Hold()
	for range 40 {
		st.publish(100)
		slow.Drain(1000)
	}
	slow.Drain(-1)
	st.publish(1)
	if got, want := heard(t, slow.Written()), heardRange(0, st.next); got != want {
		t.Errorf("got %d hits, want all %d in order", strings.Count(got, " ")+1, st.next)
	}
}

func heardRange(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, " %d", i)
	}
	return strings.TrimPrefix(b.String(), " ")
}

func TestMaxClients(t *testing.T) {
	st := newStage(t, &Server{MaxClients: 2})
	a := st.connect()
	st.connect()
	refused := st.connect()
	if got, want := refused.Written(), header+"<!-- too many clients -->\n"+trailer; got != want || !refused.Closed() {
		t.Errorf("the third client got %q, closed %v, want %q and closed", got, refused.Closed(), want)
	}
	a.Reset()
	if c := st.connect(); c.Closed() {
		t.Error("a place that became free was refused")
	}
	if got := st.Stats(); got.Refused != 1 || got.Clients != 2 {
		t.Errorf("got %+v, want 1 refused and 2 clients", got)
	}
}

func TestPushIgnoresWhatIsSaid(t *testing.T) {
	st := newStage(t, &Server{})
	c := st.connect()
	c.Receive("GET / HTTP/1.1\r\n\r\n", strings.Repeat("x", maxIgnoredBytes-18))
	st.publish(1)
	st.wantHeard(c, "64 KiB are ignored", "0")
	c.Receive("x")
	st.wantHeard(c, "one byte more ends the document", ".")
	if !c.Closed() || st.logged("sends too much") != 1 {
		t.Errorf("closed %v, log:\n%s", c.Closed(), st.logs.String())
	}
}

func TestMisreadLines(t *testing.T) {
	st := newStage(t, &Server{})
	c := st.connect()
	good := []byte(sampleLine)
	for range 100 {
		st.Publish([][]byte{[]byte("what is this?"), good, {}})
	}
	if got := strings.Count(c.Written(), "<hit"); got != 100 {
		t.Errorf("got %d hits, want 100", got)
	}
	if got := st.Stats().Misread; got != 200 {
		t.Errorf("got %d lines misread, want 200", got)
	}
	if got := st.logged("line is no hit"); got != 8 {
		t.Errorf("it was logged %d times, want 8: at 1, 2, 4 ... 128", got)
	}
}

func TestPull(t *testing.T) {
	st := newStage(t, &Server{Keep: 5, Pull: true})
	st.publish(2)
	c := st.connect()
	st.publish(1)
	if got := c.Written(); got != "" {
		t.Errorf("got %q before any question, want nothing", got)
	}
	c.Receive("NEW?")
	st.wantHeard(c, "all since the connection", "2")
	c.Receive("NEW?")
	st.wantHeard(c, "nothing is new", "none")
	st.publish(5)
	c.Receive("NEW?\r\n")
	st.wantHeard(c, "all since the last question, which may have an end of line", "3 4 5 6 7")
	st.publish(4)
	st.publish(4)
	c.Receive("NE", "W", "?\n\r\nNEW?NEW?")
	st.wantHeard(c, "what was forgotten is said; three questions, three answers", "lost 3 11 12 13 14 15 none none")
	c.End()
	st.wantHeard(c, "who asks nothing more gets a good-bye", ".")
	if !c.Closed() {
		t.Error("the connection is open, want it closed")
	}
}

func TestPullReplay(t *testing.T) {
	st := newStage(t, &Server{Keep: 2, Pull: true, Replay: true})
	st.publish(3)
	c := st.connect()
	c.Receive("NEW?")
	st.wantHeard(c, "the first answer begins with what is remembered", "1 2")
}

// Answers that do not fit wait, and so do the questions: neither is kept.
func TestPullSlowReader(t *testing.T) {
	st := newStage(t, &Server{Keep: 2000, Pull: true})
	c := st.connect()
	c.Hold()
	st.publish(2000)
	c.Receive("NEW?NEW?")
	if got := c.Buffered(); got > 64<<10+pieceBytes || !c.Paused() {
		t.Errorf("%d bytes are buffered, paused %v, want at most High and a piece, and paused", got, c.Paused())
	}
	c.Receive("NEW?")
	c.Drain(-1)
	st.wantHeard(c, "every question is answered when there is room", heardRange(0, 2000)+" none none")
	if c.Paused() {
		t.Error("it is still paused, want it to listen again")
	}
}

// A pull client that stops reading in the middle of an answer that is forgotten
// meanwhile is dropped; one that has just not asked is not.
func TestPullSlowReaderIsDropped(t *testing.T) {
	st := newStage(t, &Server{Keep: 1000, Pull: true, MaxBehindBytes: -1})
	slow, idle := st.connect(), st.connect()
	slow.Hold()
	st.publish(1000)
	slow.Receive("NEW?")
	st.publish(1000)
	st.publish(1000)
	if !slow.Aborted() || idle.Aborted() || st.Stats().Dropped != 1 {
		t.Errorf("slow aborted %v, idle aborted %v, want only the slow one", slow.Aborted(), idle.Aborted())
	}
	idle.Receive("NEW?")
	st.wantHeard(idle, "the idle one hears what it lost", "lost 2000 "+heardRange(2000, 3000))
}

func TestPullProtocolError(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"another word", "OLD?", ""},
		{"lower case", "new?", ""},
		{"a line end in the middle", "NE\nW?", ""},
		{"after good ones", "NEW?\nNEW? NEW?", "0 none ."},
	} {
		for _, cut := range []bool{false, true} {
			t.Run(fmt.Sprint(tc.name, cut), func(t *testing.T) {
				st := newStage(t, &Server{Pull: true})
				c := st.connect()
				st.publish(1)
				if cut {
					c.Receive(strings.Split(tc.in, "")...)
				} else {
					c.Receive(tc.in)
				}
				st.wantHeard(c, "what was asked well is answered, then it is over", tc.want)
				if !c.Closed() || st.logged("broke the protocol") != 1 {
					t.Errorf("closed %v, log:\n%s", c.Closed(), st.logs.String())
				}
			})
		}
	}
}

func TestProtocolErrorSaysWhatCame(t *testing.T) {
	err := new(asker).hear([]byte("NEW?NEX!\r\n" + strings.Repeat("y", 1000)))
	bad, ok := errors.AsType[*ProtocolError](err)
	if !ok || !strings.HasPrefix(bad.Got, "NEX!") || len(bad.Got) > maxQuotedBytes || bad.Want != question {
		t.Errorf("got %v, want a ProtocolError that quotes what came, cut", err)
	}
}

// FuzzCuts: the answers do not depend on how the questions were cut.
func FuzzCuts(f *testing.F) {
	f.Add("NEW?NEW?\r\nNEW?", uint64(1))
	f.Add("NEW?\n\nNEW?!", uint64(2))
	f.Fuzz(func(t *testing.T, in string, cuts uint64) {
		answers := func(parts []string) string {
			st := newStage(t, &Server{Pull: true, Replay: true})
			st.publish(2)
			c := st.connect()
			c.Receive(parts...)
			return c.Written()
		}
		var parts []string
		for rest := in; rest != ""; cuts /= 3 {
			n := min(len(rest), 1+int(cuts%3))
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		if got, want := answers(parts), answers([]string{in}); got != want {
			t.Errorf("%q cut: got %q, want %q", parts, got, want)
		}
	})
}

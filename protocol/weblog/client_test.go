package weblog

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/sim"
)

// A listener is a Client at work, and what it heard.
type listener struct {
	clock *sim.Clock
	over  *deferred.Signal
	heard []string
	err   error
}

var errGoesOn = errors.New("it goes on")

func listen(t *testing.T, every time.Duration) *listener {
	n := &listener{clock: sim.NewClock(t), err: errGoesOn}
	n.over = Dial(n.clock, "tcp:10.0.0.1:8888", &Client{
		Hit:   func(h Hit) { n.heard = append(n.heard, h.Path) },
		Lost:  func(count uint64) { n.heard = append(n.heard, fmt.Sprint("lost ", count)) },
		Every: every,
	})
	n.over.Done(func(_ struct{}, err error) { n.err = err })
	n.clock.Advance(0)
	return n
}

func (n *listener) connect() *sim.Transport {
	conn := n.clock.Attempts()[0].Succeed()
	n.clock.Advance(0)
	return conn
}

func TestClient(t *testing.T) {
	n := listen(t, 0)
	conn := n.connect()
	for _, b := range []byte(header + "<lost count=\"2\"/><hit path=\"/a\"/>\n<hit path=\"/b\"/>\n") {
		conn.Receive(string([]byte{b}))
	}
	n.clock.Advance(time.Hour)
	if got := strings.Join(n.heard, " "); got != "lost 2 /a /b" || n.err != errGoesOn || conn.Written() != "" {
		t.Errorf("got %q, %v, said %q, want all as it comes, and nothing said", got, n.err, conn.Written())
	}
	conn.Receive(trailer)
	if n.clock.Advance(0); n.err != nil || !conn.Closed() {
		t.Errorf("got %v, closed %v, want success at the good-bye", n.err, conn.Closed())
	}
}

func TestClientAsks(t *testing.T) {
	n := listen(t, time.Second)
	conn := n.connect()
	n.clock.Advance(2500 * time.Millisecond)
	if got, want := conn.Take(), "NEW?NEW?NEW?"; got != want {
		t.Errorf("got %q, want %q: at once, and each second", got, want)
	}
	conn.Receive(header + none + trailer)
	n.clock.Advance(time.Hour)
	if got := conn.Written(); got != "" || n.err != nil {
		t.Errorf("got %q, %v after the end, want nothing", got, n.err)
	}
}

func TestClientFails(t *testing.T) {
	n := listen(t, 0)
	refused := errors.New("refused")
	n.clock.Attempts()[0].Fail(refused)
	if n.clock.Advance(0); !errors.Is(n.err, refused) {
		t.Errorf("no connection: got %v", n.err)
	}

	n = listen(t, 0)
	conn := n.connect()
	conn.Receive(header + "<hit")
	conn.End()
	if n.clock.Advance(0); n.err != io.ErrUnexpectedEOF {
		t.Errorf("a stream that is cut: got %v, want %v", n.err, io.ErrUnexpectedEOF)
	}

	n = listen(t, 0)
	conn = n.connect()
	conn.Receive("HTTP/1.1 400 Bad Request\r\n<html>")
	n.clock.Advance(0)
	if _, ok := errors.AsType[*ProtocolError](n.err); !ok || !conn.Closed() {
		t.Errorf("another server: got %v, closed %v, want a ProtocolError", n.err, conn.Closed())
	}

	n = listen(t, 0)
	conn = n.connect()
	n.over.Cancel()
	if n.clock.Advance(0); !errors.Is(n.err, deferred.ErrCanceled) || !conn.Aborted() {
		t.Errorf("cancelled: got %v, aborted %v", n.err, conn.Aborted())
	}

	n = listen(t, 0)
	attempt := n.clock.Attempts()[0]
	n.over.Cancel()
	if n.clock.Advance(0); !errors.Is(n.err, deferred.ErrCanceled) || !attempt.Over() {
		t.Errorf("cancelled while dialing: got %v, attempt over %v", n.err, attempt.Over())
	}
}

// A client and a server of ours understand each other, however bytes are cut.
func TestClientAndServer(t *testing.T) {
	for _, pull := range []bool{false, true} {
		for seed := range uint64(20) {
			st := newStage(t, &Server{Pull: pull, Keep: 50, Replay: true})
			st.publish(60)
			var got []string
			c := &Client{
				Hit:  func(h Hit) { got = append(got, strings.TrimPrefix(h.Path, "/")) },
				Lost: func(n uint64) { got = append(got, fmt.Sprint("lost ", n)) },
			}
			if pull {
				c.Every = time.Second
			}
			err := errGoesOn
			reading := framing.Conversation(func(co *deferred.Co, conn *framing.Conn) error {
				err = c.read(co, conn)
				return nil
			})
			pipe := sim.NewPipe(st.clock, st.Server, reading)
			pipe.Cut(seed)
			st.clock.Advance(1500 * time.Millisecond)
			st.publish(3)
			st.clock.Advance(time.Second)
			if pull {
				st.publish(60)
				st.clock.Advance(time.Second)
			}
			pipe.A.Protocol().(*subscriber).Dismissed()
			st.clock.Advance(time.Second)

			want := heardRange(10, 63)
			if pull {
				want += " lost 10 " + heardRange(73, 123)
			}
			if strings.Join(got, " ") != want || err != nil {
				t.Fatalf("pull %v, seed %d: got %q, %v, want %q", pull, seed, got, err, want)
			}
		}
	}
}

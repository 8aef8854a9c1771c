package dns

import (
	"bytes"
	"container/list"
	"encoding/binary"
	"fmt"
	"net"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// maxWrong is how many wrong answers to one query are taken for an attempt to
// guess: then it is asked over TCP as well.
const maxWrong = 10

// An inquiry asks one server one question, once or several times.
type inquiry struct {
	c    *Client
	up   Upstream
	m    *Message
	done *deferred.Deferred[*Message]

	tries  []time.Duration // that are left
	timer  twistor.Timer   // of the try
	cookie *cookie         // nil: none is sent
	wire   []byte          // what was sent over UDP
	end    int             // of the question in wire
	asked  []byte          // the question, with the name as m has it
	began  time.Time       // when
	wrong  int
	proof  *Signing // of wire; nil: it is not signed
	hint   error    // what may be why no answer comes; nil: nothing

	socket  *socket       // nil: none
	place   *list.Element // in list
	list    *list.List    // of the Client; nil: in none
	had     bool          // a socket, in this try
	request *request      // over TCP or TLS; nil: none

	noEDNS    bool // the server does not know it
	refreshed bool // it wanted another cookie, and got it
	streamed  bool // was asked over TCP
	over      bool
}

// inquire asks one server, as often as there are tries.
func (c *Client) inquire(m *Message, u Upstream, tries []time.Duration) *inquiry {
	x := &inquiry{c: c, up: u, m: m, tries: tries, noEDNS: c.NoEDNS, done: deferred.New[*Message](c.Loop)}
	x.done.OnCancel(x.stop)
	err := u.check()
	if c.closed {
		err = net.ErrClosed
	}
	switch {
	case err != nil:
		x.fail(err)
	case u.Exchanger != nil:
		x.delegate()
	case u.Network == OverUDP:
		x.try()
	default:
		x.stream()
	}
	return x
}

// delegate has an Exchanger do it.
func (x *inquiry) delegate() {
	x.c.stats.Queries++
	x.queue(&x.c.delegated)
	d := x.up.Exchanger.Exchange(x.m)
	x.timer = x.c.Loop.CallLater(max(x.tries[0], streamTimeout), x.expire)
	x.done.OnCancel(d.Cancel)
	d.Done(func(m *Message, err error) {
		switch {
		case err == nil && !isAnswer(m, x.m):
			x.c.stats.Wrong++
			x.fail(malformed("%s answered another question", x.up))
		case err == nil:
			x.c.stats.Answers++
			x.succeed(m)
		default:
			x.fail(err)
		}
	})
}

// try begins the next try over UDP, as soon as there is a socket for it.
func (x *inquiry) try() {
	x.timer = x.c.Loop.CallLater(x.tries[0], x.tried)
	x.tries = x.tries[1:]
	x.wait()
}

// wait waits for a socket, and sends the query from it.
func (x *inquiry) wait() {
	x.had = false
	x.queue(&x.c.fresh)
	x.c.give()
}

// queue puts x into one of the Client's lists, instead of another.
func (x *inquiry) queue(l *list.List) {
	if x.list != nil {
		x.list.Remove(x.place)
	}
	x.list = l
	if l != nil {
		x.place = l.PushBack(x)
	}
}

// open sends the query from a new socket.
func (x *inquiry) open() {
	c := x.c
	d, err := drawn(c.Loop.Rand())
	if err == nil {
		err = x.compose(OverUDP)
	}
	if err != nil {
		x.fail(err)
		return
	}
	binary.BigEndian.PutUint16(x.wire, d.id)
	x.asked = bytes.Clone(x.wire[headerBytes:x.end])
	if !c.KeepCase {
		mix(x.wire[headerBytes:x.end-4], d.bits)
	}
	if x.up.Key != nil {
		if x.wire, x.proof, err = x.up.Key.Sign(x.wire, c.Loop.Now()); err != nil {
			x.fail(err)
			return
		}
	}
	x.began = c.Loop.Now()
	if x.socket, err = c.bind(x, d.port); err != nil {
		x.fail(err)
		return
	}
	c.sockets++
	x.had = true
	x.queue(&c.tries)
	c.stats.Queries++
	if err := x.socket.t.Send(x.wire, twistor.Peer{Addr: x.up.addr()}); err != nil {
		x.fail(err)
	}
}

// compose writes the query.
func (x *inquiry) compose(network Network) (err error) {
	var own []byte
	x.cookie = nil
	if !x.noEDNS && network != OverTLS {
		if x.cookie, err = x.c.cookies.of(x.up.addr().String(), x.c.Loop.Rand()); err != nil {
			return err
		}
		own = x.cookie.bytes
	}
	x.wire, x.end, err = x.c.compose(x.m, network, !x.noEDNS, own)
	return err
}

// tried is called when a try has taken its time.
func (x *inquiry) tried() {
	x.c.stats.Timeouts++
	x.release()
	switch {
	case len(x.tries) > 0:
		x.try()
	case x.request == nil:
		x.expire()
	}
}

// received gets a datagram from where the server is.
func (x *inquiry) received(p []byte) {
	v := judge(x.wire, x.end, p)
	if v == folded {
		// A server that does not keep letters' case, or a forger who had luck
		// with the rest: TCP will show which.
		x.mistrust()
		x.stream()
		return
	}
	if v == stray {
		x.mistrust()
		return
	}
	if x.proof != nil {
		var err error
		if p, err = x.proof.Verify(p, x.c.Loop.Now()); err != nil {
			// Anybody can send that, so the wait goes on (RFC 8945 section 5.3.2);
			// and TCP will show whether it was the server.
			x.hint = err
			x.mistrust()
			x.stream()
			return
		}
	}
	if len(p) >= x.end && p[5] == 1 {
		// The records' names point to the question: nobody is to see its letters.
		copy(p[headerBytes:], x.asked)
	}
	m, err := ParseMessage(p)
	if err != nil {
		x.c.stats.Malformed++
		x.hint = err
		x.mistrust()
		return
	}
	if x.cookie != nil && !x.cookie.accept(m) && m.Rcode != RcodeFormatError && m.Rcode != RcodeNotImplemented {
		x.mistrust()
		x.stream()
		return
	}
	x.c.measure(max(1, x.c.Loop.Now().Sub(x.began)))
	if m.Truncated {
		// "it should retry with TCP", RFC 7766 section 5.
		x.timer.Stop()
		x.release()
		x.stream()
		return
	}
	x.answered(m)
}

// mistrust counts a datagram that is no answer. The wait for the right one goes
// on.
func (x *inquiry) mistrust() {
	x.c.stats.Wrong++
	if x.wrong++; x.wrong == maxWrong {
		x.stream()
	}
}

// answered gets an answer that is believed.
func (x *inquiry) answered(m *Message) {
	switch {
	case !x.noEDNS && m.IsEdns0() == nil && (m.Rcode == RcodeFormatError || m.Rcode == RcodeNotImplemented),
		!x.noEDNS && m.Rcode == RcodeBadVersion:
		// "If there is a problem with processing the OPT ... a FORMERR": it knows
		// none of it. RFC 6891 section 7.
		x.noEDNS = true
		x.again()
	case m.Rcode == RcodeBadCookie && x.cookie != nil && !x.refreshed:
		// It has told us its new one. RFC 7873 section 5.3.
		x.refreshed = true
		x.again()
	case m.Rcode == RcodeBadCookie && !x.streamed:
		x.timer.Stop()
		x.release()
		x.stream()
	default:
		x.c.stats.Answers++
		x.succeed(m)
	}
}

// again asks once more, in another way, within the same try.
func (x *inquiry) again() {
	if x.up.Network == OverUDP && !x.streamed {
		x.release()
		x.wait()
		return
	}
	x.timer.Stop()
	x.release()
	if x.request != nil {
		x.request.cancel()
		x.request = nil
	}
	x.streamed = false
	x.stream()
}

// stream asks over TCP or TLS; a wait over UDP goes on.
func (x *inquiry) stream() {
	if x.streamed || x.over {
		return
	}
	x.streamed = true
	network := x.up.Network
	if network == OverUDP {
		network = OverTCP
		x.c.stats.OverTCP++
	}
	kept, end, k := x.wire, x.end, x.cookie
	err := x.compose(network)
	wire := x.wire
	if x.waits() {
		x.wire, x.end, x.cookie = kept, end, k // what the datagrams are compared with
	}
	if err != nil {
		x.fail(err)
		return
	}
	l := x.c.line(x.up, network)
	if l == nil {
		x.carried(nil, ErrBusy)
		return
	}
	x.c.stats.Queries++
	x.request = l.ask(wire, x.up.Key, x.carried)
}

// waits reports whether an answer may still come over UDP.
func (x *inquiry) waits() bool { return x.list != nil }

// carried gets what came over TCP or TLS: an answer to this very query.
func (x *inquiry) carried(p []byte, err error) {
	x.request = nil
	if x.over {
		return
	}
	var m *Message
	if err == nil {
		if m, err = ParseMessage(p); err != nil {
			x.c.stats.Malformed++
		}
	}
	if t, ok := err.(*timeoutError); ok {
		t.question = x.question()
	}
	if err != nil {
		if !x.waits() {
			x.fail(err)
		}
		return
	}
	if x.cookie != nil && !x.cookie.accept(m) {
		// Over TCP nobody can have guessed: the server has changed its mind.
		x.cookie.bytes = bytes.Clone(x.cookie.bytes[:clientCookieBytes])
	}
	x.timer.Stop()
	x.release()
	x.answered(m)
}

// refused is called when nobody is there.
func (x *inquiry) refused(err error) {
	x.timer.Stop()
	x.release()
	if x.request == nil {
		x.fail(err)
	}
}

// expire ends x for want of an answer.
func (x *inquiry) expire() {
	if x.hint != nil {
		x.fail(fmt.Errorf("dns: %s: %w", x.up, x.hint))
		return
	}
	x.fail(&timeoutError{x.question(), x.up.String()})
}

func (x *inquiry) question() Question {
	if len(x.m.Question) == 0 {
		return Question{}
	}
	return x.m.Question[0]
}

func (x *inquiry) succeed(m *Message) {
	if x.over {
		return
	}
	x.stop()
	m.Id = x.m.Id
	x.done.Succeed(m)
}

func (x *inquiry) fail(err error) {
	if x.over {
		return
	}
	x.stop()
	x.done.Fail(err)
}

// stop gives back all that x has.
func (x *inquiry) stop() {
	if x.over {
		return
	}
	x.over = true
	x.timer.Stop()
	if x.request != nil {
		x.request.cancel()
		x.request = nil
	}
	x.release()
}

// release ends the wait over UDP, and gives the socket back.
func (x *inquiry) release() {
	x.queue(nil)
	if s := x.socket; s != nil {
		x.socket = nil
		s.x = nil
		s.t.Close()
		x.c.sockets--
		x.c.give()
	}
}

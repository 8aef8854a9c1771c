package websocket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// A heard is a Protocol that writes down what it hears.
type heard struct {
	*Conn
	events []string
	err    error
	hear   func(kind Kind, p []byte) // also; nil: nothing
}

func (h *heard) Connected() {}
func (h *heard) MessageReceived(kind Kind, p []byte) {
	h.events = append(h.events, fmt.Sprintf("%v %.100q", kind, p))
	if h.hear != nil {
		h.hear(kind, p)
	}
}
func (h *heard) PongReceived(p []byte)  { h.events = append(h.events, fmt.Sprintf("pong %q", p)) }
func (h *heard) Drained()               { h.events = append(h.events, "drained") }
func (h *heard) Disconnected(err error) { h.err = err }

func (h *heard) list() string { return strings.Join(h.events, ", ") }

// A rig is one end of a WebSocket without a handshake, and what it heard.
type rig struct {
	*heard
	clock *sim.Clock
	net   *sim.Transport
}

// limits are those of the rigs.
func testPool() *pool { return newPool(0, 0, 0, 0) }

// newRig is a server's end, unless set says otherwise.
func newRig(t sim.T, set func(c *Conn)) *rig {
	r := &rig{clock: sim.NewClock(t)}
	r.net = sim.NewTransport(r.clock)
	c := &Conn{pool: testPool()}
	r.heard = &heard{Conn: c}
	c.protocol = r.heard
	if set != nil {
		set(c)
	}
	r.net.Start(c.start(r.net))
	return r
}

// echo makes the rig send back what it hears.
func (r *rig) echo() *rig {
	r.hear = func(kind Kind, p []byte) { r.WriteMessage(kind, p) }
	return r
}

// run lets what was asked happen.
func (r *rig) run() { r.clock.Advance(0) }

// over ends the connection, so that nothing is left behind.
func (r *rig) over() {
	r.net.Reset()
	r.run()
}

const testKey = 0x12345678

// masked is a client's frame, plain a server's; first is the first byte.
func masked(first byte, p string) string {
	return string(appendMasked(nil, first, testKey, []byte(p)))
}

func plain(first byte, p string) string { return string(appendHead(nil, first, len(p))) + p }

// closing is a close frame's payload.
func closing(code Code, text string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + text
}

// A sent is a frame that was sent.
type sent struct {
	first   byte
	payload string
}

// frames reads what an end wrote.
func frames(t testing.TB, s string) (list []sent) {
	t.Helper()
	for len(s) > 0 {
		n := headBytes([]byte(s))
		if len(s) < n {
			t.Fatalf("a cut head: %q", s)
		}
		h, err := parseHead([]byte(s[:n]))
		if err != nil {
			t.Fatalf("a bad frame was sent: %v", err)
		}
		if s = s[n:]; h.size > uint64(len(s)) {
			t.Fatalf("a cut frame of %d bytes: %q", h.size, s)
		}
		p := []byte(s[:h.size])
		if h.masked {
			mask(p, p, h.mask)
		}
		list = append(list, sent{h.first, string(p)})
		s = s[h.size:]
	}
	return list
}

// told are the messages and close codes of what an end wrote, as text.
func told(t testing.TB, s string) string {
	t.Helper()
	var out []string
	for _, f := range frames(t, s) {
		switch f.first & 0x0F {
		case opClose:
			code := "close"
			if len(f.payload) > 1 {
				code += fmt.Sprint(" ", binary.BigEndian.Uint16([]byte(f.payload)))
				if f.payload[2:] != "" {
					code += fmt.Sprintf(" %q", f.payload[2:])
				}
			}
			out = append(out, code)
		case opPing:
			out = append(out, fmt.Sprintf("ping %q", f.payload))
		case opPong:
			out = append(out, fmt.Sprintf("pong %q", f.payload))
		default:
			out = append(out, fmt.Sprintf("%v %.100q", Kind(f.first&0x0F), f.payload))
		}
	}
	return strings.Join(out, ", ")
}

// is says whether err is a T.
func is[T error](err error) bool {
	var e T
	return errors.As(err, &e)
}

var (
	_ twistor.Protocol = (*inward)(nil)
	// twistorLimits let a test write much at once.
	twistorLimits = twistor.Limits{Max: 64 << 20}
)

package sim

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor/internal/poll"
)

// A Peer is one end of a connection without a protocol, for a test to play: an
// honest client, a slow one, a rude one. What it expects makes the World run;
// what does not come within the World's Patience fails the test. Loop-only.
type Peer struct {
	host   *Host
	conn   *conn
	server bool // accepted, not dialed

	queue []byte // to be sent
	rate  int    // bytes a second; 0: at once
	timed bool   // the next piece is to come
	ends  bool   // CloseWrite after queue
	left  bool

	got     []byte // received, and not yet expected
	total   int64
	stalled bool
	atEnd   bool
	err     error // how it ended: io.EOF in order

	secure *secured
}

// Dial connects a new Peer of h to an address such as "server:25",
// "10.0.0.1:25", "[fd00::1]:25" or "unix:/run/x", and waits until it has. If it
// cannot, the test fails.
func (h *Host) Dial(address string) *Peer {
	h.world.t.Helper()
	p, err := h.TryDial(address)
	if err != nil {
		h.world.t.Fatalf("sim: host %s: dial %s: %v", h.name, address, err)
	}
	return p
}

// TryDial is Dial for connections that may fail.
func (h *Host) TryDial(address string) (*Peer, error) {
	w := h.world
	spec, err := h.parse(address)
	if err != nil {
		return nil, err
	}
	c, err := h.dial(spec)
	if err != nil {
		return nil, err
	}
	p := h.newPeer(c)
	if !w.wait(func() bool { return c.dialed }) {
		c.close(true)
		return nil, errors.New("no answer")
	}
	if p.err != nil {
		return nil, p.err
	}
	return p, nil
}

func (h *Host) newPeer(c *conn) *Peer {
	p := &Peer{host: h, conn: c}
	c.hear = p.serve
	h.peers = append(h.peers, p)
	return p
}

// parse reads an address as Dial and Accept take it.
func (h *Host) parse(address string) (poll.Spec, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return poll.Spec{Network: "unix", Addr: poll.Addr{Path: path}}, nil
	}
	i := strings.LastIndexByte(address, ':')
	if i < 0 {
		return poll.Spec{}, fmt.Errorf("address %q: want host:port or unix:path", address)
	}
	number, err := strconv.ParseUint(address[i+1:], 10, 16)
	if err != nil {
		return poll.Spec{}, fmt.Errorf("address %q: want a port number from 0 to 65535", address)
	}
	host := strings.Trim(address[:i], "[]")
	spec := poll.Spec{Network: "tcp"}
	ip, err := netip.ParseAddr(host)
	if err != nil && host != "" {
		ips, err := h.resolve(nil, host)
		if err != nil {
			return spec, err
		}
		ip = ips[0]
	}
	spec.Addr.AddrPort = netip.AddrPortFrom(ip, uint16(number))
	return spec, nil
}

// A PeerPort is where Peers are dialed.
type PeerPort struct {
	host  *Host
	port  *port
	peers []*Peer // accepted by the World, not yet by the test
}

// Accepting opens a port of h, ":25" or "unix:/run/x", for Peers: the servers
// of a test of a client. An error fails the test.
func (h *Host) Accepting(address string) *PeerPort {
	h.world.t.Helper()
	spec, err := h.parse(address)
	if err == nil {
		var p *port
		if p, err = h.listen(spec); err == nil {
			l := &PeerPort{host: h, port: p}
			p.hear = l.accept
			return l
		}
	}
	h.world.t.Fatalf("sim: host %s: accepting at %s: %v", h.name, address, err)
	return nil
}

func (l *PeerPort) accept() {
	for _, c := range l.port.queue {
		p := l.host.newPeer(c)
		p.server = true
		l.peers = append(l.peers, p)
		p.serve()
	}
	l.port.queue = nil
}

// Accept waits for the next who dials.
func (l *PeerPort) Accept() *Peer {
	w := l.host.world
	w.t.Helper()
	if !w.wait(func() bool { return len(l.peers) > 0 }) {
		w.t.Fatalf("sim: host %s: nobody dialed %s for %v", l.host.name, place(l.port.local), w.patience())
	}
	p := l.peers[0]
	l.peers = l.peers[1:]
	return p
}

// Close closes the port.
func (l *PeerPort) Close() { l.port.close(false) }

// serve moves what the socket has and takes; the socket calls it.
func (p *Peer) serve() {
	p.push()
	for !p.stalled && p.err == nil && !p.left {
		var b [4096]byte
		n, err := p.conn.read(b[:])
		p.got = append(p.got, b[:n]...)
		p.total += int64(n)
		if err == poll.ErrAgain {
			return
		}
		if err != nil {
			p.err = err
			p.atEnd = err == io.EOF
		}
	}
}

// push sends as much of the queue as the rate and the socket allow.
func (p *Peer) push() {
	c := p.conn
	for len(p.queue) > 0 && c.dialed && !p.timed {
		b := p.queue
		if p.rate > 0 {
			b = b[:min(len(b), max(1, p.rate/10))]
		}
		n, err := c.write("write", b)
		if err != nil && err != poll.ErrAgain {
			p.queue = nil
			return // the reads will tell
		}
		if n == 0 {
			return
		}
		p.queue = p.queue[n:]
		if p.rate > 0 {
			p.timed = true
			p.host.world.after(time.Duration(n)*time.Second/time.Duration(p.rate), func() {
				p.timed = false
				p.push()
			})
		}
	}
	if p.ends && len(p.queue) == 0 && !c.ended && !p.timed {
		c.closeWrite()
	}
}

// Send sends s, as fast as Rate and the other side let it; it does not wait.
func (p *Peer) Send(s string) {
	b := []byte(s)
	if p.secure != nil {
		b = p.secure.seal(b)
	}
	p.queue = append(p.queue, b...)
	p.push()
}

// Rate makes Send dribble: at most so many bytes a second; 0: at once.
func (p *Peer) Rate(bytesPerSecond int) { p.rate = bytesPerSecond }

// Stall makes the Peer stop reading; its socket fills up, and then what the
// other side writes waits there. Resume ends that.
func (p *Peer) Stall() { p.stalled = true }

func (p *Peer) Resume() {
	p.stalled = false
	p.serve()
}

// Unacked is how many bytes of Send the other side's system has not taken yet.
func (p *Peer) Unacked() int { return len(p.queue) + len(p.conn.out) }

// Received is what came and was not Expected yet; TotalReceived counts all that
// came, ever.
func (p *Peer) Received() string { return string(p.plain()) }

func (p *Peer) TotalReceived() int64 { return p.total }

// Take returns what is Received, and forgets it.
func (p *Peer) Take() string {
	s := string(p.plain())
	p.consume(len(s))
	return s
}

// plain is what came, without its TLS.
func (p *Peer) plain() []byte {
	if p.secure != nil {
		return p.secure.open()
	}
	return p.got
}

func (p *Peer) consume(n int) {
	if p.secure != nil {
		p.secure.clear = p.secure.clear[n:]
		return
	}
	p.got = p.got[n:]
}

// Expect waits for s, which must be exactly what comes next.
func (p *Peer) Expect(s string) {
	w := p.host.world
	w.t.Helper()
	over := w.wait(func() bool {
		b := p.plain()
		return len(b) >= len(s) || p.err != nil || !strings.HasPrefix(s, string(b))
	})
	if b := p.plain(); !strings.HasPrefix(string(b), s) {
		w.t.Fatalf("sim: peer on %s: got %s, want %s", p.host.name, p.describe(b, over), quote(s))
	}
	p.consume(len(s))
}

// describe says what came, and why no more.
func (p *Peer) describe(b []byte, over bool) string {
	s := quote(string(b))
	switch {
	case p.atEnd:
		s += " and the end"
	case p.err != nil:
		s += " and " + p.err.Error()
	case !over:
		s += fmt.Sprintf(" and nothing more for %v", p.host.world.patience())
	}
	return s
}

// quote is s in quotes, cut if it is long.
func quote(s string) string {
	if len(s) > 1000 {
		return fmt.Sprintf("%q... (%d bytes)", s[:1000], len(s))
	}
	return strconv.Quote(s)
}

// Line waits for a line and returns it without its CR LF or LF.
func (p *Peer) Line() string {
	w := p.host.world
	w.t.Helper()
	i := -1
	over := w.wait(func() bool {
		i = strings.IndexByte(string(p.plain()), '\n')
		return i >= 0 || p.err != nil
	})
	b := p.plain()
	if i < 0 {
		w.t.Fatalf("sim: peer on %s: got %s, want a line", p.host.name, p.describe(b, over))
	}
	line := strings.TrimSuffix(string(b[:i]), "\r")
	p.consume(i + 1)
	return line
}

// ExpectEnd waits until the other side ends its direction; what comes before
// that and was not Expected fails the test.
func (p *Peer) ExpectEnd() {
	w := p.host.world
	w.t.Helper()
	over := w.wait(func() bool { return p.err != nil })
	if b := p.plain(); !p.atEnd || len(b) > 0 {
		w.t.Fatalf("sim: peer on %s: got %s, want the end", p.host.name, p.describe(b, over))
	}
}

// ExpectReset waits until the connection breaks; what comes before is dropped.
func (p *Peer) ExpectReset() {
	w := p.host.world
	w.t.Helper()
	over := w.wait(func() bool { return p.err != nil })
	if p.err == nil || p.atEnd {
		w.t.Fatalf("sim: peer on %s: got %s, want a reset", p.host.name, p.describe(p.plain(), over))
	}
}

// WaitGone waits until the other side has ended or broken the connection,
// dropping what comes, and returns the virtual time that took. If the other
// side goes on after Patience, the test fails.
func (p *Peer) WaitGone() time.Duration {
	w := p.host.world
	w.t.Helper()
	from := w.Elapsed()
	if !w.wait(func() bool { return p.err != nil }) {
		w.t.Fatalf("sim: peer on %s: still connected after %v", p.host.name, w.patience())
	}
	return w.Elapsed() - from
}

// Gone reports whether the other side has ended or broken the connection, as
// far as this Peer has read.
func (p *Peer) Gone() bool { return p.err != nil }

// CloseWrite ends our direction after what was sent; in TLS, it says so first.
func (p *Peer) CloseWrite() {
	if p.secure != nil && !p.ends {
		p.queue = append(p.queue, p.secure.notify()...)
	}
	p.Cut()
}

// Cut is CloseWrite without TLS's closing message: to the other side it looks
// like an attacker's.
func (p *Peer) Cut() {
	p.ends = true
	p.push()
}

// Close closes the connection: what was sent goes first, unless the Rate holds
// it back.
func (p *Peer) Close() {
	if p.secure != nil && !p.ends && !p.left {
		p.queue = append(p.queue, p.secure.notify()...)
	}
	p.push()
	p.gone()
}

// gone closes the socket.
func (p *Peer) gone() {
	if !p.left {
		p.left = true
		p.conn.in = nil // a Peer that leaves is polite unless it Resets
		p.conn.close(false)
	}
}

// Reset drops the connection with an RST.
func (p *Peer) Reset() {
	p.left = true
	p.conn.close(true)
}

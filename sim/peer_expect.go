package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

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

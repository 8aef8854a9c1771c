package framing

import (
	"fmt"

	"github.com/twistor-go/twistor"
)

// A LineProtocol is one end of a conversation in lines. It may also have any
// of twistor's optional events, RawReceived, DotLineReceived and
// InputRejected.
type LineProtocol interface {
	Connected()
	// LineReceived delivers the next line without its delimiter; line is
	// valid only during the call.
	LineReceived(line []byte)
	// Disconnected is as in twistor.Protocol. err is io.ErrUnexpectedEOF if
	// the peer closed within a line (that beginning is dropped), and wraps a
	// *TooLongError or *ProtocolError if we closed because of its input.
	Disconnected(err error)
}

// A RawReceiver is a LineProtocol that can SetRaw.
type RawReceiver interface {
	// RawReceived delivers the next bytes; p is valid only during the call.
	RawReceived(p []byte)
}

// Lines is a framing: bytes that end with a delimiter. Immutable after first
// use.
type Lines struct {
	// MaxLineBytes is how long a line may be, without its delimiter; 0:
	// 16,384. A negative number panics.
	MaxLineBytes int
	// Delimiter ends a line. "": LF, and one CR before it goes too, which
	// suits people and most protocols. CRLF: exactly that, and bare CR or LF
	// are refused. Anything else: exactly these bytes.
	Delimiter string
	// Build returns the protocol of a connection, or nil to refuse it.
	Build func(t *LineTransport) LineProtocol
}

// Factory returns the twistor.Factory. It lives on one loop.
func (l Lines) Factory() twistor.Factory {
	return newLineFactory(l.Delimiter, l.MaxLineBytes, inLines, l.Build)
}

// A lineFactory builds protocols in lines or dot-lines.
type lineFactory struct {
	split   splitter
	home    lineMode
	build   func(t *LineTransport) LineProtocol
	scratch []byte // WriteLine's, of all connections
}

func newLineFactory(delimiter string, maxLineBytes int, home lineMode,
	build func(t *LineTransport) LineProtocol) *lineFactory {
	if build == nil {
		panic("framing: Lines or DotLines without Build")
	}
	return &lineFactory{split: newSplitter(delimiter, maxLineBytes), home: home, build: build}
}

func (f *lineFactory) Build(below twistor.Transport) twistor.Protocol {
	t := &LineTransport{factory: f, split: f.split, mode: f.home}
	t.Transport, t.framer = below, t
	p := f.build(t)
	if p == nil {
		return nil
	}
	t.protocol, t.lines = p, p
	if f.home == inDots {
		t.mustHaveDots()
	}
	return (*events)(&t.stream)
}

type lineMode uint8

const (
	inLines lineMode = iota
	inDots
	inRaw
)

// A LineTransport is a twistor.Transport that receives lines. Its Pause, Close,
// Abort and Switch also hold for lines that are already here: after Pause in
// LineReceived no other line comes before Resume, after the others none at all;
// Switch passes what is left to the new protocol. Loop-only.
type LineTransport struct {
	stream
	factory  *lineFactory
	lines    LineProtocol
	split    splitter
	mode     lineMode
	skipping bool
	inRaw    int // bytes that the RawReceived going on was given
	unread   int // of these, given back by SetLines
}

// SetRaw delivers all that comes behind the current line to RawReceived, which
// the protocol must have, until SetLines.
func (t *LineTransport) SetRaw() {
	if _, ok := t.protocol.(RawReceiver); !ok && t.protocol != nil {
		panic(fmt.Sprintf("framing: SetRaw: %T has no RawReceived", t.protocol))
	}
	t.setMode(inRaw)
}

// SetLines goes back to lines. In RawReceived, unread is the end of p that is
// lines again; elsewhere it must be empty.
func (t *LineTransport) SetLines(unread []byte) {
	if len(unread) > t.inRaw {
		panic("framing: SetLines: unread is more than RawReceived was given")
	}
	t.setMode(inLines)
	t.unread = len(unread)
}

func (t *LineTransport) setMode(m lineMode) {
	t.mode, t.split.scanned, t.skipping = m, 0, false
	t.wake()
}

// SetMaxLineBytes changes the limit, from the next line on: 0 is 16,384.
func (t *LineTransport) SetMaxLineBytes(n int) {
	t.split.setMax(n)
	t.split.scanned = 0
}

// Skip drops the rest of the refused line and goes on behind it: for
// InputRejected, of protocols that answer an over-long line and forgive it.
func (t *LineTransport) Skip() {
	if t.broken != nil {
		t.broken, t.skipping = nil, true
	}
}

// WriteLine writes line and the delimiter: CRLF unless Lines has another. If
// line holds CR, LF or the delimiter it writes nothing and returns
// ErrLineBreak, so that nobody can slip a second line into the first. Other
// errors are those of Write.
func (t *LineTransport) WriteLine(line string) error {
	if err := checkLine(line, t.factory.split.delimiter); err != nil {
		return err
	}
	// Taken out of the factory while in use: Write may, through a policy
	// below, lead to another WriteLine.
	p := append(t.factory.scratch[:0], line...)
	t.factory.scratch = nil
	p = append(p, t.factory.split.end()...)
	_, err := t.Write(p)
	if cap(p) <= maxScratchBytes {
		t.factory.scratch = p
	}
	return err
}

const maxScratchBytes = 4096

// take is the framer's.
func (t *LineTransport) take(p []byte) (int, bool) {
	switch {
	case t.mode == inRaw:
		return t.takeRaw(p), true
	case t.skipping:
		n, done := t.split.skip(p)
		t.skipping = !done
		return n, n > 0
	}
	line, n, err := t.split.next(p)
	if err != nil {
		t.delivering(len(p))
		t.reject(err)
		return 0, t.skipping // else over
	}
	if n == 0 {
		return 0, false
	}
	t.delivering(len(p) - n)
	if t.mode == inDots {
		t.takeDotLine(line)
	} else {
		t.lines.LineReceived(line)
	}
	return n, true
}

func (t *LineTransport) takeRaw(p []byte) int {
	t.delivering(0)
	t.inRaw, t.unread = len(p), 0
	t.protocol.(RawReceiver).RawReceived(p)
	t.inRaw = 0
	if t.mode == inRaw && t.unread > 0 {
		panic("framing: SetRaw after SetLines in one RawReceived")
	}
	return len(p) - t.unread
}

// reach is the framer's.
func (t *LineTransport) reach(_, more []byte) int {
	if t.mode == inRaw {
		return len(more)
	}
	return t.split.reach(more)
}

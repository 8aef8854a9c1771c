package framing

import (
	"fmt"
	"io"

	"github.com/twistor-go/twistor"
)

// A DotReceiver is a LineProtocol that can receive dot-lines: text of any
// length that ends with a line of one dot, as in mail and news.
type DotReceiver interface {
	// DotLineReceived delivers the next line of the text, without its
	// delimiter, and without the dot that was put before a line that begins
	// with one. line is valid only during the call.
	DotLineReceived(line []byte)
	// DotLinesEnded says that the text is whole.
	DotLinesEnded()
}

// DotLines is a framing: one text in dot-lines after the other. Protocols that
// change between commands and text use Lines and LineTransport.SetDotLines.
// Immutable after first use.
type DotLines struct {
	// MaxLineBytes is how long a line may be, without its delimiter and with
	// the dot put before it; 0: 16,384. A negative number panics.
	MaxLineBytes int
	// Delimiter is as in Lines. With CRLF only CRLF.CRLF ends a text, and bare
	// CR and LF are refused; two servers that disagree here see different
	// mails. https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.4
	Delimiter string
	// Build returns the protocol of a connection, or nil to refuse it. It
	// must be a DotReceiver.
	Build func(t *LineTransport) LineProtocol
}

// Factory returns the twistor.Factory. It lives on one loop.
func (d DotLines) Factory() twistor.Factory {
	return newLineFactory(d.Delimiter, d.MaxLineBytes, inDots, d.Build)
}

// SetDotLines delivers the lines behind the current one to DotLineReceived,
// which the protocol must have, until the text ends; then, before
// DotLinesEnded, lines are lines again.
func (t *LineTransport) SetDotLines() {
	if t.protocol != nil {
		t.mustHaveDots()
	}
	t.setMode(inDots)
}

func (t *LineTransport) mustHaveDots() {
	if _, ok := t.protocol.(DotReceiver); !ok {
		panic(fmt.Sprintf("framing: dot-lines: %T has no DotLineReceived", t.protocol))
	}
}

// takeDotLine undoes the stuffing.
//
// "If the line is composed of a single period, it is treated as the end of
// mail indicator. If the first character is a period and there are other
// characters on the line, the first character is deleted."
// https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2
func (t *LineTransport) takeDotLine(line []byte) {
	p := t.protocol.(DotReceiver)
	if len(line) == 0 || line[0] != '.' {
		p.DotLineReceived(line)
		return
	}
	if len(line) > 1 {
		p.DotLineReceived(line[1:])
		return
	}
	t.mode = t.factory.home
	p.DotLinesEnded()
}

// A DotWriter writes a text in dot-lines to W: it puts a dot before each line
// that begins with one, and makes every line end CRLF, be it LF, CRLF or CR
// before, so that no receiver sees an end where there is none. Text may be
// written in pieces cut anywhere. Close ends it. The zero value with a W is
// ready, and ready again after Close. Loop-only.
type DotWriter struct {
	W io.Writer

	scratch []byte
	state   dotState
}

type dotState uint8

const (
	atLineStart dotState = iota
	inLine
	afterCR // CRLF was written for it
)

// Write writes p, stuffed. Its error is W's.
func (w *DotWriter) Write(p []byte) (int, error) {
	q := w.scratch[:0]
	for _, c := range p {
		switch c {
		case '\r':
			q = append(q, CRLF...)
			w.state = afterCR
			continue
		case '\n':
			if w.state != afterCR {
				q = append(q, CRLF...)
			}
			w.state = atLineStart
			continue
		case '.':
			if w.state != inLine {
				q = append(q, '.')
			}
		}
		q = append(q, c)
		w.state = inLine
	}
	if cap(q) <= maxScratchBytes {
		w.scratch = q
	}
	if _, err := w.W.Write(q); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close ends the last line, if it has no end, and the text. It does not close
// W.
func (w *DotWriter) Close() error {
	end := ".\r\n"
	if w.state == inLine {
		end = "\r\n.\r\n"
	}
	w.state, w.scratch = atLineStart, nil
	_, err := io.WriteString(w.W, end)
	return err
}

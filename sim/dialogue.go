package sim

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"strings"
)

// Play plays a dialogue with the other side, one line after another: a Peer
// that dialed says the lines of C and expects those of S; one that was accepted,
// the reverse. What does not come as written fails the test, with the line.
//
//	# a comment; empty lines, and space before a line, count for nothing
//	C: USER anonymous
//	S: 331 ...
//	-- wait 3s
//	C: QUIT
//	S: 221 Goodbye.
//	S: <close>
//
// Lines are sent with CR LF, and may come with CR LF or LF; "-- eol crlf" or
// "-- eol lf" makes that strict for both, "-- eol none" leaves line ends to the
// script. In a line, "..." stands for any bytes; \r \n \t \\ \xHH are bytes, \.
// and \< are plain . and <, and \c at the end leaves out this line's end. <end>
// ends one direction, <close> the connection, <reset> breaks it. "-- wait 3s"
// lets time pass, "-- silence 3s" too, and nothing may come meanwhile; "-- tls
// name" shakes hands with the World's TLS, not verifying if the name is left out.
func (p *Peer) Play(script string) {
	p.host.world.t.Helper()
	p.play("dialogue", script)
}

// PlayFile plays the dialogue that a file has: of os.DirFS("testdata"), for one.
func (p *Peer) PlayFile(files fs.FS, name string) {
	w := p.host.world
	w.t.Helper()
	script, err := fs.ReadFile(files, name)
	if err != nil {
		w.t.Fatalf("sim: %v", err)
	}
	p.play(name, string(script))
}

func (p *Peer) play(name, script string) {
	w := p.host.world
	w.t.Helper()
	steps, err := parseDialogue(script)
	if err != nil {
		w.t.Fatalf("sim: %s: %v", name, err)
	}
	ends := ""
	for _, s := range steps {
		if s.verb == eol {
			ends = s.word
			continue
		}
		if err := p.perform(s, ends); err != nil {
			w.t.Fatalf("sim: %s:%d: %v", name, s.line, err)
		}
	}
}

// perform does one step, or says what was wrong.
func (p *Peer) perform(s step, ends string) error {
	w := p.host.world
	mine := (s.who == 'S') == p.server
	switch s.verb {
	case pause:
		w.Advance(s.wait)
		return nil
	case silence:
		before := len(p.plain())
		w.Advance(s.wait)
		if b := p.plain()[before:]; len(b) > 0 || p.err != nil {
			return fmt.Errorf("got %s, want silence for %v", p.describe(b, true), s.wait)
		}
		return nil
	case startTLS:
		return p.Secure(p.config(s.word))
	case end, closing, reset:
		return p.performEnd(s, mine)
	}
	if mine {
		text := strings.Join(s.text, "...")
		if !s.bare {
			text += sentEnds[ends]
		}
		p.Send(text)
		return nil
	}
	return p.expect(s, ends)
}

// sentEnds is what a line that is said ends with.
var sentEnds = map[string]string{"": "\r\n", "crlf": "\r\n", "lf": "\n", "none": ""}

func (p *Peer) config(name string) *tls.Config {
	if p.server {
		return &tls.Config{Certificates: []tls.Certificate{Certificate(name)}}
	}
	return &tls.Config{ServerName: name, InsecureSkipVerify: name == ""}
}

func (p *Peer) performEnd(s step, mine bool) error {
	w := p.host.world
	switch {
	case mine && s.verb == end:
		p.CloseWrite()
	case mine && s.verb == closing:
		p.Close()
	case mine:
		p.Reset()
	default:
		over := w.wait(func() bool { return p.err != nil })
		if b := p.plain(); s.verb == reset && (p.err == nil || p.atEnd) || s.verb != reset && (!p.atEnd || len(b) > 0) {
			return fmt.Errorf("got %s, want the %s", p.describe(b, over), map[verb]string{end: "end", closing: "end", reset: "reset"}[s.verb])
		}
	}
	return nil
}

// expect waits for what the other side is to say.
func (p *Peer) expect(s step, ends string) error {
	w := p.host.world
	if s.bare || ends == "none" {
		return p.expectBytes(s)
	}
	i := -1
	over := w.wait(func() bool {
		i = strings.IndexByte(string(p.plain()), '\n')
		return i >= 0 || p.err != nil
	})
	b := p.plain()
	if i < 0 {
		return fmt.Errorf("got %s, want %s", p.describe(b, over), s)
	}
	got := string(b[:i+1])
	line, ok := cutEnd(got, ends)
	if !ok || !match(line, s.text) {
		return fmt.Errorf("got %s, want %s%s", quote(got), s, map[string]string{"crlf": " with CR LF", "lf": " with LF"}[ends])
	}
	p.consume(i + 1)
	return nil
}

// cutEnd cuts a line's end off, if it is the one that is wanted.
func cutEnd(line, ends string) (string, bool) {
	bare := strings.TrimSuffix(line, "\n")
	cr := strings.HasSuffix(bare, "\r")
	switch ends {
	case "crlf":
		return strings.TrimSuffix(bare, "\r"), cr
	case "lf":
		return bare, true
	}
	return strings.TrimSuffix(bare, "\r"), true
}

// expectBytes waits for exactly the text.
func (p *Peer) expectBytes(s step) error {
	w := p.host.world
	want := s.text[0]
	over := w.wait(func() bool {
		b := string(p.plain())
		return len(b) >= len(want) || p.err != nil || !strings.HasPrefix(want, b)
	})
	b := p.plain()
	if !strings.HasPrefix(string(b), want) {
		return fmt.Errorf("got %s, want %s", p.describe(b, over), s)
	}
	p.consume(len(want))
	return nil
}

// match reports whether line is the parts with any bytes between them.
func match(line string, parts []string) bool {
	rest, ok := strings.CutPrefix(line, parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

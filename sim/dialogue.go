package sim

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// A step is one line of a dialogue.
type step struct {
	line int // of the script, from 1
	verb verb
	who  byte     // 'C' or 'S'
	text []string // the parts between "..."; one: no "..."
	bare bool     // without the end of a line
	wait time.Duration
	word string // of -- eol and -- tls
}

type verb int

const (
	say verb = iota
	end
	closing
	reset
	pause
	silence
	eol
	startTLS
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

func (s step) String() string {
	var quoted []string
	for _, part := range s.text {
		quoted = append(quoted, strconv.Quote(part))
	}
	return strings.Join(quoted, " ... ")
}

// parseDialogue reads a script.
func parseDialogue(script string) (steps []step, err error) {
	for i, line := range strings.Split(script, "\n") {
		line = strings.TrimLeft(strings.TrimSuffix(line, "\r"), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		s, err := parseStep(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", i+1, line, err)
		}
		s.line = i + 1
		steps = append(steps, s)
	}
	ends := ""
	for _, s := range steps {
		if s.verb == eol {
			ends = s.word
		}
		if s.verb == say && len(s.text) > 1 && (s.bare || ends == "none") {
			return nil, fmt.Errorf(`line %d: "..." needs a line that ends: without an end it could be any length`, s.line)
		}
	}
	return steps, nil
}

func parseStep(line string) (s step, err error) {
	if rest, ok := strings.CutPrefix(line, "-- "); ok {
		return parseDirective(strings.Fields(rest))
	}
	if len(line) < 2 || line[1] != ':' || line[0] != 'C' && line[0] != 'S' {
		return s, errors.New("want C:, S:, -- or #")
	}
	s.who = line[0]
	text := strings.TrimPrefix(line[2:], " ")
	switch text {
	case "<end>":
		s.verb = end
	case "<close>":
		s.verb = closing
	case "<reset>":
		s.verb = reset
	default:
		s.text, s.bare, err = unescape(text)
	}
	return s, err
}

func parseDirective(words []string) (s step, err error) {
	switch {
	case len(words) == 2 && (words[0] == "wait" || words[0] == "silence"):
		s.verb = map[string]verb{"wait": pause, "silence": silence}[words[0]]
		s.wait, err = time.ParseDuration(words[1])
		if err == nil && s.wait < 0 {
			err = errors.New("want a time that is not negative")
		}
		return s, err
	case len(words) == 2 && words[0] == "eol":
		s.verb, s.word = eol, words[1]
		if s.word != "crlf" && s.word != "lf" && s.word != "none" {
			return s, errors.New("want -- eol crlf, lf or none")
		}
		return s, nil
	case len(words) == 1 && words[0] == "tls":
		s.verb = startTLS
		return s, nil
	case len(words) == 2 && words[0] == "tls":
		s.verb, s.word = startTLS, words[1]
		return s, nil
	}
	return s, errors.New("want -- wait TIME, -- silence TIME, -- eol NAME or -- tls [NAME]")
}

// unescape splits text at "..." and replaces its escapes.
func unescape(text string) (parts []string, bare bool, err error) {
	var part strings.Builder
	for len(text) > 0 {
		switch {
		case strings.HasPrefix(text, "..."):
			parts = append(parts, part.String())
			part.Reset()
			text = text[3:]
		case text[0] != '\\':
			part.WriteByte(text[0])
			text = text[1:]
		case text == `\c`:
			bare, text = true, ""
		case len(text) >= 4 && text[1] == 'x':
			b, err := strconv.ParseUint(text[2:4], 16, 8)
			if err != nil {
				return nil, false, fmt.Errorf("escape %q: want two hex digits", text[:4])
			}
			part.WriteByte(byte(b))
			text = text[4:]
		case len(text) >= 2 && strings.IndexByte(`rnt\.<`, text[1]) >= 0:
			part.WriteByte("\r\n\t\\.<"[strings.IndexByte(`rnt\.<`, text[1])])
			text = text[2:]
		default:
			return nil, false, fmt.Errorf(`escape %.4q: want \r \n \t \\ \. \< \xHH, or \c at the end`, text)
		}
	}
	return append(parts, part.String()), bare, nil
}

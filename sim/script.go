package sim

import (
	"errors"
	"fmt"
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

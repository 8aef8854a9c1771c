package http1test

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// A Case is what one peer sends, and what must come of it. Immutable after
// first use.
type Case struct {
	Name     string // begins with the rule: "H1-01 no Host"
	Bytes    []byte
	Response bool   // a server sends it; the stream ends after Bytes
	Method   string // of the request that a Response answers
	// Want are the outcomes in order, with a space between: "served" is a whole
	// message with its body; "begun" a good head, after which the body is
	// refused, cut off or still to come; "waits" is a head that is not whole;
	// a number is the refusal, after which nothing is read.
	Want string
}

// Served is how many whole messages there are.
func (c *Case) Served() int { return strings.Count(c.Want, "served") }

// Status is what a server answers in the end, 502 for a Response; 0: no refusal.
func (c *Case) Status() int {
	status, _ := strconv.Atoi(c.Want[strings.LastIndexByte(c.Want, ' ')+1:])
	return status
}

//go:embed testdata/corpus.txt
var corpus string

// Corpus returns all cases, in the order of the file. It panics if the file is
// not as the package comment says, which a test would show.
func Corpus() []Case {
	cases, err := parse(corpus)
	if err != nil {
		panic("http1test: corpus.txt: " + err.Error())
	}
	return cases
}

// parse reads the form of the corpus.
func parse(s string) (cases []Case, err error) {
	number := 0
	for line := range strings.Lines(s) {
		number++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '>' || line[0] == '<' {
			var c Case
			if c, err = parseName(line); err == nil {
				cases = append(cases, c)
			}
		} else if len(cases) == 0 {
			err = fmt.Errorf("want a line with > or < first")
		} else {
			c := &cases[len(cases)-1]
			c.Bytes, err = appendText(c.Bytes, line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return cases, nil
}

// parseName reads the line that begins a case.
func parseName(line string) (c Case, err error) {
	name, want, ok := strings.Cut(line[1:], "|")
	c.Name, c.Want = strings.TrimSpace(name), strings.TrimSpace(want)
	if !ok || c.Want == "" {
		return c, fmt.Errorf("want > NAME | OUTCOMES")
	}
	if c.Response = line[0] == '<'; c.Response {
		c.Method, c.Name, ok = strings.Cut(c.Name, " ")
		if !ok {
			return c, fmt.Errorf("want < METHOD NAME | OUTCOMES")
		}
	}
	return c, nil
}

// appendText appends what a line of a message stands for.
func appendText(dst []byte, line string) ([]byte, error) {
	for len(line) > 0 {
		switch line[0] {
		case '{':
			repeated, rest, err := repeat(line)
			if err != nil {
				return nil, err
			}
			dst, line = append(dst, repeated...), rest
		case '\\':
			c, _, rest, err := strconv.UnquoteChar(line, 0)
			if err != nil || c > 0xff {
				return nil, fmt.Errorf("want an escape: \\r \\n \\t \\\\ \\xNN")
			}
			dst, line = append(dst, byte(c)), rest
		default:
			dst, line = append(dst, line[0]), line[1:]
		}
	}
	return dst, nil
}

// repeat reads {N*TEXT} at the beginning of line; TEXT may hold such too.
func repeat(line string) (text []byte, rest string, err error) {
	depth, end := 0, 0
	for ; end < len(line); end++ {
		if line[end] == '{' {
			depth++
		} else if line[end] == '}' {
			if depth--; depth == 0 {
				break
			}
		}
	}
	count, one, ok := strings.Cut(line[1:end], "*")
	n, err := strconv.Atoi(count)
	if !ok || err != nil || end == len(line) {
		return nil, "", fmt.Errorf("want {N*TEXT}, or \\x7b for a brace")
	}
	if text, err = appendText(nil, one); err != nil {
		return nil, "", err
	}
	return bytes.Repeat(text, n), line[end+1:], nil
}

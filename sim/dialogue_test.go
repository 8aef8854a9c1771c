package sim

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/twistor-go/twistor"
)

// A clerk answers lines: with what it was told, as long as it was told.
type clerk struct {
	twistor.Transport
	answers map[string]string
	line    string
}

func (c *clerk) Connected()         { fmt.Fprint(c, "+OK clerk ready <17.9@x>\r\n") }
func (c *clerk) Disconnected(error) {}
func (c *clerk) Received(p []byte) {
	c.line += string(p)
	for {
		line, rest, ok := strings.Cut(c.line, "\r\n")
		if !ok {
			return
		}
		c.line = rest
		switch answer := c.answers[line]; answer {
		case "<close>":
			c.Close()
		case "<abort>":
			c.Abort()
		default:
			fmt.Fprint(c, answer)
		}
	}
}

var clerkAnswers = map[string]string{
	"STAT": "+OK 2 320\r\n",
	"LIST": "+OK\r\n1 120\r\n2 200\r\n.\r\n",
	"BARE": "+OK bare\n",
	"RAW":  "\x00\x01abc",
	"QUIT": "<close>",
	"DIE":  "<abort>",
}

func dialClerk(w *World) *Peer {
	w.Host("server").Listen("tcp", ":110", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return &clerk{Transport: t, answers: clerkAnswers}
	}))
	return w.Host("client").Dial("server:110")
}

func TestDialogue(t *testing.T) {
	Seeds(t, 20, func(t *testing.T, w *World) {
		dialClerk(w).Play(`
# The whole of it.
S: +OK clerk ready <...@...>
C: STAT
S: +OK 2 320
-- silence 10s
C: LIST
S: +OK
S: 1 ...
S: ... 200
S: .
C: ST\c
-- wait 3s
C: AT
S: +OK 2 ...
C: BARE
S: +OK bare
C: RAW
S: \x00\x01abc\c
-- eol crlf
C: STAT
S: +OK 2 320
-- eol none
C: STAT\r\n
S: +OK 2 320\r\n
-- eol lf
C: BARE\r
S: +OK bare
C: QUIT\r
S: <close>
`)
	})
	w := New(t, 0)
	dialClerk(w).PlayFile(fstest.MapFS{"die.txt": {Data: []byte("S: ...\nC: DIE\nS: <reset>\n")}}, "die.txt")
}

// TestDialogueFailures sees that what is wrong fails, and that the failure says
// what and where.
func TestDialogueFailures(t *testing.T) {
	for _, tc := range []struct{ script, want string }{
		{"S: +OK\n", `dialogue:1: got "+OK clerk ready <17.9@x>\r\n", want "+OK"`},
		{"S: ...\nC: STAT\nS: +OK ... 321\n", `dialogue:3: got "+OK 2 320\r\n", want "+OK " ... " 321"`},
		{"S: ...\nC: NOOP\nS: +OK\n", `dialogue:3: got "" and nothing more for 10m0s, want "+OK"`},
		{"S: ...\nC: QUIT\nS: +OK\n", `dialogue:3: got "" and the end, want "+OK"`},
		{"S: ...\nC: STAT\nS: <close>\n", `dialogue:3: got "+OK 2 320\r\n" and nothing more for 10m0s, want the end`},
		{"S: ...\nC: QUIT\nS: <reset>\n", `dialogue:3: got "" and the end, want the reset`},
		{"S: ...\nC: STAT\n-- silence 1s\n", `dialogue:3: got "+OK 2 320\r\n", want silence for 1s`},
		{"-- eol crlf\nS: ...\nC: BARE\nS: +OK bare", `dialogue:4: got "+OK bare\n", want "+OK bare" with CR LF`},
		{"-- eol lf\nS: +OK clerk ready <17.9@x>", `want "+OK clerk ready <17.9@x>" with LF`},
		{"S: +OK clerk ready <\\c\nS: 18\\c", `dialogue:2: got "17.9@x>\r\n", want "18"`},
		{"S: ok\nX: what", `line 2: "X: what": want C:, S:, -- or #`},
		{"C: \\q", `escape "\\q": want \r`},
		{"C: \\xZZ", `escape "\\xZZ": want two hex digits`},
		{"S: a...\\c", `line 1: "..." needs a line that ends`},
		{"-- wait soon", "invalid duration"},
		{"-- wait -1s", "not negative"},
		{"-- eol cr", "want -- eol crlf, lf or none"},
		{"-- dance", "want -- wait TIME"},
	} {
		var f fakeT
		f.try(func(t T) { dialClerk(New(t, 0)).Play(tc.script) })
		if got := strings.Join(f.failures, "\n"); !strings.Contains(got, tc.want) {
			t.Errorf("%q:\n got %s\nwant %s", tc.script, got, tc.want)
		}
	}
}

// TestDialogueServer plays the server to a client of ours.
func TestDialogueServer(t *testing.T) {
	w := New(t, 0)
	l := w.Host("server").Accepting(":110")
	client := w.Host("client")
	client.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: "server:110"},
		twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			return &clerk{Transport: t, answers: clerkAnswers} // it answers whoever asks
		}))
	l.Accept().Play("C: +OK ...\nS: STAT\nC: +OK 2 320\nS: QUIT\nC: <close>\n")
}

func FuzzDialogue(f *testing.F) {
	f.Add("S: +OK ...\nC: \\x00\\r\\c\n-- wait 3s\n# no\nS: <close>")
	f.Fuzz(func(t *testing.T, script string) {
		steps, err := parseDialogue(script)
		for _, s := range steps {
			if err == nil && s.verb == say && (len(s.text) == 0 || s.who != 'C' && s.who != 'S') {
				t.Errorf("%q: got step %+v", script, s)
			}
		}
	})
}

func TestDialogueMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, line string
		want          bool
	}{
		{"abc", "abc", true}, {"abc", "abcd", false}, {"a...", "a", true}, {"...c", "abc", true},
		{"a...a", "a", false}, {"a...b...c", "a1b2c", true}, {"a...b...c", "a1c2b", false},
		{"...", "", true}, {`\...`, "...", true}, {`\<end>`, "<end>", true},
	} {
		parts, _, err := unescape(tc.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := match(tc.line, parts); got != tc.want {
			t.Errorf("%q matches %q: got %v, want %v", tc.pattern, tc.line, got, tc.want)
		}
	}
}

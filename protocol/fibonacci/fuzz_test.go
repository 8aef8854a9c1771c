package fibonacci

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/sim"
)

// FuzzCuts: the answers do not depend on how the questions were cut, and there
// is one for each line up to a line that is too long.
func FuzzCuts(f *testing.F) {
	f.Add("next\nnext\n", uint8(1))
	f.Add("\n\n\r\n\x00", uint8(2))
	f.Add(strings.Repeat("x", 1030)+"\n\n", uint8(100))
	f.Fuzz(func(t *testing.T, in string, size uint8) {
		outcome := func(size int) (string, bool) {
			c := sim.NewClock(t)
			defer c.Close()
			p := sim.Connect(c, &Server{Log: slog.New(slog.DiscardHandler)})
			for from := 0; from < len(in); from += size {
				p.Receive(in[from:min(from+size, len(in))])
				c.Advance(0)
			}
			return p.Written(), p.Closed()
		}
		whole, closed := outcome(len(in) + 1)
		cut, cutClosed := outcome(int(size) + 1)
		if whole != cut || closed != cutClosed {
			t.Errorf("%q: got %q, %v; cut at %d %q, %v", in, whole, closed, size, cut, cutClosed)
		}
		lines := 0
		for line := range strings.SplitSeq(in, "\n") {
			if len(line) > DefaultMaxLineBytes {
				lines++ // the error
				break
			}
			lines++
		}
		if !closed {
			lines-- // what has no end
		}
		if got := strings.Count(whole, "\n"); got != lines {
			t.Errorf("%q: got %d answers, want %d", in, got, lines)
		}
	})
}

// FuzzAnswer: what a client takes for a number is one, and is written so.
func FuzzAnswer(f *testing.F) {
	for _, line := range []string{"2", "ERROR why", "", "-1", "00", "144\r"} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		n, err := parseAnswer(line)
		if (n == nil) != (err != nil) || n != nil && (n.String() != string(line) || n.Sign() <= 0) {
			t.Errorf("%q: got %v, %v", line, n, err)
		}
	})
}

// FuzzRestored: no state of another process breaks a connection.
func FuzzRestored(f *testing.F) {
	f.Add([]byte(`{"line":3,"asked":2}`))
	f.Add([]byte(`{"line":-1}`))
	f.Fuzz(func(t *testing.T, state []byte) {
		var s survival
		if json.Unmarshal(state, &s) == nil && (s.Asked > 1000 || s.Line > 1<<30) {
			t.Skip("many questions are many answers")
		}
		c := sim.NewClock(t)
		defer c.Close()
		server := &Server{Log: slog.New(slog.DiscardHandler)}
		p := sim.NewTransport(c)
		p.Start(revived{server.Build(p).(*asker), string(state)})
		p.Receive("\n")
		if got := p.Written(); !strings.HasSuffix(got, "\n") {
			t.Errorf("%q: got %q, want whole answers", state, got)
		}
	})
}

// FuzzState: a State that is accepted goes on, and is the same after a round
// trip; one that is not is refused by Check.
func FuzzState(f *testing.F) {
	for _, text := range []string{`{}`, `{"A":1,"B":1}`, `{"A":null,"B":null}`, `{"A":3,"B":2}`, `{"A":1}`, `{"A":"1","B":1}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var s, again State
		if json.Unmarshal(text, &s) != nil || s.Check() != nil {
			return
		}
		s.Advance()
		saved, err := json.Marshal(&s)
		if err == nil {
			err = json.Unmarshal(saved, &again)
		}
		if err != nil || again.A.Cmp(s.A) != 0 || again.B.Cmp(s.B) != 0 || again.Check() != nil {
			t.Errorf("%s became %s, %v", saved, again.B, err)
		}
	})
}

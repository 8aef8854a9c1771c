package framing_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
)

var tlsConfig = &tls.Config{ServerName: "test"}

// TestB05Malformed gives netstrings that are none.
func TestB05Malformed(t *testing.T) {
	for in, want := range map[string]string{
		"x":                     "want a length in decimal and a colon",
		":":                     "want a length in decimal and a colon",
		" 1:a,":                 "want a length in decimal and a colon",
		"1 :a,":                 "want a length in decimal and a colon",
		"+1:a,":                 "want a length in decimal and a colon",
		"00:,":                  "want a length in decimal and a colon",
		"01:a,":                 "want a length in decimal and a colon",
		"1:ab":                  "want a comma",
		"0:x":                   "want a comma",
		"100000:":               "more than 99999 bytes",
		"999999999":             "more than 99999 bytes",
		strings.Repeat("9", 40): "more than 99999 bytes",
	} {
		s := connect(t, netstrings(0))
		s.net.Receive(in)
		s.clock.Advance(0)
		if got := s.String(); !s.net.Closed() || !strings.Contains(got, want) || strings.Contains(got, "message \"") {
			t.Errorf("%q: heard\n%s\nwant closed because of: %s", in, got, want)
		}
	}
}

// TestB05HeldAtTheLimit shows that a netstring one byte too long is refused by
// its length alone, and one at the limit is not.
func TestB05HeldAtTheLimit(t *testing.T) {
	s := connect(t, netstrings(0))
	s.net.Receive("99999:" + strings.Repeat("x", 99_999) + ",")
	if len(s.events) != 2 || s.net.Closed() {
		t.Fatal("a netstring of the limit was not delivered")
	}
	s.net.Receive("100000")
	if !s.net.Closed() {
		t.Error("a length beyond the limit was believed")
	}
}

// TestB06 sends what fits, in both directions and every width.
func TestB06RoundTrip(t *testing.T) {
	for name, f := range map[string]framed{
		"8": prefixed8(), "16": prefixed16(0), "32": prefixed32(0), "netstring": netstrings(0), "fixed": fixed(5, 0),
	} {
		for _, n := range []int{0, 1, 255, 256, 65_535, 65_536, 99_999, 100_000} {
			if name == "fixed" {
				n = 5
			}
			message := bytes.Repeat([]byte{'m'}, n)
			s := connect(t, f)
			s.net.SetLimits(limitless)
			err := s.msg.WriteMessage(message)
			if max := maxOf[name]; n > max {
				if !isTooLong(err) || s.net.Written() != "" {
					t.Errorf("%s: a message of %d bytes gave %v, want a *TooLongError and nothing written", name, n, err)
				}
				continue
			}
			r := play(t, f, []byte(s.net.Written()))
			wantEvents(t, r, "connected", fmt.Sprintf("message %q", message), "disconnected: EOF")
		}
	}
}

var maxOf = map[string]int{"8": 255, "16": 65_535, "32": 99_999, "netstring": 99_999, "fixed": 99_999}

// TestB06Limit announces more than is allowed: the four bytes of length are
// enough to be refused.
func TestB06Limit(t *testing.T) {
	s := connect(t, prefixed32(1000))
	s.net.Receive("\x00\x00\x03\xe8")
	if s.net.Closed() {
		t.Fatal("1,000 bytes refused, want allowed")
	}
	s = connect(t, prefixed32(1000))
	s.net.Receive("\x00\x00\x03\xe9")
	if !s.net.Closed() {
		t.Error("1,001 bytes allowed, want refused")
	}
	s = connect(t, prefixed32(1000))
	s.net.Receive("\xff\xff\xff\xff")
	if !s.net.Closed() {
		t.Error("4 GiB allowed, want refused")
	}
}

// TestB07States is a protocol with a state for each kind of message, which is
// what StatefulStringProtocol was for: in Go a method value is a state.
func TestB07States(t *testing.T) {
	var got []string
	s := connect(t, netstrings(0))
	type state func(message string) state
	var name, age, done state
	done = nil
	name = func(m string) state { got = append(got, "name "+m); return age }
	age = func(m string) state { got = append(got, "age "+m); return done }
	next := name
	s.on = func(e string) {
		if m, ok := strings.CutPrefix(e, "message "); ok {
			if next = next(m); next == nil {
				s.msg.Close()
			}
		}
	}
	s.net.Receive("3:Ada,2:36,5:never,")
	if want := "name \"Ada\", age \"36\""; strings.Join(got, ", ") != want || !s.net.Closed() {
		t.Errorf("got %q, closed %v; want %s and closed", got, s.net.Closed(), want)
	}
}

// TestB09Sizes reads a header that says how long its body is, which is what
// StatefulProtocol was for.
func TestB09Sizes(t *testing.T) {
	s := connect(t, fixed(7, 0))
	s.net.Receive("size  3", "abcsize  0size  0", "size 20", strings.Repeat("b", 19), "bplain")
	s.net.Receive("er.")
	s.clock.Advance(0)
	s.want(t, "connected", `message "size  3"`, `message "abc"`, `message "size  0"`, `message ""`, `message "size  0"`,
		`message ""`, `message "size 20"`, `message "bbbbbbbbbbbbbbbbbbbb"`, `message "plainer"`)
}

// TestB09Empty delivers an empty message at once, not with the next bytes, and
// refuses a size that is none at once.
func TestB09Empty(t *testing.T) {
	s := connect(t, fixed(7, 0))
	s.net.Receive("size  0")
	s.want(t, "connected", `message "size  0"`, `message ""`)
	s.msg.SetSize(0)
	s.clock.Advance(0)
	s.want(t, "connected", `message "size  0"`, `message ""`, `message ""`)
	s.net.Receive("size -1")
	if !s.net.Closed() {
		t.Error("a negative size was not refused")
	}
}

package websocket

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
)

// A wireCase is what a client sends to a server that echoes, and what it is told.
// The numbers are those of the sections of the Autobahn test suite, which asks
// the same questions.
type wireCase struct {
	name, input, want string
}

func repeated(s string, n int) string { return strings.Repeat(s, n) }

// text and binary are what told says of an echo.
func text(s string) string    { return fmt.Sprintf("text %.100q", s) }
func binary_(s string) string { return fmt.Sprintf("binary %.100q", s) }

func wireCases() (cases []wireCase) {
	add := func(section, name, input, want string) {
		cases = append(cases, wireCase{section + " " + name, input, want})
	}
	end := masked(0x88, closing(Normal, ""))
	const bye = "close 1000"

	for _, n := range []int{0, 125, 126, 127, 128, 65535, 65536} {
		add("1.1", fmt.Sprintf("text of %d bytes", n), masked(0x81, repeated("*", n))+end, text(repeated("*", n))+", "+bye)
		add("1.2", fmt.Sprintf("binary of %d bytes", n), masked(0x82, repeated("\xfe", n))+end, binary_(repeated("\xfe", n))+", "+bye)
	}

	add("2.1", "ping without payload", masked(0x89, "")+end, `pong "", `+bye)
	add("2.2", "ping of text", masked(0x89, "Hello, world!")+end, `pong "Hello, world!", `+bye)
	add("2.3", "ping of binary", masked(0x89, "\x00\xff\xfe")+end, `pong "\x00\xff\xfe", `+bye)
	add("2.4", "ping of 125 bytes", masked(0x89, repeated("\xfe", 125))+end, fmt.Sprintf("pong %q, ", repeated("\xfe", 125))+bye)
	add("2.5", "ping of 126 bytes", masked(0x89, repeated("\xfe", 126))+end, "close 1002")
	add("2.7", "a pong nobody asked for", masked(0x8A, "")+masked(0x8A, "x")+end, bye)
	add("2.9", "pong, then ping", masked(0x8A, "x")+masked(0x89, "y")+end, `pong "y", `+bye)
	add("2.10", "ten pings", masked(0x89, "a")+masked(0x89, "b")+masked(0x89, "c")+masked(0x89, "d")+end, `pong "a", pong "b", pong "c", pong "d", `+bye)

	for rsv := 1; rsv < 8; rsv++ {
		first := byte(rsv << 4)
		add("3", fmt.Sprintf("reserved bits %03b of a text", rsv), masked(0x81, "ok")+masked(0x81|first, "bad")+masked(0x89, "")+end, text("ok")+", close 1002")
		add("3", fmt.Sprintf("reserved bits %03b of a ping", rsv), masked(0x89|first, "bad")+end, "close 1002")
		add("3", fmt.Sprintf("reserved bits %03b of a close", rsv), masked(0x88|first, "")+end, "close 1002")
	}

	for op := byte(3); op < 16; op++ {
		if op < opClose || op > opPong {
			add("4", fmt.Sprintf("opcode %d", op), masked(0x81, "ok")+masked(0x80|op, "")+masked(0x89, "")+end, text("ok")+", close 1002")
		}
	}

	add("5.1", "ping in two fragments", masked(0x09, "a")+masked(0x80, "b")+end, "close 1002")
	add("5.2", "pong in two fragments", masked(0x0A, "a")+masked(0x80, "b")+end, "close 1002")
	add("5.3", "text in two fragments", masked(0x01, "frag")+masked(0x80, "ment")+end, text("fragment")+", "+bye)
	add("5.6", "with a ping between", masked(0x01, "frag")+masked(0x89, "p")+masked(0x80, "ment")+end, `pong "p", `+text("fragment")+", "+bye)
	add("5.9", "continuation of nothing", masked(0x80, "x")+masked(0x81, "y")+end, "close 1002")
	add("5.10", "continuation behind a whole message", masked(0x81, "y")+masked(0x80, "x")+end, text("y")+", close 1002")
	add("5.12", "first continuation without FIN", masked(0x00, "x")+masked(0x81, "y")+end, "close 1002")
	add("5.15", "two, then one of nothing", masked(0x01, "a")+masked(0x80, "b")+masked(0x00, "c")+end, text("ab")+", close 1002")
	add("5.18", "text within text", masked(0x01, "a")+masked(0x81, "b")+end, "close 1002")
	add("5.19", "five fragments, and pings", masked(0x01, "1")+masked(0x00, "2")+masked(0x89, "x")+masked(0x00, "3")+masked(0x00, "4")+masked(0x89, "y")+masked(0x80, "5")+end,
		`pong "x", pong "y", `+text("12345")+", "+bye)

	add("6.1", "empty", masked(0x81, "")+end, text("")+", "+bye)
	add("6.1", "empty fragments", masked(0x01, "")+masked(0x00, "")+masked(0x80, "")+end, text("")+", "+bye)
	add("6.1", "empty around the middle", masked(0x01, "")+masked(0x00, "middle")+masked(0x80, "")+end, text("middle")+", "+bye)
	valid := "Hello-µ@ßöäüàá-UTF-8!!"
	var pieces strings.Builder
	for i := range len(valid) {
		first := byte(0)
		if i == 0 {
			first = byte(Text)
		}
		pieces.WriteString(masked(first, valid[i:i+1]))
	}
	add("6.2", "valid, in fragments of a byte", pieces.String()+masked(0x80, "")+end, text(valid)+", "+bye)
	for _, s := range []string{"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", "\x00", "\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xf0\x90\x80\x80", "\xed\x9f\xbf", "\xee\x80\x80"} {
		add("6.5", fmt.Sprintf("%q", s), masked(0x81, s)+end, text(s)+", "+bye)
	}
	for _, s := range []string{"\xce\xba\xed\xa0\x80edited", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "\xf7\xbf\xbf\xbf", "\xf4\x90\x80\x80", "\x80", "\xbf", "\x80\xbf", "\xc0\x20", "\xe0\x80", "\xf0\x90\x80",
		"\xfe", "\xff", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80", "\xce"} {
		add("6.3", fmt.Sprintf("%q", s), masked(0x81, s)+masked(0x81, "more")+end, "close 1007")
		add("6.4", fmt.Sprintf("%q in two fragments", s), masked(0x01, s[:1])+masked(0x80, s[1:])+end, "close 1007")
	}

	add("7.1", "close, then text, ping and close", masked(0x81, "a")+end+masked(0x81, "b")+masked(0x89, "")+end, text("a")+", "+bye)
	add("7.3", "close without a code", masked(0x88, ""), "close")
	add("7.3", "close of one byte", masked(0x88, "x"), "close 1002")
	add("7.3", "close with a text", masked(0x88, closing(Normal, "Hello World!")), bye)
	add("7.3", "close of 125 bytes", masked(0x88, closing(Normal, repeated("*", 123))), bye)
	add("7.3", "close of 126 bytes", masked(0x88, closing(Normal, repeated("*", 124))), "close 1002")
	add("7.5", "close with a text that is no UTF-8", masked(0x88, closing(Normal, "\xce\xba\xed\xa0\x80")), "close 1007")
	for _, code := range []Code{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		add("7.7", fmt.Sprintf("code %d", code), masked(0x88, closing(code, "")), fmt.Sprintf("close %d", code))
	}
	for _, code := range []Code{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		add("7.9", fmt.Sprintf("code %d", code), masked(0x88, closing(code, "")), "close 1002")
	}

	big := repeated("0123456789abcdef", 64<<10/16)
	add("9.1", "text of 1 MiB", masked(0x81, repeated(big, 16))+end, text(big)+", "+bye)
	add("9.3", "in fragments of 64 KiB", masked(0x01, big)+repeated(masked(0x00, big), 14)+masked(0x80, big)+end, text(big)+", "+bye)
	add("9.5", "1,000 fragments of 64 bytes", masked(0x02, repeated("x", 64))+repeated(masked(0x00, repeated("x", 64)), 998)+masked(0x80, "")+end, binary_(repeated("x", 100))+", "+bye)
	add("9.9", "1 MiB and a byte", masked(0x82, repeated(big, 16)+"x")+end, "close 1009")
	return cases
}

// TestRFC6455Cases plays each case whole, in bytes and cut at random: what is said does
// not depend on how it came.
func TestRFC6455Cases(t *testing.T) {
	for _, tc := range wireCases() {
		for how := range 4 {
			r := newRig(t, nil).echo()
			r.SetLimits(twistor.Limits{Max: 8 << 20})
			rnd := rand.New(rand.NewPCG(uint64(how), 0))
			for in := tc.input; in != ""; {
				n := len(in)
				switch {
				case how == 1 && len(tc.input) < 10_000:
					n = 1
				case how > 0:
					n = min(n, 1+rnd.IntN(max(20, len(tc.input)/20)))
				}
				r.net.Receive(in[:n])
				in = in[n:]
			}
			if got := told(t, r.net.Written()); got != tc.want || !r.net.Closed() {
				t.Errorf("%s: got %q, closed %v; want %q", tc.name, got, r.net.Closed(), tc.want)
			}
			r.over()
		}
	}
	if n := len(wireCases()); n < 150 {
		t.Errorf("%d cases", n)
	}
}

// TestRFC6455CasesOfClients: the same of a client, whose peer does not mask.
func TestRFC6455CasesOfClients(t *testing.T) {
	for _, tc := range []wireCase{
		{"text", plain(0x81, "hello") + plain(0x88, closing(Normal, "")), `text "hello", close 1000`},
		{"fragments", plain(0x01, "hel") + plain(0x89, "p") + plain(0x80, "lo"), `pong "p", text "hello"`},
		{"a bad text", plain(0x81, "\xff"), "close 1007"},
		{"beyond the limit", string(appendHead(nil, 0x82, 1<<20+1)), "close 1009"},
	} {
		for cut := range tc.input {
			r := newRig(t, func(c *Conn) { c.client = true }).echo()
			r.net.Receive(tc.input[:cut], tc.input[cut:])
			written := r.net.Written()
			for i, f := 0, frames(t, written); i < len(f); i++ {
				if written[1]&bitMask == 0 {
					t.Fatalf("%s: a client's frame is not masked", tc.name)
				}
			}
			if got := told(t, written); got != tc.want {
				t.Errorf("%s, cut at %d: got %q, want %q", tc.name, cut, got, tc.want)
			}
			r.over()
		}
	}
}

// TestRFC6455MasksDiffer: each frame of a client has a key of its own.
func TestRFC6455MasksDiffer(t *testing.T) {
	r := newRig(t, func(c *Conn) { c.client = true })
	seen := map[string]bool{}
	for range 500 {
		r.WriteBinary(make([]byte, 4))
		seen[r.net.Take()[2:6]] = true
	}
	if len(seen) < 499 {
		t.Errorf("%d different keys of 500", len(seen))
	}
	r.over()
}

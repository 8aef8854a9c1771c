package websocket

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"

	"github.com/twistor-go/twistor/internal/peertest"
)

// TestRFC7692Offers: which of a client's offers a server takes, and its answer.
// https://www.rfc-editor.org/rfc/rfc7692#section-7.1
func TestRFC7692Offers(t *testing.T) {
	small := &Deflate{WindowBits: 10, PeerWindowBits: 9}
	alone := &Deflate{NoContext: true, PeerNoContext: true}
	for _, tc := range []struct {
		config      *Deflate
		offer, want string
		out, in     direction
	}{
		{nil, "permessage-deflate", "", direction{}, direction{}},
		{&Deflate{}, "", "", direction{}, direction{}},
		{&Deflate{}, "permessage-deflate", "permessage-deflate", direction{bits: 15}, direction{bits: 15}},
		{&Deflate{}, "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=12", direction{bits: 15}, direction{bits: 12}},
		{&Deflate{}, "permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=10", direction{bits: 15}, direction{bits: 10}},
		{&Deflate{}, "permessage-deflate; client_max_window_bits; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10; client_max_window_bits=12", direction{bits: 10}, direction{bits: 12}},
		{&Deflate{}, "permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=15", direction{bits: 15}, direction{bits: 15}},
		{&Deflate{}, "permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover", direction{bits: 15, noContext: true}, direction{bits: 15}},
		{&Deflate{}, "permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover", direction{bits: 15}, direction{bits: 15, noContext: true}},
		{small, "permessage-deflate", "permessage-deflate; server_max_window_bits=10", direction{bits: 10}, direction{bits: 15}},
		{small, "permessage-deflate; server_max_window_bits=8; client_max_window_bits=15", "permessage-deflate; server_max_window_bits=8; client_max_window_bits=9", direction{bits: 8}, direction{bits: 9}},
		{alone, "permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", direction{bits: 15, noContext: true}, direction{bits: 15, noContext: true}},
		// An offer that cannot be taken is passed over; the next one may do.
		{&Deflate{}, "permessage-deflate; server_max_window_bits=7, permessage-deflate", "permessage-deflate", direction{bits: 15}, direction{bits: 15}},
		{&Deflate{}, "permessage-deflate; server_max_window_bits=16", "", direction{}, direction{}},
		{&Deflate{}, "permessage-deflate; server_max_window_bits=010", "", direction{}, direction{}},
		{&Deflate{}, "permessage-deflate; server_max_window_bits", "", direction{}, direction{}},
		{&Deflate{}, "permessage-deflate; server_no_context_takeover=1", "", direction{}, direction{}},
		{&Deflate{}, "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", "", direction{}, direction{}},
		{&Deflate{}, "permessage-deflate; unknown", "", direction{}, direction{}},
		{&Deflate{}, "x-webkit-deflate-frame, permessage-deflate", "permessage-deflate", direction{bits: 15}, direction{bits: 15}},
		{&Deflate{}, `permessage-deflate; client_max_window_bits="9"`, "permessage-deflate; client_max_window_bits=9", direction{bits: 15}, direction{bits: 9}},
	} {
		got, d, ok := tc.config.accept(tc.offer)
		same := func(a, b direction) bool { return a.bits == b.bits && a.noContext == b.noContext }
		if got != tc.want || !ok || !same(d.out, tc.out) || !same(d.in, tc.in) || d.on != (tc.want != "") {
			t.Errorf("%+v, %q:\n got %q, out %+v, in %+v\nwant %q, out %+v, in %+v", tc.config, tc.offer, got, d.out, d.in, tc.want, tc.out, tc.in)
		}
		// What a server answers, a client that offered the like takes.
		if got != "" {
			if c, ok := new(Deflate).settle(got); !ok || c.out.bits != d.in.bits || c.in.bits != d.out.bits || c.in.noContext != d.out.noContext || c.out.noContext != d.in.noContext {
				t.Errorf("a client does not take %q as it is meant: %+v, %+v", got, c.out, c.in)
			}
		}
	}
}

// TestRFC7692Answers: which answers a client takes.
func TestRFC7692Answers(t *testing.T) {
	for _, tc := range []struct {
		config *Deflate
		answer string
		ok     bool
	}{
		{nil, "", true},
		{nil, "permessage-deflate", false},
		{&Deflate{}, "", true},
		{&Deflate{}, "permessage-deflate", true},
		{&Deflate{}, "permessage-deflate; client_max_window_bits", false}, // an answer has a value
		{&Deflate{}, "permessage-deflate; client_max_window_bits=8", true},
		{&Deflate{PeerWindowBits: 10}, "permessage-deflate", false}, // it would not limit itself
		{&Deflate{PeerWindowBits: 10}, "permessage-deflate; server_max_window_bits=11", false},
		{&Deflate{PeerWindowBits: 10}, "permessage-deflate; server_max_window_bits=9", true},
		{&Deflate{PeerNoContext: true}, "permessage-deflate", false},
		{&Deflate{PeerNoContext: true}, "permessage-deflate; server_no_context_takeover", true},
		{&Deflate{WindowBits: 10}, "permessage-deflate; client_max_window_bits=11", false},
		{&Deflate{}, "permessage-deflate, permessage-deflate", false},
		{&Deflate{}, "permessage-deflate; x", false},
	} {
		if _, ok := tc.config.settle(tc.answer); ok != tc.ok {
			t.Errorf("%+v, %q: got %v, want %v", tc.config, tc.answer, ok, tc.ok)
		}
	}
}

// TestRFC7692Examples are those of section 7.2.3.
// https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3
func TestRFC7692Examples(t *testing.T) {
	for _, tc := range []struct{ name, input, want string }{
		{"one block", masked(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), `text "Hello"`},
		{"two fragments", masked(0x41, "\xf2\x48\xcd") + masked(0x80, "\xc9\xc9\x07\x00"), `text "Hello"`},
		{"the window shared", masked(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00") + masked(0xC1, "\xf2\x00\x11\x00\x00"), `text "Hello", text "Hello"`},
		{"a block without compression", masked(0xC1, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), `text "Hello"`},
		{"BFINAL set", masked(0xC1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), `text "Hello"`},
		{"two blocks", masked(0xC1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), `text "Hello"`},
		{"empty", masked(0xC1, "\x00"), `text ""`},
		{"plain between", masked(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00") + masked(0x81, "plain") + masked(0xC1, "\xf2\x00\x11\x00\x00"), `text "Hello", text "plain", text "Hello"`},
	} {
		r := newRig(t, deflating)
		r.net.Receive(tc.input)
		if got := r.list(); got != tc.want {
			t.Errorf("%s: got %s (told %s), want %s", tc.name, got, told(t, r.net.Written()), tc.want)
		}
		r.over()
	}
	want := map[string]string{
		"nothing at all":              "close 1007",
		"a reserved block type":       "close 1007",
		"a distance beyond the start": "close 1007",
		"a cut block":                 "close 1007",
		"some final blocks":           "",
		"final blocks without end":    "close 1002",
	}
	for name, p := range map[string]string{
		"nothing at all":              "",
		"a reserved block type":       "\x06\x00",
		"a distance beyond the start": "\xf2\x00\x11\x00\x00",
		"a cut block":                 "\xf2\x48",
		"some final blocks":           strings.Repeat("\x03\x00", 10) + "\x00",
		"final blocks without end":    strings.Repeat("\x03\x00", 1000) + "\x00",
	} {
		r := newRig(t, deflating)
		r.net.Receive(masked(0xC2, p))
		if got := told(t, r.net.Written()); got != want[name] {
			t.Errorf("%s: told %q, heard %s; want %q", name, got, r.list(), want[name])
		}
		r.over()
	}
}

// chatter makes messages like those of programs, of up to most bytes.
func chatter(r *rand.Rand, most int) string {
	var b strings.Builder
	n := r.IntN(most + 1)
	for b.Len() < n {
		switch r.IntN(10) {
		case 0:
			for range r.IntN(200) {
				b.WriteByte(byte(33 + r.IntN(90)))
			}
		default:
			fmt.Fprintf(&b, `{"id":%d,"user":"user%d","text":"hello again, %s"}`, r.IntN(1e6), r.IntN(20), strings.Repeat("ha", r.IntN(5)))
		}
	}
	return b.String()[:n]
}

// TestContexts: what one end deflates the other inflates, for every window and
// with every choice of contexts; and a context helps.
func TestContexts(t *testing.T) {
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		for alone := range 2 {
			r := rand.New(rand.NewPCG(uint64(bits), uint64(alone)))
			from := newRig(t, func(c *Conn) { c.deflate = (&Deflate{MinBytes: 1}).agreed(bits, 15, alone == 1, false) })
			to := newRig(t, func(c *Conn) {
				c.client = true
				c.deflate = (&Deflate{}).agreed(15, bits, false, alone == 1)
			})
			from.SetLimits(twistorLimits)
			in, wire := 0, 0
			for i := range 60 {
				m := chatter(r, []int{20, 200, 2000, 20000}[r.IntN(4)])
				var err error
				if i%10 == 9 { // one of a broadcast between
					err = from.WritePrepared(Prepare(Text, []byte(m)))
				} else {
					err = from.WriteText(m)
				}
				if err != nil {
					t.Fatal(err)
				}
				p := from.net.Take()
				in, wire = in+len(m), wire+len(p)
				to.events = nil
				to.net.Receive(p)
				if len(to.events) != 1 || to.events[0] != fmt.Sprintf("text %.100q", m) {
					t.Fatalf("%d bits, alone %d: message %d of %d bytes: heard %q, told %q", bits, alone, i, len(m), to.events, told(t, to.net.Written()))
				}
			}
			if wire*2 > in {
				t.Errorf("%d bits, alone %d: %d bytes became %d", bits, alone, in, wire)
			}
			if n := cap(from.deflate.out.tail); n > 2*maxDictBytes || alone == 1 && n > 0 {
				t.Errorf("%d bits, alone %d: %d bytes are kept of what was sent", bits, alone, n)
			}
			if n := len(to.deflate.in.tail); n > 1<<bits || alone == 1 && n > 0 {
				t.Errorf("%d bits, alone %d: %d bytes are kept of what came", bits, alone, n)
			}
			from.over()
			to.over()
		}
	}
}

// TestContextHelps: short messages that are alike become a third and less.
func TestContextHelps(t *testing.T) {
	for alone := range 2 {
		r := newRig(t, func(c *Conn) { c.deflate = (&Deflate{}).agreed(15, 15, alone == 1, false) })
		in := 0
		for i := range 200 {
			m := fmt.Sprintf(`{"type":"message","id":%d,"user":{"name":"user%d"},"text":"how are you"}`, 1e6+i*7, i%13)
			in += len(m)
			r.WriteText(m)
		}
		out := len(r.net.Written())
		if helps := out*2 < in; helps != (alone == 0) {
			t.Errorf("alone %d: %d bytes became %d", alone, in, out)
		}
		r.over()
	}
}

// TestIdleOwnsNothing: before its first compressed message a connection keeps
// no context, and never a compressor.
func TestIdleOwnsNothing(t *testing.T) {
	r := newRig(t, deflating)
	r.WriteText("short")
	r.net.Receive(masked(0x81, "plain"))
	if d := r.deflate; d.in.tail != nil || d.out.tail != nil || r.in.message != nil || r.kept != nil {
		t.Errorf("an idle connection keeps %d and %d bytes of context", cap(d.in.tail), cap(d.out.tail))
	}
	r.net.Receive(masked(0xC1, deflated(t, "compressed")[0]))
	if d := r.deflate; len(d.in.tail) != len("compressed") {
		t.Errorf("%d bytes of context, want as many as came", len(d.in.tail))
	}
	r.over()
}

// TestFinalBlocksShareTheWindow: what stands behind a block with BFINAL may
// refer to what stands before.
func TestFinalBlocksShareTheWindow(t *testing.T) {
	var out written
	w, err := flate.NewWriter(&out, 9)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("hello hello hello hello"))
	w.Close()
	w2, err := flate.NewWriterDict(&out, 9, []byte("hello hello hello hello"))
	if err != nil {
		t.Fatal(err)
	}
	w2.Write([]byte("hello hello hello hello hello hello hello hello hello"))
	w2.Flush()
	r := newRig(t, deflating)
	r.net.Receive(masked(0xC1, strings.TrimSuffix(string(out), flushed)))
	if want := fmt.Sprintf("text %q", "hello hello hello hello"+strings.Repeat("hello ", 8)+"hello"); r.list() != want {
		t.Errorf("got %s (told %s), want %s", r.list(), told(t, r.net.Written()), want)
	}
	r.over()
}

// TestWindowsByZlib has Python's zlib inflate what we make for each window: it
// refuses a distance beyond it.
func TestWindowsByZlib(t *testing.T) {
	python := peertest.Program(t, "/usr/bin/python3")
	for bits := 9; bits <= maxWindowBits; bits++ { // zlib itself has no 8
		r := rand.New(rand.NewPCG(uint64(bits), 7))
		conn := newRig(t, func(c *Conn) { c.deflate = (&Deflate{MinBytes: 1}).agreed(bits, 15, false, false) })
		conn.SetLimits(twistorLimits)
		var in, want strings.Builder
		for range 30 {
			m := chatter(r, []int{300, 3000, 50000}[r.IntN(3)])
			if err := conn.WriteText(m); err != nil {
				t.Fatal(err)
			}
			for _, f := range frames(t, conn.net.Take()) {
				if f.first&bitDeflated == 0 {
					continue
				}
				fmt.Fprintf(&in, "%x\n", f.payload)
				fmt.Fprintf(&want, "%x\n", m)
			}
		}
		cmd := exec.Command(python, "-c", `
import sys, zlib
z = zlib.decompressobj(-int(sys.argv[1]))
for line in sys.stdin:
    data, out = bytes.fromhex(line.strip()) + b"\x00\x00\xff\xff", b""
    while True: # a few bytes at a time: what is behind them must be in the window
        part = z.decompress(data, 16)
        out, data = out + part, z.unconsumed_tail
        if not part and not data:
            break
    print(out.hex())
`, fmt.Sprint(bits))
		cmd.Stdin = strings.NewReader(in.String())
		got, err := cmd.CombinedOutput()
		if err != nil || string(got) != want.String() {
			t.Errorf("%d bits: zlib differs: %v %.300s", bits, err, got)
		}
		conn.over()
	}
}

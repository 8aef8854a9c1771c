package websocket

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// FuzzFrames feeds a server and a client, whole and cut: neither may panic,
// keep more than a message, or say something else for having been cut.
func FuzzFrames(f *testing.F) {
	for _, tc := range wireCases() {
		if len(tc.input) < 300 {
			f.Add([]byte(tc.input), uint8(3))
		}
	}
	f.Add([]byte(masked(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00")+masked(0xC1, "\xf2\x00\x11\x00\x00")), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		for _, client := range []bool{false, true} {
			type outcome struct {
				said   []sent
				events []string
				closed bool
			}
			play := func(parts [][]byte) outcome {
				r := newRig(t, func(c *Conn) {
					c.client = client
					deflating(c)
					c.pool = newPool(1000, 5, 0, 0)
				}).echo()
				for _, p := range parts {
					r.net.Receive(string(p))
					if n := cap(r.Conn.in.message); n > 4096 {
						t.Fatalf("%d bytes are kept of a message of at most 1,000", n)
					}
				}
				r.run()
				o := outcome{frames(t, r.net.Written()), r.events, r.net.Closed()}
				r.over()
				return o
			}
			step := int(cut)%20 + 1
			var parts [][]byte
			for p := in; len(p) > 0; p = p[min(step, len(p)):] {
				parts = append(parts, p[:min(step, len(p))])
			}
			if whole, cut := play([][]byte{in}), play(parts); !reflect.DeepEqual(whole, cut) {
				t.Errorf("whole %+v\ncut   %+v", whole, cut)
			}
		}
	})
}

// FuzzMessages writes messages with one end and reads them with the other, for
// every way to compress.
func FuzzMessages(f *testing.F) {
	f.Add([]byte("hello hello hello hello"), []byte("hello again"), uint8(15), false)
	f.Add(bytes.Repeat([]byte("ab"), 3000), []byte{0}, uint8(8), true)
	f.Fuzz(func(t *testing.T, a, b []byte, bits uint8, alone bool) {
		n := int(bits)%8 + 8
		if len(a)+len(b) > 100<<10 {
			return
		}
		from := newRig(t, func(c *Conn) {
			c.client = true
			c.deflate = (&Deflate{MinBytes: 1}).agreed(n, 15, alone, false)
		})
		to := newRig(t, func(c *Conn) { c.deflate = (&Deflate{}).agreed(15, n, false, alone) })
		var got [][]byte
		to.hear = func(_ Kind, p []byte) { got = append(got, bytes.Clone(p)) }
		want := [][]byte{a, b, a, a, b}
		for _, m := range want {
			if err := from.WriteBinary(m); err != nil {
				t.Fatal(err)
			}
			to.net.Receive(from.net.Take())
		}
		for i := range want {
			if i >= len(got) || !bytes.Equal(got[i], want[i]) {
				t.Fatalf("message %d differs; told %q", i, told(t, to.net.Written()))
			}
		}
		from.over()
		to.over()
	})
}

// FuzzDeflate inflates anything: no panic, no more than the limit, and no more
// context than the window.
func FuzzDeflate(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), []byte("\xf2\x00\x11\x00\x00"))
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), []byte("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"))
	f.Add([]byte(deflated(f, strings.Repeat("\x00", 100_000))[0]), []byte(strings.Repeat("\x03\x00", 40)))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		r := newRig(t, func(c *Conn) {
			c.deflate = (&Deflate{}).agreed(15, 9, false, false)
			c.pool = newPool(10_000, 0, 0, 0)
		})
		for _, m := range [][]byte{a, b, a} {
			out, err := r.inflate(Text, m)
			if len(out) > 10_001 || len(r.deflate.in.tail) > 1<<9 {
				t.Fatalf("%d bytes of a message, %d of context", len(out), len(r.deflate.in.tail))
			}
			if err != nil {
				break
			}
			r.pool.giveInflated(out)
		}
		r.over()
	})
}

// FuzzExtensions parses any field, and what is agreed on is what is answered.
func FuzzExtensions(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits; server_max_window_bits=10")
	f.Add(`permessage-deflate; server_max_window_bits="1\5", x`)
	f.Fuzz(func(t *testing.T, field string) {
		answer, d, ok := (&Deflate{}).accept(field)
		if answer == "" {
			return
		}
		c, settled := (&Deflate{}).settle(answer)
		if !ok || !settled || c.out.bits != d.in.bits || c.in.bits != d.out.bits {
			t.Errorf("%q is answered %q: %+v here, %+v there", field, answer, d, c)
		}
	})
}

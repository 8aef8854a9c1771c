package websocket

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestMask compares with the definition, at every length and alignment.
func TestMask(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	src := make([]byte, 100)
	for i := range src {
		src[i] = byte(r.Uint32())
	}
	for from := range 9 {
		for to := from; to <= len(src); to++ {
			key := r.Uint32()
			var k [4]byte
			binary.LittleEndian.PutUint32(k[:], key)
			want := make([]byte, to-from)
			for i := range want {
				want[i] = src[from+i] ^ k[i%4]
			}
			got := make([]byte, to-from)
			next := mask(got, src[from:to], key)
			if !bytes.Equal(got, want) {
				t.Fatalf("mask of %d bytes differs", to-from)
			}
			// Cut anywhere, it is the same.
			for cut := range want {
				mask(got[cut:], src[from+cut:to], mask(got[:cut], src[from:from+cut], key))
				if !bytes.Equal(got, want) {
					t.Fatalf("mask of %d bytes, cut at %d, differs", to-from, cut)
				}
			}
			if n := to - from; byte(next) != k[n%4] {
				t.Fatalf("the key behind %d bytes begins with %x, want %x", n, byte(next), k[n%4])
			}
		}
	}
}

// TestHeads writes and reads heads of every size class.
func TestHeads(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20} {
		p := appendHead(nil, bitFin|byte(Text), n)
		h, err := parseHead(p)
		if err != nil || h.size != uint64(n) || headBytes(p) != len(p) || h.masked || !h.fin() || h.opcode() != byte(Text) {
			t.Errorf("%d bytes: got %+v, %v", n, h, err)
		}
	}
}

// TestTextCheck compares with package utf8, cut everywhere, and asks that what
// is wrong is seen at the first byte that makes it so.
func TestTextCheck(t *testing.T) {
	for _, s := range []string{
		"", "plain", "κόσμε", "\U0010FFFF", "\xf4\x90\x80\x80", "\xed\xa0\x80", "\xed\x9f\xbf", "\xc0\xaf", "\xe0\x80\xaf",
		"\xf0\x80\x80\xaf", "a\x80", "\xff", "\xfe", "\xf8\x88\x80\x80\x80", "ab\xe2\x82\xaccd", "\xe2\x82", "\ufffd", "\xef\xbf\xbf", "\xc2\xc2\x80", "\xf1\x80\x80x",
		"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!",
	} {
		// The first prefix that nothing can complete.
		bad := len(s) + 1
		for n := range len(s) + 1 {
			if !completable(s[:n]) {
				bad = n
				break
			}
		}
		for cut := range len(s) + 1 {
			var c textCheck
			ok := c.write([]byte(s[:cut])) && c.write([]byte(s[cut:])) && c.whole()
			if ok != utf8.ValidString(s) {
				t.Errorf("%q cut at %d: got %v", s, cut, ok)
			}
		}
		var c textCheck
		for i := range len(s) {
			if ok := c.write([]byte{s[i]}); ok != (i+1 < bad) {
				t.Errorf("%q, byte %d: got %v, want it to be seen at byte %d", s, i+1, ok, bad)
			}
			if i+1 >= bad {
				break
			}
		}
	}
}

// completable says whether some bytes behind s make it UTF-8.
func completable(s string) bool {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n <= 1 {
			return !utf8.FullRuneInString(s)
		}
		s = s[n:]
	}
	return true
}

// TestLengths: WS-02. Lengths that are too long, not the shortest or no length
// at all are refused by the head alone, before there is a buffer. The control
// is the longest one that is allowed.
func TestWS_02_Lengths(t *testing.T) {
	for _, tc := range []struct {
		name, head string
		code       string
	}{
		{"2^63-1", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", "close 1009"},
		{"2^63", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00", "close 1002"},
		{"2^64-1", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", "close 1002"},
		{"125 in 2 bytes", "\x82\xfe\x00\x7d", "close 1002"},
		{"0 in 8 bytes", "\x82\xff\x00\x00\x00\x00\x00\x00\x00\x00", "close 1002"},
		{"65,535 in 8 bytes", "\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff", "close 1002"},
		{"1 MiB + 1", "\x82\xff\x00\x00\x00\x00\x00\x10\x00\x01", "close 1009"}, // WS-06
	} {
		r := newRig(t, nil)
		head := tc.head + "mask"
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r.net.Receive(head)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Errorf("%s: %d bytes allocated for a head", tc.name, n)
		}
		if got := told(t, r.net.Written()); got != tc.code {
			t.Errorf("%s: told %q, want %q", tc.name, got, tc.code)
		}
		if cap(r.in.message) != 0 {
			t.Errorf("%s: a buffer of %d bytes", tc.name, cap(r.in.message))
		}
		if r.run(); !r.net.Closed() {
			t.Errorf("%s: still open", tc.name)
		}
		r.over()
	}
	r := newRig(t, nil).echo()
	r.net.Receive(masked(0x82, strings.Repeat("x", 1<<20)))
	if len(r.events) != 1 || len(r.net.Written()) < 1<<20 {
		t.Errorf("a message of exactly the limit: heard %q", r.events)
	}
	r.over()
}

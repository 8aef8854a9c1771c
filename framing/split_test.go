package framing

import (
	"bytes"
	"testing"
)

// TestX03EachByteOnce grows a line byte by byte, as the worst network would:
// after each byte the splitter must be done with all before it, but for what
// may be the beginning of a delimiter. Else its work would be quadratic.
func TestX03EachByteOnce(t *testing.T) {
	for _, delimiter := range []string{"", CRLF, "\n", "aab"} {
		for _, fill := range []byte{'x', 'a', '.'} {
			s := newSplitter(delimiter, 1<<20)
			p := bytes.Repeat([]byte{fill}, 4096)
			for n := 1; n <= len(p); n++ {
				line, used, err := s.next(p[:n])
				if line != nil || used != 0 || err != nil {
					t.Fatalf("delimiter %q: %q, %d, %v within a line", delimiter, line, used, err)
				}
				if back := n - s.scanned; back >= max(len(delimiter), 1) {
					t.Fatalf("delimiter %q: %d bytes of %d would be looked at again", delimiter, back, n)
				}
			}
		}
	}
}

// FuzzLooseLines compares loose lines with what bytes.Split says.
func FuzzLooseLines(f *testing.F) {
	f.Add([]byte("a\r\nb\n\n\r\nc"))
	f.Fuzz(func(t *testing.T, in []byte) {
		parts := bytes.Split(in, []byte("\n"))
		s := newSplitter("", len(in)+1)
		for _, want := range parts[:len(parts)-1] {
			got, n, err := s.next(in)
			if err != nil || n != len(want)+1 {
				t.Fatalf("took %d bytes, error %v; want %d", n, err, len(want)+1)
			}
			if want = bytes.TrimSuffix(want, []byte("\r")); !bytes.Equal(got, want) {
				t.Fatalf("line %q, want %q", got, want)
			}
			in = in[n:]
		}
		if _, n, err := s.next(in); n != 0 || err != nil {
			t.Fatalf("a line in %q, which has no end: %d bytes, error %v", in, n, err)
		}
	})
}

// FuzzStrictLines: whatever is delivered holds neither CR nor LF, is no longer
// than the limit, and is followed by CRLF in the input.
func FuzzStrictLines(f *testing.F) {
	f.Add([]byte("a\r\nb\nc\rd\r\r\n\n\r"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := newSplitter(CRLF, 10)
		for {
			line, n, err := s.next(in)
			if err != nil || n == 0 {
				return
			}
			if bytes.ContainsAny(line, CRLF) || len(line) > 10 || !bytes.HasPrefix(in, append(bytes.Clone(line), CRLF...)) {
				t.Fatalf("line %q out of %q", line, in)
			}
			in = in[n:]
		}
	})
}

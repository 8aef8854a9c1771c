package sim

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
)

// A tape is a net.Conn of what was written before.
type tape struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (t *tape) Read(p []byte) (int, error)  { return t.in.Read(p) }
func (t *tape) Write(p []byte) (int, error) { return t.out.Write(p) }

// FuzzIdentity gives a server and a client of Identity what a stranger sends:
// neither panics, and no handshake succeeds by chance without a greeting.
func FuzzIdentity(f *testing.F) {
	hello := &tape{in: bytes.NewReader(nil)}
	(&Identity{}).Client(hello, &tls.Config{ServerName: "a.test"}).Handshake()
	f.Add(hello.out.Bytes())
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{22, 3, 3, 0, 2, '{', '}', 22, 3, 3, 0, 17, '{', '"', 'F', 'i', 'n', 'i', 's', 'h', 'e', 'd', '"', ':', 't', 'r', 'u', 'e', '}'})
	f.Add([]byte{21, 3, 3, 0, 1, 0})
	config := &tls.Config{ServerName: "a.test", Certificates: []tls.Certificate{Certificate("a.test")}}
	f.Fuzz(func(t *testing.T, in []byte) {
		e := &Identity{}
		for _, s := range []*session{
			e.Server(&tape{in: bytes.NewReader(in)}, config).(*session),
			e.Client(&tape{in: bytes.NewReader(in)}, config).(*session),
		} {
			if err := s.Handshake(); err != nil {
				if s.done {
					t.Errorf("done, and failed with %v", err)
				}
				continue
			}
			if len(in) < 10 {
				t.Errorf("agreed to %q", in)
			}
			io.Copy(io.Discard, reading{s})
		}
	})
}

// reading is a session as a Reader only.
type reading struct{ io.Reader }

// TestSessionEnds tells a good end from a cut one, as crypto/tls does.
func TestSessionEnds(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   []byte
		want error
	}{
		{"close_notify", []byte{23, 3, 3, 0, 1, 'x', 21, 3, 3, 0, 1, 0}, io.EOF},
		{"cut between records", []byte{23, 3, 3, 0, 1, 'x'}, io.EOF},
		{"cut in a record", []byte{23, 3, 3, 0, 1, 'x', 23, 3, 3, 0, 2, 'y'}, io.ErrUnexpectedEOF},
	} {
		s := &session{engine: &Identity{}, conn: &tape{in: bytes.NewReader(tc.in)}, config: &tls.Config{}, done: true}
		var p [10]byte
		if n, err := s.Read(p[:]); n != 1 || err != nil {
			t.Errorf("%s: got %d, %v", tc.name, n, err)
		}
		for range 2 {
			if _, err := s.Read(p[:]); !errors.Is(err, tc.want) {
				t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
			}
		}
	}
}

//go:build unix

package reactor_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/twistor-go/twistor"
)

// TestF38Detach: a connection leaves one loop and goes on in another place: the
// peer sees no end, what was not sent is handed out, what was not read too, and
// the old Protocol hears that it was handed over.
func TestF38Detach(t *testing.T) {
	systemOnly(t, func(b *bed) {
		b.networks(func(network string) {
			s, c := b.pair(network, nil, nil)
			s.SetLimits(twistor.Limits{Max: -1})
			big := bytes.Repeat([]byte("0123456789abcdef"), 400_000)
			c.Pause()
			s.Write(big)
			b.until("the system takes no more", func() bool { return s.Buffered() > 0 && s.Buffered() < len(big) })
			c.Write([]byte("kept by the system"))

			left, err := s.Transport.(twistor.Detacher).Detach()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Transport.(twistor.Detacher).Detach(); err == nil {
				t.Error("a second Detach: want an error")
			}
			b.finished(s)
			s.wantErr(twistor.ErrHandedOver)

			heir := &rec{b: b}
			must(b, b.l.Dial(twistor.DialConfig{File: left.File}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				heir.Transport = t
				t.SetLimits(twistor.Limits{Max: -1})
				t.Write(left.Unsent)
				return heir
			})))
			left.File.Close()
			io.WriteString(heir, "!")
			c.Resume()
			b.until("all arrives", func() bool { return c.in.Len() > len(big) })
			if got, want := c.in.Bytes(), string(big)+"!"; string(got) != want {
				t.Errorf("%s: got %d bytes, want the %d that were written, in order", network, len(got), len(want))
			}
			b.until("what came meanwhile is read", func() bool { return heir.in.String() == "kept by the system" })
			c.Close()
			b.finished(c, heir)
		})
	})
}

// TestF38DetachRefuses: what cannot go, stays, and nothing has changed.
func TestF38DetachRefuses(t *testing.T) {
	systemOnly(t, func(b *bed) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, make([]byte, 1<<22), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		s, c := b.pair("tcp", nil, nil)
		c.Pause()
		sent := s.SendFile(io.NewSectionReader(f, 0, 1<<22))
		if _, err := s.Transport.(twistor.Detacher).Detach(); err == nil {
			t.Error("with a file to be sent: want an error")
		}
		c.Resume()
		must(b, sent)
		s.Close()
		if _, err := s.Transport.(twistor.Detacher).Detach(); err == nil {
			t.Error("of a connection that closes: want an error")
		}
		b.finished(s, c)
		if c.in.Len() != 1<<22 {
			t.Errorf("got %d bytes, want the whole file", c.in.Len())
		}
	})
}

// TestF38DetachElsewhere: a backend without descriptors says so.
func TestF38DetachElsewhere(t *testing.T) {
	each(t, func(b *bed) {
		if b.kind == "system" {
			b.Skip("the system backend can")
		}
		s, c := b.pair("tcp", nil, nil)
		if _, err := s.Transport.(twistor.Detacher).Detach(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("got %v, want ErrUnsupported", err)
		}
		s.Close()
		b.finished(s, c)
	})
}

// TestF38PortFile: a port's socket goes on after the port is closed, with the
// connections that wait in its queue, and so does the path of a UNIX socket; the
// last one removes that.
func TestF38PortFile(t *testing.T) {
	systemOnly(t, func(b *bed) {
		b.networks(func(network string) {
			at := twistor.ListenConfig{Network: network, Address: "127.0.0.1:0"}
			if network == "unix" {
				at.Address = filepath.Join(b.dir(), "s")
			}
			first, err := b.l.Listen(at, recs(b))
			if err != nil {
				t.Fatal(err)
			}
			first.Pause()
			c := must(b, b.dial(first)) // waits in the queue
			file, err := first.(twistor.Filer).File()
			if err != nil {
				t.Fatal(err)
			}
			first.(twistor.Filer).KeepPath()
			first.Close()

			var s *rec
			again := at
			again.File = file
			second, err := b.l.Listen(again, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				s = &rec{Transport: t, b: b}
				return s
			}))
			if err != nil {
				t.Fatal(err)
			}
			file.Close()
			b.until("who waited is served", func() bool { return s != nil })
			if network == "unix" {
				if _, err := os.Stat(at.Address); err != nil {
					t.Errorf("the path is gone with the first port: %v", err)
				}
			}
			c.Close()
			b.finished(c, s)
			second.Close()
			if network == "unix" {
				if _, err := os.Stat(at.Address); err == nil {
					t.Error("the path is there still, want it to go with the last port")
				}
			}
		})
	})
}

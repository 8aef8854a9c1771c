//go:build unix

package reactor_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
)

// fileOf gives a duplicate of a socket of package net's.
func fileOf(t *testing.T, x interface{ File() (*os.File, error) }) *os.File {
	t.Helper()
	f, err := x.File()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestR34AdoptPort: an inherited listening socket serves; the caller's own
// stays the caller's.
func TestR34AdoptPort(t *testing.T) {
	systemOnly(t, func(b *bed) {
		for _, network := range []string{"tcp", "tcp6", "unix"} {
			address := "127.0.0.1:0"
			switch network {
			case "tcp6":
				address = "[::1]:0"
			case "unix":
				address = filepath.Join(b.dir(), "s")
			}
			ln, err := net.Listen(network, address)
			if err != nil {
				b.Logf("%s: %v", network, err)
				continue
			}
			f := fileOf(t, ln.(interface{ File() (*os.File, error) }))
			var s *rec
			port, err := b.l.Listen(twistor.ListenConfig{File: f}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				s = &rec{Transport: t, b: b}
				return s
			}))
			if err != nil {
				t.Fatalf("%s: %v", network, err)
			}
			f.Close()
			if port.Addr().String() != ln.Addr().String() {
				t.Errorf("Addr: %v, want %v", port.Addr(), ln.Addr())
			}
			c := must(b, b.dial(port))
			c.Write([]byte("x"))
			b.until("served", func() bool { return s != nil && s.in.Len() == 1 })
			c.Close()
			b.finished(c, s)
			port.Close()
			ln.Close()
		}
	})
}

// TestR35AdoptConnection: an inherited connection gets a Protocol.
func TestR35AdoptConnection(t *testing.T) {
	systemOnly(t, func(b *bed) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		ours, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		f := fileOf(t, ours.(*net.TCPConn))
		ours.Close()
		p := &rec{b: b}
		must(b, b.l.Dial(twistor.DialConfig{File: f}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			p.Transport = t
			return p
		})))
		f.Close()
		if p.RemoteAddr().String() != ln.Addr().String() {
			t.Errorf("RemoteAddr: %v", p.RemoteAddr())
		}
		io.WriteString(theirs, "hello")
		b.until("it reads", func() bool { return p.in.String() == "hello" })
		theirs.Close()
		b.finished(p)
		p.wantErr(io.EOF)
	})
}

// TestR36AdoptPackets: an inherited datagram socket serves.
func TestR36AdoptPackets(t *testing.T) {
	systemOnly(t, func(b *bed) {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f := fileOf(t, pc.(*net.UDPConn))
		pc.Close()
		z := b.station(twistor.ListenConfig{Network: "udp", File: f})
		f.Close()
		a := b.station(twistor.ListenConfig{})
		a.Send([]byte("hi"), z.peer())
		b.until("it arrives", func() bool { return len(z.got) == 1 })
	})
}

// TestAdoptWrongSort: what is no socket, or another sort of one, is refused by
// an error that says so, and stays open.
func TestAdoptWrongSort(t *testing.T) {
	systemOnly(t, func(b *bed) {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := b.l.Listen(twistor.ListenConfig{File: f}, recs(b)); err == nil || !strings.Contains(err.Error(), f.Name()) {
			t.Errorf("a regular file: %v", err)
		}
		if _, err := f.WriteString("still open"); err != nil {
			t.Error(err)
		}
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		u := fileOf(t, pc.(*net.UDPConn))
		defer u.Close()
		if _, err := b.l.Listen(twistor.ListenConfig{Network: "tcp", File: u}, recs(b)); err == nil {
			t.Error("a UDP socket is taken for a port of connections")
		}
	})
}

// A receiver is a rec that takes files.
type receiver struct{ *rec }

func (r receiver) FileReceived(f *os.File) {
	text, err := io.ReadAll(f)
	if err != nil {
		r.b.Error(err)
	}
	f.Close()
	r.note("file %s", text)
}

// TestT26Files: descriptors go over UNIX sockets, before the bytes they were
// sent with, in order among other writes; who does not want them leaks none.
func TestT26Files(t *testing.T) {
	systemOnly(t, func(b *bed) {
		s, c := b.pair("unix", func(p *rec) twistor.Protocol { return receiver{p} }, nil)
		sender, ok := twistor.As[twistor.FileSender](c.Transport)
		if !ok {
			t.Fatal("no FileSender")
		}
		name := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(name, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte("before"))
		if err := sender.WriteFiles([]byte("with"), f); err != nil {
			t.Fatal(err)
		}
		f.Close()
		c.Write([]byte("after"))
		b.until("all arrived", func() bool { return s.in.String() == "beforewithafter" })
		if !slices.Contains(s.events, "file content") {
			t.Errorf("events: %v", s.events)
		}
		if err := sender.WriteFiles(nil, os.Stdin); err == nil {
			t.Error("files without a byte are accepted")
		}
		// The other side does not want files: they are closed, bytes arrive.
		back, _ := twistor.As[twistor.FileSender](s.Transport)
		if err := back.WriteFiles([]byte("x"), os.Stderr); err != nil {
			t.Fatal(err)
		}
		b.until("the bytes arrive", func() bool { return c.in.Len() == 1 })
		// What is never sent is closed too: checkFDs sees it.
		c.Pause()
		s.SetLimits(twistor.Limits{Max: -1})
		s.Write(make([]byte, 4<<20))
		if err := back.WriteFiles([]byte("x"), os.Stderr); err != nil {
			t.Fatal(err)
		}
		s.Abort()
		b.finished(s)
	})
}

type pipeWatch struct {
	f    *os.File
	b    *bed
	got  string
	room int
	err  error
}

func (w *pipeWatch) Readable() {
	p := make([]byte, 3)
	n, _ := w.f.Read(p)
	w.got += string(p[:n])
}
func (w *pipeWatch) Writable()              { w.room++ }
func (w *pipeWatch) Disconnected(err error) { w.err = err }

// TestR32Watch: a foreign descriptor is served, level-triggered; R33: a file
// of a disk is refused by an error that names it.
func TestR32Watch(t *testing.T) {
	systemOnly(t, func(b *bed) {
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		defer out.Close()
		w := &pipeWatch{f: in, b: b}
		handle, err := b.l.(twistor.Watcher).Watch(in, w)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(out, "hello")
		b.until("it reads what is there", func() bool { return w.got == "hello" })
		if err := handle.Close(); err != nil {
			t.Error(err)
		}
		b.until("Disconnected", func() bool { return w.err != nil })
		io.WriteString(out, "unheard")
		b.pass(10 * time.Millisecond)
		if w.got != "hello" {
			t.Errorf("after Close: %q", w.got)
		}
		x := &pipeWatch{f: out, b: b}
		handle, err = b.l.(twistor.Watcher).Watch(out, x)
		if err != nil {
			t.Fatal(err)
		}
		handle.Want(false, true)
		b.until("there is room", func() bool { return x.room > 0 })
		handle.Close()
		f, err := os.Open("/etc/passwd")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := b.l.(twistor.Watcher).Watch(f, w); err == nil || !strings.Contains(err.Error(), "passwd") {
			t.Errorf("R33: watching a regular file: %v", err)
		}
	})
}

// TestR49Notify: what happens to the files of a directory is told.
func TestR49Notify(t *testing.T) {
	systemOnly(t, func(b *bed) {
		dir := t.TempDir()
		var got []string
		closer, err := b.l.(twistor.Notifier).Notify(dir, func(name string, op twistor.FileOp) {
			got = append(got, fmt.Sprint(name, " ", op))
		})
		if err != nil {
			t.Skip("no notices here: ", err)
		}
		want := func(step string, what string) {
			b.until(step, func() bool { return slices.Contains(got, what) })
		}
		path := filepath.Join(dir, "f")
		os.WriteFile(path, []byte("x"), 0o600)
		want("created", fmt.Sprint("f ", twistor.FileCreated))
		want("written", fmt.Sprint("f ", twistor.FileWritten))
		os.Rename(path, path+"2")
		want("renamed away", fmt.Sprint("f ", twistor.FileRemoved))
		want("renamed to", fmt.Sprint("f2 ", twistor.FileCreated))
		os.Remove(path + "2")
		want("removed", fmt.Sprint("f2 ", twistor.FileRemoved))
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
		n := len(got)
		os.WriteFile(path, []byte("x"), 0o600)
		b.pass(10 * time.Millisecond)
		if len(got) != n {
			t.Errorf("after Close: %v", got[n:])
		}
	})
}

//go:build !windows

package poll

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// R22: a UNIX port has its mode, serves, and leaves nothing behind.
func TestUnixPort(t *testing.T) {
	each(t, func(r *rig) {
		path := filepath.Join(r.TempDir(), "s")
		port, err := r.Listen(Spec{Network: "unix", Addr: Addr{Path: path}})
		r.must(err)
		if got := r.LocalAddr(port); got.Path != path {
			r.Errorf("LocalAddr is %+v, want path %s", got, path)
		}
		client, err := r.dial(Spec{Network: "unix", Addr: Addr{Path: path}})
		r.must(err)
		r.until(port, In)
		sock, from, err := r.Accept(port)
		r.must(err)
		if from != (Addr{}) {
			r.Errorf("an unnamed peer is %+v, want nothing", from)
		}
		server, err := r.Adopt(sock, Spec{Network: "unix"})
		r.must(err)
		r.write(client, []byte("hello"))
		if got, want := r.read(server, 5), "hello"; got != want {
			r.Errorf("read %q, want %q", got, want)
		}
		if got := r.RemoteAddr(client); got.Path != path {
			r.Errorf("RemoteAddr of the client is %+v, want path %s", got, path)
		}
		r.must(r.Close(port, false))
		if all, _ := os.ReadDir(filepath.Dir(path)); len(all) != 0 {
			r.Errorf("%v left behind", all)
		}
	})
}

func TestUnixMode(t *testing.T) {
	each(t, func(r *rig) {
		dir := r.TempDir()
		for _, mode := range []fs.FileMode{0, 0o600, 0o660, 0o666, 0o777, 0o400} {
			path := filepath.Join(dir, "s")
			port, err := r.Listen(Spec{Network: "unix", Addr: Addr{Path: path}, Mode: mode})
			r.must(err)
			made, err := os.Lstat(path)
			r.must(err)
			want := mode
			if mode == 0 {
				want = 0o600
			}
			if got := made.Mode().Perm(); got != want {
				r.Errorf("Mode %o made %o, want %o", mode, got, want)
			}
			r.must(r.Close(port, false))
		}
	})
}

// R22: a dead socket's file is replaced, a live one's is not, and neither is
// anything that is no socket.
func TestUnixDeadOrAlive(t *testing.T) {
	for _, network := range []string{"unix", "unixgram"} {
		each(t, func(r *rig) {
			dir := r.TempDir()
			path := filepath.Join(dir, "s")
			s := Spec{Network: network, Addr: Addr{Path: path}}
			leaveDead(r.T, network, path)
			port, err := r.Listen(s)
			if err != nil {
				r.Fatalf("%s: Listen on a dead one's path: %v", network, err)
			}
			if _, err := r.Listen(s); !errors.Is(err, syscall.EADDRINUSE) {
				r.Errorf("%s: Listen on a live one's path: %v, want EADDRINUSE", network, err)
			}
			if h, err := r.dial(s); err != nil {
				r.Errorf("%s: the live one after that: %v", network, err)
			} else {
				r.must(r.Close(h, false))
			}
			r.must(r.Close(port, false))

			r.must(os.WriteFile(path, []byte("precious"), 0o600))
			if _, err := r.Listen(s); !errors.Is(err, syscall.EADDRINUSE) {
				r.Errorf("%s: Listen on a file: %v, want EADDRINUSE", network, err)
			}
			if text, _ := os.ReadFile(path); string(text) != "precious" {
				r.Errorf("%s: the file is %q now", network, text)
			}
		})
	}
}

// leaveDead leaves the file of a socket that nobody serves.
func leaveDead(t *testing.T, network, path string) {
	t.Helper()
	if network == "unixgram" {
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: network})
		if err != nil {
			t.Fatal(err)
		}
		c.Close() // leaves the file
		return
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: network})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

// Close leaves a file that has taken our socket's place, and so does Detach.
func TestUnixCloseRemovesOnlyItsOwn(t *testing.T) {
	each(t, func(r *rig) {
		path := filepath.Join(r.TempDir(), "s")
		port, err := r.Listen(Spec{Network: "unix", Addr: Addr{Path: path}})
		r.must(err)
		r.must(os.Remove(path))
		r.must(os.WriteFile(path, []byte("another's"), 0o600))
		r.must(r.Close(port, false))
		if _, err := os.Stat(path); err != nil {
			r.Errorf("the other file: %v, want it left alone", err)
		}
	})
}

// R23: packets over UNIX sockets, answered by path.
func TestUnixgram(t *testing.T) {
	each(t, func(r *rig) {
		dir := r.TempDir()
		at := func(name string) Addr { return Addr{Path: filepath.Join(dir, name)} }
		server, err := r.Listen(Spec{Network: "unixgram", Addr: at("server")})
		r.must(err)
		client, err := r.dial(Spec{Network: "unixgram", Addr: at("server"), Local: at("client")})
		r.must(err)
		r.send(client, Packet{B: []byte("hi")})
		p := []Packet{{B: make([]byte, 10)}}
		r.batch(server, p)
		if got, want := string(p[0].B[:p[0].N]), "hi"; got != want || p[0].Path != at("client").Path {
			r.Fatalf("got %q from %q, want %q from %q", got, p[0].Path, want, at("client").Path)
		}
		r.send(server, Packet{B: []byte("ho"), Path: p[0].Path})
		r.batch(client, p)
		if got, want := string(p[0].B[:p[0].N]), "ho"; got != want || p[0].Path != at("server").Path {
			r.Errorf("got %q from %q, want %q from %q", got, p[0].Path, want, at("server").Path)
		}
		nameless, err := r.dial(Spec{Network: "unixgram", Addr: at("server")})
		r.must(err)
		r.send(nameless, Packet{B: []byte("?")})
		r.batch(server, p)
		if p[0].Path != "" {
			r.Errorf("a nameless peer has path %q", p[0].Path)
		}
		for _, h := range []Handle{server, client, nameless} {
			r.must(r.Close(h, false))
		}
		if all, _ := os.ReadDir(dir); len(all) != 0 {
			r.Errorf("%v left behind", all)
		}
	})
}

// A stream dialed from a path does not take the place of another such.
func TestUnixDialFromTakenPath(t *testing.T) {
	each(t, func(r *rig) {
		dir := r.TempDir()
		port, err := r.Listen(Spec{Network: "unix", Addr: Addr{Path: filepath.Join(dir, "port")}})
		r.must(err)
		s := Spec{Network: "unix", Addr: r.LocalAddr(port), Local: Addr{Path: filepath.Join(dir, "from")}}
		client, err := r.dial(s)
		r.must(err)
		r.until(port, In)
		sock, from, err := r.Accept(port)
		r.must(err)
		r.Drop(sock, false)
		if from.Path != s.Local.Path {
			r.Errorf("accepted from %q, want %q", from.Path, s.Local.Path)
		}
		if _, err := r.dial(s); !errors.Is(err, syscall.EADDRINUSE) {
			r.Errorf("dial from the same path: %v, want EADDRINUSE", err)
		}
		r.must(r.Close(client, false))
		if _, err := os.Lstat(s.Local.Path); err == nil {
			r.Error("the path is left behind")
		}
	})
}

func TestUnixNobodyThere(t *testing.T) {
	each(t, func(r *rig) {
		_, err := r.dial(Spec{Network: "unix", Addr: Addr{Path: filepath.Join(r.TempDir(), "none")}})
		if !errors.Is(err, syscall.ENOENT) {
			r.Errorf("dial of no file: %v, want ENOENT", err)
		}
	})
}

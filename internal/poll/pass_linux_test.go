package poll

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// T26: a descriptor goes with the first byte of a write, and works over there.
func TestRights(t *testing.T) {
	r, d := epoll(t)
	a, b := socketpair(t, r, unix.SOCK_STREAM)
	file, err := os.CreateTemp(t.TempDir(), "")
	r.must(err)
	defer file.Close()
	r.must(errors.Join(file.Truncate(0), func() error { _, err := file.WriteString("passed"); return err }()))
	n, err := d.WriteRights(a, []byte("take"), []int{int(file.Fd()), int(file.Fd())})
	if n != 4 || err != nil {
		t.Fatalf("WriteRights = %d, %v, want 4", n, err)
	}
	r.until(b, In)
	p := make([]byte, 10)
	n, fds, err := d.ReadRights(b, p)
	if string(p[:n]) != "take" || len(fds) != 2 || err != nil {
		t.Fatalf("ReadRights = %q, %v, %v, want take and two descriptors", p[:n], fds, err)
	}
	for _, fd := range fds {
		text := make([]byte, 6)
		if _, err := unix.Pread(fd, text, 0); err != nil || string(text) != "passed" {
			t.Errorf("descriptor %d reads %q, %v", fd, text, err)
		}
		unix.Close(fd)
	}
	// Bytes alone, nothing, and the end.
	r.write(a, []byte("plain"))
	r.until(b, In)
	if n, fds, err = d.ReadRights(b, p); string(p[:n]) != "plain" || fds != nil || err != nil {
		t.Errorf("ReadRights = %q, %v, %v, want plain bytes", p[:n], fds, err)
	}
	if _, _, err = d.ReadRights(b, p); err != ErrAgain {
		t.Errorf("ReadRights of nothing: %v, want ErrAgain", err)
	}
	r.must(r.CloseWrite(a))
	if _, _, err = d.ReadRights(b, p); err != io.EOF {
		t.Errorf("ReadRights of the end: %v, want io.EOF", err)
	}
}

// A peer that sends more descriptors than are taken costs none.
func TestTooManyRights(t *testing.T) {
	r, d := epoll(t)
	a, b := socketpair(t, r, unix.SOCK_STREAM)
	if _, err := d.WriteRights(a, []byte("x"), make([]int, maxRights+1)); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("WriteRights of 65: %v, want EINVAL", err)
	}
	if _, err := d.WriteRights(a, nil, []int{0}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("WriteRights without a byte: %v, want EINVAL", err)
	}
	r.must(unix.Sendmsg(int(d.table.get(a).fd), []byte("x"), unix.UnixRights(make([]int, 100)...), nil, 0))
	r.until(b, In)
	before := descriptorsOpen(t)
	if n, fds, err := d.ReadRights(b, make([]byte, 9)); err != ErrTooManyRights || n != 0 || fds != nil {
		t.Errorf("ReadRights = %d, %v, %v, want ErrTooManyRights and nothing else", n, fds, err)
	}
	if after := descriptorsOpen(t); after != before {
		t.Errorf("%d descriptors are open, want %d as before", after, before)
	}
	// The control: as many as are taken pass.
	if _, err := d.WriteRights(a, []byte("x"), make([]int, maxRights)); err != nil {
		t.Fatal(err)
	}
	r.until(b, In)
	_, fds, err := d.ReadRights(b, make([]byte, 9))
	if len(fds) != maxRights || err != nil {
		t.Errorf("ReadRights = %d descriptors, %v, want %d", len(fds), err, maxRights)
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// Descriptors are also lost when the process may have no more.
func TestRightsWithoutRoom(t *testing.T) {
	r, d := epoll(t)
	a, b := socketpair(t, r, unix.SOCK_STREAM)
	if _, err := d.WriteRights(a, []byte("x"), []int{0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	r.until(b, In)
	release := exhaust(t)
	_, fds, err := d.ReadRights(b, make([]byte, 9))
	release()
	if err != ErrTooManyRights || fds != nil {
		t.Errorf("ReadRights = %v, %v, want ErrTooManyRights", fds, err)
	}
}

// B08: a file is sent from where it is asked, in parts as the socket has room.
func TestSendFile(t *testing.T) {
	r, d := epoll(t)
	client, server := r.pair()
	file, err := os.CreateTemp(t.TempDir(), "")
	r.must(err)
	defer file.Close()
	want := make([]byte, 6<<20)
	for i := range want {
		want[i] = byte(i * i >> 8)
	}
	_, err = file.Write(want)
	r.must(err)
	const from = 12345
	var got bytes.Buffer
	p := make([]byte, 256<<10)
	full := false
	off := int64(from)
	for off < int64(len(want)) {
		n, err := d.SendFile(client, file, off, len(want))
		switch {
		case err == ErrAgain:
			full = true
			r.until(server, In)
			m, err := r.Read(server, p)
			r.must(err)
			got.Write(p[:m])
		case err != nil:
			t.Fatal(err)
		}
		off += int64(n)
	}
	if n, err := d.SendFile(client, file, off, 100); n != 0 || err != nil {
		t.Errorf("SendFile at the end = %d, %v, want 0, nil", n, err)
	}
	got.WriteString(r.read(server, len(want)-from-got.Len()))
	if !bytes.Equal(got.Bytes(), want[from:]) {
		t.Error("the file came out different")
	}
	if !full {
		t.Error("the socket was never full: the test did not test")
	}
	if position, _ := file.Seek(0, io.SeekCurrent); position != int64(len(want)) {
		t.Errorf("the file's position moved to %d", position)
	}
	reading, writing, err := os.Pipe()
	r.must(err)
	defer reading.Close()
	defer writing.Close()
	if _, err := d.SendFile(client, reading, 0, 10); err == nil {
		t.Error("SendFile of a pipe: want an error, so that it is copied")
	}
}

// R34-R36: inherited sockets are recognized, and tamed.
func TestAdoptForeign(t *testing.T) {
	each(t, func(r *rig) {
		for _, c := range []struct {
			network      string
			family, kind int
			at           unix.Sockaddr
			listen       bool
		}{
			{"tcp", unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}, true},
			{"tcp6", unix.AF_INET6, unix.SOCK_STREAM, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}, true},
			{"unix", unix.AF_UNIX, unix.SOCK_STREAM, &unix.SockaddrUnix{Name: "@twistor-adopt-" + r.Name()}, true},
			{"udp4", unix.AF_INET, unix.SOCK_DGRAM, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}, false},
		} {
			fd, err := unix.Socket(c.family, c.kind, 0)
			r.must(err)
			r.must(unix.Bind(fd, c.at))
			if c.listen {
				r.must(unix.Listen(fd, 10))
			}
			h, err := r.Adopt(FD(fd), Spec{Network: c.network})
			if err != nil {
				r.Fatalf("Adopt of %s: %v", c.network, err)
			}
			if d, ok := r.Poller.(*descriptors); ok {
				for name, command := range map[string]int{"close-on-exec": unix.F_GETFD, "non-blocking": unix.F_GETFL} {
					flag := map[int]int{unix.F_GETFD: unix.FD_CLOEXEC, unix.F_GETFL: unix.O_NONBLOCK}[command]
					if got, err := unix.FcntlInt(uintptr(d.table.get(h).fd), command, 0); err != nil || got&flag == 0 {
						r.Errorf("%s: not %s (%#x, %v)", c.network, name, got, err)
					}
				}
			}
			if !c.listen {
				p := []Packet{{B: make([]byte, 9)}}
				r.send(h, Packet{B: []byte("self"), Peer: r.LocalAddr(h).AddrPort})
				r.batch(h, p)
				continue
			}
			client, err := r.dial(Spec{Network: c.network, Addr: r.LocalAddr(h)})
			r.must(err)
			served := r.accept(h)
			r.write(client, []byte("x"))
			r.read(served, 1)
		}
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		r.must(err)
		a, err := r.Adopt(FD(fds[0]), Spec{Network: "unix"})
		r.must(err)
		b, err := r.Adopt(FD(fds[1]), Spec{})
		r.must(err)
		r.write(a, []byte("pair"))
		r.read(b, 4)
	})
}

// What cannot be adopted is named, and stays the caller's.
func TestAdoptErrors(t *testing.T) {
	each(t, func(r *rig) {
		socket := func(family, kind int) func() (int, error) {
			return func() (int, error) { return unix.Socket(family, kind, 0) }
		}
		for _, c := range []struct {
			name    string
			open    func() (int, error)
			network string
			says    string
		}{
			{"a file", func() (int, error) { return unix.Open("/dev/null", unix.O_RDWR, 0) }, "tcp", "want a socket: getsockopt: socket operation on non-socket"},
			{"idle stream", socket(unix.AF_INET, unix.SOCK_STREAM), "tcp", "want a stream that listens or is connected"},
			{"packets for tcp", socket(unix.AF_INET, unix.SOCK_DGRAM), "tcp", "is a udp packet socket of IPv4"},
			{"UNIX for udp", socket(unix.AF_UNIX, unix.SOCK_DGRAM), "udp", "is a unixgram packet socket of UNIX"},
			{"IPv4 for udp6", socket(unix.AF_INET, unix.SOCK_DGRAM), "udp6", "is a udp packet socket of IPv4"},
			{"seqpacket", socket(unix.AF_UNIX, unix.SOCK_SEQPACKET), "unix", "want a stream or datagram socket"},
			{"netlink", socket(unix.AF_NETLINK, unix.SOCK_DGRAM), "", "want a socket of IPv4, IPv6 or UNIX"},
		} {
			fd, err := c.open()
			r.must(err)
			_, err = r.Adopt(FD(fd), Spec{Network: c.network})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				r.Errorf("%s: %v, want it to say %q", c.name, err, c.says)
			}
			if err := unix.Close(fd); err != nil {
				r.Errorf("%s: the caller's Close: %v, want it still open", c.name, err)
			}
		}
		if _, err := r.Adopt("nonsense", Spec{}); err == nil || !strings.Contains(err.Error(), "a string: want") {
			r.Errorf("Adopt of a string: %v", err)
		}
		if _, err := r.Adopt(FD(1<<20), Spec{}); !errors.Is(err, syscall.EBADF) {
			r.Errorf("Adopt of no descriptor: %v, want EBADF", err)
		}
	})
}

// R50: a pipe can be a stream, if it is named so.
func TestAdoptPipe(t *testing.T) {
	r, _ := epoll(t)
	var p [2]int
	r.must(unix.Pipe(p[:]))
	in, err := r.Adopt(FD(p[0]), Spec{Network: "file"})
	r.must(err)
	out, err := r.Adopt(FD(p[1]), Spec{Network: "file"})
	r.must(err)
	r.write(out, []byte("down the pipe"))
	if got, want := r.read(in, 13), "down the pipe"; got != want {
		t.Errorf("read %q, want %q", got, want)
	}
	r.must(r.Close(out, true))
	if err := r.end(in); err != io.EOF {
		t.Errorf("end is %v, want io.EOF", err)
	}
}

// What Detach gives is a descriptor that works, and the file of a UNIX port
// stays for whoever gets it.
func TestDetachKeepsTheFile(t *testing.T) {
	r, _ := epoll(t)
	path := t.TempDir() + "/s"
	port, err := r.Listen(Spec{Network: "unix", Addr: Addr{Path: path}})
	r.must(err)
	sock, err := r.Detach(port)
	r.must(err)
	other := newRig(t, Open)
	moved, err := other.Adopt(sock, Spec{Network: "unix"})
	r.must(err)
	client, err := r.dial(Spec{Network: "unix", Addr: Addr{Path: path}})
	r.must(err)
	other.accept(moved)
	r.must(r.Close(client, false))
	other.must(other.Close(moved, false))
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the file: %v, want it left: this one did not bind it", err)
	}
}

// A packet's Via is the address it was sent to, and the answer leaves from it:
// https://www.rfc-editor.org/rfc/rfc1122#section-4.1.3.5
func TestViaIsWhereItCame(t *testing.T) {
	for _, network := range []string{"udp4", "udp"} {
		r, _ := epoll(t)
		server, err := r.Listen(Spec{Network: network})
		r.must(err)
		number := r.LocalAddr(server).AddrPort.Port()
		for last := range byte(4) {
			to := netip.AddrFrom4([4]byte{127, 0, 0, 2 + last})
			client, err := r.dial(Spec{Network: "udp4", Addr: Addr{AddrPort: netip.AddrPortFrom(to, number)}})
			r.must(err)
			r.send(client, Packet{B: []byte("q")})
			p := []Packet{{B: make([]byte, 9)}}
			r.batch(server, p)
			if p[0].Via != to {
				t.Errorf("%s: Via is %v, want %v", network, p[0].Via, to)
			}
			// The connected client hears only what comes from there.
			r.send(server, Packet{B: []byte("a"), Peer: p[0].Peer, Via: p[0].Via})
			r.batch(client, p)
			if p[0].Peer.Addr() != to {
				t.Errorf("%s: the answer came from %v, want %v", network, p[0].Peer, to)
			}
		}
	}
}

// Abstract names come back whole, also a short one after a long one.
func TestAbstractNames(t *testing.T) {
	r, _ := epoll(t)
	server, err := r.Listen(Spec{Network: "unixgram", Addr: Addr{Path: "@twistor-server"}})
	r.must(err)
	p := []Packet{{B: make([]byte, 9)}}
	for _, name := range []string{"@twistor-" + strings.Repeat("n", maxPathBytes-9), "@t", "@twistor-middle"} {
		client, err := r.dial(Spec{Network: "unixgram", Addr: Addr{Path: "@twistor-server"}, Local: Addr{Path: name}})
		if err != nil {
			t.Fatalf("dial from %q: %v", name, err)
		}
		if got := r.LocalAddr(client).Path; got != name {
			t.Errorf("LocalAddr is %q, want %q", got, name)
		}
		r.send(client, Packet{B: []byte("q")})
		r.batch(server, p)
		if p[0].Path != name {
			t.Errorf("came from %q, want %q", p[0].Path, name)
		}
		r.send(server, Packet{B: []byte("a"), Path: p[0].Path})
		r.batch(client, p)
		r.must(r.Close(client, false))
	}
	port, err := r.Listen(Spec{Network: "unix", Addr: Addr{Path: "@twistor-port"}})
	r.must(err)
	for _, name := range []string{"@twistor-" + strings.Repeat("n", maxPathBytes-9), "@t", ""} {
		client, err := r.dial(Spec{Network: "unix", Addr: Addr{Path: "@twistor-port"}, Local: Addr{Path: name}})
		r.must(err)
		r.until(port, In)
		sock, from, err := r.Accept(port)
		r.must(err)
		if from.Path != name {
			t.Errorf("accepted from %q, want %q", from.Path, name)
		}
		r.Drop(sock, false)
		r.must(r.Close(client, false))
	}
	// A path of the greatest length, with no room for a NUL in the answer.
	dir := t.TempDir()
	if len(dir) > maxPathBytes-2 {
		t.Skipf("%s is too long", dir)
	}
	long := fmt.Sprintf("%s/%s", dir, strings.Repeat("p", maxPathBytes-1-len(dir)))
	port, err = r.Listen(Spec{Network: "unix", Addr: Addr{Path: long}})
	r.must(err)
	if got := r.LocalAddr(port).Path; got != long {
		t.Errorf("LocalAddr is %q, want %q", got, long)
	}
}

//go:build linux

package main

import (
	"bytes"
	"fmt"
	"log"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filled is what the files of the suite files hold, over and over.
var filled = []byte("0123456789abcdef")

// getFiles downloads with keep-alive and counts bytes of bodies. After the first
// download of all, which is held against what the file has, it lets the kernel
// drop what comes (MSG_TRUNC), so that the load costs next to nothing.
func getFiles() result {
	runtime.LockOSThread()
	ask := request()
	buf := make([]byte, 16<<10)
	left := make([]int, *count) // of the body; 0: a head is next
	fds := make([]int, *count)
	p := newPoller()
	for i := range fds {
		fds[i] = dial(i)
		if i == 0 {
			must(compare(fds[0], ask))
		}
		unix.SetNonblock(fds[i], true)
		p.watch(unix.EPOLL_CTL_ADD, fds[i], i, unix.EPOLLIN)
		must(socket(fds[i]).write(ask))
	}
	m := newMeter()
	for !m.over() {
		for _, ev := range p.wait() {
			i := int(ev.Fd)
			if left[i] == 0 {
				left[i] = takeHead(fds[i], buf)
				continue
			}
			n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fds[i]), uintptr(unsafe.Pointer(&buf[0])), uintptr(min(left[i], 4<<20)), unix.MSG_TRUNC, 0, 0)
			if e == unix.EAGAIN {
				continue
			}
			if e != 0 || n == 0 {
				log.Fatal("body: ", n, " ", e)
			}
			left[i] -= int(n)
			m.done += int(n)
			if left[i] == 0 {
				must(socket(fds[i]).write(ask))
			}
		}
	}
	r := m.result() // for a byte, so far
	r.CPU *= 1 << 30 / 1e6
	r.Rate /= 1 << 20
	return r
}

// takeHead reads the head, if it is there, and nothing behind it; it returns the
// length of the body, which is never 0 here.
func takeHead(fd int, buf []byte) (body int) {
	n, _, err := unix.Recvfrom(fd, buf, unix.MSG_PEEK)
	if err == unix.EAGAIN {
		return 0
	}
	must(err)
	if n == 0 {
		log.Fatal(errClosed)
	}
	head, body, err := parseHead(buf[:n])
	must(err)
	if head > 0 {
		rw(unix.SYS_READ, fd, buf[:head])
	}
	return body
}

// compare downloads once over a socket that waits, and says where the file
// differs from what it was filled with.
func compare(fd int, ask []byte) error {
	if err := socket(fd).write(ask); err != nil {
		return err
	}
	var in []byte
	buf := make([]byte, 1<<20)
	for head, body := 0, 0; ; {
		n, err := socket(fd).read(buf)
		if err != nil {
			return err
		}
		in = append(in, buf[:n]...)
		if head == 0 {
			if head, body, err = parseHead(in); err != nil {
				return err
			}
			if head == 0 {
				continue
			}
			if body == 0 || body%len(filled) > 0 {
				return fmt.Errorf("got %d bytes, %q; want some of %q", body, in[head:min(head+40, len(in))], filled)
			}
			in = in[head:]
		}
		for len(in) >= len(filled) && body >= len(filled) {
			if !bytes.HasPrefix(in, filled) {
				return fmt.Errorf("%d bytes before its end the file has %q, want %q", body, in[:len(filled)], filled)
			}
			in, body = in[len(filled):], body-len(filled)
		}
		if body == 0 {
			return nil
		}
	}
}

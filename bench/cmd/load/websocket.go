//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// mask hides what a client sends, as RFC 6455 wants of clients; one is as much
// work for a server as any other (https://www.rfc-editor.org/rfc/rfc6455#section-5.3).
var mask = [4]byte{0x5a, 0x01, 0xf0, 0x37}

// Messages are binary, numbered, and at most this long: one header's form.
const maxMessage = 125

// appendFrame adds message number n as a client sends it.
func appendFrame(b []byte, n uint64) []byte {
	b = append(b, 0x82, 0x80|byte(*size))
	b = append(b, mask[:]...)
	b = fill(b, n)
	for i, p := 0, b[len(b)-*size:]; i < len(p); i++ {
		p[i] ^= mask[i%4]
	}
	return b
}

// answer is message number n as a server sends it.
func answer(b []byte, n uint64) []byte { return fill(append(b, 0x82, byte(*size)), n) }

func fill(b []byte, n uint64) []byte {
	b = binary.BigEndian.AppendUint64(b, n)
	for i := range *size - 8 {
		b = append(b, 'a'+byte(i%26))
	}
	return b
}

// A talker is one connection of websocket or broadcast.
type talker struct {
	socket
	said, heard uint64 // messages
	part        []byte // of one that is not whole
}

// receive reads once and returns how many messages became whole; they must come
// in order, and be what was sent.
func (t *talker) receive(buf, want []byte) (whole int, err error) {
	kept := copy(buf, t.part)
	n, err := t.read(buf[kept:])
	if err != nil {
		return 0, err
	}
	in := buf[:kept+n]
	for ; len(in) >= len(want); in = in[len(want):] {
		binary.BigEndian.PutUint64(want[2:], t.heard)
		if !bytes.HasPrefix(in, want) {
			return 0, fmt.Errorf("message %d is %q, want %q", t.heard, in[:len(want)], want)
		}
		t.heard++
		whole++
	}
	t.part = append(t.part[:0], in...)
	return whole, nil
}

// upgrade makes a WebSocket of socket number i.
func upgrade(i int) int {
	fd := dial(i)
	must(socket(fd).write([]byte("GET " + *path + " HTTP/1.1\r\nHost: " + *address + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")))
	var in []byte
	for buf := make([]byte, 1); !bytes.HasSuffix(in, []byte("\r\n\r\n")); { // no byte of what follows
		_, err := socket(fd).read(buf)
		must(err)
		in = append(in, buf[0])
	}
	// The key and what it is answered with are the RFC's own
	// (https://www.rfc-editor.org/rfc/rfc6455#section-1.3).
	head := string(in)
	if !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
		log.Fatalf("got %.200q, want an upgrade", head)
	}
	unix.SetNonblock(fd, true)
	return fd
}

// talkers opens all connections.
func talkers(p *poller) []talker {
	if *size < 8 || *size > maxMessage {
		log.Fatalf("-size %d: want 8 to %d", *size, maxMessage)
	}
	all := make([]talker, *count)
	for i := range all {
		fd := upgrade(i)
		all[i] = talker{socket: socket(fd)}
		p.watch(unix.EPOLL_CTL_ADD, fd, i, unix.EPOLLIN)
	}
	return all
}

// echoFrames keeps depth messages in flight on every connection.
func echoFrames() result {
	runtime.LockOSThread()
	p := newPoller()
	all := talkers(p)
	buf, out, want := make([]byte, 256<<10), []byte(nil), answer(nil, 0)
	say := func(t *talker, n int) {
		out = out[:0]
		for range n {
			out = appendFrame(out, t.said)
			t.said++
		}
		must(t.write(out))
	}
	m := newMeter()
	for i := range all {
		say(&all[i], *depth)
	}
	for !m.over() {
		for _, ev := range p.wait() {
			t := &all[ev.Fd]
			n, err := t.receive(buf, want)
			if err == errAgain {
				continue
			}
			must(err)
			if n > 0 {
				m.done += n
				say(t, n)
			}
		}
	}
	return m.result()
}

// broadcast lets the first connection speak, and counts messages delivered.
// Everybody has heard one before the next is said: a server has no choice but
// to send each of them alone.
func broadcast() result {
	runtime.LockOSThread()
	p := newPoller()
	all := talkers(p)
	buf, want := make([]byte, 256<<10), answer(nil, 0)
	speaker, missing := &all[0], 0
	m := newMeter()
	for !m.over() {
		if missing == 0 {
			must(speaker.write(appendFrame(nil, speaker.said)))
			speaker.said++
			missing = len(all)
		}
		for _, ev := range p.wait() {
			n, err := all[ev.Fd].receive(buf, want)
			if err == errAgain {
				continue
			}
			must(err)
			m.done += n
			missing -= n
		}
	}
	return m.result()
}

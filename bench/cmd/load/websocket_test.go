//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"
)

// readFrame is what another implementation makes of a frame.
func readFrame(t *testing.T, frame []byte) (ws.Header, []byte) {
	r := bytes.NewReader(frame)
	h, err := ws.ReadHeader(r)
	if err != nil {
		t.Fatal(err)
	}
	p := frame[len(frame)-r.Len():]
	if h.Length != int64(len(p)) {
		t.Errorf("%d bytes follow a head that says %d", len(p), h.Length)
	}
	if h.Masked {
		ws.Cipher(p, h.Mask, 0)
	}
	return h, p
}

func TestFramesSayTheSame(t *testing.T) {
	sent, said := readFrame(t, appendFrame(nil, 7))
	if !sent.Fin || !sent.Masked || sent.OpCode != ws.OpBinary || sent.Length != int64(*size) {
		t.Errorf("a client's frame begins with %+v", sent)
	}
	back, heard := readFrame(t, answer(nil, 7))
	if back.Masked {
		t.Error("a server's frame is masked")
	}
	if !bytes.Equal(said, heard) {
		t.Errorf("said %q, want to hear %q", said, heard)
	}
}

// Messages count however they are cut, and only in order.
func TestTalkersHearEachMessage(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	server, client := socket(pair[0]), talker{socket: socket(pair[1])}
	buf, want := make([]byte, 1024), answer(nil, 0)
	wire := append(answer(nil, 0), answer(nil, 1)...)
	heard := 0
	for i := range wire {
		must(server.write(wire[i : i+1]))
		n, err := client.receive(buf, want)
		if err != nil {
			t.Fatal(err)
		}
		heard += n
	}
	if heard != 2 {
		t.Errorf("heard %d messages of 2", heard)
	}
	if _, err := client.receive(buf, want); err != errAgain {
		t.Errorf("got %v when there is nothing, want %v", err, errAgain)
	}
	must(server.write(answer(nil, 3)))
	if _, err := client.receive(buf, want); err == nil || !strings.Contains(err.Error(), "message 2 is") {
		t.Errorf("a message is lost: got %v, want an error", err)
	}
}

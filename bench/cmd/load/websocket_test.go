//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"
)

// Another implementation reads in a client's frame what a server's frame says.
func TestFramesSayTheSame(t *testing.T) {
	sent, err := ws.ReadFrame(bytes.NewReader(appendFrame(nil, 7)))
	if err != nil {
		t.Fatal(err)
	}
	if !sent.Header.Fin || !sent.Header.Masked || sent.Header.OpCode != ws.OpBinary || sent.Header.Length != int64(*size) {
		t.Errorf("a client's frame begins with %+v", sent.Header)
	}
	back, err := ws.ReadFrame(bytes.NewReader(answer(nil, 7)))
	if err != nil {
		t.Fatal(err)
	}
	if back.Header.Masked {
		t.Error("a server's frame is masked")
	}
	if got, want := ws.UnmaskFrame(sent).Payload, back.Payload; !bytes.Equal(got, want) {
		t.Errorf("said %q, want to hear %q", got, want)
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

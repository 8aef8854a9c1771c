package poll

import (
	"bytes"
	"runtime"
	"testing"
)

// F-36: Shut ends every pump, whatever it waits for: a dial, a connection, a
// packet, bytes to read, and room to write, which it waits for a second.
func TestF36ShutEndsPumps(t *testing.T) {
	leaks(t)
	r := newRig(t, OpenPortable)
	port, at := r.port("tcp")
	r.must(r.Want(port, In))
	r.port("udp")
	client, server := r.pair()
	r.must(r.Want(server, 0))
	for { // the peer reads nothing
		if _, err := r.Write(client, make([]byte, 64<<10)); err == ErrAgain {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	r.must(r.Close(client, false)) // still writing
	for range 5 {
		_, err := r.Dial(Spec{Network: "tcp", Addr: at})
		r.must(err)
	}
	if pumps() == 0 {
		t.Fatal("no pump runs: the test does not test")
	}
	r.must(r.Shut())
	// The last thing that Shut waits for is a pump's last deed but its return.
	for _, before := Now(); pumps() != 0; runtime.Gosched() {
		if _, now := Now(); now-before > int64(patience) {
			t.Fatalf("%d pumps run after Shut", pumps())
		}
	}
}

// pumps counts the goroutines of pumps.
func pumps() int {
	stacks := make([]byte, 1<<20)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte(".(*pumped).pump"))
}

// The portable Poller's optional sides: packets only.
func TestPortableSides(t *testing.T) {
	r := newRig(t, OpenPortable)
	if _, ok := r.Poller.(Packeter); !ok {
		t.Error("it is no Packeter")
	}
	if _, ok := r.Poller.(Sender); ok {
		t.Error("it is a Sender: the reactor would send files by it")
	}
	if _, ok := r.Poller.(Rights); ok {
		t.Error("it passes Rights, which package net cannot")
	}
}

//go:build linux

package main

import (
	"encoding/binary"
	"log"
	"math/rand/v2"
	"runtime"

	"golang.org/x/sys/unix"
)

// An interview is one connection with its queries in flight.
type interview struct {
	stream
	slots []inquiry
	part  []byte // of an answer that is not whole
	out   []byte
}

// askTCP is askUDP over connections: queries are written together, as many as
// answers came with one read.
func askTCP() result {
	runtime.LockOSThread()
	awaitServer()
	r := rand.New(rand.NewPCG(1, 2))
	buf := make([]byte, 256<<10)
	talks := make([]interview, *count)
	p := newPoller()
	for i := range talks {
		s, fd := open(i)
		talks[i] = interview{stream: s, slots: make([]inquiry, *depth)}
		p.watch(unix.EPOLL_CTL_ADD, fd, i, unix.EPOLLIN)
	}
	m := newMeter()
	for i := range talks {
		t := &talks[i]
		for slot := range t.slots {
			t.ask(slot, r)
		}
		must(t.flush())
	}
	for !m.over() {
		for _, ev := range p.wait() {
			t := &talks[ev.Fd]
			done, err := t.receive(buf, r)
			must(err)
			m.done += done
			must(t.flush())
		}
	}
	return m.result()
}

// ask queues the next query of a slot.
func (t *interview) ask(slot int, r *rand.Rand) {
	q := &t.slots[slot]
	q.ask(uint16(slot), r)
	t.out = binary.BigEndian.AppendUint16(t.out, uint16(len(q.packet)))
	t.out = append(t.out, q.packet...)
}

func (t *interview) flush() error {
	if len(t.out) == 0 {
		return nil
	}
	err := t.write(t.out)
	t.out = t.out[:0]
	return err
}

// receive reads once, checks the answers, and queues as many queries.
func (t *interview) receive(buf []byte, r *rand.Rand) (done int, err error) {
	kept := copy(buf, t.part)
	n, err := t.read(buf[kept:])
	if err == errAgain {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	in := buf[:kept+n]
	for len(in) >= 2 {
		size := 2 + int(binary.BigEndian.Uint16(in))
		if size > len(in) {
			break
		}
		answer := in[2:size]
		slot := int(binary.BigEndian.Uint16(answer))
		if slot >= len(t.slots) {
			log.Fatalf("an answer has the id %d, want one that was asked", slot)
		}
		if err := t.slots[slot].check(answer); err != nil {
			return 0, err
		}
		t.ask(slot, r)
		done++
		in = in[size:]
	}
	t.part = append(t.part[:0], in...)
	return done, nil
}

//go:build linux

package main

import (
	"encoding/binary"
	"log"
	"math/rand/v2"
	"net"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxAnswer is how long an answer over UDP can be.
const maxAnswer = 1232

// startTime is how long a server may take to read its zone.
const startTime = 45 * time.Second

// An mmsghdr is one packet of sendmmsg and recvmmsg.
type mmsghdr struct {
	unix.Msghdr
	n uint32
	_ [4]byte
}

// A batch is packets for one system call.
type batch struct {
	hdrs []mmsghdr
	vecs []unix.Iovec
}

func newBatch(n int) *batch {
	b := &batch{make([]mmsghdr, n), make([]unix.Iovec, n)}
	for i := range b.hdrs {
		b.hdrs[i].Iov = &b.vecs[i]
		b.hdrs[i].Iovlen = 1
	}
	return b
}

func (b *batch) set(i int, p []byte) {
	b.vecs[i].Base = &p[0]
	b.vecs[i].SetLen(len(p))
}

func (b *batch) call(trap uintptr, fd, n int) (int, unix.Errno) {
	k, _, e := unix.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&b.hdrs[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	return int(int64(k)), e
}

// An asker is one socket with its queries in flight, each in a slot, which the
// low bits of its id say.
type asker struct {
	fd    int
	turn  uint16
	slots []inquiry
	heard bool // since the clock was looked at
}

// send asks anew in the slots named.
func (a *asker) send(slots []int, out *batch, r *rand.Rand) {
	a.turn++
	for i, slot := range slots {
		q := &a.slots[slot]
		q.ask(a.turn*uint16(len(a.slots))+uint16(slot), r)
		out.set(i, q.packet)
	}
	for len(slots) > 0 {
		n, e := out.call(unix.SYS_SENDMMSG, a.fd, len(slots))
		if e == unix.ECONNREFUSED {
			log.Fatal("nobody listens")
		}
		if e != 0 {
			return // what could not be sent is lost
		}
		slots = slots[n:]
		for i, slot := range slots {
			out.set(i, a.slots[slot].packet)
		}
	}
}

// askUDP keeps depth queries in flight on each of c sockets, and counts the
// answers within the window, each of which must be right. What is lost is asked
// again when a socket has heard nothing for 50 ms.
func askUDP() result {
	runtime.LockOSThread()
	if *depth&(*depth-1) != 0 {
		log.Fatal("-depth must be a power of two")
	}
	awaitServer()
	r := rand.New(rand.NewPCG(1, 2))
	in, out := newBatch(*depth), newBatch(*depth)
	room := make([][]byte, *depth)
	for i := range room {
		room[i] = make([]byte, maxAnswer)
		in.set(i, room[i])
	}
	askers := make([]asker, *count)
	all := make([]int, *depth)
	for i := range all {
		all[i] = i
	}
	p := newPoller()
	m := newMeter()
	for i := range askers {
		fd := dialUDP(i)
		askers[i] = asker{fd: fd, slots: make([]inquiry, *depth)}
		p.watch(unix.EPOLL_CTL_ADD, fd, i, unix.EPOLLIN)
		askers[i].send(all, out, r)
	}
	lost, looked := 0, time.Now()
	answered := make([]int, 0, *depth)
	for !m.over() {
		for _, ev := range p.wait() {
			a := &askers[ev.Fd]
			n, e := in.call(unix.SYS_RECVMMSG, a.fd, *depth)
			if e != 0 {
				continue
			}
			answered = answered[:0]
			for i := range n {
				b := room[i][:in.hdrs[i].n]
				slot := int(binary.BigEndian.Uint16(b)) % len(a.slots)
				if err := a.slots[slot].check(b); err == errOther {
					continue // one that was given up
				} else if err != nil {
					log.Fatal(err)
				}
				answered = append(answered, slot)
			}
			a.heard = true
			m.done += len(answered)
			a.send(answered, out, r)
		}
		if now := time.Now(); now.Sub(looked) > 50*time.Millisecond {
			looked = now
			for i := range askers {
				if a := &askers[i]; !a.heard {
					lost += len(all)
					a.send(all, out, r)
				}
				askers[i].heard = false
			}
		}
	}
	v := m.result()
	v.Lost = 100 * float64(lost) / float64(lost+m.done)
	return v
}

// awaitServer asks until there is a right answer: a server may read its zone
// for a while.
func awaitServer() {
	fd := dialUDP(0)
	defer unix.Close(fd)
	r := rand.New(rand.NewPCG(3, 4))
	var q inquiry
	q.ask(1, r) // always the same: an answer may be to an earlier try
	b := make([]byte, maxAnswer)
	err := error(unix.ETIMEDOUT)
	for end := time.Now().Add(startTime); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		unix.Write(fd, q.packet)
		unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 500)
		n, _, e := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
		if e == nil {
			if err = q.check(b[:n]); err == nil {
				return
			}
		}
	}
	log.Fatalf("no answer within %v: %v", startTime, err)
}

// dialUDP is socket number i, connected.
func dialUDP(i int) int {
	to, err := net.ResolveUDPAddr("udp4", *address)
	if err != nil {
		log.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	must(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + i%8)}}))
	must(unix.Connect(fd, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}))
	return fd
}

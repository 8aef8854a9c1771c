//go:build linux

package main

import (
	"log"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twistor-go/twistor/bench/internal/proc"
)

// A conn is one connection of echo. What it sends is one endless pattern of
// 64 bytes, so that an echo that lost, doubled or moved a byte is seen.
type conn struct {
	fd        int
	in, out   int // bytes of all received and sent
	owed      int // bytes to send
	partial   int // bytes of the message not yet whole
	wantWrite bool
}

// echo keeps depth messages in flight on every connection and counts those
// that came back within the window.
func echo() result {
	runtime.LockOSThread()
	inFlight := *size * *depth
	pattern := make([]byte, inFlight+64)
	for i := range pattern {
		pattern[i] = byte(i % 64)
	}
	buf := make([]byte, 256<<10)
	conns := make([]conn, *count)
	p := newPoller()
	for i := range conns {
		fd := dial(i)
		unix.SetNonblock(fd, true)
		conns[i] = conn{fd: fd, owed: inFlight}
		p.watch(unix.EPOLL_CTL_ADD, fd, i, unix.EPOLLIN)
	}
	flush := func(i int) {
		c := &conns[i]
		for c.owed > 0 {
			at := c.out % 64
			n, e := rw(unix.SYS_WRITE, c.fd, pattern[at:at+c.owed])
			if e == unix.EAGAIN {
				break
			}
			if e != 0 {
				log.Fatal("write: ", e)
			}
			c.out += n
			c.owed -= n
		}
		if want := c.owed > 0; want != c.wantWrite {
			c.wantWrite = want
			events := uint32(unix.EPOLLIN)
			if want {
				events |= unix.EPOLLOUT
			}
			p.watch(unix.EPOLL_CTL_MOD, c.fd, i, events)
		}
	}
	m := newMeter()
	for i := range conns {
		flush(i)
	}
	for !m.over() {
		for _, ev := range p.wait() {
			c := &conns[ev.Fd]
			if ev.Events&^unix.EPOLLOUT != 0 {
				n, e := rw(unix.SYS_READ, c.fd, buf)
				if e != 0 && e != unix.EAGAIN || e == 0 && n == 0 {
					log.Fatal("read: ", n, " ", e)
				}
				if n > 0 {
					if buf[0] != byte(c.in%64) {
						log.Fatal("the echo differs from what was sent")
					}
					c.in += n
					c.partial += n
					whole := c.partial / *size
					c.partial -= whole * *size
					c.owed += whole * *size
					m.done += whole
				}
			}
			if c.owed > 0 {
				flush(int(ev.Fd))
			}
		}
	}
	return m.result()
}

// A meter measures one window of time, after a warm-up.
type meter struct {
	from, to  time.Time
	running   bool
	pids      []int
	cpu, self float64
	done      int // messages, counted by the user
	before    int // those of the warm-up
}

func newMeter() *meter {
	m := &meter{from: time.Now().Add(*warm)}
	if *server > 0 {
		m.pids = proc.Tree(*server)
	}
	return m
}

// over begins the window when the warm-up is past, and reports its end. On a
// machine that has no time for us it goes on to the first message, for at most
// ten seconds more.
func (m *meter) over() bool {
	now := time.Now()
	if !m.running {
		if now.After(m.from) {
			m.running, m.from, m.to, m.before = true, now, now.Add(*window), m.done
			m.cpu, m.self = proc.CPU(m.pids), proc.CPU([]int{os.Getpid()})
		}
		return false
	}
	return now.After(m.to) && (m.done > m.before || now.After(m.to.Add(10*time.Second)))
}

func (m *meter) result() result {
	secs := time.Since(m.from).Seconds()
	cpu, self := proc.CPU(m.pids)-m.cpu, proc.CPU([]int{os.Getpid()})-m.self
	n := float64(m.done - m.before)
	if n == 0 {
		log.Fatal("no message came back")
	}
	return result{Rate: n / secs, CPU: cpu / n * 1e6, Busy: cpu / secs, Load: self / secs, RSS: float64(proc.RSS(m.pids, "VmHWM"))}
}

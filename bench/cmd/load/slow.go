//go:build linux

package main

import (
	"log"
	"net"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/twistor-go/twistor/bench/internal/proc"
	"golang.org/x/sys/unix"
)

const (
	drip     = time.Second            // an attacker sends one byte each
	honestly = 5 * time.Millisecond   // an honest request comes each
	ramp     = 500 * time.Microsecond // an attacker comes each
)

// A visitor is one connection of slow.
type visitor struct {
	fd       int // -1: it is over
	attacks  bool
	since    time.Time // an honest one's: when it was due, whatever delayed it
	next     time.Time // when the attacker's next byte is due; zero: it does not stand yet
	response []byte    // the honest one's, so far
}

// A siege is what slow attackers and honest visitors do at one server.
type siege struct {
	p         *poller
	to        unix.Sockaddr
	buf       []byte
	all       []visitor
	free      []int // of all
	attackers []int // of all, in the order of their next bytes
	r         responses

	asked, served int
	waits, lives  []float64 // ms of requests served; s of attackers until they were closed
}

// slow is fault F-01. It lets attackers send heads that never end, a byte a second, and asks 200
// honest requests a second beside them, each over a connection of its own. It
// reports how many of those failed, how long they took (to a millisecond, its
// tick), what the server needed, and how long an attacker was suffered.
func slow() result {
	runtime.LockOSThread()
	addr, err := net.ResolveTCPAddr("tcp4", *address)
	must(err)
	s := &siege{
		p: newPoller(), to: &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())},
		buf: make([]byte, 64<<10), r: responses{body: []byte(*body)},
	}
	pids := proc.Tree(*server)
	cpu, self := proc.CPU(pids), proc.CPU([]int{os.Getpid()})
	start := time.Now()
	end := start.Add(*window)
	came := 0
	for now := start; now.Before(end); now = time.Now() {
		for came < *attackers && now.Sub(start) > time.Duration(came)*ramp {
			s.enter(came, visitor{attacks: true, since: now})
			came++
		}
		// The last ones have the time to fail.
		for due := start.Add(time.Duration(s.asked) * honestly); due.Before(now) && due.Before(end.Add(-*patience)); due = due.Add(honestly) {
			s.enter(s.asked, visitor{since: due})
			s.asked++
		}
		s.drip(now)
		for _, ev := range s.p.waitFor(1) {
			s.ready(int(ev.Fd), ev.Events)
		}
	}
	peak := proc.RSS(pids, "VmHWM")
	secs := time.Since(start).Seconds()
	if s.asked == 0 {
		log.Fatalf("-dur %v: want more than %v, in which the last requests may be answered", *window, *patience)
	}
	return result{
		Failed: 100 * (1 - float64(s.served)/float64(s.asked)),
		P50:    quantile(s.waits, 0.5), P99: quantile(s.waits, 0.99),
		Suffered: quantile(s.lives, 1), Left: 100 * (1 - float64(len(s.lives))/float64(max(*attackers, 1))),
		Busy: (proc.CPU(pids) - cpu) / secs, Load: (proc.CPU([]int{os.Getpid()}) - self) / secs, RSS: float64(peak),
	}
}

// enter connects without waiting, so that a server that accepts slowly holds up
// nobody but the one.
func (s *siege) enter(i int, v visitor) {
	v.fd = unconnected(i)
	unix.SetNonblock(v.fd, true)
	if err := unix.Connect(v.fd, s.to); err != nil && err != unix.EINPROGRESS {
		log.Fatal("connect: ", err)
	}
	at := len(s.all)
	if n := len(s.free); n > 0 {
		at, s.free = s.free[n-1], s.free[:n-1]
		s.all[at] = v
	} else {
		s.all = append(s.all, v)
	}
	s.p.watch(unix.EPOLL_CTL_ADD, v.fd, at, unix.EPOLLOUT)
}

// drip sends the attackers' bytes that are due. They were queued in that order.
func (s *siege) drip(now time.Time) {
	for len(s.attackers) > 0 {
		at := s.attackers[0]
		v := &s.all[at]
		if v.fd >= 0 && v.next.After(now) {
			return
		}
		s.attackers = s.attackers[1:]
		if v.fd < 0 {
			continue
		}
		rw(unix.SYS_WRITE, v.fd, []byte("a")) // an error is seen by its event
		v.next = now.Add(drip)
		s.attackers = append(s.attackers, at)
	}
}

// ready has an event of one visitor.
func (s *siege) ready(at int, events uint32) {
	v := &s.all[at]
	if events&unix.EPOLLOUT != 0 {
		head := request()
		if v.attacks {
			head = append(head[:len(head)-2], "X-Slow: "...)
			v.next = time.Now().Add(drip)
			s.attackers = append(s.attackers, at)
		}
		rw(unix.SYS_WRITE, v.fd, head)
		s.p.watch(unix.EPOLL_CTL_MOD, v.fd, at, unix.EPOLLIN)
		return
	}
	n, e := rw(unix.SYS_READ, v.fd, s.buf)
	switch {
	case e == unix.EAGAIN:
	case n > 0 && e == 0:
		if v.attacks {
			return // it is told why it will be closed
		}
		v.response = append(v.response, s.buf[:n]...)
		whole, err := s.r.next(v.response)
		if err == nil && whole == 0 {
			return
		}
		if wait := time.Since(v.since); err == nil && wait < *patience {
			s.served++
			s.waits = append(s.waits, wait.Seconds()*1e3)
		}
		s.leave(at)
	default:
		if v.attacks {
			s.lives = append(s.lives, time.Since(v.since).Seconds())
		}
		s.leave(at)
	}
}

// leave closes. The place of an attacker is not used again: it may be queued.
func (s *siege) leave(at int) {
	v := &s.all[at]
	unix.Close(v.fd)
	v.fd = -1
	if !v.attacks {
		s.free = append(s.free, at)
	}
}

// quantile is the value that the share q of all is at most; 0 if there are none.
func quantile(all []float64, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[min(int(q*float64(len(all))), len(all)-1)]
}

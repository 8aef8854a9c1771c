package sim

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// maxJobs is how many jobs of Loop.Work a host has under way at most; more fail
// with deferred.ErrPoolFull.
const maxJobs = 10_000

// resolve answers for the names of hosts.
func (h *Host) resolve(_ context.Context, host string) ([]netip.Addr, error) {
	w := h.world
	if host == "localhost" {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	if slices.Contains(w.Net.LostNames, host) {
		w.extra = lostName
		return nil, &net.DNSError{Err: "i/o timeout", Name: host, IsTimeout: true, IsTemporary: true}
	}
	for _, o := range w.hosts {
		if o.name == host {
			return []netip.Addr{o.Addr(), o.Addr6()}, nil
		}
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// lostName is how long a lookup takes that nobody answers.
const lostName = 10 * time.Second

// A job is one call of Loop.Work under way.
type job struct {
	begun, over bool
	cancel      context.CancelFunc
}

// work plays the pool of workers: a job runs at a later virtual time, on this
// goroutine, all at once; so it must not wait for anything of the loop.
func (h *Host) work(do func(context.Context) func(), deliver func(func())) (func(), error) {
	w := h.world
	if h.jobs >= maxJobs {
		return nil, deferred.ErrPoolFull
	}
	h.jobs++
	w.ids++
	id, life := w.ids, h.life
	ctx, cancel := context.WithCancel(context.Background())
	j := &job{cancel: cancel}
	w.after(w.Net.WorkTime+upTo(w.chance, w.Net.WorkJitter), func() {
		h.jobs--
		if h.life != life || j.over {
			return
		}
		j.begun = true
		w.record(h, kindJob, id, nil)
		w.extra = 0
		f := protect(do, ctx)
		w.after(w.extra, func() {
			cancel()
			if f != nil && h.life == life {
				deliver(f)
			}
		})
	})
	return func() {
		j.over = !j.begun
		cancel()
	}, nil
}

// protect runs a job; if it panics, its delivery does.
func protect(do func(context.Context) func(), ctx context.Context) (f func()) {
	defer func() {
		if v := recover(); v != nil {
			f = func() { panic(v) }
		}
	}()
	return do(ctx)
}

func (h *Host) notify(l twistor.Loop, dir string, f func(name string, op twistor.FileOp)) (io.Closer, error) {
	open := true
	w, err := h.Disk.Notify(dir, func(name string, op twistor.FileOp) {
		l.Post(func() {
			if open {
				f(name, op)
			}
		})
	})
	if err != nil {
		return nil, err
	}
	return closerFunc(func() error { open = false; return w.Close() }), nil
}

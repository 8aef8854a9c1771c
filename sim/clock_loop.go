package sim

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/tlslayer"
)

// CallLater calls f during the Advance that passes d from now; d <= 0: during
// the next, or this one.
func (c *Clock) CallLater(d time.Duration, f func()) twistor.Timer {
	a := &alarm{clock: c}
	a.call = f
	a.Reset(d)
	return deferred.TimerOf(a)
}

// An alarm is a call to come on a Clock.
type alarm struct {
	entry
	clock *Clock
}

func (a *alarm) Stop() bool { return a.clock.agenda.remove(&a.entry) }

func (a *alarm) Reset(d time.Duration) {
	a.Stop()
	if !a.clock.closed {
		a.clock.agenda.add(&a.entry, a.clock.mono+int64(max(d, 0)))
	}
}

func (a *alarm) When() time.Time {
	if a.pos == 0 {
		return time.Time{}
	}
	return Epoch.Add(time.Duration(a.at))
}

// Post calls f when the running callback returns, or at the next Advance.
func (c *Clock) Post(f func()) bool {
	if c.closed {
		return false
	}
	c.posted = append(c.posted, f)
	return true
}

// Work runs job on this goroutine WorkTime from now, and what it returned. A
// job that is cancelled before that never runs.
func (c *Clock) Work(job func(context.Context) func()) (cancel func(), err error) {
	if c.closed {
		return nil, twistor.ErrStopped
	}
	ctx, stop := context.WithCancel(context.Background())
	timer := c.CallLater(c.WorkTime, func() {
		defer stop()
		if deliver := job(ctx); deliver != nil {
			deliver()
		}
	})
	return func() { timer.Stop(); stop() }, nil
}

// Report takes a failure that nobody handles; see Errors.
func (c *Clock) Report(err error) { c.book.report(err) }

// Errors returns what was reported, and what was logged as an error, and
// forgets it: a test calls it when it expects them.
func (c *Clock) Errors() []error { return c.book.take() }

// Core is package deferred's.
func (c *Clock) Core() *deferred.Core { return &c.core }

// Siblings is this Clock alone.
func (c *Clock) Siblings() []twistor.Loop { return []twistor.Loop{c} }

// Rand is the same bytes in every test.
func (c *Clock) Rand() io.Reader { return c.rand }

// Log writes into Logged; errors fail the test, see Errors.
func (c *Clock) Log() *slog.Logger { return c.book.logger() }

// Logged is what was logged so far, one line a record; at most 1 MiB is kept.
func (c *Clock) Logged() string { return c.book.text.String() }

// FS is the Clock's own Disk, in memory.
func (c *Clock) FS() twistor.FS { return c.disk }

// Notify watches a directory of FS.
func (c *Clock) Notify(dir string, f func(name string, op twistor.FileOp)) (io.Closer, error) {
	open := true
	w, err := c.disk.Notify(dir, func(name string, op twistor.FileOp) {
		c.Post(func() {
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

// A closerFunc is an io.Closer of one function.
type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// TLSEngine is c.TLS, or nil for crypto/tls.
func (c *Clock) TLSEngine() tlslayer.Engine { return c.TLS }

// Resolve answers from Hosts when the callback returns, or at the next Advance.
func (c *Clock) Resolve(host string) *deferred.Deferred[[]netip.Addr] {
	d := deferred.New[[]netip.Addr](c)
	c.Post(func() {
		if ip, err := netip.ParseAddr(host); err == nil {
			d.Succeed([]netip.Addr{ip})
		} else if ips, ok := c.Hosts[host]; ok {
			d.Succeed(ips)
		} else {
			d.Fail(&net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
		}
	})
	return d
}

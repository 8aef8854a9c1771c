package database

import (
	"container/list"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A call is one that waits, or runs. It is in one list of its pool.
type call struct {
	begin   func() // runs it on a worker
	cancel  func() // nobody waits for it any more
	abandon func() // cancels it, and fails it with ErrClosed
	in      *list.List
	at      *list.Element
	since   time.Time // it waits, or runs
}

func (c *call) enter(l *list.List, now time.Time) {
	if c.in != nil {
		c.in.Remove(c.at)
	}
	c.in, c.at, c.since = l, l.PushBack(c), now
}

// do runs f with a connection, on a worker, when its turn has come. f must not
// touch what belongs to the loop; it may be called a second time if all it did
// was to return an unsent.
//
// A call that was cancelled keeps its place until f has returned: the driver
// decides how soon that is, and so many connections there are, no more.
func do[T any](p *Pool, op string, f func(context.Context, *sql.Conn) (T, error)) *deferred.Deferred[T] {
	if p.db == nil {
		p.stats.Refused++
		return deferred.Failed[T](p.loop, p.fail(op, ErrClosed))
	}
	if p.running.Len() >= p.maxConns() && p.waiting.Len() >= p.maxWaiting() {
		p.stats.Refused++
		return deferred.Failed[T](p.loop, p.fail(op, ErrBusy))
	}
	d := deferred.New[T](p.loop)
	ctx, cancel := context.WithCancel(context.Background())
	c, db, over := new(call), p.db, false
	c.begin = func() {
		deferred.Go(p.loop, func(worker context.Context) (T, error) {
			// The worker's context ends when the reactor stops. Its canceller is
			// not used: what was cancelled before it began would never come back.
			defer context.AfterFunc(worker, cancel)()
			return with(ctx, db, p.maxConns(), f)
		}).Done(func(v T, err error) {
			canceled := ctx.Err() != nil
			cancel()
			if errors.Is(err, deferred.ErrPoolFull) {
				err = fmt.Errorf("%w: %w", ErrBusy, err)
			}
			p.end(c, err, canceled)
			switch {
			case over:
			case err == nil:
				d.Succeed(v)
			case canceled: // by the reactor, then
				d.Fail(p.fail(op, deferred.ErrStopped))
			default:
				d.Fail(p.fail(op, err))
			}
		})
	}
	c.cancel = func() {
		over = true
		cancel()
		if c.in == &p.waiting {
			p.end(c, nil, true)
		}
	}
	d.OnCancel(c.cancel)
	c.abandon = func() {
		c.cancel()
		d.Fail(p.fail(op, ErrClosed))
	}
	c.enter(&p.waiting, p.loop.Now())
	p.let()
	if p.Timeout >= 0 {
		d.Timeout(orDefault(p.Timeout, DefaultTimeout))
	}
	return d
}

// let lets those begin who wait, as many as may. A call may end before begin
// returns, and so call let again: that is left to the outer loop, so that no
// number of them takes more stack.
func (p *Pool) let() {
	if p.letting {
		return
	}
	p.letting = true
	defer func() { p.letting = false }()
	for p.running.Len() < p.maxConns() && p.waiting.Len() > 0 {
		c := p.waiting.Front().Value.(*call)
		now := p.loop.Now()
		p.stats.Waited.add(now.Sub(c.since))
		c.enter(&p.running, now)
		c.begin()
	}
}

// end takes c, which is over, out of its list, and lets the next one begin.
func (p *Pool) end(c *call, err error, canceled bool) {
	if c.in == &p.running {
		p.stats.Ran.add(p.loop.Now().Sub(c.since))
	}
	switch _, isLost := errors.AsType[*lost](err); {
	case canceled:
		p.stats.Canceled++
	case err == nil:
		p.stats.Done++
	case isLost:
		p.stats.Lost++
		p.log.Warn("database: connection lost", "driver", p.name(), "err", p.fail("call", err))
		fallthrough
	default:
		p.stats.Failed++
	}
	c.in.Remove(c.at)
	c.in = nil
	p.let()
	if p.drained != nil && !p.busy() {
		p.drained.Succeed(struct{}{})
	}
}

// with runs f with a connection of db: on a worker.
func with[T any](ctx context.Context, db *sql.DB, maxIdle int, f func(context.Context, *sql.Conn) (T, error)) (v T, err error) {
	for again := true; ; again = false {
		if v, err = try(ctx, db, f); err == nil || ctx.Err() != nil {
			return v, err
		}
		_, isLost := errors.AsType[*lost](err)
		_, isUnsent := errors.AsType[*unsent](err)
		if !isLost && !isUnsent {
			return v, err
		}
		// What broke one connection, the server's end most often, has broken
		// those that are idle, too: they would be found out call by call.
		db.SetMaxIdleConns(-1)
		db.SetMaxIdleConns(maxIdle)
		if isLost {
			return v, err
		}
		if !again {
			return v, &unconnected{err}
		}
	}
}

// try runs f once.
func try[T any](ctx context.Context, db *sql.DB, f func(context.Context, *sql.Conn) (T, error)) (v T, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return v, &unconnected{err}
	}
	defer conn.Close() // gives it back, also if f panics
	if v, err = f(ctx, conn); err != nil {
		return *new(T), judge(ctx, conn, err)
	}
	return v, nil
}

// judge says of an error whether conn is lost. One that has not been marked is of
// a user's function: what looks like a broken connection may be another one.
func judge(ctx context.Context, conn *sql.Conn, err error) error {
	_, isLost := errors.AsType[*lost](err)
	_, isUnsent := errors.AsType[*unsent](err)
	switch {
	case isLost, isUnsent, ctx.Err() != nil:
		return err
	case errors.Is(err, driver.ErrBadConn), isDead(conn), isBroken(err) && conn.PingContext(ctx) != nil:
		return &lost{err}
	}
	return err
}

// isDead asks the driver, where it can tell. A conn that f gave back is not.
func isDead(conn *sql.Conn) (dead bool) {
	conn.Raw(func(c any) error {
		if v, ok := c.(driver.Validator); ok {
			dead = !v.IsValid()
		}
		return nil
	})
	return dead
}

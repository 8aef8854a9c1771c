package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// A fake is a database that writes down what is asked of it, and answers as a
// test wants. A query "rows 3" has three rows: 1, 2, 3. Safe for concurrent use.
type fake struct {
	// answer is asked before anything is done, with "connect", "ping", "begin",
	// "commit", "rollback", or the text of a query: an error is the answer. ctx
	// is nil where a driver is given none. Nil: all goes well.
	answer func(ctx context.Context, what string) error
	// next, if not nil, is asked before each row.
	next func(row int) error
	// quiet: nothing is written down.
	quiet bool

	mu   sync.Mutex
	book []string
	open int
	made int
}

func (f *fake) ask(ctx context.Context, what string) error {
	if !f.quiet {
		f.mu.Lock()
		f.book = append(f.book, what)
		f.mu.Unlock()
	}
	if f.answer == nil {
		return nil
	}
	return f.answer(ctx, what)
}

// take returns what was asked since, but for pings.
func (f *fake) take() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	said := slices.DeleteFunc(f.book, func(s string) bool { return s == "ping" })
	f.book = nil
	return strings.Join(said, ", ")
}

// conns is how many connections are open, and how many were made.
func (f *fake) conns() (open, made int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open, f.made
}

func (f *fake) Driver() driver.Driver               { return fakeDriver{f} }
func (f *fake) OpenConnector(string) (*fake, error) { return f, nil }

func (f *fake) Connect(ctx context.Context) (driver.Conn, error) {
	if err := f.ask(ctx, "connect"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open++
	f.made++
	return &fakeConn{fake: f, number: f.made}, nil
}

type fakeDriver struct{ fake *fake }

func (d fakeDriver) Open(string) (driver.Conn, error) { return d.fake.Connect(context.Background()) }

type fakeConn struct {
	fake   *fake
	number int
	dead   bool
}

func (c *fakeConn) Close() error {
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	c.fake.open--
	return nil
}

// ResetSession lets database/sql keep a connection whose transaction was cancelled.
func (c *fakeConn) ResetSession(context.Context) error { return nil }

func (c *fakeConn) IsValid() bool                  { return !c.dead }
func (c *fakeConn) Ping(ctx context.Context) error { return c.fake.ask(ctx, "ping") }
func (c *fakeConn) Prepare(query string) (driver.Stmt, error) {
	return nil, errors.New("fake: Prepare")
}
func (c *fakeConn) Begin() (driver.Tx, error) { return nil, errors.New("fake: Begin") }

func (c *fakeConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c, c.fake.ask(ctx, strings.TrimSpace("begin "+strings.Replace(sql.IsolationLevel(o.Isolation).String(), "Default", "", 1)))
}
func (c *fakeConn) Commit() error   { return c.fake.ask(context.Background(), "commit") }
func (c *fakeConn) Rollback() error { return c.fake.ask(context.Background(), "rollback") }

func (c *fakeConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.fake.ask(ctx, query); err != nil {
		return nil, err
	}
	return driver.RowsAffected(len(args)), nil
}

func (c *fakeConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.fake.ask(ctx, query); err != nil {
		return nil, err
	}
	r := &fakeRows{fake: c.fake}
	fmt.Sscanf(query, "rows %d", &r.n)
	return r, nil
}

type fakeRows struct {
	fake  *fake
	n, at int
}

func (r *fakeRows) Columns() []string { return []string{"n"} }
func (r *fakeRows) Close() error      { return nil }
func (r *fakeRows) Next(to []driver.Value) error {
	if r.at++; r.fake.next != nil {
		if err := r.fake.next(r.at); err != nil {
			return err
		}
	}
	if r.at > r.n {
		return io.EOF
	}
	to[0] = int64(r.at)
	return nil
}

// A desk is a started Pool on a clock: jobs run on the test's goroutine, one
// after another, at Advance.
type desk struct {
	*sim.Clock
	t *testing.T
	*fake
	pool *Pool
}

// newDesk starts p, nil: a plain one, on a fake.
func newDesk(t *testing.T, f *fake, p *Pool) *desk {
	t.Helper()
	if p == nil {
		p = &Pool{}
	}
	p.Connector = f
	d := &desk{sim.NewClock(t), t, f, p}
	if err := d.do(d.start); err != nil {
		t.Fatal(err)
	}
	f.take()
	return d
}

func (d *desk) start(co *deferred.Co) error { return d.pool.Start(co, service.On(d.Clock)) }

// do runs body as a coroutine, and returns how it ended; errWaits if it has not.
func (d *desk) do(body func(co *deferred.Co) error) error {
	d.t.Helper()
	s := deferred.Inline(d.Clock, func(co *deferred.Co) (struct{}, error) { return struct{}{}, body(co) })
	d.settle()
	return outcome(s)
}

// settle plays what is due now: a job, what comes of it, and so on.
func (d *desk) settle() {
	for range 10 {
		d.Advance(0)
	}
}

var errWaits = errors.New("it still waits")

func outcome[T any](d *deferred.Deferred[T]) error {
	o, fired := d.Result()
	if !fired {
		return errWaits
	}
	return o.Err
}

// got is a Deferred's result when all that is due is done.
func got[T any](d *desk, of *deferred.Deferred[T]) (T, error) {
	d.t.Helper()
	d.settle()
	o, fired := of.Result()
	if !fired {
		return o.Value, errWaits
	}
	return o.Value, o.Err
}

// live runs body on a real reactor, with real workers, beside a Pool that is
// started before and stopped after it.
func live(t testing.TB, p *Pool, body func(co *deferred.Co) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := reactor.Do(ctx, &reactor.Config{Log: slog.New(slog.DiscardHandler)}, func(co *deferred.Co, l twistor.Loop) error {
		if err := p.Start(co, service.On(l)); err != nil {
			return err
		}
		err := body(co)
		return errors.Join(err, p.Stop(co))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// off runs f, which blocks, on a worker.
func off(co *deferred.Co, f func()) {
	deferred.Go(co.Loop(), func(context.Context) (int, error) { f(); return 0, nil }).Await(co)
}

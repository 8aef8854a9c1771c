package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/twistor-go/twistor/deferred"
)

var errBadConn = driver.ErrBadConn

// times answers err to what, n times.
func times(n int, what string, err error) func(context.Context, string) error {
	return func(_ context.Context, asked string) error {
		if asked == what && n > 0 {
			n--
			return err
		}
		return nil
	}
}

// A connection that died while it was idle is replaced, and the call goes
// through: its driver says that the database has seen nothing.
func TestDB05Reconnects(t *testing.T) {
	transact := func(p *Pool) *deferred.Deferred[int] {
		return Transact(p, nil, func(ctx context.Context, tx *sql.Tx) (int, error) { return 1, nil })
	}
	for _, tc := range []struct {
		what string
		call func(*Pool) *deferred.Deferred[int]
		want string
	}{
		{"begin", transact, "begin, connect, begin, commit"},
		{"rows 1", func(p *Pool) *deferred.Deferred[int] { return QueryRow(p, Value[int], "rows 1") }, "rows 1, connect, rows 1"},
		{"x", func(p *Pool) *deferred.Deferred[int] {
			return deferred.Then(p.Exec("x"), func(Result) (int, error) { return 1, nil })
		}, "x, connect, x"},
	} {
		f := &fake{}
		d := newDesk(t, f, nil)
		f.answer = times(1, tc.what, driver.ErrBadConn)
		if n, err := got(d, tc.call(d.pool)); n != 1 || err != nil {
			t.Errorf("%s: got %d, %v, want 1", tc.what, n, err)
		}
		if got := f.take(); got != tc.want {
			t.Errorf("got %s, want %s", got, tc.want)
		}
	}
}

// If a new connection is as dead there is none to be had.
func TestDB05ReconnectsOnce(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, nil)
	f.answer = times(9, "x", driver.ErrBadConn)
	if _, err := got(d, d.pool.Exec("x")); !errors.Is(err, ErrConnect) || !strings.HasPrefix(err.Error(), "database: exec: no connection: ") {
		t.Errorf("got %v, want ErrConnect", err)
	}
	if got, want := f.take(), "x, connect, x"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What breaks under way is ErrLost, asked once, and logged; the next call has a
// new connection, and no idle one is trusted any more.
func TestDB05Lost(t *testing.T) {
	for _, broken := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, &net.OpError{Op: "read", Err: syscall.ECONNRESET},
		syscall.EPIPE, stated("57P01"), stated("08006"),
	} {
		t.Run(broken.Error(), func(t *testing.T) {
			f := &fake{}
			d := newDesk(t, f, &Pool{MaxConns: 2})
			// Two connections, which are both idle then.
			err := d.do(func(co *deferred.Co) error {
				_, err := WithConn(d.pool, func(ctx context.Context, _ *sql.Conn) (int, error) {
					other, err := d.pool.db.Conn(ctx)
					return 0, errors.Join(err, other.Close())
				}).Await(co)
				return err
			})
			if open, _ := f.conns(); open != 2 || err != nil {
				t.Fatalf("%d connections are open, %v, want 2", open, err)
			}
			f.take()
			f.answer = times(1, "x", broken)
			_, err = got(d, d.pool.Exec("x"))
			if !errors.Is(err, ErrLost) || !errors.Is(err, broken) || err.Error() != "database: exec: connection lost: "+broken.Error() {
				t.Errorf("got %v, want ErrLost and why", err)
			}
			if _, err := got(d, d.pool.Exec("y")); err != nil {
				t.Errorf("the next call: %v", err)
			}
			if got, want := f.take(), "x, connect, y"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if s := d.pool.Stats(); s.Lost != 1 || s.Failed != 1 || !strings.Contains(d.Logged(), "connection lost") {
				t.Errorf("%d lost, %d failed, logged %s", s.Lost, s.Failed, d.Logged())
			}
		})
	}
}

// A row that does not come is lost as well; what came before is dropped.
func TestDB05LostInRows(t *testing.T) {
	f := &fake{next: func(row int) error {
		if row == 3 {
			return io.ErrUnexpectedEOF
		}
		return nil
	}}
	d := newDesk(t, f, nil)
	if rows, err := got(d, Query(d.pool, Value[int], "rows 9")); !errors.Is(err, ErrLost) || rows != nil {
		t.Errorf("got %v, %v, want ErrLost", rows, err)
	}
	if got, want := f.take(), "rows 9"; got != want {
		t.Errorf("got %s, want it to be asked once", got)
	}
}

// A transaction whose connection breaks is not run again, wherever it breaks:
// its function may have done more than to ask.
func TestDB05LostInTransaction(t *testing.T) {
	for _, tc := range []struct {
		where  string
		broken error
	}{{"one", driver.ErrBadConn}, {"commit", driver.ErrBadConn}, {"commit", io.EOF}} {
		f := &fake{}
		d := newDesk(t, f, nil)
		f.answer = times(1, tc.where, tc.broken)
		ran := 0
		_, err := got(d, Transact(d.pool, nil, func(ctx context.Context, tx *sql.Tx) (int, error) {
			ran++
			_, err := tx.ExecContext(ctx, "one")
			return 1, err
		}))
		if !errors.Is(err, ErrLost) || ran != 1 {
			t.Errorf("%s: got %v after %d runs, want ErrLost after one", tc.where, err, ran)
		}
	}
}

// A driver that knows that its connection is dead is believed, by whatever name
// it calls the error.
func TestDB05DriverKnows(t *testing.T) {
	odd := errors.New("invalid connection")
	d := newDesk(t, &fake{}, nil)
	_, err := got(d, WithConn(d.pool, func(_ context.Context, conn *sql.Conn) (int, error) {
		return 0, errors.Join(odd, conn.Raw(func(c any) error { c.(*fakeConn).dead = true; return nil }))
	}))
	if !errors.Is(err, ErrLost) || !errors.Is(err, odd) {
		t.Errorf("got %v, want ErrLost", err)
	}
}

// A function whose own connection to somewhere else breaks has not lost the
// database's.
func TestDB05NotLost(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, nil)
	elsewhere := &url.Error{Op: "Get", URL: "http://example.com", Err: syscall.ECONNRESET}
	_, err := got(d, Transact(d.pool, nil, func(context.Context, *sql.Tx) (int, error) { return 0, elsewhere }))
	if errors.Is(err, ErrLost) || !errors.Is(err, elsewhere) {
		t.Errorf("got %v, want no ErrLost", err)
	}
	d.pool.Exec("x").Done(nil)
	d.settle()
	if got, want := f.take(), "begin, rollback, x"; got != want {
		t.Errorf("got %s, want %s: the same connection", got, want)
	}
}

// While the database is away calls fail with ErrConnect; when it is back they
// go through, without a new start.
func TestDB05Away(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, &Pool{MaxConns: 1})
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	f.answer = func(_ context.Context, what string) error {
		if what == "connect" {
			return refused
		}
		return io.EOF
	}
	if _, err := got(d, d.pool.Exec("x")); !errors.Is(err, ErrLost) {
		t.Errorf("got %v, want ErrLost", err)
	}
	for range 3 {
		if _, err := got(d, d.pool.Exec("x")); !errors.Is(err, ErrConnect) || errors.Is(err, ErrLost) || !errors.Is(err, refused) {
			t.Errorf("got %v, want ErrConnect", err)
		}
	}
	f.answer = nil
	if _, err := got(d, d.pool.Exec("x")); err != nil {
		t.Errorf("got %v, want the database to be back", err)
	}
}

package database

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

func TestDB02Query(t *testing.T) {
	d := newDesk(t, &fake{}, nil)
	if rows, err := got(d, Query(d.pool, Value[int], "rows 3")); !slices.Equal(rows, []int{1, 2, 3}) || err != nil {
		t.Errorf("got %v, %v, want 1, 2, 3", rows, err)
	}
	if rows, err := got(d, Query(d.pool, Value[int], "rows 0")); rows != nil || err != nil {
		t.Errorf("got %v, %v, want none", rows, err)
	}
	if row, err := got(d, QueryRow(d.pool, Value[string], "rows 3")); row != "1" || err != nil {
		t.Errorf("got %q, %v, want the first", row, err)
	}
	if _, err := got(d, QueryRow(d.pool, Value[int], "rows 0")); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("got %v, want sql.ErrNoRows", err)
	}
	if rows, err := got(d, Query(d.pool, Values, "rows 2")); !reflect.DeepEqual(rows, [][]any{{int64(1)}, {int64(2)}}) || err != nil {
		t.Errorf("got %v, %v, want what the driver has", rows, err)
	}
}

// An error of the database is the failure of the Deferred, and one of scan, too;
// the connection serves on.
func TestDB02Failures(t *testing.T) {
	broken, odd := errors.New("syntax error"), errors.New("odd")
	f := &fake{answer: func(_ context.Context, what string) error {
		if what == "bad" {
			return broken
		}
		return nil
	}}
	d := newDesk(t, f, nil)
	_, err := got(d, Query(d.pool, Value[int], "bad"))
	if !errors.Is(err, broken) || err.Error() != "database: query: syntax error" {
		t.Errorf("got %v, want the database's error", err)
	}
	if _, err := got(d, d.pool.Exec("bad")); !errors.Is(err, broken) || err.Error() != "database: exec: syntax error" {
		t.Errorf("got %v, want the database's error", err)
	}
	if _, err := got(d, Query(d.pool, func(v *int, r *sql.Rows) error { return odd }, "rows 3")); !errors.Is(err, odd) {
		t.Errorf("got %v, want scan's error", err)
	}
	f.next = func(row int) error {
		if row == 3 {
			return broken
		}
		return nil
	}
	if rows, err := got(d, Query(d.pool, Value[int], "rows 5")); !errors.Is(err, broken) || rows != nil {
		t.Errorf("got %v, %v, want no rows if one of them fails", rows, err)
	}
	if _, made := f.conns(); made != 1 {
		t.Errorf("%d connections, want the same one for all", made)
	}
	if s := d.pool.Stats(); s.Failed != 4 || s.Lost != 0 {
		t.Errorf("%d failed, %d lost, want 4 and 0", s.Failed, s.Lost)
	}
}

func TestDB02Exec(t *testing.T) {
	d := newDesk(t, &fake{}, nil)
	r, err := got(d, d.pool.Exec("x", 1, 2, 3))
	if want := (Result{RowsAffected: 3, LastInsertID: -1}); r != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", r, err, want)
	}
}

// What a result may hold is bounded, also where it has no end; QueryRow, which
// wants one row, does not mind more.
func TestDB02MaxRows(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, &Pool{MaxRows: 3})
	if rows, err := got(d, Query(d.pool, Value[int], "rows 3")); len(rows) != 3 || err != nil {
		t.Errorf("got %v, %v, want three", rows, err)
	}
	read := 0
	f.next = func(int) error { read++; return nil }
	rows, err := got(d, Query(d.pool, Value[int], "rows 1000000"))
	if !errors.Is(err, ErrTooManyRows) || err.Error() != "database: query: too many rows: want at most 3" || rows != nil {
		t.Errorf("got %v, %v, want ErrTooManyRows", rows, err)
	}
	if read != 4 {
		t.Errorf("%d rows were read, want one more than may be", read)
	}
	if n, err := got(d, QueryRow(d.pool, Value[int], "rows 1000000")); n != 1 || err != nil {
		t.Errorf("got %d, %v, want the first", n, err)
	}
}

// A panic of scan fails the call, and gives the connection back.
func TestDB02Panic(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, &Pool{MaxConns: 1})
	_, err := got(d, Query(d.pool, func(*int, *sql.Rows) error { panic("oh") }, "rows 1"))
	if p, ok := errors.AsType[*deferred.PanicError](err); !ok || p.Value != "oh" {
		t.Errorf("got %v, want the panic", err)
	}
	if n, err := got(d, QueryRow(d.pool, Value[int], "rows 1")); n != 1 || err != nil {
		t.Errorf("got %d, %v, want the connection to be free", n, err)
	}
}

func TestDB03Commit(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, nil)
	n, err := got(d, Transact(d.pool, &sql.TxOptions{Isolation: sql.LevelSerializable}, func(ctx context.Context, tx *sql.Tx) (int, error) {
		_, err := tx.ExecContext(ctx, "one")
		_, err2 := tx.ExecContext(ctx, "two")
		return 7, errors.Join(err, err2)
	}))
	if n != 7 || err != nil {
		t.Errorf("got %d, %v, want what the function returned", n, err)
	}
	if got, want := f.take(), "begin Serializable, one, two, commit"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever ends the function, but a return without error, takes all back.
func TestDB03RollBack(t *testing.T) {
	odd := errors.New("odd")
	for _, tc := range []struct {
		name string
		end  func() error
		want func(error) bool
	}{
		{"error", func() error { return odd }, func(err error) bool { return errors.Is(err, odd) }},
		{"panic", func() error { panic(odd) }, func(err error) bool {
			_, ok := errors.AsType[*deferred.PanicError](err)
			return ok && errors.Is(err, odd)
		}},
		{"exit", func() error { runtime.Goexit(); return nil }, func(err error) bool { return errors.Is(err, deferred.ErrGoexit) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fake{}
			p := &Pool{Connector: f, MaxConns: 1}
			live(t, p, func(co *deferred.Co) error {
				f.take()
				n, err := Transact(p, nil, func(ctx context.Context, tx *sql.Tx) (int, error) {
					if _, err := tx.ExecContext(ctx, "one"); err != nil {
						return 0, err
					}
					return 7, tc.end()
				}).Await(co)
				if n != 0 || !tc.want(err) {
					t.Errorf("got %d, %v", n, err)
				}
				if got, want := f.take(), "begin, one, rollback"; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				_, err = p.Exec("next").Await(co) // the only connection is free
				return err
			})
		})
	}
}

// To cancel a transaction that runs rolls it back.
func TestDB03Cancel(t *testing.T) {
	f := &fake{}
	p := &Pool{Connector: f, MaxConns: 1}
	live(t, p, func(co *deferred.Co) error {
		f.take()
		begun := make(chan struct{})
		d := Transact(p, nil, func(ctx context.Context, tx *sql.Tx) (int, error) {
			close(begun)
			<-ctx.Done()
			return 7, nil // it does not even notice
		})
		off(co, func() { <-begun })
		d.Cancel()
		_, err := p.Exec("next").Await(co)
		if got, want := f.take(), "begin, rollback, next"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		return err
	})
}

// A commit that fails is a failure, though the function went well.
func TestDB03CommitFails(t *testing.T) {
	odd := errors.New("deferred constraint")
	d := newDesk(t, &fake{answer: func(_ context.Context, what string) error {
		if what == "commit" {
			return odd
		}
		return nil
	}}, nil)
	n, err := got(d, Transact(d.pool, nil, func(context.Context, *sql.Tx) (int, error) { return 7, nil }))
	if n != 0 || !errors.Is(err, odd) {
		t.Errorf("got %d, %v, want the commit's error", n, err)
	}
}

// The function has one connection, for itself; kept beyond its end it answers
// nothing.
func TestDB04WithConn(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, nil)
	var kept *sql.Conn
	number, err := got(d, WithConn(d.pool, func(ctx context.Context, conn *sql.Conn) (n int, err error) {
		kept = conn
		for range 3 {
			if _, err := conn.ExecContext(ctx, "x"); err != nil {
				return 0, err
			}
		}
		err = conn.Raw(func(c any) error { n = c.(*fakeConn).number; return nil })
		return n, err
	}))
	if number != 1 || err != nil || f.take() != "x, x, x" {
		t.Errorf("got connection %d, %v, want the first", number, err)
	}
	if _, err := kept.ExecContext(t.Context(), "y"); err != sql.ErrConnDone {
		t.Errorf("afterwards got %v, want sql.ErrConnDone", err)
	}
}

// Rows that the function left open are closed: the connection must come back.
func TestDB04OpenRows(t *testing.T) {
	d := newDesk(t, &fake{}, &Pool{MaxConns: 1})
	if _, err := got(d, WithConn(d.pool, func(ctx context.Context, conn *sql.Conn) (*sql.Rows, error) {
		return conn.QueryContext(ctx, "rows 5")
	})); err != nil {
		t.Error(err)
	}
	if _, err := got(d, d.pool.Exec("x")); err != nil {
		t.Error(err)
	}
}

// A connection that nobody else shall have is closed as the documentation says.
func TestDB04Discard(t *testing.T) {
	f := &fake{}
	d := newDesk(t, f, nil)
	if _, err := got(d, WithConn(d.pool, func(_ context.Context, conn *sql.Conn) (int, error) {
		conn.Raw(func(any) error { return errBadConn })
		return 0, nil
	})); err != nil {
		t.Fatal(err)
	}
	if open, _ := f.conns(); open != 0 {
		t.Errorf("%d connections are open, want none", open)
	}
	if _, err := got(d, d.pool.Exec("x")); err != nil {
		t.Error(err)
	}
}

func TestDB01Stats(t *testing.T) {
	d := newDesk(t, &fake{}, &Pool{MaxConns: 1, MaxWaiting: 1})
	d.WorkTime = 3 * time.Millisecond
	d.pool.Exec("a")
	d.pool.Exec("b")
	d.pool.Exec("c").Done(nil)
	if s := d.pool.Stats(); s.Running != 1 || s.Waiting != 1 || s.Refused != 1 {
		t.Errorf("%d run, %d wait, %d refused, want one each", s.Running, s.Waiting, s.Refused)
	}
	d.Advance(time.Second)
	s := d.pool.Stats()
	if s.Running+s.Waiting != 0 || s.Done != 3 || s.Failed+s.Canceled+s.Lost != 0 || s.Conns.OpenConnections != 1 {
		t.Errorf("got %+v, want three done", s)
	}
	// A ping that took no time, and two calls of 3 ms, of which one waited for the other.
	if s.Ran.Count() != 3 || s.Ran.Counts[0] != 1 || s.Ran.Counts[2] != 2 || s.Ran.Total != 6*time.Millisecond {
		t.Errorf("ran: got %+v", s.Ran)
	}
	if s.Waited.Count() != 3 || s.Waited.Counts[0] != 2 || s.Waited.Counts[2] != 1 || s.Waited.Total != 3*time.Millisecond {
		t.Errorf("waited: got %+v", s.Waited)
	}
	if s.Ran.Bound(2) != 4*time.Millisecond {
		t.Errorf("bound: got %v, want 4 ms", s.Ran.Bound(2))
	}
	var long Durations
	long.add(10 * time.Hour)
	if long.Counts[len(long.Counts)-1] != 1 {
		t.Errorf("got %v, want the longest in the last", long)
	}
}

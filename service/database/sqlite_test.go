package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
	_ "modernc.org/sqlite"
)

// newFile is a Pool on a new database in a file, which waits for its lock.
func newFile(t *testing.T) *Pool {
	name := filepath.Join(t.TempDir(), "test.db")
	return &Pool{Driver: "sqlite", DSN: twistor.Conceal("file:" + name + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate")}
}

type person struct {
	ID   int64
	Name string
	Born sql.NullInt64
}

func (p *person) scan(r *sql.Rows) error { return r.Scan(&p.ID, &p.Name, &p.Born) }

// What a real database returns, from memory and from a file, that is there again
// when the Pool has been closed and opened.
func TestDB02SQLite(t *testing.T) {
	for name, p := range map[string]*Pool{
		"memory": {Driver: "sqlite", DSN: twistor.Conceal(":memory:"), MaxConns: 1},
		"file":   newFile(t),
	} {
		t.Run(name, func(t *testing.T) {
			want := []person{{1, "Ann", sql.NullInt64{Int64: 1970, Valid: true}}, {2, "Bob", sql.NullInt64{}}}
			all := func() *deferred.Deferred[[]person] {
				return Query(p, (*person).scan, "SELECT id, name, born FROM person WHERE id < ? ORDER BY id", 10)
			}
			live(t, p, func(co *deferred.Co) error {
				if _, err := p.Exec("CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT UNIQUE, born INTEGER)").Await(co); err != nil {
					return err
				}
				r, err := p.Exec("INSERT INTO person (name, born) VALUES (?, ?), (?, ?)", "Ann", 1970, "Bob", nil).Await(co)
				if wantResult := (Result{RowsAffected: 2, LastInsertID: 2}); r != wantResult || err != nil {
					t.Errorf("got %+v, %v, want %+v", r, err, wantResult)
				}
				// Of a statement that fails nothing is left: the first row was good.
				if _, err := p.Exec("INSERT INTO person (name) VALUES ('Cid'), ('Ann')").Await(co); err == nil {
					t.Error("a name twice: want an error")
				}
				got, err := all().Await(co)
				if !slices.Equal(got, want) || err != nil {
					t.Errorf("got %v, %v, want %v", got, err, want)
				}
				return err
			})
			if name == "file" {
				live(t, p, func(co *deferred.Co) error {
					got, err := all().Await(co)
					if !slices.Equal(got, want) || err != nil {
						t.Errorf("opened again: got %v, %v, want %v", got, err, want)
					}
					return err
				})
			}
		})
	}
}

// count adds n rows by n transactions at a time, of which every third fails
// after it has added one, and wants the others to be there.
func count(t *testing.T, co *deferred.Co, p *Pool, insert string) error {
	odd := errors.New("odd")
	var calls []*deferred.Deferred[int]
	const n = 60
	for i := range n {
		calls = append(calls, Transact(p, nil, func(ctx context.Context, tx *sql.Tx) (int, error) {
			if _, err := tx.ExecContext(ctx, insert, i); err != nil {
				return 0, err
			}
			switch i % 6 {
			case 0:
				return 0, odd
			case 3:
				panic(odd)
			}
			return i, nil
		}))
	}
	var want []int
	for i, o := range must(deferred.Settle(calls...).Await(co)) {
		if i%3 != 0 {
			want = append(want, i)
		} else if !errors.Is(o.Err, odd) {
			t.Errorf("transaction %d: got %v, want the function's error", i, o.Err)
			continue
		}
		if i%3 != 0 && (o.Value != i || o.Err != nil) {
			t.Errorf("transaction %d: got %d, %v", i, o.Value, o.Err)
		}
	}
	got, err := Query(p, Value[int], "SELECT n FROM tally ORDER BY n").Await(co)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	return err
}

// must is the value of what cannot fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestDB03SQLite(t *testing.T) {
	p := newFile(t)
	live(t, p, func(co *deferred.Co) error {
		if _, err := p.Exec("CREATE TABLE tally (n INTEGER)").Await(co); err != nil {
			return err
		}
		return count(t, co, p, "INSERT INTO tally VALUES (?)")
	})
}

// endless is a query that goes on until somebody ends it.
const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT %s FROM n"

// A query without end is ended by its Cancel, and one of rows without end by
// MaxRows.
func TestDB01SQLiteEndless(t *testing.T) {
	p := newFile(t)
	p.MaxConns = 1
	live(t, p, func(co *deferred.Co) error {
		begun := make(chan struct{})
		counting := WithConn(p, func(ctx context.Context, conn *sql.Conn) (n int, err error) {
			close(begun)
			err = conn.QueryRowContext(ctx, fmt.Sprintf(endless, "count(*)")).Scan(&n)
			return n, err
		})
		off(co, func() { <-begun })
		counting.Cancel()
		if _, err := Query(p, Value[int], fmt.Sprintf(endless, "i")).Await(co); !errors.Is(err, ErrTooManyRows) {
			t.Errorf("got %v, want ErrTooManyRows", err)
		}
		_, err := p.Ping().Await(co)
		return err
	})
}

// A file that cannot be opened fails Start at once: waiting would not mend it.
func TestDB01SQLiteNoFile(t *testing.T) {
	p := &Pool{Driver: "sqlite", DSN: twistor.Conceal("file:" + filepath.Join(t.TempDir(), "no", "such", "test.db"))}
	d := &desk{sim.NewClock(t), t, nil, p}
	if err := d.do(d.start); !errors.Is(err, ErrConnect) {
		t.Errorf("got %v, want ErrConnect", err)
	}
}

package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/database"
	"github.com/twistor-go/twistor/sim"
	_ "modernc.org/sqlite"
)

// A server that greets, and remembers whom: each line is a name.
type visitors struct{ db *database.Pool }

func (v *visitors) talk(co *deferred.Co, c *framing.Conn) error {
	for name := range c.Lines(co) {
		visits, err := database.QueryRow(v.db, database.Value[int], `
			INSERT INTO visitor VALUES (?, 1)
			ON CONFLICT DO UPDATE SET visits = visits + 1 RETURNING visits`, string(name)).Await(co)
		if err != nil {
			return err
		}
		fmt.Fprintf(c, "Hello %s, for the %d. time\n", name, visits)
	}
	return c.Err()
}

func Example() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	db := &database.Pool{Driver: "sqlite", DSN: twistor.Conceal(":memory:"), MaxConns: 1}
	v := &visitors{db}
	g := new(service.Group)
	g.Add("database", db)
	g.Add("port", service.Listen("tcp:8001", framing.Conversation(v.talk)))

	deferred.Inline(clock, func(co *deferred.Co) (struct{}, error) {
		if err := g.Start(co, service.On(clock)); err != nil {
			return struct{}{}, err
		}
		_, err := db.Exec("CREATE TABLE visitor (name TEXT PRIMARY KEY, visits INTEGER)").Await(co)
		return struct{}{}, err
	})
	play(clock)
	client := clock.Ports()[0].Accept()
	for _, name := range []string{"Ann", "Bob", "Ann"} {
		client.Receive(name + "\n")
		play(clock)
	}
	fmt.Print(client.Written())
	// Output:
	// Hello Ann, for the 1. time
	// Hello Bob, for the 1. time
	// Hello Ann, for the 2. time
}

// play runs what is due, and what comes of it.
func play(clock *sim.Clock) {
	for range 20 {
		clock.Advance(0)
	}
}

// do runs a part of a program with a small shop's database.
func do(body func(co *deferred.Co, db *database.Pool) error) {
	clock := sim.NewClock(nil)
	defer clock.Close()
	db := &database.Pool{Driver: "sqlite", DSN: twistor.Conceal(":memory:"), MaxConns: 1}
	deferred.Inline(clock, func(co *deferred.Co) (struct{}, error) {
		if err := db.Start(co, service.On(clock)); err != nil {
			return struct{}{}, err
		}
		if _, err := db.Exec(`
			CREATE TABLE account (owner TEXT PRIMARY KEY, cents INTEGER CHECK (cents >= 0));
			INSERT INTO account VALUES ('Ann', 500), ('Bob', 100)`).Await(co); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, errors.Join(body(co, db), db.Stop(co))
	}).Done(func(_ struct{}, err error) {
		if err != nil {
			fmt.Println(err)
		}
	})
	play(clock)
}

type account struct {
	Owner string
	Cents int
}

// scan is how a row becomes an account.
func (a *account) scan(r *sql.Rows) error { return r.Scan(&a.Owner, &a.Cents) }

func ExampleQuery() {
	do(func(co *deferred.Co, db *database.Pool) error {
		all, err := database.Query(db, (*account).scan,
			"SELECT owner, cents FROM account WHERE cents >= ?", 100).Await(co)
		fmt.Println(all)
		return err
	})
	// Output: [{Ann 500} {Bob 100}]
}

func ExampleValues() {
	do(func(co *deferred.Co, db *database.Pool) error {
		all, err := database.Query(db, database.Values, "SELECT * FROM account").Await(co)
		for _, row := range all {
			fmt.Println(row...)
		}
		return err
	})
	// Output:
	// Ann 500
	// Bob 100
}

func ExamplePool_Exec() {
	do(func(co *deferred.Co, db *database.Pool) error {
		r, err := db.Exec("UPDATE account SET cents = cents + 1").Await(co)
		fmt.Println(r.RowsAffected)
		return err
	})
	// Output: 2
}

// Money is moved, or not: Bob has not enough, and what Ann was given is taken
// back.
func ExampleTransact() {
	do(func(co *deferred.Co, db *database.Pool) error {
		move := func(from, to string, cents int) *deferred.Deferred[int] {
			return database.Transact(db, nil, func(ctx context.Context, tx *sql.Tx) (left int, err error) {
				if _, err := tx.ExecContext(ctx, "UPDATE account SET cents = cents + ? WHERE owner = ?", cents, to); err != nil {
					return 0, err
				}
				err = tx.QueryRowContext(ctx, "UPDATE account SET cents = cents - ? WHERE owner = ? RETURNING cents", cents, from).Scan(&left)
				return left, err
			})
		}
		left, err := move("Ann", "Bob", 200).Await(co)
		fmt.Println("Ann has", left, err)
		_, err = move("Bob", "Ann", 1000).Await(co)
		fmt.Println(err)
		left, err = database.QueryRow(db, database.Value[int], "SELECT cents FROM account WHERE owner = 'Ann'").Await(co)
		fmt.Println("Ann has", left)
		return err
	})
	// Output:
	// Ann has 300 <nil>
	// database: transact: constraint failed: CHECK constraint failed: cents >= 0 (275)
	// Ann has 300
}

func ExampleWithConn() {
	do(func(co *deferred.Co, db *database.Pool) error {
		_, err := database.WithConn(db, func(ctx context.Context, conn *sql.Conn) (struct{}, error) {
			if _, err := conn.ExecContext(ctx, "CREATE TEMPORARY TABLE rich AS SELECT * FROM account WHERE cents > 200"); err != nil {
				return struct{}{}, err
			}
			var n int
			err := conn.QueryRowContext(ctx, "SELECT count(*) FROM rich").Scan(&n)
			fmt.Println(n)
			return struct{}{}, err
		}).Await(co)
		return err
	})
	// Output: 1
}

func ExamplePool_Stats() {
	do(func(co *deferred.Co, db *database.Pool) error {
		db.Exec("DELETE FROM nowhere").Await(co)
		s := db.Stats()
		fmt.Println(s.Done, "done,", s.Failed, "failed")
		for i, n := range s.Ran.Counts {
			if n > 0 {
				fmt.Println(n, "took less than", s.Ran.Bound(i))
			}
		}
		return nil
	})
	// Output:
	// 2 done, 1 failed
	// 3 took less than 1ms
}

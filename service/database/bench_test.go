package database

import (
	"context"
	"database/sql"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// What a call costs beyond package database/sql: one query of one row, asked by
// a coroutine on a real loop, one after another; and many at a time.
func BenchmarkQueryRow(b *testing.B) {
	for _, of := range []struct {
		name string
		pool func() *Pool
		ask  string
	}{
		{"fake", func() *Pool { return &Pool{Connector: &fake{quiet: true}} }, "rows 1"},
		{"sqlite", func() *Pool { return &Pool{Driver: "sqlite", DSN: twistor.Conceal(":memory:"), MaxConns: 1} }, "SELECT 1"},
	} {
		b.Run(of.name+"/direct", func(b *testing.B) {
			b.ReportAllocs()
			db, err := of.pool().open()
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			for b.Loop() {
				if n, err := direct(b.Context(), db, of.ask); n != 1 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
		b.Run(of.name+"/await", func(b *testing.B) {
			b.ReportAllocs()
			p := of.pool()
			live(b, p, func(co *deferred.Co) error {
				for b.Loop() {
					if n, err := QueryRow(p, Value[int], of.ask).Await(co); n != 1 || err != nil {
						b.Fatal(n, err)
					}
				}
				return nil
			})
		})
		b.Run(of.name+"/100 at a time", func(b *testing.B) {
			b.ReportAllocs()
			p := of.pool()
			live(b, p, func(co *deferred.Co) error {
				for left := b.N; left > 0; {
					calls := make([]*deferred.Deferred[int], min(left, 100))
					for i := range calls {
						calls[i] = QueryRow(p, Value[int], of.ask)
					}
					if _, err := deferred.All(calls...).Await(co); err != nil {
						return err
					}
					left -= len(calls)
				}
				return nil
			})
		})
	}
}

// direct is what QueryRow does, without a loop.
func direct(ctx context.Context, db *sql.DB, query string) (n int, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}

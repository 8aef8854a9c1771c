package database

import (
	"context"
	"database/sql"

	"github.com/twistor-go/twistor/deferred"
)

// Transact runs f, on a worker, in a transaction: it is committed when f
// returns, and rolled back if f returns an error, panics, or the call is
// cancelled, which ends ctx. It fires with what f returned, when that is
// committed. opts is the isolation wanted; nil: the database's own.
//
// f blocks, as all code with package database/sql; it must not touch what
// belongs to the loop, and use tx for all it asks of the database. It is never
// run twice: what PostgreSQL calls a serialization failure is an error, and the
// caller may call Transact again.
func Transact[T any](p *Pool, opts *sql.TxOptions, f func(ctx context.Context, tx *sql.Tx) (T, error)) *deferred.Deferred[T] {
	return do(p, "transact", func(ctx context.Context, conn *sql.Conn) (v T, err error) {
		tx, err := conn.BeginTx(ctx, opts)
		if err != nil {
			return v, first(err)
		}
		// After Commit it does nothing. Its error does not matter: where a
		// rollback fails the connection is gone, and the transaction with it.
		defer tx.Rollback()
		if v, err = f(ctx, tx); err != nil {
			return v, err
		}
		return v, asked(tx.Commit())
	})
}

// WithConn runs f, on a worker, with a connection that is f's alone until f
// returns; afterwards it answers sql.ErrConnDone. It is for what other calls
// cannot do: a driver's own calls by conn.Raw, a temporary table, an advisory
// lock.
//
// What f sets in the session meets whoever has the connection next. To have it
// closed instead let f end with
//
//	conn.Raw(func(any) error { return driver.ErrBadConn })
func WithConn[T any](p *Pool, f func(ctx context.Context, conn *sql.Conn) (T, error)) *deferred.Deferred[T] {
	return do(p, "conn", func(ctx context.Context, conn *sql.Conn) (T, error) {
		// Rows that f left open would keep conn from being given back.
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		return f(ctx, conn)
	})
}

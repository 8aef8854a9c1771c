package database

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
)

// Query asks for rows, and fires with what scan made of each, in order; nil if
// there are none. scan is most often a method of *T. args take the places of the query's parameters: $1 or ?, as
// the driver has it. They are read on a worker: a []byte must stay as it is until
// the query is over. scan runs there, too, and must not touch what belongs to the
// loop; Value and Values are ready ones.
//
// A query of its own commits by itself, and one that fails does nothing. But an
// error of scan, or ErrTooManyRows, comes when a query that also changes rows
// has done so: Transact takes that back.
func Query[T any](p *Pool, scan func(*T, *sql.Rows) error, query string, args ...any) *deferred.Deferred[[]T] {
	maxRows := p.maxRows()
	return do(p, "query", func(ctx context.Context, conn *sql.Conn) ([]T, error) {
		return read(ctx, conn, maxRows, true, scan, query, args)
	})
}

// QueryRow asks for one row: the first, if there are more. It fails with
// sql.ErrNoRows if there is none. All else is as with Query.
func QueryRow[T any](p *Pool, scan func(*T, *sql.Rows) error, query string, args ...any) *deferred.Deferred[T] {
	return do(p, "query", func(ctx context.Context, conn *sql.Conn) (v T, err error) {
		rows, err := read(ctx, conn, 1, false, scan, query, args)
		if err != nil {
			return v, err
		}
		if len(rows) == 0 {
			return v, sql.ErrNoRows
		}
		return rows[0], nil
	})
}

// read reads rows, on a worker. What is beyond maxRows is an error, if all are
// wanted.
func read[T any](ctx context.Context, conn *sql.Conn, maxRows int, all bool, scan func(*T, *sql.Rows) error, query string, args []any) (got []T, err error) {
	cancel := func() {}
	if all {
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
	}
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, first(err)
	}
	defer rows.Close()
	for rows.Next() {
		if len(got) == maxRows {
			if !all {
				break
			}
			cancel() // else Close reads the rest, which may have no end
			return nil, fmt.Errorf("%w: want at most %d", ErrTooManyRows, maxRows)
		}
		got = append(got, *new(T))
		if err := scan(&got[len(got)-1], rows); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, asked(err)
	}
	return got, asked(rows.Close())
}

// Value scans a row of one column. A T of sql.RawBytes is valid no longer than
// scan runs: want []byte.
func Value[T any](v *T, r *sql.Rows) error { return r.Scan(v) }

// Values scans all columns of a row, whatever they are: as the driver has them,
// int64, float64, bool, []byte, string, time.Time or nil.
func Values(v *[]any, r *sql.Rows) error {
	columns, err := r.Columns()
	if err != nil {
		return err
	}
	*v = make([]any, len(columns))
	into := make([]any, len(columns))
	for i := range into {
		into[i] = &(*v)[i]
	}
	return r.Scan(into...)
}

// A Result is what a database tells of an Exec. Immutable after first use.
//
// It is no sql.Result: that one takes a lock of its connection, which the next
// call may hold for long.
type Result struct {
	RowsAffected int64 // -1: the driver does not tell
	LastInsertID int64 // -1: the driver does not tell
}

// Exec asks for something that returns no rows. It commits by itself; if it
// fails it has done nothing, unless the error is an ErrLost or of a
// cancellation: then nobody knows.
func (p *Pool) Exec(query string, args ...any) *deferred.Deferred[Result] {
	return do(p, "exec", func(ctx context.Context, conn *sql.Conn) (r Result, err error) {
		result, err := conn.ExecContext(ctx, query, args...)
		if err != nil {
			return r, first(err)
		}
		if r.RowsAffected, err = result.RowsAffected(); err != nil {
			r.RowsAffected = -1
		}
		if r.LastInsertID, err = result.LastInsertId(); err != nil {
			r.LastInsertID = -1
		}
		return r, nil
	})
}

// Ping fires when the database has answered; it fails with ErrConnect if it
// cannot be reached. It is a call as all others, so it waits for its turn.
func (p *Pool) Ping() *deferred.Signal {
	return do(p, "ping", func(ctx context.Context, conn *sql.Conn) (struct{}, error) {
		return struct{}{}, first(conn.PingContext(ctx))
	})
}

package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/twistor-go/twistor/deferred"
)

// What a call can fail with, beside what the driver says and what functions
// given to this package return. Test with errors.Is: they come wrapped.
var (
	// ErrBusy: MaxWaiting calls wait, or the loop's workers have no room.
	// Nothing was done.
	ErrBusy = fmt.Errorf("too many calls wait: %w", deferred.ErrQueueFull)
	// ErrClosed: the Pool has not started, or has stopped. Nothing was done,
	// but by a call that was running when Stop lost its patience.
	ErrClosed = errors.New("pool is not started, or has stopped")
	// ErrConnect: no connection could be had. Nothing was done: to try again
	// is safe.
	ErrConnect = errors.New("no connection")
	// ErrLost: the connection broke under the call. What it was to do may have
	// been done or not: only the caller knows whether to ask again is safe. The
	// next call has a new connection.
	ErrLost = errors.New("connection lost")
	// ErrTooManyRows: a result has more than MaxRows rows.
	ErrTooManyRows = errors.New("too many rows")
)

// A failure is the error of a call: it names the operation, and its text keeps
// the secrets of the Pool.
type failure struct {
	text   string
	is     error // ErrConnect or ErrLost; nil: neither
	err    error
	leaked bool // err has a secret in its text, so nobody may see it
}

func (f *failure) Error() string    { return f.text }
func (f *failure) GoString() string { return f.text }

// Is knows what err is also where Unwrap does not show it.
func (f *failure) Is(target error) bool {
	return f.is != nil && target == f.is || f.leaked && errors.Is(f.err, target)
}

func (f *failure) Unwrap() error {
	if f.leaked {
		return nil
	}
	return f.err
}

// fail makes of err what the caller of an operation gets.
func (p *Pool) fail(op string, err error) error {
	f := &failure{err: err}
	if u, ok := errors.AsType[*unconnected](err); ok {
		f.is, f.err = ErrConnect, u.err
	} else if u, ok := errors.AsType[*lost](err); ok {
		f.is, f.err = ErrLost, u.err
	}
	text := "database: " + op + ": "
	if f.is != nil {
		text += f.is.Error() + ": "
	}
	if text += f.err.Error(); p.redact != nil {
		f.text = p.redact.Replace(text)
	} else {
		f.text = text
	}
	f.leaked = f.text != text
	return f
}

// unconnected is an error before anything was asked of the database.
type unconnected struct{ err error }

func (e *unconnected) Error() string { return e.err.Error() }
func (e *unconnected) Unwrap() error { return e.err }

// lost is an error of a connection that is dead now.
type lost struct{ err error }

func (e *lost) Error() string { return e.err.Error() }
func (e *lost) Unwrap() error { return e.err }

// unsent is a driver.ErrBadConn whose driver promises that the database has not
// seen what was asked: it may be asked again.
type unsent struct{ err error }

func (e *unsent) Error() string { return e.err.Error() }
func (e *unsent) Unwrap() error { return e.err }

// asked marks an error of what this package asked on a connection.
func asked(err error) error {
	if err != nil && isBroken(err) {
		return &lost{err}
	}
	return err
}

// first marks an error of the first thing that is asked on a connection. "To
// prevent duplicate operations, ErrBadConn should NOT be returned if there's a
// possibility that the database server might have performed the operation":
// https://pkg.go.dev/database/sql/driver#pkg-variables
func first(err error) error {
	if errors.Is(err, driver.ErrBadConn) {
		return &unsent{err}
	}
	return asked(err)
}

// isBroken tells whether err is one of a connection, not of what was asked on
// it. Drivers have no common word for it, but nearly all hand through what the
// system said, or speak SQLSTATE.
func isBroken(err error) bool {
	for _, e := range []error{driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, e) {
			return true
		}
	}
	// A context that ended is a net.Error as well.
	if _, ok := errors.AsType[net.Error](err); ok && !errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	// Class 08: connection exception; 57P01 to 57P03: the server goes down, or
	// is not up yet: https://www.postgresql.org/docs/current/errcodes-appendix.html
	switch state := sqlState(err); {
	case strings.HasPrefix(state, "08"), state == "57P01", state == "57P02", state == "57P03":
		return true
	}
	return false
}

// isPassing tells whether a failure to connect may be mended by waiting. A
// wrong password, or a file that cannot be opened, is not.
func isPassing(err error) bool {
	// Class 53: insufficient resources, such as too many connections.
	return isBroken(err) || errors.Is(err, deferred.ErrTimeout) || errors.Is(err, ErrBusy) || strings.HasPrefix(sqlState(err), "53")
}

// sqlState is the five characters of the SQL standard; "": unknown.
func sqlState(err error) string {
	if e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return e.SQLState()
	}
	return ""
}

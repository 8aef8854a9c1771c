package dns

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
)

// What look-ups fail with: errors.Is finds them in what Client, Lookup and
// their like return. errors.As finds a *net.DNSError in all but ErrBusy, for
// code that knows package net's.
var (
	// ErrTimeout: nobody answered in time. It is a context.DeadlineExceeded.
	ErrTimeout = errors.New("dns: no answer in time")
	// ErrBusy: as many questions as may be are on their way.
	ErrBusy = errors.New("dns: too many questions at once")
	// ErrNoSuchName: there is no such name (NXDOMAIN).
	ErrNoSuchName = errors.New("dns: no such name")
	// ErrNoRecords: the name exists, and has no records of the type (NODATA).
	ErrNoRecords = errors.New("dns: no records of that type")
	// ErrServerFailure: the server could not find out (SERVFAIL).
	ErrServerFailure = errors.New("dns: server failure")
	// ErrRefused: the server does not answer us (REFUSED).
	ErrRefused = errors.New("dns: refused")
	// ErrNotImplemented: the server cannot do that (NOTIMP).
	ErrNotImplemented = errors.New("dns: not implemented")
	// ErrFormat: the server did not understand the question (FORMERR), or we
	// did not understand its answer.
	ErrFormat = errFormat
	// ErrNotKnown: this Resolver has nothing to say of the name; a Chain asks
	// the next one.
	ErrNotKnown = errors.New("dns: not known here")
)

// codes are the response codes that have an error to compare with.
var codes = []struct {
	rcode Rcode
	err   error
}{
	{RcodeSuccess, ErrNoRecords},
	{RcodeNameError, ErrNoSuchName},
	{RcodeServerFailure, ErrServerFailure},
	{RcodeRefused, ErrRefused},
	{RcodeNotImplemented, ErrNotImplemented},
	{RcodeFormatError, ErrFormat},
}

// Is compares with ErrNoSuchName and the like.
func (e *ResponseError) Is(target error) bool {
	for _, c := range codes {
		if c.err == target {
			return c.rcode == e.Rcode
		}
	}
	return false
}

// As makes a *net.DNSError of e.
func (e *ResponseError) As(target any) bool {
	to, ok := target.(**net.DNSError)
	if !ok {
		return false
	}
	*to = &net.DNSError{Name: strings.TrimSuffix(e.Question.Name, "."), Server: e.Server}
	switch e.Rcode {
	case RcodeSuccess, RcodeNameError:
		(*to).Err, (*to).IsNotFound = "no such host", true
	case RcodeServerFailure:
		(*to).Err, (*to).IsTemporary = "server misbehaving", true
	default:
		(*to).Err = "server answered " + e.Rcode.String()
	}
	return true
}

// Timeout is false, and Temporary true if another try may help: package net
// asks.
func (e *ResponseError) Timeout() bool   { return false }
func (e *ResponseError) Temporary() bool { return e.Rcode == RcodeServerFailure }

// A timeoutError is an ErrTimeout that names the question.
type timeoutError struct {
	question Question
	server   string // "": several
}

func (e *timeoutError) Error() string {
	s := "dns: " + e.question.Name + " " + Type(e.question.Qtype).String() + ": no answer in time"
	if e.server != "" {
		s += " from " + e.server
	}
	return s
}

func (e *timeoutError) Is(target error) bool {
	return target == ErrTimeout || target == context.DeadlineExceeded || target == os.ErrDeadlineExceeded
}

func (e *timeoutError) As(target any) bool {
	to, ok := target.(**net.DNSError)
	if ok {
		*to = &net.DNSError{Err: "i/o timeout", Name: strings.TrimSuffix(e.question.Name, "."), Server: e.server, IsTimeout: true, IsTemporary: true}
	}
	return ok
}

func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }

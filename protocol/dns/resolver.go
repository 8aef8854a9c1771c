package dns

import (
	"fmt"

	"github.com/twistor-go/twistor/deferred"
)

// Options is what a Resolver is told beside the question.
type Options struct {
	// DNSSECOK wants signatures among the records (RFC 3225).
	DNSSECOK bool
	// CheckingDisabled wants what there is, even if its signatures are wrong
	// (RFC 4035 section 3.2.2).
	CheckingDisabled bool
}

// A Resolver answers questions: a Client that asks a server, a cache before
// it, a recursive resolver, hosts files, a chain of those.
//
// Resolve fires with the answer: NOERROR, with records or without, or NXDOMAIN;
// AuthenticatedData is set if it was validated. The message is shared: nobody
// changes it. It fails with a *ResponseError for every other code, with
// ErrTimeout if nobody answered in time, or with what broke. Identical
// questions may be merged. Loop-only.
type Resolver interface {
	Resolve(q Question, o Options) *deferred.Deferred[*Message]
}

// A ResponseError is an answer that says no: by its code or, in a look-up, by
// having no records of the type that was asked for, which is RcodeSuccess.
// errors.Is compares it with ErrNoSuchName and its like.
type ResponseError struct {
	Question Question
	Rcode    Rcode
	Server   string // who said so; "": more than one
	Reason   string // what the server explained (RFC 8914); "": nothing
}

// Error says who was asked for what, and what came.
func (e *ResponseError) Error() string {
	what := e.Rcode.String()
	switch e.Rcode {
	case RcodeSuccess:
		what = "no records of that type"
	case RcodeNameError:
		what = "no such name"
	}
	s := fmt.Sprintf("dns: %s %s: %s", e.Question.Name, Type(e.Question.Qtype), what)
	if e.Server != "" {
		s += " from " + e.Server
	}
	if e.Reason != "" {
		s += " (" + e.Reason + ")"
	}
	return s
}

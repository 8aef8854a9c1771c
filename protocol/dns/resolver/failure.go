package resolver

import (
	"errors"
	"fmt"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A Code says why there is no answer, or none that is sure.
type Code uint16

// The codes that a resolver gives.
//
// See https://www.rfc-editor.org/rfc/rfc8914#section-4.
const (
	CodeOther                Code = 0
	CodeStaleAnswer          Code = 3
	CodeIndeterminate        Code = 5
	CodeBogus                Code = 6
	CodeSignatureExpired     Code = 7
	CodeSignatureNotYetValid Code = 8
	CodeKeyMissing           Code = 9
	CodeSignaturesMissing    Code = 10
	CodeDenialMissing        Code = 12
	CodeBlocked              Code = 15
	CodeNoReachableAuthority Code = 22
	CodeNetworkError         Code = 23
)

// A Failure is why a question has no answer. It wraps a *dns.ResponseError,
// whose code is SERVFAIL, so who asks by errors.As finds that one too. Immutable
// after first use.
type Failure struct {
	Code   Code
	Reason string
	Err    error // what it came from; nil: nothing more
	answer *dns.ResponseError
}

// Error says what was asked, and why there is no answer.
func (f *Failure) Error() string {
	s := fmt.Sprintf("resolver: %s %s: %s", f.answer.Question.Name, dns.Type(f.answer.Question.Qtype), f.Reason)
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// Unwrap is the *dns.ResponseError, and Err.
func (f *Failure) Unwrap() []error {
	if f.Err == nil {
		return []error{f.answer}
	}
	return []error{f.answer, f.Err}
}

// fail makes a Failure.
func fail(q dns.Question, code Code, reason string, err error) *Failure {
	return &Failure{Code: code, Reason: reason, Err: err,
		answer: &dns.ResponseError{Question: q, Rcode: dns.RcodeServerFailure, Reason: reason}}
}

// refuse has w say what err is, as far as it is a client's to know.
func refuse(w *dns.ResponseWriter, err error) {
	w.Reset()
	w.SetRcode(dns.RcodeServerFailure)
	if f, ok := errors.AsType[*Failure](err); ok {
		w.Explain(uint16(f.Code), f.Reason)
		return
	}
	if e, ok := errors.AsType[*dns.ResponseError](err); ok {
		w.SetRcode(e.Rcode)
		if e.Reason != "" {
			w.Explain(uint16(CodeOther), e.Reason)
		}
		return
	}
	w.Explain(uint16(CodeNetworkError), "no server answered")
}

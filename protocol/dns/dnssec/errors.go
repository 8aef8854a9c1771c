package dnssec

import (
	"errors"
	"fmt"
)

// ErrInsecure says that there is nothing that could be checked: only
// algorithms and digests that are not supported, or too costly proofs. Such
// a zone is taken for an unsigned one (RFC 4035 section 5.2).
var ErrInsecure = errors.New("dnssec: nothing that is supported")

// ErrBudget says that checking cost more than the Budget. No honest zone does
// that: the answer is SERVFAIL.
var ErrBudget = errors.New("dnssec: more work than an answer is worth")

// A BogusError is why records or proofs are not to be believed.
type BogusError struct {
	Code uint16 // for dns.ResponseWriter.Explain: one of RFC 8914's
	Text string
}

// Error says what is wrong.
func (e *BogusError) Error() string { return "dnssec: " + e.Text }

// Codes of extended errors that this package gives.
//
// See https://www.rfc-editor.org/rfc/rfc8914#section-4.
const (
	CodeBogus             = 6
	CodeSignatureExpired  = 7
	CodeSignatureTooEarly = 8
	CodeKeyMissing        = 9
	CodeSignatureMissing  = 10
	CodeNoZoneKey         = 11
	CodeProofMissing      = 12
)

func bogus(code uint16, format string, args ...any) error {
	return &BogusError{code, fmt.Sprintf(format, args...)}
}

// A Status is what a proof is worth.
type Status uint8

// What a proof is worth. Zero is the better one: functions that return a
// Status return an error, too, if nothing was proved.
const (
	Secure   Status = iota // it is certain
	Insecure               // certain only where zones are signed: opt-out, or too many rounds
)

// String is the status as logs have it.
func (s Status) String() string {
	if s == Secure {
		return "secure"
	}
	return "insecure"
}

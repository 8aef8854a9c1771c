package xmlrpc

import "fmt"

// Rules are what messages may be. The zero has the defaults. Immutable after first use.
type Rules struct {
	// MaxBytes is how long a message may be that comes. 0 or less: 1 MiB.
	MaxBytes int64
	// MaxDepth is how deep arrays and structs may lie in each other, both ways. 0
	// or less: 64.
	MaxDepth int
	// MaxValues is how many values a message may have that comes. 0 or less: 100,000.
	MaxValues int
	// Nil sends nil where a pointer or an interface is nil; it is understood in any case.
	Nil bool
	// Long sends i8 for integers beyond 32 bits; it is understood in any case.
	Long bool
}

// The defaults of Rules.
const (
	defaultMaxBytes  = 1 << 20
	defaultMaxDepth  = 64
	defaultMaxValues = 100_000
)

func (r *Rules) maxBytes() int64 {
	if r.MaxBytes <= 0 {
		return defaultMaxBytes
	}
	return r.MaxBytes
}

func (r *Rules) maxDepth() int {
	if r.MaxDepth <= 0 {
		return defaultMaxDepth
	}
	return r.MaxDepth
}

func (r *Rules) maxValues() int {
	if r.MaxValues <= 0 {
		return defaultMaxValues
	}
	return r.MaxValues
}

// Codes of faults that a Server gives by itself, as Twisted has them.
const (
	NotFound = 8001 // there is no such method
	Failure  = 8002 // it failed, or the call was not understood
)

// A Fault is an error as the caller hears it.
type Fault struct {
	Code int
	Text string
}

func (f *Fault) Error() string { return fmt.Sprintf("xmlrpc: fault %d: %s", f.Code, f.Text) }

// A ProtocolError says that a message is none, and where.
type ProtocolError struct {
	Offset int64  // in bytes
	Reason string // what was wanted
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("xmlrpc: at byte %d: %s", e.Offset, e.Reason)
}

package fibonacci

import (
	"fmt"
	"math"
	"math/big"
)

// DefaultPort is where the numbers are served when nothing else is said.
const DefaultPort = 8889

// A State is what there is to remember: the last two numbers. The next one is
// their sum; the zero State stands before 2, as A and B of 1 do. It is kept as
// two decimal numbers. Loop-only.
type State struct{ A, B *big.Int }

// Advance goes on to the next number, and returns it. Nobody may change it.
func (s *State) Advance() *big.Int {
	s.begin()
	s.A, s.B = s.B, new(big.Int).Add(s.A, s.B)
	return s.B
}

// begin writes out what the zero State stands for.
func (s *State) begin() {
	if s.B == nil {
		s.A, s.B = big.NewInt(1), big.NewInt(1)
	}
}

// Check says what is wrong with a State that was loaded.
func (s *State) Check() error {
	if s.A == nil && s.B == nil {
		return nil
	}
	if s.A == nil || s.B == nil || s.A.Sign() <= 0 || s.A.Cmp(s.B) > 0 {
		return fmt.Errorf("fibonacci: state %s and %s: want two numbers above 0, the second not below the first", brief(s.A), brief(s.B))
	}
	return nil
}

// brief is a number as an error shows it.
func brief(n *big.Int) string {
	if n != nil && digits(n.BitLen()) > 20 {
		return fmt.Sprintf("a number of %d digits", digits(n.BitLen()))
	}
	return fmt.Sprint(n)
}

// Beyond reports whether s is further than t.
func (s *State) Beyond(t *State) bool {
	return s.B != nil && (t.B == nil || s.B.Cmp(t.B) > 0)
}

// A Step is the change that a Journal remembers of one number: none of it, as
// the number follows from the State. With To it is a leap to another State.
type Step struct {
	To *State `json:"to,omitempty"`
}

// Apply makes a Step.
func (s *State) Apply(step Step) {
	if step.To != nil {
		*s = *step.To
		return
	}
	s.Advance()
}

// digits is how many decimal digits a number of so many bits has at most.
func digits(bits int) int { return int(float64(bits)*math.Log10(2)) + 1 }

// A ProtocolError says what a server answered that is neither a number nor an
// error.
type ProtocolError struct {
	Want string // what the protocol has there
	Got  string // what came, cut to 200 bytes
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("fibonacci: got %q, want %s", e.Got, e.Want)
}

// An Error is what a server answers instead of a number, the text after ERROR.
type Error struct{ Text string }

func (e *Error) Error() string { return "fibonacci: " + e.Text }

// What a Server says when it has no number.
var (
	errLate      = &Error{"want the line to end sooner"}
	errTooMany   = &Error{"too many clients"}
	errUnsaved   = &Error{"the number could not be remembered, ask again"}
	errExhausted = &Error{"no number left, the next one is too long"}
)

// errLong is for a line without an end.
func errLong(maxBytes int) *Error {
	return &Error{fmt.Sprintf("want lines of at most %d bytes", maxBytes)}
}

const errorWord = "ERROR "

// line is e as it is sent.
func (e *Error) line() []byte { return []byte(errorWord + e.Text + "\n") }

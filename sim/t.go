package sim

import "fmt"

// T is what this package needs of a *testing.T. A nil T is for Example
// functions: what would fail the test panics instead, and nothing is checked
// at the end unless the Clock or World is closed.
type T interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(f func())
	Failed() bool
}

// orPanic is t, or for nil a T that panics.
func orPanic(t T) T {
	if t == nil {
		return panicking{}
	}
	return t
}

type panicking struct{}

func (panicking) Helper()                           {}
func (panicking) Name() string                      { return "Example" }
func (panicking) Logf(format string, args ...any)   {}
func (panicking) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (panicking) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (panicking) Cleanup(f func())                  {}
func (panicking) Failed() bool                      { return false }

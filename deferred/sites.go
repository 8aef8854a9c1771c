package deferred

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// sites are program counters of a stack, innermost first.
type sites []uintptr

// callers returns the stack above the function that is skip frames above the
// caller of callers.
func callers(skip int) sites {
	var pcs [8]uintptr
	return append(sites(nil), pcs[:runtime.Callers(skip+2, pcs[:])]...)
}

// ours begins the names of this package's functions.
const ours = "github.com/twistor-go/twistor/deferred."

// String is the innermost place outside of this package; if there is none, the
// outermost that is known. If a Loop's Work is among them what is below that does
// not count: it is how the Loop reaches its pool.
func (s sites) String() string {
	place := "an unknown place"
	frames := runtime.CallersFrames(s)
	outside := false
	for more := len(s) > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case strings.HasSuffix(f.Function, ").Work"):
			outside = false
		case !outside:
			place = fmt.Sprintf("%s:%d (%s)", path.Base(f.File), f.Line, path.Base(f.Function))
			outside = !strings.HasPrefix(f.Function, ours) || strings.HasSuffix(f.File, "_test.go")
		}
	}
	return place
}

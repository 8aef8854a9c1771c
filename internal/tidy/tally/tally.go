package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// An event is one line of "go test -json"; https://pkg.go.dev/cmd/test2json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build output
	Test       string
	Output     string
	Elapsed    float64
}

// A test is one test, or a package as a whole if its name is empty.
type test struct {
	pkg, name string
	action    string // pass, fail, skip; "": it never ended
	output    []string
	elapsed   float64
	within    *test // whose subtest it is; nil: nobody's
	parent    bool  // it has subtests, and they are counted instead
}

// A tally holds tests in the order in which they began.
type tally struct {
	tests []*test
	byKey map[[2]string]*test
	build []string // what the compiler said
}

func newTally() *tally { return &tally{byKey: map[[2]string]*test{}} }

// read takes events until r ends. Lines that are no JSON are kept as output of
// the build: "go test" prints such when it cannot begin.
func (t *tally) read(r io.Reader) error {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				e = event{Action: "build-output", Output: line}
			}
			t.take(e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *tally) take(e event) {
	if e.Action == "build-output" {
		t.build = append(t.build, e.Output)
	}
	if e.Package == "" {
		return
	}
	x := t.find(e.Package, e.Test)
	switch e.Action {
	case "output":
		x.output = append(x.output, e.Output)
	case "pass", "fail", "skip":
		x.action, x.elapsed = e.Action, e.Elapsed
	}
}

func (t *tally) find(pkg, name string) *test {
	key := [2]string{pkg, name}
	x := t.byKey[key]
	if x == nil {
		x = &test{pkg: pkg, name: name}
		t.byKey[key] = x
		t.tests = append(t.tests, x)
		// A parent began before; a slash may as well be part of a name.
		for i := len(name) - 1; i > 0; i-- {
			if p := t.byKey[[2]string{pkg, name[:i]}]; name[i] == '/' && p != nil {
				x.within, p.parent = p, true
				break
			}
		}
	}
	return x
}

// failed reports whether x, or a package that never ended, went wrong.
func (x *test) failed() bool { return x.action == "fail" || x.action == "" }

// counts counts tests that have no subtests. A package that failed without a
// failing test (it does not build, it panicked, a race was found) counts once.
func (t *tally) counts() (passed, failed, skipped int) {
	for _, x := range t.tests {
		switch {
		case !t.counted(x):
		case x.action == "pass":
			passed++
		case x.action == "skip":
			skipped++
		default:
			failed++
		}
	}
	for _, x := range t.tests {
		if x.name == "" && x.failed() && !t.blamed(x.pkg) {
			failed++
		}
	}
	if len(t.tests) == 0 && len(t.build) > 0 {
		failed++
	}
	return passed, failed, skipped
}

// blamed says whether a test of the package failed, so that the package's own
// failure is no news.
func (t *tally) blamed(pkg string) bool {
	return slices.ContainsFunc(t.tests, func(x *test) bool {
		return x.pkg == pkg && t.counted(x) && x.failed()
	})
}

// counted says whether x is a test by itself: it has no subtests, or failed
// although none of them did.
func (t *tally) counted(x *test) bool {
	if x.name == "" || !x.parent {
		return x.name != ""
	}
	return x.failed() && !slices.ContainsFunc(t.tests, func(y *test) bool { return y.within == x && y.failed() })
}

// print writes failures first, since they are what a reader came for.
func (t *tally) print(w io.Writer) {
	if _, failed, _ := t.counts(); failed > 0 {
		fmt.Fprint(w, strings.Join(t.build, ""))
	}
	for _, x := range t.tests {
		if x.failed() && (x.name != "" || !t.blamed(x.pkg)) {
			fmt.Fprintf(w, "FAILED %s %s\n", x.pkg, x.name)
			for _, line := range x.output {
				if !strings.HasPrefix(line, "=== ") {
					fmt.Fprint(w, "    ", line)
				}
			}
		}
	}
	for _, x := range t.tests {
		if x.action == "skip" && x.name != "" {
			fmt.Fprintf(w, "skipped %s %s: %s\n", x.pkg, x.name, x.reason())
		}
	}
	const longSeconds = 20
	for _, x := range t.tests {
		if x.name == "" && x.elapsed > longSeconds {
			fmt.Fprintf(w, "slow %s: %.0f s\n", x.pkg, x.elapsed)
		}
	}
}

// reason is the last thing a skipped test said: "    x_test.go:12: no nginx".
func (x *test) reason() string {
	for _, line := range slices.Backward(x.output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		if _, said, ok := strings.Cut(line, ": "); ok && strings.Contains(line, ".go:") {
			return said
		}
		return line
	}
	return "no reason given"
}

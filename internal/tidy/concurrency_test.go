package tidy

import (
	"go/ast"
	"go/token"
	"testing"
)

// A licence lets packages do what the others may not.
type licence struct{ packages, why string }

func licensed(table []licence, p string) bool {
	for _, l := range table {
		if match(l.packages, p) {
			return true
		}
	}
	return false
}

// goers may start goroutines.
var goers = []licence{
	{"internal/poll", "the portable backend pumps blocking sockets"},
	{"reactor", "each loop is one, and signals arrive on one"},
	{"deferred", "the pool of workers"},
	{"netconn", "a conversation may have a goroutine of its own"},
	{"protocol/web", "net/http's Handlers have one for each request"},
	{"protocol/dns/dnstest", "made for tests: it waits for programs"},
	{"service/app", "signals arrive beside the loop"},
	{"service/logsink", "a log that waits for its disk must not have the loop wait"},
	{"cmd/...", "the world outside the loop"},
	{"examples/...", "users' programs"},
	{"docs/...", "users' programs"},
	{"internal/tidy/...", "no part of a program"},
}

// lockers may share memory between goroutines: locks, atomics, channels.
var lockers = []licence{
	{"internal/poll", "Wake is called from anywhere; pumps hand over"},
	{"reactor", "Post is called from anywhere; loops hand connections over"},
	{"deferred", "Wait serves ordinary goroutines; the pool hands over"},
	{"netconn", "stands between a loop and a goroutine"},
	{"protocol/web", "stands between a loop and net/http's Handlers, on goroutines"},
	{"internal/daemon", "waits for a child process and for whoever cancels it"},
	{"endpoint", "inherited descriptors belong to the process, not to a loop"},
	{"sim/...", "a test's goroutine may look in"},
	{"internal/tlslayer/certtest", "made for tests"},
	{"protocol/dns/dnstest", "made for tests: it waits for programs"},
	{"service/acme", "the loop of each connection asks which certificate is served"},
	{"service/app", "signals arrive beside the loop"},
	{"service/logsink", "a log that waits for its disk must not have the loop wait"},
	{"cmd/...", "the world outside the loop"},
	{"examples/...", "users' programs"},
	{"docs/...", "users' programs"},
	{"internal/tidy/...", "no part of a program"},
}

func checkGoroutines(t *tree) (found []finding) {
	t.nodes(func(p *pkg, f *file) bool { return !f.test && !licensed(goers, p.path) }, func(p *pkg, f *file, n ast.Node) {
		if g, ok := n.(*ast.GoStmt); ok {
			found = append(found, finding{f.name, t.line(g), "a go statement: only deferred.Go leaves the loop"})
		}
	})
	return found
}

func checkLocks(t *tree) (found []finding) {
	t.nodes(func(p *pkg, f *file) bool { return !f.test && !licensed(lockers, p.path) }, func(p *pkg, f *file, n ast.Node) {
		what := ""
		switch n := n.(type) {
		case *ast.ImportSpec:
			if n.Path.Value == `"sync"` || n.Path.Value == `"sync/atomic"` {
				what = n.Path.Value + ": everything happens on one loop, nothing is to be guarded"
			}
		case *ast.SelectStmt:
			what = "select chooses at random and blocks the loop"
		case *ast.ChanType:
			what = "a channel: use a Deferred or deferred.Queue"
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				what = "receiving from a channel blocks the loop"
			}
		}
		if what != "" {
			found = append(found, finding{f.name, t.line(n), what})
		}
	})
	return found
}

// threaders may lock a goroutine to its thread.
var threaders = []licence{
	{"internal/daemon", "two system calls about one thread, when nothing runs on a loop"},
}

// A loop that is locked to a thread cannot resume a coroutine that was made
// unlocked: the runtime ends the process.
func checkThreads(t *tree) (found []finding) {
	t.nodes(func(p *pkg, _ *file) bool { return !licensed(threaders, p.path) }, func(p *pkg, f *file, n ast.Node) {
		if pkg, name, ok := selected(f.imports(), n); ok && pkg == "runtime" && name == "LockOSThread" {
			found = append(found, finding{f.name, t.line(n), "runtime.LockOSThread: a coroutine made unlocked dies when resumed locked"})
		}
	})
	return found
}

func TestGoroutines(t *testing.T) { holds(t, checkGoroutines) }
func TestLocks(t *testing.T)      { holds(t, checkLocks) }
func TestThreads(t *testing.T)    { holds(t, checkThreads) }

func TestGoroutinesControl(t *testing.T) {
	finds(t, checkGoroutines, map[string]string{
		"framing/f.go": "package framing\n\nfunc f() {\n\tgo f() // want\n}\n",
		"reactor/r.go": "package reactor\n\nfunc f() {\n\tgo f()\n}\n",
	})
}

func TestLocksControl(t *testing.T) {
	finds(t, checkLocks, map[string]string{
		"protocol/p/p.go": `package p

import (
	"sync" // want
	_ "sync/atomic" // want
)

var mu sync.Mutex

func f(c chan int) { // want
	select { // want
	default:
	}
	_ = <-c // want
}
`,
		"deferred/d.go": "package deferred\n\nimport _ \"sync\"\n",
	})
}

func TestThreadsControl(t *testing.T) {
	finds(t, checkThreads, map[string]string{
		"reactor/r.go": "package reactor\n\nimport \"runtime\"\n\nfunc f() {\n\truntime.LockOSThread() // want\n}\n",
	})
}

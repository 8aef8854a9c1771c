package tidy

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// below are the packages that deal with the real world so that nobody above
// them has to.
var below = []licence{
	{"internal/poll", "sockets and the clock"},
	{"internal/daemon", "what a process is: its parent, its identity, its one lock"},
	{"internal/systemd", "the service manager's socket and variables"},
	{"reactor", "the loop on the real world"},
	{"internal/tlslayer/certtest", "made for tests"},
	{"internal/peertest", "made for tests: it looks for programs"},
	{"protocol/dns/dnstest", "made for tests: it runs programs"},
	{"sim/protocoltest", "made for tests: it measures memory"},
	{"service/app", "the life of a program: arguments, signals, exit status"},
	{"service/logsink", "files, sockets and the time of log records, which nothing depends on"},
	{"cmd/...", "the world outside the loop"},
	{"examples/...", "users' programs"},
	{"docs/...", "users' programs"},
	{"internal/tidy/...", "no part of a program"},
}

// A ban forbids names of a package of the standard library above the loop.
// What replays from a seed may not look at the world by itself.
type ban struct {
	pkg     string
	names   []string // none: every function that is not in except
	except  []string
	instead string
}

var bans = []ban{
	{"time", []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}, nil, "Loop.Now, Loop.CallLater"},
	{"context", []string{"WithTimeout", "WithDeadline", "WithTimeoutCause", "WithDeadlineCause"}, nil, "Deferred.Timeout"},
	{"math/rand", nil, []string{"New", "NewSource", "NewZipf", "Rand", "Source", "Zipf"}, "Loop.Rand"},
	{"math/rand/v2", nil, []string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "PCG", "ChaCha8", "Zipf"}, "Loop.Rand"},
	{"crypto/rand", nil, nil, "Loop.Rand"},
	{"hash/maphash", nil, nil, "a hash whose seed is yours: hash/fnv"},
	{"os", []string{
		"Open", "OpenFile", "Create", "CreateTemp", "ReadFile", "WriteFile", "ReadDir", "Stat", "Lstat", "Remove", "RemoveAll", "Rename", "Mkdir", "MkdirAll", "MkdirTemp",
		"Chmod", "Chown", "Chtimes", "Link", "Symlink", "Readlink", "Truncate", "DirFS", "OpenRoot", "OpenInRoot",
		"Getenv", "LookupEnv", "Setenv", "Unsetenv", "Environ", "ExpandEnv", "Getpid", "Getppid", "Getuid", "Geteuid", "Getwd", "Chdir", "Hostname", "Executable",
		"Exit", "Args", "Stdin", "Stdout", "Stderr", "NewFile", "Pipe", "StartProcess", "FindProcess", "TempDir", "UserHomeDir",
	}, nil, "Loop.FS, or a field that says it"},
	{"os/exec", []string{"Command", "CommandContext", "LookPath"}, nil, "twistor.Spawner"},
	{"os/signal", nil, nil, "cmd, or the service that runs everything"},
	{"net", []string{
		"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialUnix", "DialIP", "Dialer", "Listen", "ListenConfig", "ListenPacket", "ListenTCP", "ListenUDP", "ListenUnix", "ListenUnixgram", "ListenMulticastUDP",
		"LookupHost", "LookupIP", "LookupAddr", "LookupPort", "LookupCNAME", "LookupMX", "LookupNS", "LookupSRV", "LookupTXT", "DefaultResolver", "Resolver",
		"ResolveTCPAddr", "ResolveUDPAddr", "ResolveIPAddr", "Interfaces", "InterfaceByName", "InterfaceByIndex", "InterfaceAddrs", "FileConn", "FileListener", "FilePacketConn", "Pipe",
	}, nil, "Loop.Listen, Loop.Dial, Loop.Resolve"},
	{"runtime", []string{"NumCPU", "GOMAXPROCS", "NumGoroutine", "GC", "AddCleanup", "SetFinalizer", "Callers", "Caller", "Stack"}, nil, "nothing: behaviour must not depend on it"},
	{"net/http", []string{"Get", "Post", "PostForm", "Head", "DefaultClient", "DefaultTransport", "ListenAndServe", "ListenAndServeTLS"}, nil, "Loop.Dial"},
}

// mays are the exceptions: one package, one name, one reason.
var mays = []struct{ pkg, name, why string }{
	{"deferred", "runtime.AddCleanup", "the second net under failures that nobody handles: it reports, and changes nothing"},
	{"deferred", "runtime.Callers", "the place where a Deferred was made, in the report of its failure"},
	{"internal/tlslayer", "runtime.GOMAXPROCS", "64 handshakes at once for each processor: a world with more of them replays on as many processors only"},
	{"endpoint", "os.NewFile", "fd: and systemd: are descriptors that the process was started with"},
	{"endpoint", "os.Getenv", "LISTEN_FDS and its like are how systemd speaks"},
	{"endpoint", "os.Getpid", "LISTEN_PID says whom they are for"},
	{"sim", "os.Getenv", "SIM_SEED is the seed that replays a failure"},
	{"endpoint", "os.Stdin", "stdio: is what the process was started with"},
	{"endpoint", "os.Stdout", "the same"},
	{"protocol/web/static", "os.OpenRoot", "nothing else confines paths where links are renamed meanwhile; Files.FS is for the simulator"},
	{"protocol/web/cgi", "os.OpenRoot", "the same; programs run on the real system, or are a Script in the simulator"},
	{"protocol/web", "time.NewTimer", "idle goroutines of net/http's Handlers end by the real clock: they are not the loop's"},
	{"protocol/web", "time.Now", "deadlines that net/http's Handlers set are the real clock's"},
	{"protocol/web", "os.TempDir", "where large files of forms wait, where FormLimits.Dir names no place"},
	{"protocol/web", "runtime.Caller", "the places of two patterns that conflict, in the panic that names them"},
	{"plugin/weblog", "os.TempDir", "where the sample log is made when no log is named"},
}

func checkWorld(t *tree) (found []finding) {
	t.nodes(func(p *pkg, f *file) bool { return !f.test && !licensed(below, p.path) }, func(p *pkg, f *file, n ast.Node) {
		if lit, ok := n.(*ast.BasicLit); ok && strings.Contains(lit.Value, "%p") {
			found = append(found, finding{f.name, t.line(n), "%p: an address differs at each run"})
		}
		if call, ok := n.(*ast.CallExpr); ok {
			pkg, name, ok := selected(f.imports(), call.Fun)
			if ok && pkg == "syscall" && name != "Errno" && name != "Signal" && !may(p.path, "syscall."+name) {
				found = append(found, finding{f.name, t.line(n), "syscall." + name + ": only internal/poll makes system calls"})
			}
		}
		if pkg, name, ok := selected(f.imports(), n); ok {
			if b := banned(pkg, name); b != nil && !may(p.path, pkg+"."+name) {
				found = append(found, finding{f.name, t.line(n), fmt.Sprintf("%s.%s above the loop: use %s", pkg, name, b.instead)})
			}
		}
	})
	return found
}

func banned(pkg, name string) *ban {
	for i, b := range bans {
		if b.pkg == pkg && (slices.Contains(b.names, name) || b.names == nil && !slices.Contains(b.except, name)) {
			return &bans[i]
		}
	}
	return nil
}

func may(p, name string) bool {
	for _, m := range mays {
		if match(m.pkg, p) && m.name == name {
			return true
		}
	}
	return false
}

// sleepers are the tests that wait for a real process or a real network.
var sleepers = []licence{
	{"reactor", "descriptors that the portable backend closes a moment later"},
	{"service/app", "what other processes write and whether they run: nobody tells"},
	{"cmd/twistor", "what other processes write and whether they run: nobody tells"},
}

// A test that sleeps is slow where it is not wrong.
func checkSleeps(t *tree) (found []finding) {
	t.nodes(func(p *pkg, f *file) bool { return f.test && !licensed(sleepers, p.path) }, func(p *pkg, f *file, n ast.Node) {
		if pkg, name, ok := selected(f.imports(), n); ok && pkg == "time" && (name == "Sleep" || name == "Tick") {
			found = append(found, finding{f.name, t.line(n), "time." + name + " in a test: wait for what is to happen"})
		}
	})
	return found
}

func TestWorld(t *testing.T)  { holds(t, checkWorld) }
func TestSleeps(t *testing.T) { holds(t, checkSleeps) }

func TestWorldControl(t *testing.T) {
	finds(t, checkWorld, map[string]string{
		"policy/p.go": `package policy

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"
)

func f(time2 time.Time) {
	_ = time.Now() // want
	time.AfterFunc(time.Second, nil) // want
	_ = rand.IntN(3) // want
	_ = rand.New(rand.NewPCG(1, 2)).IntN(3)
	os.Getenv("HOME") // want
	net.Dial("tcp", "x") // want
	_ = net.JoinHostPort("x", "1")
	syscall.Kill(1, 9) // want
	_ = syscall.Errno(1)
	_ = os.O_RDONLY
	fmt.Printf("%p", &time2) // want
}
`,
		"reactor/r.go":       "package reactor\n\nimport \"time\"\n\nvar start = time.Now()\n",
		"policy/hidden.go":   "package policy\n\ntype clock struct{ Now func() }\n\nfunc g(time clock) { time.Now() }\n",
		"policy/p_test.go":   "package policy\n\nimport \"time\"\n\nvar start = time.Now()\n",
		"protocol/x/rand.go": "package x\n\nimport secure \"crypto/rand\"\n\nvar r = secure.Reader // want\n",
	})
}

func TestSleepsControl(t *testing.T) {
	finds(t, checkSleeps, map[string]string{
		"policy/p_test.go": "package policy\n\nimport \"time\"\n\nfunc f() {\n\ttime.Sleep(1) // want\n}\n",
	})
}

// An exception that nobody needs is a hole.
func TestExceptionsAreNeeded(t *testing.T) {
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	tree.nodes(func(p *pkg, f *file) bool { return !f.test }, func(p *pkg, f *file, n ast.Node) {
		if pkg, name, ok := selected(f.imports(), n); ok {
			for _, m := range mays {
				if match(m.pkg, p.path) && m.name == pkg+"."+name {
					used[m.pkg+" "+m.name] = true
				}
			}
		}
	})
	for _, m := range mays {
		if !used[m.pkg+" "+m.name] || m.why == "" {
			t.Errorf("%s needs no exception for %s, or has no reason", m.pkg, m.name)
		}
	}
}

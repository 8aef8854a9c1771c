package tidy

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"
	"testing"
)

// peerless are the calls of tests that look for a program by themselves, or at
// what says whether it must be there.
var peerless = []struct{ file, call, why string }{
	{"cmd/twistor/script_test.go", `os.Getenv("TWISTOR_PEERS")`, "scripts have it as the condition [peers]"},
	{"internal/poll/process_linux_test.go", `exec.LookPath(argv[0])`, "the children are tools of the test: cat, sh"},
	{"protocol/web/cgi/real_test.go", `exec.LookPath("mkfifo")`, "a tool of the test"},
	{"reactor/faults_test.go", `exec.LookPath("prlimit")`, "a tool of the test"},
	{"reactor/program_test.go", `exec.LookPath("sh")`, "a tool of the test"},
}

// A test that looks for its peer in a way of its own is one that is skipped,
// unseen, where all peers are required.
func checkPeers(t *tree) (found []finding) {
	for _, l := range lookups(t) {
		allowed := false
		for _, x := range peerless {
			allowed = allowed || x.file == l.file && x.call == l.what
		}
		if !allowed {
			l.what += " in a test: use peertest.Program or peertest.Missing"
			found = append(found, l)
		}
	}
	return found
}

// lookups are the places where tests outside of peertest look for programs, or
// read the variables that say what has to be there.
func lookups(t *tree) (found []finding) {
	t.nodes(func(p *pkg, f *file) bool { return f.test && p.path != "internal/peertest" }, func(p *pkg, f *file, n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return
		}
		pkg, name, ok := selected(f.imports(), call.Fun)
		if !ok {
			return
		}
		arg := types.ExprString(call.Args[0])
		switch pkg + "." + name {
		case "os.Getenv", "os.LookupEnv":
			ok = arg == `"TWISTOR_PEERS"` || arg == `"CI"`
		case "os/exec.LookPath":
		default:
			ok = false
		}
		if ok {
			found = append(found, finding{f.name, t.line(call), fmt.Sprintf("%s.%s(%s)", pkg[strings.LastIndex(pkg, "/")+1:], name, arg)})
		}
	})
	return found
}

func TestPeers(t *testing.T) { holds(t, checkPeers) }

func TestPeersControl(t *testing.T) {
	finds(t, checkPeers, map[string]string{
		"policy/p_test.go": `package policy

import (
	"os"
	run "os/exec"
)

func f() {
	run.LookPath("dig") // want
	os.Getenv("TWISTOR_PEERS") // want
	os.LookupEnv("CI") // want
	os.Getenv("HOME")
	run.Command("true")
}
`,
		"policy/p.go":                    "package policy\n\nimport \"os/exec\"\n\nvar _, _ = exec.LookPath(\"sh\")\n",
		"reactor/program_test.go":        "package reactor\n\nimport \"os/exec\"\n\nvar _, _ = exec.LookPath(\"sh\")\nvar _, _ = exec.LookPath(\"dig\") // want\n",
		"internal/peertest/more_test.go": "package peertest\n\nimport \"os\"\n\nvar peers = os.Getenv(\"TWISTOR_PEERS\")\n",
	})
}

func TestPeerlessAreNeeded(t *testing.T) {
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, l := range lookups(tree) {
		used[l.file+" "+l.what] = true
	}
	for _, x := range peerless {
		if !used[x.file+" "+x.call] || x.why == "" {
			t.Errorf("%s needs no exception for %s, or has no reason", x.file, x.call)
		}
	}
}

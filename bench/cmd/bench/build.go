//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A binary is a built program, or why there is none.
type binary struct {
	path   string
	absent string // the reason; "": it is there
}

// command is our command itself, which is another module's.
const command = "twistor"

// programs are the Go programs of cmd; C ones follow with their libraries.
var (
	programs = []string{
		"load", "echo-twistor", "echo-net", "echo-gnet", "echo-netpoll", "echo-nbio", "echo-evio", "echo-rawgo",
		"micro-go", "micro-twistor",
		"durable-twistor", "durable-bbolt", "durable-sqlite", "durable-redis", "durable-limit",
		"http-twistor", "http-net", "http-fasthttp", "http-nbio", "http-gnet", "http-rawgo",
		"dns-twistor", "dns-miekg",
		"ws-twistor", "ws-gobwas", "ws-coder", "ws-nbio",
	}
	cPrograms = map[string]string{"epoll": "", "uv": "-luv", "reflect": ""}
)

// needs are the programs of a suite, by what their names begin with.
var needs = map[string][]string{
	"echo": {"load", "echo-", "epoll", "uv"}, "idle": {"load", "echo-", "epoll", "uv"}, "tls": {"load", "echo-"},
	"timers": {"micro-"}, "deferreds": {"micro-"}, "coroutines": {"micro-"}, "durable": {"durable-"},
	"http": {"load", "http-", "epoll"}, "files": {"load", "http-"}, "https": {"load", "http-"}, "h2": {"http-"},
	"websocket": {"load", "ws-"}, "slow": {"load", "http-"},
	"dns": {"load", "dns-", "reflect", command},
}

// build makes every program it can that one of these suites needs; none are
// named: of all. It builds each alone, so that one that does not build costs the
// run one row and not all of them.
func build(p plan, suites ...string) map[string]binary {
	wanted := func(name string) bool {
		for suite, prefixes := range needs {
			if len(suites) > 0 && !slices.Contains(suites, suite) {
				continue
			}
			if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
				return true
			}
		}
		return false
	}
	built := map[string]binary{}
	if err := os.MkdirAll(p.bin, 0o755); err != nil {
		return built
	}
	compile := func(name string, words ...string) {
		if !wanted(name) {
			return
		}
		path, _ := filepath.Abs(filepath.Join(p.bin, name))
		cmd := exec.Command(words[0], append(words[1:len(words):len(words)], "-o", path)...)
		cmd.Dir = p.root
		switch {
		case name == command:
			cmd.Dir = filepath.Join(p.root, "..")
			cmd.Args = append(cmd.Args, "./cmd/"+name)
		case words[0] == "go":
			cmd.Args = append(cmd.Args, "./cmd/"+name)
		default:
			cmd.Args = append(cmd.Args, "c/"+name+".c")
			if l := cPrograms[name]; l != "" {
				cmd.Args = append(cmd.Args, l)
			}
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			built[name] = binary{absent: fmt.Sprintf("%s does not build it: %s", words[0], reason(out, err))}
			return
		}
		built[name] = binary{path: path}
	}
	for _, name := range programs {
		compile(name, "go", "build")
	}
	compile(command, "go", "build")
	for name := range cPrograms {
		compile(name, "gcc", "-O2", "-Wall")
	}
	return built
}

// reason is the first line that says something, of a failed command.
func reason(out []byte, err error) string {
	for l := range strings.Lines(string(out)) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			return l
		}
	}
	return err.Error()
}

// python says why a Debian package of Python is missing; "": it is there.
func python(module string) string {
	if out, err := exec.Command("/usr/bin/python3", "-c", "import "+module).CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		last := lines[len(lines)-1]
		if last == "" {
			last = err.Error()
		}
		return fmt.Sprintf("%s (apt-get install python3-%s)", last, module)
	}
	return ""
}

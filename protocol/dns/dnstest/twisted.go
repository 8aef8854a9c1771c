package dnstest

import (
	_ "embed"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
)

//go:embed ask_twisted.py
var twistedScript string

// Twisted has the client of Twisted's names ask the server at addr, one question
// after another, each a name and a type such as "www.example A"; AXFR copies the
// zone. What it learns is a line for each question: "TYPE DATA" of the answers,
// in order and between semicolons, or the error's name.
func Twisted(t testing.TB, addr netip.AddrPort, questions ...string) []string {
	t.Helper()
	// Debian's package is for Debian's Python, which need not be the first one.
	python := "/usr/bin/python3"
	if exec.Command(python, "-I", "-c", "import twisted.names").Run() != nil {
		peertest.Missing(t, "python3-twisted is not installed")
	}
	args := append([]string{"-I", "-c", twistedScript, addr.Addr().String(), strconv.Itoa(int(addr.Port()))}, questions...)
	return strings.Split(strings.TrimSpace(Run(t, python, args...)), "\n")
}

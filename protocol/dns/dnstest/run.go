package dnstest

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
)

// Run runs a client, such as dig, kdig, drill, delv or nsupdate, and returns
// what it wrote. It fails the test if the client failed.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := Feed(t, "", name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Feed runs a client that reads input, or that may fail: then the error has all
// that it wrote. It has 20 seconds.
func Feed(t testing.TB, input, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, peertest.Program(t, name), args...)
	var out, complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, &out, &complaint)
	}
	return out.String(), nil
}

// Dig has dig ask the server at addr, once.
func Dig(t testing.TB, addr netip.AddrPort, args ...string) string {
	t.Helper()
	at := []string{"@" + addr.Addr().String(), "-p", strconv.Itoa(int(addr.Port())), "+tries=1", "+time=10", "+nocookie"}
	return Run(t, "dig", append(at, args...)...)
}

// Update has nsupdate send what is in script, a line each, such as "update add
// www.example. 60 A 192.0.2.1", signed if key is not zero. The error is its refusal.
func Update(t testing.TB, addr netip.AddrPort, zone string, key Key, script ...string) error {
	t.Helper()
	var args []string
	if key.Name != "" {
		args = []string{"-y", key.Arg()}
	}
	input := fmt.Sprintf("server %s %d\nzone %s\n%s\nsend\n", addr.Addr(), addr.Port(), zone, strings.Join(script, "\n"))
	_, err := Feed(t, input, "nsupdate", args...)
	return err
}

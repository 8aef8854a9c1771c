// Package peertest finds the real clients and servers that interop tests talk
// to. Where one is missing, the test skips and says what it missed; where
// TWISTOR_PEERS=required, as .ci/run sets it after installing them, it fails.
//
//	dig := peertest.Program(t, "dig")
package peertest

import (
	"os"
	"os/exec"
	"testing"
)

// Program is the path of the program name, which may be one of those that only
// an administrator's PATH has.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	for _, dir := range []string{"/usr/local/sbin/", "/usr/sbin/", "/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	Missing(t, name+" is not installed")
	return ""
}

// Missing ends the test for want of a peer, and says why.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("TWISTOR_PEERS") == "required" {
		t.Fatal(why + ", and TWISTOR_PEERS=required")
	}
	t.Skip(why)
}

//go:build linux

package systemd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
)

// unit is the shipped unit file, as an instance whose executable exists here.
func unit(t *testing.T, change ...string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/twistor@.service")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer(append(change, "/usr/bin/twistor", os.Args[0])...).Replace(string(text))
	name := filepath.Join(t.TempDir(), "twistor@web.service")
	if err := os.WriteFile(name, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func verify(t *testing.T, name string) (complaints []byte, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peertest.Program(t, "systemd-analyze"), "verify", "--man=no", name)
	cmd.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=warning")
	return cmd.CombinedOutput()
}

// systemd understands every line of the unit file.
func TestUnit(t *testing.T) {
	if complaints, err := verify(t, unit(t)); err != nil || len(complaints) != 0 {
		t.Errorf("%v\n%s", err, complaints)
	}
	complaints, _ := verify(t, unit(t, "ProtectHome=", "ProtectHouse="))
	if !bytes.Contains(complaints, []byte("ProtectHouse")) {
		t.Errorf("control: a wrong line passes: %s", complaints)
	}
}

// Section 4.3: what the unit exposes, of 10.0, is at most 2.0.
func TestUnitSecurity(t *testing.T) {
	exposure := func(name string) ([]byte, error) {
		return exec.CommandContext(t.Context(), peertest.Program(t, "systemd-analyze"), "security", "--offline=true", "--threshold=20", "--no-pager", name).CombinedOutput()
	}
	if report, err := exposure(unit(t)); err != nil {
		if bytes.Contains(report, []byte("unrecognized option")) {
			peertest.Missing(t, "systemd-analyze is older than 250")
		}
		t.Errorf("%v\n%s", err, report)
	}
	if _, err := exposure(unit(t, "SystemCallFilter=@system-service", "", "DynamicUser=yes", "")); err == nil {
		t.Error("control: without its filter and its user the unit passes too")
	}
}

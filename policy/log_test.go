package policy_test

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// TestL07Logger notes all that passes; what a peer sends cannot forge a line or
// reach a terminal.
func TestL07Logger(t *testing.T) {
	c := sim.NewClock(t)
	var out bytes.Buffer
	var s *server
	f := &policy.Log{Factory: serve(&s), Logger: slog.New(slog.NewTextHandler(&out, nil)), MaxRecordBytes: 20}
	tr := sim.Connect(c, f)
	tr.Receive("USER ada\r\n", "evil\x1b[2J\nforged", strings.Repeat("x", 100))
	s.Write([]byte("331 password\r\n"))
	tr.End()
	c.Advance(0)
	got := out.String()
	for _, want := range []string{"policy: connected", "USER ada", "331 password", "bytes=100", "read closed", "disconnected"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in the log:\n%s", want, got)
		}
	}
	if strings.Contains(got, "\x1b") || strings.Contains(got, "\nforged") || strings.Contains(got, strings.Repeat("x", 21)) {
		t.Errorf("the log holds raw or overlong bytes:\n%s", got)
	}
	out.Reset()
	quietly := slog.New(slog.NewTextHandler(&out, nil))
	tr = sim.Connect(c, &policy.Log{Factory: serve(&s), Logger: quietly, Level: slog.LevelDebug})
	tr.Receive("secret")
	if out.Len() != 0 {
		t.Errorf("logged below the logger's level: %s", out.String())
	}
	tr = sim.Connect(c, &policy.Log{Factory: serve(&s)})
	tr.Receive("hello")
	if !strings.Contains(c.Logged(), "hello") {
		t.Error("the loop's logger is not the default")
	}
}

func readFile(t *testing.T, c *sim.Clock, name string) string {
	t.Helper()
	f, err := c.FS().OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// TestL07Files writes a numbered file for each connection, readable by its
// owner only, up to its limit, and no more files than allowed.
func TestL07Files(t *testing.T) {
	c := sim.NewClock(t)
	if err := c.FS().Mkdir("/log", 0o755); err != nil {
		t.Fatal(err)
	}
	var s *server
	f := &policy.Log{Factory: serve(&s), Dir: "/log", Prefix: "ftp", MaxFileBytes: 1000, MaxFiles: 2}
	a := sim.Connect(c, f)
	a.Receive("one")
	c.Advance(1500 * time.Millisecond)
	s.Write([]byte("two\n"))
	c.Advance(0)
	b := sim.Connect(c, f)
	for range 100 {
		b.Receive("0123456789")
		c.Advance(time.Second)
	}
	a.End()
	b.End()
	c.Advance(time.Second)
	want := "0.000000 connected 10.0.0.2:49152\n0.000000 received \"one\"\n1.500000 wrote \"two\\n\"\n" +
		"101.500000 read closed\n101.500000 disconnected EOF\n"
	if got := readFile(t, c, "/log/ftp-1.log"); got != want {
		t.Errorf("the first file is\n%s\nwant\n%s", got, want)
	}
	got := readFile(t, c, "/log/ftp-2.log")
	if len(got) > 1100 || !strings.HasSuffix(got, "(the rest is left out: the file is full)\n") {
		t.Errorf("the second file has %d bytes and ends %q; want 1,000 and a note", len(got), got[max(0, len(got)-60):])
	}
	if info, err := c.FS().Stat("/log/ftp-1.log"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	for range 3 {
		sim.Connect(c, f).Receive("x")
	}
	c.Advance(0)
	if _, err := c.FS().Stat("/log/ftp-3.log"); err == nil {
		t.Error("a third file was made, want two at most")
	}
	if n := strings.Count(c.Logged(), "no more connections are logged"); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
}

// TestL07SlowDisk keeps a bounded amount in memory, and notes what it left out.
func TestL07SlowDisk(t *testing.T) {
	c := sim.NewClock(t)
	c.WorkTime = time.Second
	c.FS().Mkdir("/log", 0o755)
	var s *server
	tr := sim.Connect(c, &policy.Log{Factory: serve(&s), Dir: "/log", MaxPendingBytes: 100})
	for range 100 {
		tr.Receive("0123456789")
	}
	c.Advance(time.Minute)
	tr.Receive("after")
	tr.End()
	c.Advance(time.Minute)
	got := readFile(t, c, "/log/traffic-1.log")
	if n := strings.Count(got, "0123456789"); n > 10 || !strings.Contains(got, "left out: the disk is slow") || !strings.Contains(got, "after") {
		t.Errorf("%d pieces were kept; the file is\n%s\nwant 10 at most, a note, and what came after", n, got)
	}
}

// TestL07NoDir warns once when the disk fails, and the connection goes on.
func TestL07NoDir(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Log{Factory: serve(&s), Dir: "/missing"})
	for range 5 {
		tr.Receive("x")
		c.Advance(time.Second)
	}
	if n := strings.Count(c.Logged(), "traffic is not logged"); n != 1 || s.heard.String() != "xxxxx" {
		t.Errorf("%d warnings, heard %q; want one, all", n, s.heard.String())
	}
	tr.End()
	c.Advance(time.Second)
}

var _ twistor.Protocol = (*server)(nil)

package weblog

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/weblog"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// do runs Start or Stop of a service.
func do(t *testing.T, c *sim.Clock, f func(co *deferred.Co) error) error {
	t.Helper()
	result := errors.New("it still waits")
	deferred.Inline(c, func(co *deferred.Co) (struct{}, error) { return struct{}{}, f(co) }).Done(
		func(_ struct{}, err error) { result = err })
	c.Advance(2 * time.Second) // some wait for clients to close
	return result
}

// begin starts what a command line asks for, without a page unless it says so.
func begin(t *testing.T, c *sim.Clock, args ...string) service.Service {
	t.Helper()
	config := New()
	config.Page = nil
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.Flags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	s, err := config.Service()
	if err != nil {
		t.Fatal(err)
	}
	if err := do(t, c, func(co *deferred.Co) error { return s.Start(co, service.On(c)) }); err != nil {
		t.Fatal(err)
	}
	return s
}

// paths are those of the hits in a document.
func paths(t *testing.T, document string) (paths []string) {
	t.Helper()
	for hit, err := range weblog.Hits(strings.NewReader(document)) {
		if err != nil {
			t.Fatalf("%q: %v", document, err)
		}
		paths = append(paths, hit.Path)
	}
	return paths
}

func TestFollowsAndServes(t *testing.T) {
	c := sim.NewClock(t)
	s := begin(t, c, "--log=/tmp/access.log", "--listen=tcp:8001", "--listen=tcp:8002", "--replay", "--keep=1")
	file, err := c.FS().OpenFile("/tmp/access.log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path string) {
		if _, err := file.Write([]byte(`::1 - - [22/Nov/2026:10:00:00 +0000] "GET ` + path + " HTTP/1.1\" 200 1\n")); err != nil {
			t.Fatal(err)
		}
		c.Advance(time.Second)
	}
	early := c.Ports()[0].Accept()
	write("/a")
	write("/b")
	late := c.Ports()[1].Accept()
	write("/c")
	if err := do(t, c, s.Stop); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(paths(t, early.Written()), " "); got != "/a /b /c" {
		t.Errorf("the first client got %q, want all three", got)
	}
	if got := strings.Join(paths(t, late.Written()), " "); got != "/b /c" {
		t.Errorf("the second client got %q, want the one that is kept, and the new one", got)
	}
}

func TestFromStartAndPull(t *testing.T) {
	c := sim.NewClock(t)
	file, _ := c.FS().OpenFile("/tmp/access.log", os.O_CREATE|os.O_WRONLY, 0o644)
	file.Write([]byte("::1 - - [22/Nov/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 1\n"))
	s := begin(t, c, "--log=/tmp/access.log", "--listen=tcp:8001", "--pull", "--from-start", "--replay")
	client := c.Ports()[0].Accept()
	if got := client.Written(); got != "" {
		t.Errorf("got %q before a question, want nothing", got)
	}
	client.Receive("NEW?")
	if err := do(t, c, s.Stop); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(paths(t, client.Written()), " "); got != "/a" {
		t.Errorf("got %q, want what the file had", got)
	}
}

// Without a log there is something to see within two seconds, hits are well
// formed, the file stays small, and nothing is left behind.
func TestSample(t *testing.T) {
	t.Setenv("TMPDIR", "/tmp") // which the simulated disk has
	c := sim.NewClock(t)
	s := begin(t, c)
	client := c.Ports()[0].Accept()
	c.Advance(2 * time.Second)
	if !strings.Contains(client.Written(), "<hit") {
		t.Error("nothing is to be seen within two seconds")
	}
	dirs, err := c.FS().ReadDir("/tmp")
	if err != nil || len(dirs) != 1 {
		t.Fatalf("got %v, %v, want one directory in /tmp", dirs, err)
	}
	largest := int64(0)
	for range 180 {
		c.Advance(10 * time.Second)
		info, err := c.FS().Stat("/tmp/" + dirs[0].Name() + "/access.log")
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, info.Size())
	}
	if largest < maxSampleBytes/2 || largest > maxSampleBytes+10<<10 {
		t.Errorf("the log grew to %d bytes, want about %d", largest, maxSampleBytes)
	}
	if err := do(t, c, s.Stop); err != nil {
		t.Fatal(err)
	}
	if got := len(paths(t, client.Written())); got < 2_000 {
		t.Errorf("got %d hits in half an hour, want more", got)
	}
	if dirs, _ := c.FS().ReadDir("/tmp"); len(dirs) != 0 {
		t.Errorf("%v is left behind", dirs)
	}
}

func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		want string
		make func(*Config)
	}{
		{"--listen: want an endpoint", func(c *Config) { c.Listen = nil }},
		{`--listen: endpoint "tcp:70000"`, func(c *Config) { c.Listen = []string{"tcp:70000"} }},
		{"--keep=-1: want", func(c *Config) { c.Keep = -1 }},
		{"--keep=1000001: want", func(c *Config) { c.Keep = MaxKeep + 1 }},
		{`--page: endpoint "tcp:70000"`, func(c *Config) { c.Page = []string{"tcp:70000"} }},
		{"--page: want places or none, not both", func(c *Config) { c.Page = []string{"tcp:8080", "none"} }},
		{"--sample: want no --log", func(c *Config) { c.Log, c.Sample = "access.log", true }},
		{"--resume: want --log", func(c *Config) { c.Resume = true }},
		{"--every=0s: want", func(c *Config) { c.Every = 0 }},
		{"--max-clients=0: want", func(c *Config) { c.Clients = 0 }},
		{"--max-behind=0: want", func(c *Config) { c.Behind = 0 }},
	} {
		c := New()
		tc.make(c)
		_, err := c.Service()
		wrong, ok := errors.AsType[*plugin.Error](err)
		if !ok || wrong.Status != plugin.StatusUsage || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("got %v, want a usage error that begins with %s", err, tc.want)
		}
	}
}

func TestNoInput(t *testing.T) {
	c := sim.NewClock(t)
	config := New()
	config.Log = "/tmp" // a directory
	s, err := config.Service()
	if err != nil {
		t.Fatal(err)
	}
	err = do(t, c, func(co *deferred.Co) error { return s.Start(co, service.On(c)) })
	wrong, ok := errors.AsType[*plugin.Error](err)
	if _, path := errors.AsType[*fs.PathError](err); !ok || wrong.Status != plugin.StatusNoInput || !path {
		t.Errorf("got %v, want an error with status 66 about the file", err)
	}
	if len(c.Ports()) != 0 {
		t.Error("a port is open")
	}
}

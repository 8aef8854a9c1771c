package dnstest

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor/internal/peertest"
)

// patience is how long a server may take for anything.
const patience = 20 * time.Second

var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// A Server is a real one that runs.
type Server struct {
	Addr netip.AddrPort
	Dir  string // its folder

	t     testing.TB
	argv  []string
	cmd   *exec.Cmd
	ended chan struct{}
	zones []Zone
	log   string // the file
}

// launch runs a server that write has configured. One that cannot have the free
// port that it was given, because somebody was faster, is given another.
func (c Config) launch(t testing.TB, program string, write func(c Config) (argv []string)) *Server {
	t.Helper()
	path := peertest.Program(t, program)
	if c.Dir == "" {
		dir, err := os.MkdirTemp("", "dnstest") // short: it has sockets, whose paths are
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		c.Dir = dir
	}
	tries := 1
	given := c.Addr.Port() != 0
	if !given {
		tries = 4
	}
	for try := 1; ; try++ {
		if !given {
			ip := c.Addr.Addr()
			if !ip.IsValid() {
				ip = localhost
			}
			c.Addr = netip.AddrPortFrom(ip, FreePort(t, ip))
		}
		for i, z := range c.Zones {
			if z.Text != "" {
				put(t, c.Dir, zoneFile(i), z.Text)
			}
		}
		s := &Server{Addr: c.Addr, Dir: c.Dir, t: t, zones: c.Zones, log: filepath.Join(c.Dir, "log")}
		s.argv = append([]string{path}, write(c)...)
		if err := s.run(); err == nil {
			t.Cleanup(s.cleanUp)
			return s
		} else if try == tries {
			t.Fatalf("%s: %v\n%s", program, err, s.Log())
		}
	}
}

// run starts the program and waits until it serves its zones.
func (s *Server) run() error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	// timeout ends what a killed test leaves behind, and hands signals on.
	s.cmd = exec.Command("timeout", append([]string{"--foreground", "300"}, s.argv...)...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.Dir, log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func() {
		s.cmd.Wait()
		close(s.ended)
	}()
	if err := s.ready(); err != nil {
		s.Stop()
		return err
	}
	return nil
}

// ready waits until the server answers for each zone that it has from a file.
func (s *Server) ready() error {
	names := []string{}
	for _, z := range s.zones {
		if z.Text != "" && !z.Primary.Addr.IsValid() {
			names = append(names, z.Name)
		}
	}
	if len(names) == 0 {
		return s.await(".", func(a answer) bool { return true })
	}
	for _, name := range names {
		if err := s.await(name, func(a answer) bool { return a.rcode == 0 && a.hasSOA }); err != nil {
			return fmt.Errorf("zone %s: %w", name, err)
		}
	}
	return nil
}

// Stop ends the server, as a test may want to that starts it again.
func (s *Server) Stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(5 * time.Second):
		s.cmd.Process.Signal(syscall.SIGKILL)
		<-s.ended
	}
}

// Start runs it again, with what it has kept in its folder.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.run(); err != nil {
		s.t.Fatalf("%s: %v\n%s", s.argv[0], err, s.Log())
	}
}

// Replace writes a new text for a zone and has the server read it. AwaitSerial
// says when it has.
func (s *Server) Replace(zone, text string) {
	s.t.Helper()
	for i, z := range s.zones {
		if z.Name == zone {
			s.zones[i].Text = text
			put(s.t, s.Dir, zoneFile(i), text)
			s.Reload()
			return
		}
	}
	s.t.Fatalf("dnstest: %s has no zone %s", s.argv[0], zone)
}

// Reload has the server read its files again.
func (s *Server) Reload() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
}

// Log is what the server has written.
func (s *Server) Log() string {
	p, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(p)
}

func (s *Server) cleanUp() {
	s.Stop()
	if s.t.Failed() {
		s.t.Logf("%s on %v:\n%s", filepath.Base(s.argv[0]), s.Addr, s.Log())
	}
}

func zoneFile(i int) string { return fmt.Sprintf("zone%d", i) }

func put(t testing.TB, dir, name, text string) {
	t.Helper()
	// A file that grew in place could be read half.
	temp := filepath.Join(dir, name+".new")
	if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

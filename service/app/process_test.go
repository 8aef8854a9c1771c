//go:build unix

package app

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
)

// programVariable makes the test binary a program of somebody's own, which
// listens at the endpoint that the variable says.
const programVariable = "TWISTOR_APP_TEST"

// Others change what it is: that it has a memory, how long it waits for its next
// version, and a file that its start waits for.
const (
	memoryVariable = "TWISTOR_APP_MEMORY"
	answerVariable = "TWISTOR_APP_ANSWER"
	gateVariable   = "TWISTOR_APP_GATE"
)

func TestMain(m *testing.M) {
	if at := os.Getenv(programVariable); at != "" {
		greeterProgram(at)
	}
	os.Exit(m.Run())
}

// greeterProgram is an App without a memory: it counts the lines of each
// connection. Those that begin with "stay" can be handed over, "stuck" ones
// never end by themselves, and "crash" ends the process.
func greeterProgram(at string) {
	a := New("greeter")
	if os.Getenv(memoryVariable) != "" {
		a.Remember()
	}
	if within, err := time.ParseDuration(os.Getenv(answerVariable)); err == nil {
		answerTimeout = within
	}
	a.Add("gate", gate{})
	a.Add("port", service.Listen(at, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return &tally{Transport: t}
	})))
	a.Add("config", &reloads{})
	a.Main()
}

type tally struct {
	twistor.Transport
	lines int
	stuck bool
	stays bool
}

func (y *tally) Connected()         {}
func (y *tally) Disconnected(error) {}
func (y *tally) Received(p []byte) {
	if bytes.Contains(p, []byte("crash")) {
		go panic("the reason of the crash") // on a goroutine, where nobody recovers
	}
	y.stuck = y.stuck || bytes.Contains(p, []byte("stuck"))
	y.stays = y.stays || bytes.Contains(p, []byte("stay"))
	for range bytes.Count(p, []byte("\n")) {
		y.lines++
		fmt.Fprintln(y, y.lines, os.Getpid())
	}
}
func (y *tally) Dismissed() {
	if !y.stuck {
		fmt.Fprintln(y, "good-bye")
		y.Close()
	}
}
func (y *tally) HandedOver() ([]byte, bool) { return []byte{byte(y.lines)}, y.stays }
func (y *tally) Restored(state []byte)      { y.lines, y.stays = int(state[0]), true }

// reloads logs that it is asked to, and fails where a file says so.
type reloads struct{ loop twistor.Loop }

func (r *reloads) Start(_ *deferred.Co, h service.Host) error { r.loop = h.Loop(); return nil }
func (r *reloads) Stop(*deferred.Co) error                    { return nil }
func (r *reloads) Reload(*deferred.Co) error {
	if _, err := r.loop.FS().Stat("broken"); err == nil {
		return errors.New("broken")
	}
	return nil
}

// gate starts when a file is there, if the environment names one.
type gate struct{}

func (gate) Start(co *deferred.Co, h service.Host) error {
	name := os.Getenv(gateVariable)
	if name == "" {
		return nil
	}
	h.Loop().Log().Info("waiting at the gate")
	for {
		if _, err := h.Loop().FS().Stat(name); err == nil {
			return nil
		}
		if err := co.Sleep(time.Millisecond); err != nil {
			return err
		}
	}
}
func (gate) Stop(*deferred.Co) error { return nil }

const patience = time.Minute

// A child is the program as a process of its own, in the foreground.
type child struct {
	*exec.Cmd
	t    *testing.T
	addr string
	said lines
}

// lines are what a process, and those after it, have said to a file.
type lines string

func (l lines) String() string {
	text, _ := os.ReadFile(string(l))
	return string(text)
}

// await waits until the process has said what.
func (l lines) await(t *testing.T, what string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(l.String(), what); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not say %q:\n%s", what, l)
		}
	}
}

func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	return startProgram(t, os.Args[0], nil, args...)
}

// startProgram starts a copy of the program, with more in its environment.
func startProgram(t *testing.T, program string, env []string, args ...string) *child {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	c := &child{t: t, addr: free.Addr().String(), said: lines(filepath.Join(t.TempDir(), "said"))}
	c.Cmd = exec.Command(program, args...)
	c.Dir = t.TempDir()
	c.Env = append(append(os.Environ(), programVariable+"=tcp:"+c.addr, "GORACE=atexit_sleep_ms=0"), env...)
	said, err := os.Create(string(c.said))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	c.Stdout, c.Stderr = said, said // a file: a pipe would have Wait wait for the next process, too
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if text, err := os.ReadFile(filepath.Join(c.Dir, "pid")); err == nil { // who came after it
			var pid int
			if fmt.Sscan(string(text), &pid); pid > 1 {
				if p, err := os.FindProcess(pid); err == nil {
					p.Kill()
				}
			}
		}
	})
	return c
}

// status is what it exits with.
func (c *child) status() int {
	c.t.Helper()
	late := time.AfterFunc(patience, func() { c.Process.Kill() })
	defer late.Stop()
	c.Wait()
	return c.ProcessState.ExitCode()
}

func (c *child) dial() *peer {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &peer{conn, bufio.NewReader(conn)}
}

type peer struct {
	net.Conn
	r *bufio.Reader
}

// say sends a line and returns the answer.
func (p *peer) say(line string) string {
	fmt.Fprintln(p, line)
	answer, err := p.r.ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(answer)
}

// TestF39Stop: a signal lets connections finish; who does not is cut off in the
// end, or by a second signal, and the status tells. UC19 is the wish.
func TestF39Stop(t *testing.T) {
	t.Run("polite", func(t *testing.T) {
		c := startChild(t)
		c.said.await(t, "started")
		p := c.dial()
		p.say("hello")
		c.Process.Signal(syscall.SIGTERM)
		if rest, err := io.ReadAll(p.r); string(rest) != "good-bye\n" {
			t.Errorf("got %q, %v, want a good-bye", rest, err)
		}
		if got := c.status(); got != 0 {
			t.Errorf("got status %d, want 0:\n%s", got, c.said)
		}
		for _, want := range []string{"starting name=greeter", "received SIGTERM, shutting down", "ended"} {
			c.said.await(t, want)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		c := startChild(t, "--stop-timeout", "50ms")
		c.said.await(t, "started")
		p := c.dial()
		p.say("stuck")
		c.Process.Signal(syscall.SIGTERM)
		if got := c.status(); got != 75 {
			t.Errorf("got status %d, want 75, as not all was finished:\n%s", got, c.said)
		}
		c.said.await(t, "stopped before all was finished")
	})
	t.Run("second signal", func(t *testing.T) {
		c := startChild(t, "--stop-timeout", "10m")
		c.said.await(t, "started")
		p := c.dial()
		p.say("stuck")
		c.Process.Signal(syscall.SIGTERM)
		c.said.await(t, "shutting down")
		c.Process.Signal(syscall.SIGTERM)
		if got := c.status(); got != 75 {
			t.Errorf("got status %d, want 75, as not all was finished:\n%s", got, c.said)
		}
		c.said.await(t, "again, stopping now")
	})
}

// TestF25Signals sends signals at random moments of a program's life: none
// but those that stop it does, and it always ends in order.
func TestF25Signals(t *testing.T) {
	lives := 20
	if testing.Short() {
		lives = 5
	}
	if os.Getenv("TWISTOR_SOAK") != "" {
		lives = 100
	}
	random := rand.New(rand.NewPCG(1, 2))
	harmless := []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGPIPE, syscall.SIGCHLD}
	for i := range lives {
		c := startChild(t)
		c.said.await(t, "starting") // from here on it hears signals, soon
		if i%2 == 0 {
			c.said.await(t, "started")
		} else {
			c.said.await(t, "listening")
		}
		for range random.IntN(10) {
			c.Process.Signal(harmless[random.IntN(len(harmless))])
			time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
		}
		last := []os.Signal{syscall.SIGTERM, syscall.SIGINT}[random.IntN(2)]
		c.Process.Signal(last)
		if got := c.status(); got != 0 {
			t.Fatalf("life %d, %v: got status %d, want 0:\n%s", i, last, got, c.said)
		}
	}
}

// TestReload: a failure is said, and stops nothing.
func TestReload(t *testing.T) {
	c := startChild(t)
	c.said.await(t, "started")
	c.Process.Signal(syscall.SIGHUP)
	c.said.await(t, "reloaded")
	os.WriteFile(filepath.Join(c.Dir, "broken"), nil, 0o600)
	c.Process.Signal(syscall.SIGHUP)
	c.said.await(t, "err=\"config: broken\"")
	if got := c.dial().say("hello"); !strings.HasPrefix(got, "1 ") {
		t.Errorf("got %q, want it to serve on", got)
	}
}

// TestF38Overlap: a program without a memory serves in both processes for a
// time: new connections are never refused, those that can be handed over are,
// and those that cannot are finished by the old process.
func TestF38Overlap(t *testing.T) {
	c := startChild(t, "--pidfile", "pid", "--stop-timeout", "1m")
	c.said.await(t, "started")
	first := c.Process.Pid
	stays, stuck, leaves := c.dial(), c.dial(), c.dial()
	stays.say("stay")
	stuck.say("stuck")
	leaves.say("hello")

	var stop atomic.Bool
	var clients sync.WaitGroup
	served := atomic.Int64{}
	for range 4 {
		clients.Go(func() {
			for !stop.Load() {
				conn, err := net.Dial("tcp", c.addr)
				if err != nil {
					t.Errorf("refused: %v", err)
					return
				}
				conn.SetDeadline(time.Now().Add(patience))
				p := &peer{conn, bufio.NewReader(conn)}
				if got := p.say("hello"); !strings.HasPrefix(got, "1 ") && got != "good-bye" {
					t.Errorf("got %q, want to be served, or dismissed", got)
				}
				conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
				served.Add(1)
			}
		})
	}
	c.Process.Signal(syscall.SIGUSR2)
	c.said.await(t, "upgraded pid=")
	if rest, err := io.ReadAll(leaves.r); string(rest) != "good-bye\n" {
		t.Errorf("got %q, %v, want a good-bye from the old process", rest, err)
	}
	if got := stuck.say("again"); got != fmt.Sprint("2 ", first) {
		t.Errorf("got %q, want the old process %d to go on with what it cannot hand over", got, first)
	}
	if got := stays.say("again"); !strings.HasPrefix(got, "2 ") || strings.HasSuffix(got, fmt.Sprint(" ", first)) {
		t.Errorf("got %q, want another process than %d to go on", got, first)
	}
	for before := served.Load(); served.Load() < before+100 && !t.Failed(); {
		time.Sleep(time.Millisecond)
	}
	stop.Store(true)
	clients.Wait()
	stuck.Close()
	if got := c.status(); got != 0 {
		t.Errorf("the old process: got status %d, want 0:\n%s", got, c.said)
	}
	if got := stays.say("last"); !strings.HasPrefix(got, "3 ") {
		t.Errorf("got %q after the old process has ended", got)
	}
}

// TestW25Crash: what the Go runtime says last is in the daemon's log, also when
// that is a new one; the pid file and the socket that a crash leaves behind stop
// nobody.
func TestW25Crash(t *testing.T) {
	c := startChild(t, "--logfile", "log", "--pidfile", "pid", "--control", "control")
	log := lines(filepath.Join(c.Dir, "log"))
	log.await(t, "INFO started")
	if err := os.Rename(string(log), string(log)+".1"); err != nil {
		t.Fatal(err)
	}
	c.Process.Signal(syscall.SIGUSR1)
	log.await(t, "received SIGUSR1")
	c.dial().say("crash")
	if got := c.status(); got != 2 {
		t.Errorf("got status %d, want 2", got)
	}
	for _, want := range []string{"panic: the reason of the crash", "goroutine ", "Received"} {
		log.await(t, want)
	}
	again := exec.Command(os.Args[0], c.Args[1:]...)
	again.Dir, again.Env = c.Dir, c.Env
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		again.Process.Signal(syscall.SIGTERM)
		if err := again.Wait(); err != nil {
			t.Errorf("after a crash: %v, want it to run and to stop in order", err)
		}
	}()
	log.await(t, fmt.Sprint("started pid=", again.Process.Pid))
}

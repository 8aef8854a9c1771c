package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service"
)

// A config is that of a plugin for these tests.
type config struct {
	Word string
	s    service.Service
}

func (c *config) Flags(f *pflag.FlagSet) { f.StringVar(&c.Word, "word", c.Word, "say `WORD`") }

func (c *config) Service() (service.Service, error) {
	if c.Word == "" {
		return nil, plugin.Usage("--word: want one")
	}
	return c.s, nil
}

func plugins(s service.Service) []plugin.Plugin {
	p := func(name, short string) plugin.Plugin {
		return plugin.Plugin{Name: name, Short: short, New: func() plugin.Config { return &config{"hello", s} }}
	}
	return []plugin.Plugin{p("zebra", "be striped"), p("ape", "climb")}
}

// inPlace runs a program without making this process its own.
func inPlace(ctx context.Context, p *program) error { return live(ctx, p, nil) }

func TestCommandLine(t *testing.T) {
	for _, tc := range []struct {
		args   string
		status plugin.Status
		stdout string // what it has, among other things
		stderr string // all of it
	}{
		{"", 0, "run", ""},
		{"--help", 0, "zebra       be striped", ""},
		{"help ape", 0, "--word WORD   say WORD (default \"hello\")", ""},
		{"--version", 0, "twistor ", ""},
		{"aep", 64, "", "twistor: unknown command \"aep\"; did you mean ape?\nTry \"twistor --help\".\n"},
		{"lion", 64, "", "twistor: unknown command \"lion\"\nTry \"twistor --help\".\n"},
		{"--ward", 64, "", "twistor: unknown flag: --ward\nTry \"twistor --help\".\n"},
		{"ape --ward x", 64, "", "twistor ape: unknown flag: --ward; did you mean --word?\nTry \"twistor ape --help\".\n"},
		{"ape --word", 64, "", "twistor ape: flag needs an argument: --word\nTry \"twistor ape --help\".\n"},
		{"ape --word=", 64, "", "twistor ape: --word: want one\nTry \"twistor ape --help\".\n"},
		{"ape tree", 64, "", "twistor ape: unexpected \"tree\": want flags only\nTry \"twistor ape --help\".\n"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := command(t.Context(), newRoot(plugins(nil), inPlace), strings.Fields(tc.args), &stdout, &stderr)
			if status != tc.status || !strings.Contains(stdout.String(), tc.stdout) || stderr.String() != tc.stderr {
				t.Errorf("got status %d\nstdout %s\nstderr %s\nwant status %d\nstdout with %s\nstderr %s",
					status, stdout.String(), stderr.String(), tc.status, tc.stdout, tc.stderr)
			}
			if ape, zebra := strings.Index(stdout.String(), "  ape "), strings.Index(stdout.String(), "  zebra "); ape > zebra {
				t.Errorf("the commands are not sorted:\n%s", stdout.String())
			}
		})
	}
}

// A server is a service that echoes, and says how it is stopped.
type server struct {
	service.Service
	fail    error
	started chan net.Addr
	stopped chan bool
}

func newServer() *server {
	s := &server{started: make(chan net.Addr, 1), stopped: make(chan bool, 1)}
	s.Service = service.Listen("tcp:127.0.0.1:0", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return &echo{t, s}
	}))
	return s
}

func (s *server) Start(co *deferred.Co, h service.Host) error {
	if s.fail != nil {
		return s.fail
	}
	return s.Service.Start(co, tattler{h, s})
}

func (s *server) Stop(co *deferred.Co) error {
	s.stopped <- true
	return s.Service.Stop(co)
}

// A tattler tells where a service listens.
type tattler struct {
	service.Host
	s *server
}

func (h tattler) Listen(at string, f twistor.Factory) (twistor.Port, error) {
	port, err := h.Host.Listen(at, f)
	if err == nil {
		h.s.started <- port.Addr()
	}
	return port, err
}

type echo struct {
	twistor.Transport
	s *server
}

func (e *echo) Connected()         {}
func (e *echo) Received(p []byte)  { e.Write(p) }
func (e *echo) Disconnected(error) {}
func (e *echo) Dismissed() {
	io.WriteString(e, "good-bye")
	e.Close()
}

func TestRunStopsPolitely(t *testing.T) {
	s := newServer()
	ctx, cancel := context.WithCancel(t.Context())
	var stderr bytes.Buffer
	ended := make(chan plugin.Status)
	go func() { ended <- command(ctx, newRoot(plugins(s), inPlace), []string{"ape"}, io.Discard, &stderr) }()

	conn, err := net.Dial("tcp", (<-s.started).String())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprint(conn, "hello ")
	if _, err := io.ReadFull(conn, make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if rest, err := io.ReadAll(conn); err != nil || string(rest) != "good-bye" {
		t.Errorf("got %q, %v, want a good-bye", rest, err)
	}
	if status := <-ended; status != 0 || !<-s.stopped {
		t.Errorf("got status %d, want 0:\n%s", status, stderr.String())
	}
}

func TestStatus(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := service.Listen("tcp:"+taken.Addr().String(), twistor.FactoryFunc(nil))
	for _, tc := range []struct {
		name string
		s    service.Service
		want plugin.Status
	}{
		{"a port that is taken", port, plugin.StatusUnavailable},
		{"an input that cannot be read", &server{fail: &plugin.Error{Status: plugin.StatusNoInput, Err: fs.ErrNotExist}}, plugin.StatusNoInput},
		{"something else", &server{fail: errors.New("oh")}, plugin.StatusSoftware},
		{"a panic", &server{fail: nil, started: nil, Service: nil}, plugin.StatusSoftware},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stderr bytes.Buffer
			got := command(t.Context(), newRoot(plugins(tc.s), inPlace), []string{"ape"}, io.Discard, &stderr)
			if got != tc.want || !strings.Contains(stderr.String(), "twistor ape: ") {
				t.Errorf("got status %d, want %d:\n%s", got, tc.want, stderr.String())
			}
		})
	}
	if got := statusOf(fmt.Errorf("port: %w", &fs.PathError{Err: syscall.EACCES})); got != plugin.StatusSoftware {
		t.Errorf("got %d of a file nobody knows, want %d", got, plugin.StatusSoftware)
	}
}

// A slow starter waits for ever.
type slow struct{ begun, stopped chan bool }

func (s *slow) Start(co *deferred.Co, h service.Host) error {
	s.begun <- true
	_, err := deferred.New[struct{}](h.Loop()).Await(co)
	return err
}
func (s *slow) Stop(*deferred.Co) error { s.stopped <- true; return nil }

// To be stopped while it still starts is no failure, and nothing is stopped.
func TestStopWhileStarting(t *testing.T) {
	s := &slow{make(chan bool, 1), make(chan bool, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Run(ctx, s) }()
	<-s.begun
	cancel()
	if err := <-ended; err != nil || len(s.stopped) != 0 {
		t.Errorf("got %v, stopped %d times, want neither", err, len(s.stopped))
	}
}

func TestSuggest(t *testing.T) {
	for _, tc := range []struct{ name, want string }{
		{"weblgo", "; did you mean weblog?"}, {"webl", "; did you mean weblog?"}, {"x", ""}, {"", ""},
	} {
		if got := suggest(tc.name, []string{"web-site", "weblog"}, ""); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

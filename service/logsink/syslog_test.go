package logsink

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// await reads what a daemon got, for as long as a test may take.
func await(t *testing.T, conn net.PacketConn) string {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	p := make([]byte, 64<<10)
	n, _, err := conn.ReadFrom(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(p[:n])
}

func openSyslog(t *testing.T, o SyslogOptions) *Syslog {
	t.Helper()
	s, err := OpenSyslog(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// O13: levels are severities, and a stack is a message a line.
func TestO13SyslogUDP(t *testing.T) {
	daemon, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	s := openSyslog(t, SyslogOptions{Network: "udp", Address: daemon.LocalAddr().String(), Tag: "weblog", Facility: "local7", Level: slog.LevelInfo})
	log := slog.New(s).With("service", "web")
	log.Debug("too little")
	log.Info("listening", "at", "tcp:80")
	header := regexp.MustCompile(`^<190>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[-+]\d\d:\d\d) [!-~]+ weblog ` + fmt.Sprint(os.Getpid()) + ` - - listening service=web at=tcp:80$`)
	if got := await(t, daemon); !header.MatchString(got) {
		t.Errorf("got %q, want it to match %s", got, header)
	}
	log.Error("panic\n", "stack", "main.f()\n\tf.go:1\n")
	for _, want := range []string{` - - "panic\n" service=web`, " - - \tmain.f()", " - - \t\tf.go:1"} {
		if got := await(t, daemon); !strings.HasPrefix(got, "<187>1 ") || !strings.HasSuffix(got, want) {
			t.Errorf("got %q, want it to end with %q", got, want)
		}
	}
	log.Info(strings.Repeat("ä", 2000))
	if got := await(t, daemon); len(got) > 2048 || len(got) < 2046 || !utf8.ValidString(got) {
		t.Errorf("got %d bytes, want it cut to 2,048 between characters", len(got))
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got, want := s.Stats(), (Stats{Written: 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestO13Severities(t *testing.T) {
	for _, tc := range []struct {
		level slog.Level
		want  int // https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1
	}{
		{-100, 7}, {slog.LevelDebug, 7}, {slog.LevelInfo, 6}, {slog.LevelInfo + 1, 6}, {slog.LevelInfo + 2, 5},
		{slog.LevelWarn, 4}, {slog.LevelError, 3}, {slog.LevelError + 4, 2}, {slog.LevelError + 8, 1}, {100, 1},
	} {
		if got := severity(tc.level); got != tc.want {
			t.Errorf("%v: got %d, want %d", tc.level, got, tc.want)
		}
	}
}

// W06: the system's own daemon is at a socket, and gets what C libraries send. It
// may be started again.
func TestW06SyslogLocal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	listen := func() net.PacketConn {
		daemon, err := net.ListenPacket("unixgram", path)
		if err != nil {
			t.Fatal(err)
		}
		return daemon
	}
	daemon := listen()
	s := openSyslog(t, SyslogOptions{Network: "unixgram", Address: path, Tag: "weblog"})
	log := slog.New(s)
	want := regexp.MustCompile(`^<30>[A-Z][a-z][a-z] [ \d]\d \d\d:\d\d:\d\d weblog\[` + fmt.Sprint(os.Getpid()) + `\]: one a=1$`)
	log.Info("one", "a", 1)
	if got := await(t, daemon); !want.MatchString(got) {
		t.Errorf("got %q, want it to match %s", got, want)
	}

	daemon.Close()
	os.Remove(path)
	log.Info("lost")
	flush(t, s.queue)
	if got := s.Stats().Failed; got != 1 {
		t.Errorf("%d lost, want 1", got)
	}
	daemon = listen()
	defer daemon.Close()
	tried := func(at time.Time) {
		s.wire.mu.Lock()
		defer s.wire.mu.Unlock()
		s.wire.tried = at
	}
	tried(time.Now().Add(time.Hour)) // less than a second ago
	log.Info("lost, too")
	flush(t, s.queue)
	tried(time.Time{})
	log.Info("two")
	first, second := await(t, daemon), await(t, daemon)
	if !strings.HasPrefix(first, "<28>") || !strings.Contains(first, "]: log lines lost lost=2 err=") || !strings.HasSuffix(second, "]: two") {
		t.Errorf("got %q and %q, want a word about those that were lost first", first, second)
	}
}

// A daemon that is started again gets the next message, over a new connection.
func TestO13SyslogTCP(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		address := "127.0.0.1:0"
		if network == "unix" {
			address = filepath.Join(t.TempDir(), "log")
		}
		daemon, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer daemon.Close()
		s := openSyslog(t, SyslogOptions{Network: network, Address: daemon.Addr().String(), Tag: "weblog"})
		log := slog.New(s)
		first := accept(t, daemon)
		log.Info("größer")
		log.Info("second")
		for _, want := range []string{"größer", "second"} {
			if got := readFrame(t, network, first.r); !strings.HasSuffix(got, "]: "+want) && !strings.HasSuffix(got, " - - "+want) {
				t.Errorf("%s: got %q, want it to end with %s", network, got, want)
			}
		}
		flush(t, s.queue)
		s.wire.mu.Lock()
		old := s.wire.conn
		s.wire.mu.Unlock()
		first.Close()
		for err := error(nil); err == nil; runtime.Gosched() { // until hangUp has seen it
			_, err = old.Write(nil)
		}
		log.Info("third")
		if got := readFrame(t, network, accept(t, daemon).r); !strings.HasSuffix(got, " third") {
			t.Errorf("%s: got %q, want the third", network, got)
		}
	}
}

type accepted struct {
	net.Conn
	r *bufio.Reader
}

func accept(t *testing.T, daemon net.Listener) accepted {
	t.Helper()
	conn, err := daemon.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return accepted{conn, bufio.NewReader(conn)}
}

// readFrame reads a message with a count before it, or a line.
func readFrame(t *testing.T, network string, r *bufio.Reader) string {
	t.Helper()
	if network == "unix" {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(line, "\n")
	}
	var n int
	if _, err := fmt.Fscanf(r, "%d ", &n); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(r, p); err != nil {
		t.Fatal(err)
	}
	return string(p)
}

func TestOpenSyslogRefuses(t *testing.T) {
	for _, tc := range []struct {
		o    SyslogOptions
		want string
	}{
		{SyslogOptions{Facility: "loud"}, `facility "loud": want daemon`},
		{SyslogOptions{Tag: "two words"}, `tag "two words": want 1 to 32 ASCII`},
		{SyslogOptions{Tag: "a]: forged"}, "want 1 to 32 ASCII"},
		{SyslogOptions{Tag: strings.Repeat("x", 33)}, "want 1 to 32 ASCII"},
		{SyslogOptions{Network: "sctp", Address: "x"}, `network "sctp": want udp, tcp`},
		{SyslogOptions{Address: "example.com"}, "want a network with it"},
		{SyslogOptions{Network: "unixgram", Address: filepath.Join(t.TempDir(), "none")}, "no such file"},
	} {
		if _, err := OpenSyslog(tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: got %v, want %s", tc.o, err, tc.want)
		}
	}
	if slices.Index(facilities, "local0") != 16 || slices.Index(facilities, "ftp") != 11 || len(facilities) != 24 {
		t.Error("the facilities have other codes than RFC 5424 gives them")
	}
}

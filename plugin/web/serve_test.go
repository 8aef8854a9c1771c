package web

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// A site under test: two loops that serve what a command line asks for, and a
// host that asks.
type serving struct {
	t       *testing.T
	w       *sim.World
	server  *sim.Host
	client  *sim.Host
	service service.Service
}

// serve starts a command line at server:8080. Its files are real, but for those
// of users, which are on the host's Disk.
func serve(t *testing.T, w *sim.World, args ...string) *serving {
	t.Helper()
	s := prepare(t, w, args...)
	s.server.Do(func(co *deferred.Co) error { return s.service.Start(co, service.On(s.server.Loop())) })
	t.Cleanup(func() {
		if s.service != nil {
			s.stop()
		}
	})
	return s
}

// prepare does all of serve but the Start.
func prepare(t *testing.T, w *sim.World, args ...string) *serving {
	t.Helper()
	s := &serving{t: t, w: w, server: w.Host("server"), client: w.Host("client")}
	s.server.LoopCount = 2
	config := parse(t, args...)
	if config.Listen == nil {
		config.Listen = []string{"tcp:8080"}
	}
	var err error
	if s.service, err = config.Service(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *serving) stop() {
	s.server.Do(s.service.Stop)
	s.service = nil
}

// An answer is one that came whole.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request line with fields behind it, over a connection of its own.
func (s *serving) ask(line string, fields ...string) answer {
	s.t.Helper()
	return s.askAt("server:8080", line, "", fields...)
}

func (s *serving) askAt(addr, line, body string, fields ...string) answer {
	s.t.Helper()
	p := s.client.Dial(addr)
	head := line + " HTTP/1.1\r\n"
	if !strings.HasPrefix(strings.Join(fields, "\n"), "Host:") {
		head += "Host: example.com\r\n"
	}
	for _, f := range fields {
		head += f + "\r\n"
	}
	p.Send(head + "Connection: close\r\n\r\n" + body)
	s.w.Run(p.Gone)
	method, _, _ := strings.Cut(line, " ")
	text := p.Take()
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), &http.Request{Method: method})
	if err != nil {
		s.t.Fatalf("%s: %v in %.200q", line, err, text)
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s: body: %v", line, err)
	}
	return answer{resp.StatusCode, resp.Header, string(got)}
}

// want asks, and wants a status and a body.
func (s *serving) want(status int, body, line string, fields ...string) {
	s.t.Helper()
	if got := s.ask(line, fields...); got.status != status || got.body != body {
		s.t.Errorf("%s %q: got %d %.80q, want %d %q", line, fields, got.status, got.body, status, body)
	}
}

// wantStatus asks, and wants a status.
func (s *serving) wantStatus(status int, line string, fields ...string) answer {
	s.t.Helper()
	got := s.ask(line, fields...)
	if got.status != status {
		s.t.Errorf("%s %q: got %d %.80q, want %d", line, fields, got.status, got.body, status)
	}
	return got
}

// folderOf makes a directory of files.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// G01: several endpoints, of any kind, serve the same.
func TestG01Listen(t *testing.T) {
	dir := folderOf(t, map[string]string{"a.txt": "a"})
	s := serve(t, sim.New(t, 1), "--listen", "tcp:8080", "--listen", "tcp:81", "--path", dir)
	s.want(200, "a", "GET /a.txt")
	if got := s.askAt("server:81", "GET /a.txt", ""); got.body != "a" {
		t.Errorf("port 81: got %d %q, want a", got.status, got.body)
	}
}

// Who names nothing listens on this machine only, and with ACME where HTTPS is.
func TestG01DefaultListen(t *testing.T) {
	for args, want := range map[string]string{"--path|.": DefaultListen, "--acme|example.com|--acme-accept-terms": "tcp:443"} {
		p, err := parse(t, strings.Split(args, "|")...).plan()
		if err != nil || len(p.listen) != 1 || p.listen[0] != want {
			t.Errorf("%s: got %v, want %s", args, err, want)
		}
	}
}

// What cannot be read fails at the start, by the status of its kind, and says
// which option it was.
func TestG02WrongFiles(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	for _, tc := range []struct {
		args   []string
		status plugin.Status
		want   string
	}{
		{[]string{"--path", missing}, plugin.StatusNoInput, "--path: "},
		{[]string{"--vhost", "a.example=" + missing}, plugin.StatusNoInput, "--vhost: "},
		{[]string{"--cgi", missing}, plugin.StatusNoInput, "--cgi: "},
		{[]string{"--cgi", "/tmp/file"}, plugin.StatusNoInput, "--cgi: /tmp/file: want a directory"},
		{[]string{"--auth", "file:" + missing}, plugin.StatusNoInput, "--auth file: "},
		{[]string{"--access-log", missing + "/log"}, plugin.StatusCannotCreate, "--access-log: "},
		{[]string{"--acme", "a.example", "--acme-accept-terms", "--acme-roots", missing}, plugin.StatusNoInput, "--acme-roots: "},
	} {
		s := prepare(t, sim.New(t, 1), tc.args...)
		if f, err := s.server.Loop().FS().OpenFile("/tmp/file", os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			t.Fatal(err)
		} else {
			f.Close()
		}
		var err error
		s.server.Do(func(co *deferred.Co) error {
			err = s.service.Start(co, service.On(s.server.Loop()))
			return nil
		})
		if e, ok := errors.AsType[*plugin.Error](err); !ok || e.Status != tc.status || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: got %v, want %q and status %d", tc.args, err, tc.want, tc.status)
		}
	}
}

// G06: the log is combined, has the name of who logged in and the address that a
// trusted proxy says; it is whole when the server has stopped, and it can start
// again.
func TestG06AccessLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	w := sim.New(t, 1)
	s := serve(t, w, "--path", folderOf(t, map[string]string{"a.txt": "a"}), "--access-log", log, "--auth", "memory:ann:secret", "--auth-clear",
		"--trusted-proxy", w.Host("client").Addr().String())
	s.want(200, "a", "GET /a.txt?x", "Authorization: Basic YW5uOnNlY3JldA==", "X-Forwarded-For: 192.0.2.7", "User-Agent: me")
	s.wantStatus(401, "GET /b")
	server := s.service
	s.stop()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "192.0.2.7 - ann [01/Jan/2030:") || !strings.HasSuffix(lines[0], `"GET /a.txt?x HTTP/1.1" 200 1 "-" "me"`) ||
		!strings.Contains(lines[1], ` - - [`) || !strings.Contains(lines[1], `"GET /b HTTP/1.1" 401 `) {
		t.Errorf("got %q, want two lines", text)
	}
	if strings.Contains(string(text), "secret") || strings.Contains(string(text), "YW5u") {
		t.Errorf("the log has a password: %q", text)
	}
	s.service = server
	s.server.Do(func(co *deferred.Co) error { return server.Start(co, service.On(s.server.Loop())) })
	s.wantStatus(401, "GET /c")
	s.stop()
	if text, _ = os.ReadFile(log); strings.Count(string(text), "\n") != 3 {
		t.Errorf("after a new start: got %q, want three lines", text)
	}
}

// UC14: what takes the place of a directory is served after a reload; until then,
// and if there is nothing, what was there before.
func TestUC14ReloadDirectory(t *testing.T) {
	root := folderOf(t, map[string]string{"1/a.txt": "one", "2/a.txt": "two"})
	link := filepath.Join(root, "current")
	lead := func(to string) {
		t.Helper()
		os.Remove(link)
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	lead("1")
	s := serve(t, sim.New(t, 1), "--path", link)
	s.want(200, "one", "GET /a.txt")
	reload := func() (err error) {
		s.server.Do(func(co *deferred.Co) error { err = s.service.(service.Reloader).Reload(co); return nil })
		return err
	}
	lead("2")
	s.want(200, "one", "GET /a.txt")
	for range 3 { // more often than the former ones are closed
		if err := reload(); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 { // on both loops
		s.want(200, "two", "GET /a.txt")
	}
	lead("3")
	if err := reload(); err == nil || !strings.Contains(err.Error(), "--path: ") || !strings.Contains(err.Error(), "the former directory is served on") {
		t.Errorf("got %v, want it to say that nothing has changed", err)
	}
	s.want(200, "two", "GET /a.txt")
	s.w.Advance(time.Minute)
	s.want(200, "two", "GET /a.txt")
}

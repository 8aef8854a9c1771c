//go:build linux

package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestJ05Systemd is systemd to the program: it passes a listening socket, and
// hears when the service is ready, alive, reloads, is upgraded and stops. Its
// variables do not reach children.
func TestJ05Systemd(t *testing.T) {
	dir := t.TempDir()
	notify := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	var told []string
	await := func(want string) (value string) {
		t.Helper()
		manager.SetReadDeadline(time.Now().Add(patience))
		for {
			for len(told) > 0 {
				line := told[0]
				told = told[1:]
				if strings.HasPrefix(line, want) {
					return strings.TrimPrefix(line, want)
				}
			}
			p := make([]byte, 4096)
			oob := make([]byte, 256)
			n, k, _, _, err := manager.ReadMsgUnix(p, oob)
			if err != nil {
				t.Fatalf("want %s: %v", want, err)
			}
			if messages, err := syscall.ParseSocketControlMessage(oob[:k]); err == nil { // BARRIER=1
				for _, m := range messages {
					fds, _ := syscall.ParseUnixRights(&m)
					for _, fd := range fds {
						syscall.Close(fd)
					}
				}
			}
			told = append(told, strings.Split(string(p[:n]), "\n")...)
		}
	}

	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	file, err := port.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c := exec.Command("sh", "-c", `LISTEN_PID=$$; export LISTEN_PID; exec "$0" fibonacci --listen systemd:name=numbers --pidfile twistor.pid`, program)
	c.Dir = dir
	c.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=numbers", "NOTIFY_SOCKET="+notify, "WATCHDOG_USEC=200000")
	c.ExtraFiles = []*os.File{file}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	file.Close()
	port.Close() // it is the program's now
	t.Cleanup(func() {
		killAll(dir)
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s", text)
		}
	})
	ask := func(want string) {
		t.Helper()
		conn := dial(t, "tcp", port.Addr().String())
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintln(conn)
		if got, err := bufio.NewReader(conn).ReadString('\n'); got != want+"\n" {
			t.Errorf("got %q, %v, want %s", got, err, want)
		}
	}
	await("READY=1")
	ask("2")
	await("WATCHDOG=1")
	await("WATCHDOG=1")
	c.Process.Signal(syscall.SIGHUP)
	await("RELOADING=1")
	await("READY=1")

	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", c.Process.Pid))
	if err != nil || !strings.Contains(string(environ), "LISTEN_PID") {
		t.Fatalf("the control does not hold: %v, %q", err, environ)
	}
	c.Process.Signal(syscall.SIGUSR2)
	next := await("MAINPID=") // from the old one: the next may say nothing until then
	if err := c.Wait(); err != nil {
		t.Errorf("the old process: %v", err)
	}
	await("WATCHDOG=1")
	await("WATCHDOG=1") // now from the next
	environ, err = os.ReadFile("/proc/" + next + "/environ")
	if err != nil || strings.Contains(string(environ), "LISTEN_") {
		t.Errorf("the next process was started with %q, %v, want no LISTEN_", environ, err)
	}
	ask("3")
	pid, err := readPID(filepath.Join(dir, "twistor.pid"))
	if err != nil || fmt.Sprint(pid) != next {
		t.Fatalf("the pid file has %d, %v, want %s", pid, err, next)
	}
	syscall.Kill(pid, syscall.SIGTERM)
	await("STOPPING=1")
}

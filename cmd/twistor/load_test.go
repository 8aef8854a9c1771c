package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// memory is how much of it a process has, and has had at most, in bytes.
func memory(t *testing.T, pid int) (now, most int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("no /proc to see memory in: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		words := strings.Fields(line)
		if len(words) == 3 && words[2] == "kB" {
			n, _ := strconv.Atoi(words[1])
			switch words[0] {
			case "VmRSS:":
				now = n << 10
			case "VmHWM:":
				most = n << 10
			}
		}
	}
	return now, most
}

// TestFiftyThousandHitsASecond writes that many lines, or what the machine
// bears, and wants each client to have all of them and the memory to stay
// within what one backlog and a few connections need.
func TestFiftyThousandHitsASecond(t *testing.T) {
	const perSecond, clients = 50_000, 3
	seconds := 2
	if testing.Short() {
		seconds = 1
	}
	if v, err := strconv.Atoi(os.Getenv("TWISTOR_LOAD_SECONDS")); err == nil {
		seconds = v
	}
	log := filepath.Join(t.TempDir(), "access.log")
	s := run(t, 1, "--log", log, "--listen", "tcp:127.0.0.1:0")
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	// A client that only counts, as a test that decoded would be what is slow.
	type outcome struct {
		hits int
		end  bool
		err  error
	}
	outcomes := make(chan outcome, clients)
	for range clients {
		conn := dial(t, "tcp", s.addrs[0])
		head := make([]byte, len("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<weblog>\n"))
		if _, err := io.ReadFull(conn, head); err != nil {
			t.Fatal(err)
		}
		go func() {
			var o outcome
			buf := make([]byte, 256<<10)
			for o.err == nil {
				var n int
				n, o.err = conn.Read(buf)
				o.hits += bytes.Count(buf[:n], []byte("/>\n"))
				o.end = o.end || bytes.HasSuffix(buf[:n], []byte("</weblog>\n"))
			}
			outcomes <- o
		}()
	}

	lines := 0
	var figures []string
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	begun := time.Now()
	for range seconds * 100 {
		var batch []byte
		for range perSecond / 100 {
			lines++
			batch = fmt.Appendf(batch, "192.0.2.7 - - [22/Nov/2026:10:00:00 +0000] \"GET /articles/event-driven?n=%d HTTP/1.1\" 200 6120"+
				" \"https://search.example.org/?q=networking\" \"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\"\n", lines)
		}
		if _, err := file.Write(batch); err != nil {
			t.Fatal(err)
		}
		if lines%(perSecond*max(1, seconds/4)) == 0 {
			now, _ := memory(t, s.Process.Pid)
			figures = append(figures, fmt.Sprintf("%d MiB", now>>20))
		}
		<-tick.C
	}
	took := time.Since(begun)
	_, most := memory(t, s.Process.Pid)

	// All is delivered when a client that asks for the last line has it.
	last := hits(dial(t, "tcp", s.addrs[0]))
	for !last.begun() {
		io.WriteString(file, line("/last"))
		lines++
		<-tick.C
	}
	said := s.stop(syscall.SIGTERM)
	for range clients {
		if o := <-outcomes; o.hits != lines || !o.end || o.err != io.EOF {
			t.Errorf("a client got %d hits of %d, good-bye %v, %v:\n%s", o.hits, lines, o.end, o.err, said)
		}
	}
	cpu := s.ProcessState.UserTime() + s.ProcessState.SystemTime()
	t.Logf("%d lines at %.0f a second to %d clients; memory %s, at most %d MiB; %.1f us of CPU a line",
		lines, float64(lines)/took.Seconds(), clients, strings.Join(figures, ", "), most>>20,
		float64(cpu.Microseconds())/float64(lines))
	if limit := 128 << 20; most > limit {
		t.Errorf("it took %d MiB, want at most %d", most>>20, limit>>20)
	}
}

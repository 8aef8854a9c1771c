//go:build linux

package reactor_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/reactor"
)

// A pourer echoes, but sends a mebibyte to who says F.
type pourer struct{ twistor.Transport }

var pour = make([]byte, 16<<10)

func (p *pourer) Connected()         {}
func (p *pourer) Disconnected(error) {}
func (p *pourer) Received(data []byte) {
	if data[0] != 'F' {
		p.Write(data)
		return
	}
	for range 64 {
		if _, err := p.Write(pour); err != nil {
			return
		}
	}
}

// TestF_02NeverReading: many clients that never read, each sent a mebibyte,
// beside honest ones: the server's memory stays within its budget, and the
// honest ones are served all the while. TWISTOR_SOAK=1 has 10,000 and 100, and
// prints what the honest ones lose; else there are 600 and 10.
func TestF_02NeverReading(t *testing.T) {
	if os.Getenv("TWISTOR_TEST_POUR") != "" {
		r := reactor.New(&reactor.Config{Loops: 1, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
		port, err := r.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0", MaxConnections: 12_000},
			twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &pourer{t} }))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(port.Addr())
		go func() { io.Copy(io.Discard, os.Stdin); r.Stop() }()
		r.Run(context.Background())
		os.Exit(0)
	}
	slow, honest, window := 600, 10, 300*time.Millisecond
	if os.Getenv("TWISTOR_SOAK") != "" {
		slow, honest, window = 10_000, 100, 4*time.Second
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestF_02NeverReading$")
	cmd.Env = append(os.Environ(), "TWISTOR_TEST_POUR=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr = strings.TrimSpace(addr)

	var stop atomic.Bool
	var answers atomic.Int64
	var clients sync.WaitGroup
	for range honest {
		c := dialEcho(t, addr)
		defer c.Close()
		clients.Go(func() {
			for !stop.Load() {
				if !asks(c, 20*time.Second) {
					t.Error("F-02: an honest client is not served")
					return
				}
				answers.Add(1)
			}
		})
	}
	defer clients.Wait()
	defer stop.Store(true)
	rate := func() float64 {
		from, n := time.Now(), answers.Load()
		time.Sleep(window)
		return float64(answers.Load()-n) / time.Since(from).Seconds()
	}
	alone := rate()
	before := rss(t, cmd.Process.Pid)
	var mute []net.Conn
	for i := range slow {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%8))}}
		c, err := d.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("F-02: connection %d: %v", i, err)
		}
		defer c.Close()
		c.(*net.TCPConn).SetReadBuffer(4096)
		c.Write([]byte("F"))
		mute = append(mute, c)
	}
	beside := rate()
	grown := rss(t, cmd.Process.Pid) - before
	t.Logf("%d slow readers: the server grew by %d MiB; %d honest ones have %.0f %% of their %.0f answers a second",
		len(mute), grown>>20, honest, 100*beside/alone, alone)
	if grown > 320<<20 {
		t.Errorf("F-02: the server grew by %d MiB, want 320 at most", grown>>20)
	}
}

// rss is the resident memory of a process in bytes.
func rss(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatal("no VmRSS")
	}
	kib, _ := strconv.Atoi(string(m[1]))
	return kib << 10
}

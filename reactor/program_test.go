package reactor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
)

// TestK07Do: a program with a beginning and an end: its result is Do's, all is
// closed behind it, and a context ends it early.
func TestK07Do(t *testing.T) {
	checkFDs(t)
	want := errors.New("result")
	err := reactor.Do(context.Background(), quiet(reactor.Config{Loops: 1}), func(co *deferred.Co, l twistor.Loop) error {
		port, err := twistor.Listen(l, "tcp", "127.0.0.1:0", twistor.FactoryFunc(newEcho))
		if err != nil {
			return err
		}
		p, err := twistor.Dial(l, "tcp", port.Addr().String(), func(t twistor.Transport) *bouncer {
			left := 0
			return &bouncer{Transport: t, left: &left}
		}).Await(co)
		if err != nil {
			return err
		}
		p.Close()
		return want
	})
	if err != want {
		t.Errorf("got %v, want %v", err, want)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	early := errors.New("early")
	err = reactor.Do(ctx, quiet(reactor.Config{Loops: 1}), func(co *deferred.Co, l twistor.Loop) error {
		cancel(early)
		return co.Sleep(time.Hour)
	})
	if !errors.Is(err, early) {
		t.Errorf("an ended context: %v", err)
	}
}

// TestR06RemoveBeforeStop: what was removed is not called.
func TestR06RemoveBeforeStop(t *testing.T) {
	r := reactor.New(quiet(reactor.Config{Loops: 1}))
	called := 0
	remove := r.BeforeStop(func() *deferred.Signal { t.Error("removed, and called"); return nil })
	r.BeforeStop(func() *deferred.Signal { called++; return nil })
	remove()
	remove()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.Run(ctx); err != nil || called != 1 {
		t.Errorf("%v, called %d times", err, called)
	}
}

// TestR48Stdio: a Protocol over two files, with half-close and the end.
func TestR48Stdio(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no pairs of sockets there")
	}
	systemOnly(t, func(b *bed) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "in"), []byte("a question"), 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := os.Open(filepath.Join(dir, "in"))
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		read, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer read.Close()
		var p *rec
		err = b.l.(interface {
			Stdio(in, out *os.File, f twistor.Factory) error
		}).Stdio(in, out, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			p = &rec{Transport: t, b: b}
			return half{p}
		}))
		if err != nil {
			t.Fatal(err)
		}
		b.until("the input has ended", func() bool { return p.events[len(p.events)-1] == "readClosed" })
		if p.in.String() != "a question" {
			t.Errorf("got %q", p.in.String())
		}
		p.Write([]byte("an answer"))
		p.Close()
		b.finished(p)
		out.Close()
		if got, err := io.ReadAll(read); err != nil || string(got) != "an answer" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// TestR52ProcessOutput: what a child prints, as a Deferred: os/exec on the
// pool, ended by Cancel.
func TestR52ProcessOutput(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh: ", err)
	}
	each(t, func(b *bed) {
		if b.kind == "fake" {
			b.Skip("children are of the real world")
		}
		output := func(script string) *deferred.Deferred[string] {
			return deferred.Go(b.l, func(ctx context.Context) (string, error) {
				out, err := exec.CommandContext(ctx, "sh", "-c", script).Output()
				return string(out), err
			})
		}
		if got := must(b, output("echo hello")); got != "hello\n" {
			t.Errorf("got %q", got)
		}
		_, err := result(b, output("echo wrong >&2; exit 3"))
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 || string(exit.Stderr) != "wrong\n" {
			t.Errorf("got %v", err)
		}
		d := output("sleep 60")
		d.Cancel()
		if _, err := result(b, d); !errors.Is(err, deferred.ErrCanceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// TestT29IPv6: listening, dialing and datagrams over IPv6, and a port of both
// families. E20.
func TestT29IPv6(t *testing.T) {
	each(t, func(b *bed) {
		host := "::1"
		if b.kind == "fake" {
			host = "fd00::1"
		}
		port, err := twistor.Listen(b.l, "tcp6", net.JoinHostPort(host, "0"), recs(b))
		if err != nil {
			b.Skip("no IPv6 here: ", err)
		}
		c := must(b, twistor.Dial(b.l, "tcp6", port.Addr().String(), func(t twistor.Transport) *rec { return &rec{Transport: t, b: b} }))
		if got := c.RemoteAddr().(*net.TCPAddr); got.IP.String() != host || got.Port != port.Addr().(*net.TCPAddr).Port {
			b.Errorf("R41: RemoteAddr is %v", got)
		}
		z := b.station(twistor.ListenConfig{Network: "udp6", Address: net.JoinHostPort(host, "0")})
		a := b.station(twistor.ListenConfig{Network: "udp6", Address: net.JoinHostPort(host, "0")})
		a.Send([]byte("hi"), z.peer())
		b.until("it arrives", func() bool { return len(z.got) == 1 })

		both := "0"
		dual, err := twistor.Listen(b.l, "tcp", ":"+both, recs(b))
		if err != nil {
			b.Fatal(err)
		}
		number := dual.Addr().(*net.TCPAddr).Port
		for _, to := range []string{host, b.host} {
			must(b, twistor.Dial(b.l, "tcp", net.JoinHostPort(to, fmt.Sprint(number)), func(t twistor.Transport) *rec { return &rec{Transport: t, b: b} }))
		}
	})
}

// TestE19DialByName: a name with several addresses: the first that answers
// wins, also when the others are refused.
func TestE19DialByName(t *testing.T) {
	names := resolver{"two.test": {"127.0.0.9", "127.0.0.1"}}
	for _, k := range backends[:2] {
		t.Run(k.name, func(t *testing.T) {
			b := k.make(t, reactor.Config{Resolver: names})
			port := b.listen("tcp", nil)
			_, number, _ := net.SplitHostPort(port.Addr().String())
			c := must(b, twistor.Dial(b.l, "tcp", "two.test:"+number, func(t twistor.Transport) *rec { return &rec{Transport: t, b: b} }))
			if got := c.RemoteAddr().String(); got != "127.0.0.1:"+number {
				t.Errorf("connected to %s", got)
			}
			_, err := result(b, b.l.Dial(twistor.DialConfig{Network: "tcp", Address: "none.test:80"}, recs(b)))
			var dns *net.DNSError
			if !errors.As(err, &dns) || dns.Name != "none.test" {
				t.Errorf("R19: an unknown name: %v", err)
			}
			port.Close()
			_, err = result(b, b.l.Dial(twistor.DialConfig{Network: "tcp", Address: "two.test:" + number}, recs(b)))
			if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("all refuse: %v", err)
			}
		})
	}
}

// TestR40AcceptBudget: a burst of connections is accepted 64 a turn, and a port
// at MaxConnections waits for one to end.
func TestR40AcceptBudget(t *testing.T) {
	systemOnly(t, func(b *bed) {
		made := 0
		var last *rec
		port, err := b.l.Listen(twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0", MaxConnections: 100}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			made++
			last = &rec{Transport: t, b: b}
			return last
		}))
		if err != nil {
			t.Fatal(err)
		}
		addr := netip.MustParseAddrPort(port.Addr().String())
		for range 150 {
			c, err := net.Dial("tcp", addr.String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		for made < 100 {
			before := made
			b.turn()
			if made-before > 64 {
				t.Errorf("XC3: %d accepted in one turn", made-before)
			}
		}
		b.pass(20 * time.Millisecond)
		if made != 100 {
			t.Errorf("%d connections, want 100", made)
		}
		if !strings.Contains(b.log.String(), "at its limit of connections") {
			t.Error("the limit is not logged")
		}
		last.Abort()
		b.until("the next one is served", func() bool { return made == 101 })
	})
}

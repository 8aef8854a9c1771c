package reactor_test

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/reactor"
)

// fib is the article's factory: state that all its clients share, without a
// lock.
type fib struct {
	a, b int
	n    int
}

func (f *fib) Build(t twistor.Transport) twistor.Protocol { return &asker{t, f} }

type asker struct {
	twistor.Transport
	fib *fib
}

func (p *asker) Connected()         {}
func (p *asker) Disconnected(error) {}
func (p *asker) Received(data []byte) {
	for range strings.Count(string(data), "\n") {
		p.fib.n++
		p.fib.a, p.fib.b = p.fib.b, (p.fib.a+p.fib.b)%1_000_000_007
		fmt.Fprintf(p, "%d %d\n", p.fib.n, p.fib.b)
	}
}

// TestXC1SharedStateNeedsNoLock: one factory on one of four loops, 50 clients at
// once: each number is given once. -race sees any sharing.
func TestXC1SharedStateNeedsNoLock(t *testing.T) {
	r := reactor.New(quiet(reactor.Config{Loops: 4}))
	f := &fib{a: 1, b: 1}
	port, err := twistor.Listen(r.Loops()[2], "tcp", "127.0.0.1:0", f)
	if err != nil {
		t.Fatal(err)
	}
	run(t, r)
	given := ask(t, port.Addr().String(), 50, 100)
	if len(given) != 5000 {
		t.Errorf("%d different numbers, want 5000", len(given))
	}
}

// TestListenEach: one port, a factory for each loop: every connection stays on
// its factory's loop, and all loops serve. F-24: even to a tenth.
func TestListenEach(t *testing.T) {
	r := reactor.New(quiet(reactor.Config{Loops: 4}))
	fs := map[twistor.Loop]*fib{}
	opened := 0
	port, err := twistor.ListenEach(r.Loop(), "tcp", "127.0.0.1:0", func(at twistor.Loop) twistor.Factory {
		f := &fib{a: 1, b: 1}
		fs[at] = f
		opened++
		return f
	})
	if err != nil {
		t.Fatal(err)
	}
	if opened != 4 {
		t.Fatalf("%d factories, want 4", opened)
	}
	stop := run(t, r)
	ask(t, port.Addr().String(), 200, 10)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	total := 0
	for i, l := range r.Loops() {
		n := fs[l].n
		total += n
		if n < 450 || n > 550 {
			t.Errorf("F-24: loop %d answered %d of 2000", i, n)
		}
	}
	if total != 2000 {
		t.Errorf("%d answers, want 2000", total)
	}
}

// ask connects clients at once, has each ask, and returns how often each first
// number was given.
func ask(t *testing.T, addr string, clients, questions int) map[int]int {
	t.Helper()
	given := map[int]int{}
	var mu sync.Mutex
	var wg, served sync.WaitGroup
	served.Add(clients)
	for range clients {
		wg.Go(func() {
			arrived := sync.OnceFunc(served.Done)
			defer arrived()
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			in := bufio.NewReader(c)
			for q := range questions {
				if q == 1 { // nobody leaves before all are there
					arrived()
					served.Wait()
				}
				fmt.Fprintln(c, "next")
				line, err := in.ReadString('\n')
				if err != nil {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(strings.Fields(line)[0])
				mu.Lock()
				given[n]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return given
}

// room is one loop's part of a chat over all loops.
type room struct {
	each    *twistor.Each[*room]
	members map[*member]bool
}

type member struct {
	twistor.Transport
	room *room
}

func (m *member) Connected()         { m.room.members[m] = true; fmt.Fprintln(m, "welcome") }
func (m *member) Disconnected(error) { delete(m.room.members, m) }
func (m *member) Received(p []byte) {
	line := string(p)
	m.room.each.Post(func(r *room) {
		for m := range r.members { // order does not matter here: one line each
			m.Write([]byte(line))
		}
	})
}

// TestEachBroadcasts: twistor.Each: what one says all hear, over four loops,
// without a lock.
func TestEachBroadcasts(t *testing.T) {
	r := reactor.New(quiet(reactor.Config{Loops: 4}))
	rooms := twistor.NewEach(r.Loop(), func(e *twistor.Each[*room], _ twistor.Loop) *room {
		return &room{each: e, members: map[*member]bool{}}
	})
	port, err := twistor.ListenEach(r.Loop(), "tcp", "127.0.0.1:0", func(at twistor.Loop) twistor.Factory {
		return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &member{t, rooms.On(at)} })
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, r)
	var all []*bufio.Reader
	var first net.Conn
	for range 20 {
		c, err := net.Dial("tcp", port.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		in := bufio.NewReader(c)
		if line, _ := in.ReadString('\n'); line != "welcome\n" {
			t.Fatalf("got %q", line)
		}
		all = append(all, in)
		first = c
	}
	fmt.Fprintln(first, "hello")
	for i, in := range all {
		if line, err := in.ReadString('\n'); line != "hello\n" {
			t.Errorf("member %d: %q, %v", i, line, err)
		}
	}
}

package fibonacci

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/fibonacci"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
	"github.com/twistor-go/twistor/sim"
)

// --durable may be turned on and off from one run to the next: what is further
// counts, and nothing comes again. Only runs that are durable may crash.
func TestDurableOrNot(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 8
	}
	sim.Seeds(t, seeds, func(t *testing.T, w *sim.World) {
		server := w.Host("server")
		c := newCrowd(t, w, 3)
		chance := w.Split("lives")
		for range 8 {
			durable := chance.IntN(2) == 0
			v := begin(t, server, durable)
			if chance.IntN(4) > 0 { // else nobody asks
				c.connect()
				w.Advance(time.Duration(chance.IntN(500)) * time.Millisecond)
			}
			if durable && chance.IntN(2) == 0 {
				server.Crash()
				c.leave()
				server.Restart()
			} else {
				v.stop()
				c.leave()
			}
			w.Advance(time.Minute)
		}
		if twice, disordered := c.check(); twice > 0 || disordered > 0 {
			t.Errorf("%d of %d numbers were given twice, %d in disorder", twice, c.total(), disordered)
		}
	})
}

// A service that was stopped for an upgrade, which then failed, starts again.
func TestStartsAgain(t *testing.T) {
	for _, durable := range []bool{true, false} {
		w := sim.New(t, 0)
		server := w.Host("server")
		c := newCrowd(t, w, 3)
		v := begin(t, server, durable)
		for range 4 {
			c.connect()
			w.Advance(50 * time.Millisecond)
			v.stop()
			c.leave()
			w.Advance(time.Minute)
			server.Do(func(co *deferred.Co) (err error) {
				if v.store, err = persist.Open(co, server.Loop(), persist.Config{Dir: "/state", Name: "fibonacci"}); err != nil {
					return err
				}
				return v.service.Start(co, service.With(server.Loop(), v.store))
			})
		}
		v.stop()
		if twice, disordered := c.check(); twice > 0 || disordered > 0 || c.total() < 20 {
			t.Errorf("durable %v: %d of %d numbers were given twice, %d in disorder", durable, twice, c.total(), disordered)
		}
	}
}

// F-28, F-30: whatever call of the disk fails, once or from then on, a client is
// told; its connection stays, the server goes on when the disk does, and no
// number comes twice, also after a crash.
func TestDiskFails(t *testing.T) {
	for _, tc := range []struct {
		name string
		fail func(d *sim.Disk, skip int, err error)
	}{
		{"once", func(d *sim.Disk, skip int, err error) { d.FailOnce(skip, err) }},
		{"from then on", func(d *sim.Disk, skip int, err error) { d.FailFrom(skip, err) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			told := 0
			for skip := range 16 {
				for _, err := range []error{syscall.ENOSPC, syscall.EIO} {
					told += diskFails(t, func(d *sim.Disk) { tc.fail(d, skip, err) })
				}
			}
			if told == 0 {
				t.Error("no client was told: nothing failed")
			}
		})
	}
}

// diskFails returns how many answers were errors.
func diskFails(t *testing.T, fail func(*sim.Disk)) (told int) {
	t.Helper()
	w := sim.New(t, 0)
	w.Net.Latency = time.Millisecond
	server := w.Host("server")
	c := newCrowd(t, w, 2)
	begin(t, server, true)
	peer := w.Host("peer").Dial("server:8889")
	line := func() string {
		peer.Send("next\n")
		return peer.Line()
	}
	given := map[string]bool{}
	note := func(answer string) {
		switch {
		case strings.HasPrefix(answer, "ERROR"):
			told++
		case given[answer]:
			t.Errorf("%s was given twice", answer)
		}
		given[answer] = !strings.HasPrefix(answer, "ERROR")
	}
	note(line())
	fail(server.Disk)
	for range 12 {
		note(line())
		w.Advance(20 * time.Millisecond)
	}
	server.Disk.Repair()
	w.Advance(time.Minute) // the journal tries again by itself
	answer := line()
	if strings.HasPrefix(answer, "ERROR") {
		t.Errorf("after the repair got %q over the same connection, want a number", answer)
	}
	note(answer)
	server.Crash()
	server.Restart()
	w.Advance(time.Minute)
	begin(t, server, true)
	c.connect()
	w.Advance(100 * time.Millisecond)
	c.leave()
	w.Advance(time.Second)
	for _, got := range c.got {
		for _, n := range got {
			note(n.String())
		}
	}
	if c.total() == 0 {
		t.Error("nobody was given a number after the restart")
	}
	w.Errors() // of the disk, which failed
	return told
}

func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		want string
		make func(*Config)
	}{
		{"--listen: want an endpoint", func(c *Config) { c.Listen = nil }},
		{`--listen: endpoint "tcp:70000"`, func(c *Config) { c.Listen = []string{"tcp:70000"} }},
		{"--max-clients=0: want", func(c *Config) { c.Clients = 0 }},
		{"--max-digits=0: want", func(c *Config) { c.Digits = 0 }},
		{"--max-digits=1000001: want", func(c *Config) { c.Digits = fibonacci.MostDigits + 1 }},
	} {
		c := New()
		tc.make(c)
		_, err := c.Service()
		wrong, ok := errors.AsType[*plugin.Error](err)
		if !ok || wrong.Status != plugin.StatusUsage || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("got %v, want a usage error that begins with %s", err, tc.want)
		}
	}
	if c := New(); !c.Remembers() || !c.Durable {
		t.Error("want it durable, and to remember, unless it is told otherwise")
	}
}

// Without a memory it refuses to start, also when it need not be durable.
func TestNoStore(t *testing.T) {
	for _, durable := range []bool{true, false} {
		c := sim.NewClock(t)
		config := New()
		config.Durable = durable
		s, err := config.Service()
		if err != nil {
			t.Fatal(err)
		}
		deferred.Inline(c, func(co *deferred.Co) (struct{}, error) {
			return struct{}{}, s.Start(co, service.On(c))
		}).Done(func(_ struct{}, e error) { err = e })
		c.Advance(time.Second)
		wrong, ok := errors.AsType[*plugin.Error](err)
		if !ok || wrong.Status != plugin.StatusConfig || len(c.Ports()) != 0 {
			t.Errorf("durable %v: got %v, %d ports, want status 78 and none", durable, err, len(c.Ports()))
		}
	}
}

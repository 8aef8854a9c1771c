package service

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A monk is a Service that checks that it is treated by the rules: Start and
// Stop in turn, never at the same time, and no Stop after a Start that failed.
type monk struct {
	name  string
	t     *testing.T
	rand  *rand.Rand
	state string // "", "starts", "runs", "stops"
	host  Host
}

func (m *monk) turn(from, to string) {
	if m.state != from {
		m.t.Errorf("%s %s while it %s", m.name, to, m.state)
	}
	m.state = to
}

func (m *monk) sleep(co *deferred.Co) error {
	return co.Sleep(time.Duration(m.rand.IntN(3)) * time.Second)
}

func (m *monk) Start(co *deferred.Co, h Host) error {
	m.turn("", "starts")
	m.host = h
	err := m.sleep(co)
	if m.rand.IntN(4) == 0 {
		err = nil // it does not mind being cancelled
	}
	if m.rand.IntN(10) == 0 {
		err = errBroken
	}
	if m.turn("starts", "runs"); err != nil {
		m.state = ""
	}
	return err
}

func (m *monk) Stop(co *deferred.Co) error {
	m.turn("runs", "stops")
	err := m.sleep(co)
	m.turn("stops", "")
	return err
}

// TestGroupChaos lets everything happen to a Group at any time, from seeds: the
// rules of a Service hold for each member, and at the end all have stopped.
func TestGroupChaos(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { groupChaos(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func groupChaos(t *testing.T, random *rand.Rand) {
	c := sim.NewClock(t)
	g := new(Group)
	var monks []*monk
	add := func() {
		m := &monk{name: fmt.Sprint("m", len(monks)), t: t, rand: random}
		monks = append(monks, m)
		var s Service = m
		if random.IntN(3) == 0 {
			s = &Supervisor{Service: m}
		}
		if random.IntN(3) == 0 {
			inner := new(Group)
			inner.Add("in", s)
			s = inner
		}
		g.Add(m.name, s).Done(nil)
	}
	for range 3 {
		add()
	}
	under := []*deferred.Signal{deferred.Succeeded(struct{}{})} // what goes on, or did
	begin := func(body func(co *deferred.Co) error) {
		d := deferred.Inline(c, func(co *deferred.Co) (struct{}, error) { return struct{}{}, body(co) })
		d.Done(func(_ struct{}, err error) {
			if p, ok := errors.AsType[*deferred.PanicError](err); ok {
				t.Errorf("%v\n%s", p, p.Stack)
			}
		})
		under = append(under, d)
	}
	for range 60 {
		pick := monks[random.IntN(len(monks))]
		switch random.IntN(12) {
		case 0, 1, 2:
			begin(func(co *deferred.Co) error { return g.Start(co, &guard{Host: On(c)}) })
		case 3, 4:
			begin(func(co *deferred.Co) error { return StopWithin(co, g, time.Duration(1+random.IntN(6))*time.Second) })
		case 5:
			under[random.IntN(len(under))].Cancel()
		case 6:
			add()
		case 7:
			if g.Get(pick.name) != nil {
				d := g.Remove(pick.name)
				d.Done(nil)
				under = append(under, d)
			}
		case 8, 9:
			if pick.state == "runs" || pick.state == "starts" {
				Fail(pick.host, errBroken)
			}
		default:
			c.Advance(time.Duration(random.IntN(2000)) * time.Millisecond)
		}
	}
	c.Advance(time.Hour)
	if err := do(c, g.Stop).err; err == errBusy {
		c.Advance(time.Hour)
	}
	for _, m := range monks {
		if m.state != "" {
			t.Errorf("%s %s when all is over", m.name, m.state)
		}
	}
	if g.phase != idle || g.host != nil || c.Pending() != 0 {
		t.Errorf("the Group is %v, %d timers are left", g.phase, c.Pending())
	}
	if slices.ContainsFunc(g.Status(), func(s Status) bool { return s.Phase != "stopped" }) {
		t.Errorf("got %v, want all stopped", g.Status())
	}
	for _, err := range c.Errors() {
		t.Log(err)
	}
}

package dns

import (
	"cmp"
	"net"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// An errand is a question that servers are asked for whoever wants to know.
type errand struct {
	c       *Client
	key     errandKey
	q       Question
	m       *Message
	order   []int // of Servers
	round   int   // of Timeouts
	at      int   // in order
	now     *inquiry
	timer   twistor.Timer // until the deadline
	waiting []*deferred.Deferred[*Message]
	said    error // the best reason so far
	over    bool
}

// An errandKey is what identical questions have in common.
type errandKey struct {
	name  string // of a Name
	typ   uint16
	class uint16
	o     Options
}

// Resolve implements Resolver: it asks one server after another, in rounds,
// until one says something that is of use.
func (c *Client) Resolve(q Question, o Options) *deferred.Deferred[*Message] {
	name, err := ParseName(q.Name)
	if err == nil && len(c.Servers) == 0 {
		err = errNoServers
	}
	if err != nil {
		return deferred.Failed[*Message](c.Loop, err)
	}
	if q.Qclass == 0 {
		q.Qclass = ClassIN
	}
	key := errandKey{string(name), q.Qtype, q.Qclass, o}
	e := c.errands[key]
	if e == nil || c.closed {
		if err := c.ready(); err != nil {
			return deferred.Failed[*Message](c.Loop, err)
		}
		e = &errand{c: c, key: key, q: Question{Name: name.String(), Qtype: q.Qtype, Qclass: q.Qclass}}
		e.m = &Message{Question: []Question{e.q}}
		e.m.RecursionDesired, e.m.CheckingDisabled = true, o.CheckingDisabled
		e.m.AuthenticatedData = c.TrustAD // "I understand it", RFC 6840 section 5.7
		if o.DNSSECOK && !c.NoEDNS {
			e.m.SetEdns0(uint16(positive(c.MaxUDPBytes, DefaultUDPBytes)), true)
		}
		e.order = c.ordered()
		c.pending++
		if c.errands == nil {
			c.errands = map[errandKey]*errand{}
		}
		c.errands[key] = e
		e.timer = c.Loop.CallLater(c.deadline(), e.expire)
	} else {
		c.stats.Merged++
	}
	d := deferred.New[*Message](c.Loop)
	d.OnCancel(func() { e.leave(d) })
	e.waiting = append(e.waiting, d)
	if e.now == nil {
		e.ask()
	}
	return d
}

// ordered is in which order the servers are asked.
func (c *Client) ordered() []int {
	if len(c.standings) < len(c.Servers) {
		c.standings = append(c.standings, make([]standing, len(c.Servers)-len(c.standings))...)
	}
	order := make([]int, len(c.Servers))
	first := 0
	if c.Order == InTurn {
		first = c.turn % len(order)
		c.turn++
	}
	for i := range order {
		order[i] = (first + i) % len(order)
	}
	now := c.Loop.Now()
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &c.standings[a], &c.standings[b]
		// Of those that failed, the one goes first that has done its penance.
		if n := cmp.Compare(max(0, x.until.Sub(now)), max(0, y.until.Sub(now))); n != 0 || c.Order != Fastest {
			return n
		}
		return cmp.Compare(x.roundTrip, y.roundTrip)
	})
	return order
}

// ask asks the next server.
func (e *errand) ask() {
	c := e.c
	if c.closed {
		e.end(nil, net.ErrClosed)
		return
	}
	if e.at == len(e.order) {
		e.at = 0
		e.round++
	}
	timeouts := c.timeouts()
	if e.round == len(timeouts) {
		e.fail()
		return
	}
	i := e.order[e.at]
	e.at++
	began := c.Loop.Now()
	x := c.inquire(e.m, c.Servers[i], timeouts[e.round:e.round+1])
	e.now = x
	x.done.Done(func(m *Message, err error) {
		s := &c.standings[i]
		switch {
		case e.over:
			return
		case err != nil:
			c.failed(i, err)
			e.says(err)
		default:
			if s.failures >= failuresToTell {
				c.Loop.Log().Info("dns: a server answers again", "server", c.Servers[i].String())
			}
			s.answered(max(1, c.Loop.Now().Sub(began)))
			if m.Rcode == RcodeSuccess || m.Rcode == RcodeNameError {
				e.end(e.c.present(m, e.key), nil)
				return
			}
			e.says(&ResponseError{Question: e.q, Rcode: Rcode(m.Rcode), Server: c.Servers[i].String(), Reason: explanation(m)})
		}
		e.ask()
	})
}

// failed notes that the i-th server did not answer. Packets are lost every day, so
// it is worth a line only when that happens again and again.
func (c *Client) failed(i int, err error) {
	s := &c.standings[i]
	s.failed(c.Loop.Now())
	if s.failures == failuresToTell {
		c.Loop.Log().Warn("dns: a server does not answer", "server", c.Servers[i].String(), "err", err)
	}
}

// says notes why there is no answer yet. What a server said is worth more than
// that one said nothing.
func (e *errand) says(err error) {
	if _, answer := err.(*ResponseError); answer || e.said == nil {
		e.said = err
	}
}

func (e *errand) fail() {
	err := e.said
	if t, ok := err.(*timeoutError); ok && len(e.c.Servers) > 1 {
		err = &timeoutError{question: t.question}
	}
	e.end(nil, err)
}

// expire is called at the deadline.
func (e *errand) expire() {
	e.says(&timeoutError{question: e.q})
	if e.now != nil && !e.now.over {
		e.c.failed(e.order[e.at-1], &timeoutError{question: e.q})
	}
	e.fail()
}

// leave is called when d is cancelled.
func (e *errand) leave(d *deferred.Deferred[*Message]) {
	if i := slices.Index(e.waiting, d); i >= 0 {
		e.waiting = slices.Delete(e.waiting, i, i+1)
	}
	if len(e.waiting) == 0 {
		e.end(nil, net.ErrClosed)
	}
}

func (e *errand) end(m *Message, err error) {
	if e.over {
		return
	}
	e.over = true
	delete(e.c.errands, e.key)
	e.timer.Stop()
	if e.now != nil {
		e.now.done.Cancel()
	}
	e.c.settled()
	waiting := e.waiting
	e.waiting = nil
	for _, d := range waiting {
		if err != nil {
			d.Fail(err)
		} else {
			d.Succeed(m)
		}
	}
}

// present is an answer as Resolve's callers get it: without what nobody asked
// for, and what we do not believe.
func (c *Client) present(m *Message, k errandKey) *Message {
	m.AuthenticatedData = m.AuthenticatedData && c.TrustAD
	m.Answer = relevant(m.Answer, Name(k.name), k.typ)
	return m
}

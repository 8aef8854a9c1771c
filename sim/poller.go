package sim

import (
	"math/rand/v2"

	"github.com/twistor-go/twistor/internal/poll"
)

// A poller is the poll.Poller of one simulated loop. It never blocks: the World
// decides when a loop looks again. Slots of closed handles are used again,
// lowest first, so that a stale handle meets a new owner as soon as can be.
type poller struct {
	host   *Host
	slots  []slot
	lowest int   // no slot below is free
	maybe  []int // slots that may be ready: all others are not
	woken  bool
	shut   bool
	ahead  uint32 // the generation that new slots begin with
}

// A slot is one place of a poller's table.
type slot struct {
	generation uint32
	socket     socket // nil: free
	want       poll.Ready
	dialing    bool
	queued     bool // in maybe
	quiet      bool // hung up, told, and nobody wants more
}

var (
	_ poll.Poller   = (*poller)(nil)
	_ poll.Packeter = (*poller)(nil)
	_ poll.Reserver = (*poller)(nil)
)

// add gives s the lowest free slot.
func (p *poller) add(s socket, want poll.Ready) poll.Handle {
	i := p.lowest
	for i < len(p.slots) && p.slots[i].socket != nil {
		i++
	}
	p.lowest = i + 1
	if i == len(p.slots) {
		p.slots = append(p.slots, slot{generation: max(p.ahead, 1)})
	}
	at := &p.slots[i]
	at.socket, at.want, at.quiet, at.dialing = s, want, false, false
	b := s.base()
	b.poller, b.slot = p, i
	p.mark(i)
	return poll.MakeHandle(i, at.generation)
}

// remove frees h's slot and returns its socket.
func (p *poller) remove(h poll.Handle) (socket, error) {
	at := p.find(h)
	if at == nil {
		return nil, poll.ErrClosed
	}
	s := at.socket
	at.socket = nil
	p.lowest = min(p.lowest, h.Slot())
	if at.generation++; at.generation == 0 {
		at.generation = 1
	}
	s.base().poller = nil
	return s, nil
}

func (p *poller) find(h poll.Handle) *slot {
	if i := h.Slot(); i < len(p.slots) && p.slots[i].socket != nil && p.slots[i].generation == h.Generation() {
		return &p.slots[i]
	}
	return nil
}

// mark has the next Wait look at a slot.
func (p *poller) mark(i int) {
	if at := &p.slots[i]; !at.queued {
		at.queued = true
		p.maybe = append(p.maybe, i)
	}
}

// look is what a Wait would say of a slot now.
func (at *slot) look() poll.Ready {
	if at.socket == nil || at.quiet {
		return 0
	}
	return at.socket.ready() & (at.want | poll.Hup)
}

// hot reports whether a Wait would have something to tell.
func (p *poller) hot() bool {
	if p.woken {
		return true
	}
	keep := p.maybe[:0]
	for _, i := range p.maybe {
		if p.slots[i].look() != 0 {
			keep = append(keep, i)
		} else {
			p.slots[i].queued = false
		}
	}
	p.maybe = keep
	return len(keep) > 0
}

func (p *poller) Wait(ev []poll.Event, until int64) (n int, err error) {
	if p.shut {
		return 0, poll.ErrClosed
	}
	if len(ev) == 0 {
		panic("sim: internal error: Wait without room for events")
	}
	p.woken = false
	r := p.host.world.chance
	if p.host.world.Net.ShuffleTies {
		r.Shuffle(len(p.maybe), func(i, j int) { p.maybe[i], p.maybe[j] = p.maybe[j], p.maybe[i] })
	}
	var told, later []int
	for _, i := range p.maybe {
		at := &p.slots[i]
		ready := at.look()
		switch {
		case ready == 0:
			at.queued = false
		case n == len(ev):
			later = append(later, i)
		default:
			ev[n] = poll.Event{Handle: poll.MakeHandle(i, at.generation), Ready: ready}
			n++
			if at.want == 0 {
				at.quiet, at.queued = true, false // or it would be told for ever
			} else {
				told = append(told, i)
			}
		}
	}
	p.maybe = append(append(p.maybe[:0], later...), told...) // those told come last next time
	if n < len(ev) && chance(r, p.host.world.Net.Spurious) {
		n += p.pretend(ev[n:], r)
	}
	return n, nil
}

// pretend tells of one socket that it is ready for all that is wanted.
func (p *poller) pretend(ev []poll.Event, r *rand.Rand) int {
	if len(p.slots) == 0 {
		return 0
	}
	i := r.IntN(len(p.slots))
	at := &p.slots[i]
	if at.socket == nil || at.queued || at.want&(poll.In|poll.Out) == 0 || at.dialing {
		return 0
	}
	ev[0] = poll.Event{Handle: poll.MakeHandle(i, at.generation), Ready: at.want}
	return 1
}

func (p *poller) Wake() { p.woken = true }

func (p *poller) Want(h poll.Handle, r poll.Ready) error {
	at := p.find(h)
	if at == nil {
		return poll.ErrClosed
	}
	at.want = r & (poll.In | poll.Out)
	if at.want != 0 {
		at.quiet = false
	}
	p.mark(h.Slot())
	return nil
}

func (p *poller) Close(h poll.Handle, reset bool) error {
	s, err := p.remove(h)
	if err != nil {
		return err
	}
	s.close(reset)
	return nil
}

func (p *poller) Detach(h poll.Handle) (poll.Socket, error) {
	s, err := p.remove(h)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (p *poller) Drop(sock poll.Socket, reset bool) {
	if s, ok := sock.(socket); ok {
		s.close(reset)
	}
}

func (p *poller) Shut() error {
	for i := range p.slots {
		if s := p.slots[i].socket; s != nil {
			p.slots[i].socket = nil
			s.base().poller = nil
			s.close(false)
		}
	}
	p.shut = true
	return nil
}

func (p *poller) LocalAddr(h poll.Handle) poll.Addr {
	if at := p.find(h); at != nil {
		return at.socket.base().local
	}
	return poll.Addr{}
}

func (p *poller) RemoteAddr(h poll.Handle) poll.Addr {
	if at := p.find(h); at != nil {
		return at.socket.base().remote
	}
	return poll.Addr{}
}

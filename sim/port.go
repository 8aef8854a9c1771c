package sim

import (
	"net/netip"

	"github.com/twistor-go/twistor/internal/poll"
)

// A port is a listening stream socket.
type port struct {
	watched
	backlog int
	queue   []*conn // connected, and not yet accepted
	hear    func()  // of a Peer's port: there is one
}

func (p *port) ready() poll.Ready {
	if len(p.queue) > 0 {
		return poll.In
	}
	return 0
}

func (p *port) changed() {
	p.watched.changed()
	if p.hear != nil {
		p.hear()
	}
}

// close frees the address and resets those who were not accepted.
func (p *port) close(bool) {
	if p.shut {
		return
	}
	p.shut = true
	p.uncount()
	p.host.forget(p)
	for _, c := range p.queue {
		c.close(true)
	}
	p.queue = nil
}

// listen opens a port.
func (h *Host) listen(s poll.Spec) (*port, error) {
	w := h.world
	w.ids++
	p := &port{watched: watched{id: w.ids, host: h, spec: s}, backlog: orDefault(s.Backlog, maxBacklog)}
	if err := p.count(); err != nil {
		return nil, failedCall("socket", err)
	}
	if err := h.bind(&p.watched, s); err != nil {
		p.uncount()
		return nil, err
	}
	h.remember(p)
	return p, nil
}

// portAt finds who listens: an exact address before a general one.
func (h *Host) portAt(at netip.AddrPort) (found *port) {
	for _, o := range h.sockets {
		p, ok := o.(*port)
		if !ok || family(p.spec.Network) != "tcp" || p.local.AddrPort.Port() != at.Port() {
			continue
		}
		if bound := p.local.AddrPort.Addr(); bound == at.Addr() || found == nil && covers(bound, at.Addr()) {
			found = p
		}
	}
	return found
}

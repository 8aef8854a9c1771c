package reactor

import (
	"errors"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
)

// A sharedPort is a socket of datagrams that all loops read. It lives on the
// loop that opened it.
type sharedPort struct {
	*packetPort
	others []*reader
}

// A reader is another loop's part of a sharedPort.
type reader struct {
	at *loop
	pp *packetPort // owned by at; nil: not there yet, or it could not be
}

var _ twistor.Filer = (*sharedPort)(nil)

// ListenPacketEach implements twistor.EachListener. The socket's descriptor is
// duplicated for each loop: there is one queue, so that a loop that is busy
// keeps nobody waiting, and nothing is lost when the port goes to another process.
func (l *loop) ListenPacketEach(c twistor.ListenConfig, build func(twistor.Loop) twistor.PacketProtocol) (twistor.Port, error) {
	ps := make([]twistor.PacketProtocol, len(l.r.loops))
	own := 0
	for i, at := range l.r.loops {
		if ps[i] = build(at); ps[i] == nil {
			return nil, listenError(c, errors.New("want a PacketProtocol for each loop"))
		}
		if at == l {
			own = i
		}
	}
	if c.Remote.IsValid() {
		return nil, listenError(c, errors.New("want no Remote: one peer is for one loop"))
	}
	pp, err := l.bindPackets(c, ps[own])
	if err != nil {
		return nil, listenError(c, err)
	}
	shared := &sharedPort{packetPort: pp}
	for i, at := range l.r.loops {
		if i == own {
			continue
		}
		f, err := pp.File()
		if err != nil {
			if !errors.Is(err, errors.ErrUnsupported) {
				l.poller.Close(pp.h, false)
				for _, r := range shared.others {
					r.close()
				}
				return nil, listenError(c, err)
			}
			l.log.Debug("one loop reads all packets", "local", pp.Addr().String(), "err", err)
			break
		}
		r := &reader{at: at}
		shared.others = append(shared.others, r)
		if !at.Post(func() { r.open(f, pp.network, pp.size, ps[i]) }) {
			f.Close()
		}
	}
	if len(shared.others) > 0 {
		l.share(pp)
	}
	l.register(pp.h, pp)
	l.packetPorts = append(l.packetPorts, pp)
	pp.p.Bound(pp)
	return shared, nil
}

// open reads f on the reader's own loop, too.
func (r *reader) open(f *os.File, network string, size int, p twistor.PacketProtocol) {
	defer f.Close()
	c := twistor.ListenConfig{Network: network, File: f, MaxPacketBytes: size}
	port, err := r.at.ListenPacket(c, p)
	if err != nil {
		// The other loops read what this one would have.
		r.at.log.Error("cannot read a port that other loops read", "proto", network, "err", err)
		return
	}
	r.pp = port.(*packetPort)
	r.at.share(r.pp)
}

// close ends the reader's part.
func (r *reader) close() {
	r.at.Post(func() {
		if r.pp != nil {
			r.pp.Close()
		}
	})
}

// share tells the system that other loops watch pp's socket.
func (l *loop) share(pp *packetPort) {
	if s, ok := l.poller.(poll.Sharer); ok && pp.h != 0 {
		if err := s.Share(pp.h); err != nil {
			l.log.Debug("all loops wake for each packet", "local", pp.Addr().String(), "err", err)
		}
	}
}

// Pause implements twistor.Port.
func (s *sharedPort) Pause() {
	s.packetPort.Pause()
	s.each(func(pp *packetPort) { pp.Pause() })
}

// Resume implements twistor.Port.
func (s *sharedPort) Resume() {
	s.packetPort.Resume()
	s.each(func(pp *packetPort) { pp.Resume() })
}

func (s *sharedPort) each(f func(*packetPort)) {
	for _, r := range s.others {
		r.at.Post(func() {
			if r.pp != nil {
				f(r.pp)
			}
		})
	}
}

// Close implements twistor.Port.
func (s *sharedPort) Close() *deferred.Signal {
	gone := []*deferred.Signal{s.packetPort.Close()}
	for _, r := range s.others {
		gone = append(gone, deferred.Ask(s.l, r.at, func() *deferred.Signal {
			if r.pp == nil {
				return deferred.Succeeded(struct{}{})
			}
			return r.pp.Close()
		}))
	}
	return deferred.Then(deferred.Settle(gone...), func([]deferred.Outcome[struct{}]) (struct{}, error) { return struct{}{}, nil })
}

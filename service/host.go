package service

import (
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/service/persist"
)

// On returns the Host of services that live on l. It listens by package
// endpoint, and has no Store.
func On(l twistor.Loop) Host { return host{l, nil} }

// With returns the Host of services that live on l and remember in s.
func With(l twistor.Loop, s *persist.Store) Host { return host{l, s} }

type host struct {
	loop  twistor.Loop
	store *persist.Store
}

func (h host) Loop() twistor.Loop    { return h.loop }
func (h host) Store() *persist.Store { return h.store }

func (h host) Listen(at string, f twistor.Factory) (twistor.Port, error) {
	return endpoint.Listen(h.loop, at, f)
}

func (h host) ListenEach(at string, build func(twistor.Loop) twistor.Factory) (twistor.Port, error) {
	return endpoint.ListenEach(h.loop, at, build)
}

func (h host) ListenPacket(at string, p twistor.PacketProtocol) (twistor.Port, error) {
	return endpoint.ListenPacket(h.loop, at, p)
}

func (h host) ListenPacketEach(at string, build func(twistor.Loop) twistor.PacketProtocol) (twistor.Port, error) {
	return endpoint.ListenPacketEach(h.loop, at, build)
}

// below is h with the Store of what is called name in it.
func below(h Host, name string) Host {
	if h.Store() == nil {
		return h
	}
	inner := within{h, h.Store().Below(name)}
	if heir, ok := h.(Heir); ok {
		return withinHeir{inner, heir}
	}
	return inner
}

type within struct {
	Host
	store *persist.Store
}

func (h within) Store() *persist.Store { return h.store }

type withinHeir struct {
	within
	Heir
}

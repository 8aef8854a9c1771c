package authority

import (
	"errors"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// Codes of RFC 8914 that clients are given.
const (
	explainOther           = 0
	explainNotReady        = 14
	explainProhibited      = 18
	explainNotAuthoritive  = 20
	explainNotSupported    = 21
	explainInvalidData     = 24
	publishAgain           = 10 * time.Millisecond
	maxTransfersExplained  = "too many transfers at once"
	transferWantsTCP       = "transfers want TCP or TLS"
	updatesWantThePrimary  = "this server is a secondary of the zone"
	notifiesWantASecondary = "this server is no secondary of the zone"
)

// Opcodes are those that Handlers of an Authority take beside queries: what
// dns.Server.Opcodes is to be.
func Opcodes() []dns.Opcode { return []dns.Opcode{dns.OpcodeNotify, dns.OpcodeUpdate} }

// A handler answers on one loop. Loop-only: of at.
type handler struct {
	a         *Authority
	at        twistor.Loop
	zones     table
	transfers int

	// Owned by the home loop.
	outbox []publication
	posted bool
}

// A publication is a version on its way to a loop.
type publication struct {
	origin dns.Name
	v      *version
}

// publish has h serve v. It is called on home.
func (h *handler) publish(origin dns.Name, v *version) {
	if h.at == h.a.home {
		h.zones.put(origin, v)
		return
	}
	h.outbox = append(h.outbox, publication{origin, v})
	if !h.posted {
		h.posted = true
		h.a.home.CallLater(0, h.post)
	}
}

// post sends what waits, once a turn; when the loop takes no more calls, again
// later, so that none is lost.
func (h *handler) post() {
	box := h.outbox
	if h.at.Post(func() {
		for _, p := range box {
			h.zones.put(p.origin, p.v)
		}
	}) {
		h.outbox, h.posted = nil, false
		return
	}
	if !h.a.stopped {
		h.a.home.CallLater(publishAgain, h.post)
	}
}

// Serve implements dns.Handler.
func (h *handler) Serve(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
	switch q.Opcode {
	case dns.OpcodeQuery:
		return h.query(w, q)
	case dns.OpcodeNotify:
		h.notified(w, q)
		return nil
	case dns.OpcodeUpdate:
		return h.update(w, q)
	}
	w.SetRcode(dns.RcodeNotImplemented)
	return nil
}

// query answers from a zone.
func (h *handler) query(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
	v := h.zones.find(q.Name)
	if v != nil && q.Type == dns.TypeDS && len(q.Name) == len(v.origin) {
		if above := h.zones.above(v.origin); above != nil {
			v = above
		}
	}
	switch {
	case v == nil:
		w.SetRcode(dns.RcodeRefused)
		w.Explain(explainNotAuthoritive, "")
		return nil
	case q.Type == dns.TypeAXFR || q.Type == dns.TypeIXFR:
		return h.transfer(w, q, v)
	case v.source != nil:
		return h.fromSource(w, q, v)
	case v.zone == nil:
		w.SetRcode(dns.RcodeServerFailure)
		w.Explain(explainNotReady, "the zone has not come yet, or has expired")
		return nil
	}
	return v.zone.Serve(w, q)
}

// exactly is the zone whose name the question has; nil: the client has been told
// that there is none.
func (h *handler) exactly(w *dns.ResponseWriter, q *dns.Query) *version {
	v := h.zones.find(q.Name)
	if v == nil || len(v.origin) != len(q.Name) || q.Class != dns.ClassIN {
		w.SetRcode(dns.RcodeNotAuth)
		return nil
	}
	return v
}

// notified answers a NOTIFY, and passes it on to the secondary. The answer says
// that it came, not what came of it.
//
// See https://www.rfc-editor.org/rfc/rfc1996#section-3.
func (h *handler) notified(w *dns.ResponseWriter, q *dns.Query) {
	v := h.exactly(w, q)
	if v == nil {
		return
	}
	i := 0
	for i < len(v.primaries) && !v.primaries[i].said(q) {
		i++
	}
	if i == len(v.primaries) {
		// "the notify must come from one of the known master servers"
		// https://www.rfc-editor.org/rfc/rfc1996#section-3.10
		w.SetRcode(dns.RcodeRefused)
		if !v.primary {
			w.Explain(explainProhibited, "")
		} else {
			w.Explain(explainNotSupported, notifiesWantASecondary)
		}
		return
	}
	w.SetAuthoritative(true)
	origin, serial := v.origin, notifiedSerial(q)
	call := func() {
		if s, ok := h.a.zones[string(origin)].(*secondary); ok {
			s.notified(i, serial)
		}
	}
	if h.at == h.a.home {
		call()
		return
	}
	h.a.home.Post(call) // one that is lost is repeated by the refresh timer
}

// notifiedSerial is the version that a NOTIFY speaks of; nil: it does not say.
func notifiedSerial(q *dns.Query) *uint32 {
	m, err := q.Message()
	if err != nil || len(m.Answer) != 1 {
		return nil
	}
	if soa, ok := m.Answer[0].(*dns.SOA); ok {
		return &soa.Serial
	}
	return nil
}

// update hands an update to the home loop.
//
// See https://www.rfc-editor.org/rfc/rfc2136#section-3.
func (h *handler) update(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
	if q.Type != dns.TypeSOA {
		w.SetRcode(dns.RcodeFormatError)
		return nil
	}
	v := h.exactly(w, q)
	if v == nil {
		return nil
	}
	u := &update{}
	for _, g := range v.update {
		if g.allows(q) {
			u.grants = append(u.grants, g)
		}
	}
	if len(u.grants) == 0 {
		w.SetRcode(dns.RcodeRefused)
		if v.primary {
			w.Explain(explainProhibited, "")
		} else {
			w.Explain(explainNotSupported, updatesWantThePrimary)
		}
		return nil
	}
	m, err := q.Message()
	if err != nil {
		w.SetRcode(dns.RcodeFormatError)
		return nil
	}
	u.m = m
	origin, home := v.origin, h.a.home
	ask := func() *deferred.Signal {
		p, ok := h.a.zones[string(origin)].(*primary)
		if !ok {
			return deferred.Failed[struct{}](home, refused(dns.RcodeNotAuth, "the zone is gone"))
		}
		return p.update(u)
	}
	var done *deferred.Signal
	if h.at == home {
		done = ask()
	} else {
		done = deferred.Ask(h.at, home, ask)
	}
	// The message is on its way: a client that has gone does not stop it.
	done = done.Shield()
	return done.Catch(func(err error) (struct{}, error) {
		no, ok := errors.AsType[*refusedError](err)
		if !ok {
			return struct{}{}, err
		}
		w.SetRcode(no.rcode)
		w.Explain(explainOther, no.reason)
		return struct{}{}, nil
	})
}

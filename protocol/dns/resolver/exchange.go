package resolver

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// at is what we know about an address.
func (r *Recursive) at(addr netip.Addr) *server {
	key := addr.String()
	s, ok := r.servers.get(key)
	if !ok {
		s = &server{}
		if s.slots.Max = r.MaxPerServer; s.slots.Max <= 0 {
			s.slots.Max = DefaultMaxPerServer
		}
		r.servers.put(key, s)
	}
	return s
}

// query asks one server, as soon as it has not too much to do.
func (f *finder) query(addr netip.Addr, name dns.Name, t dns.Type) (*dns.Message, error) {
	s := f.at(addr)
	s.inFlight++
	defer func() { s.inFlight-- }()
	release, err := s.slots.Acquire(f.Loop).Timeout(f.b.until.Sub(f.Loop.Now())).Await(f.co)
	if err != nil {
		return nil, err
	}
	defer release()
	return f.exchange(s, addr, name, t).Await(f.co)
}

// exchange sends one query to one server, and notes how it did. Identical
// queries that are on their way are sent once.
func (f *finder) exchange(s *server, addr netip.Addr, name dns.Name, t dns.Type) *deferred.Deferred[*dns.Message] {
	r := f.Recursive
	key := addr.String() + "/" + string([]byte{byte(t >> 8), byte(t)}) + string(name)
	if d := r.queries[key]; d != nil {
		return d.Shield()
	}
	m := new(dns.Message)
	m.Question = []dns.Question{{Name: name.String(), Qtype: uint16(t), Qclass: dns.ClassIN}}
	m.SetEdns0(dns.DefaultUDPBytes, true)
	m.CheckingDisabled = true // who forwards to a validator by mistake gets data
	now := r.Loop.Now()
	r.Stats.Queries++
	d := r.Client.Exchange(m, dns.Upstream{Addr: netip.AddrPortFrom(addr, r.Port)})
	if _, fired := d.Result(); !fired {
		r.queries[key] = d
		wait := minWait
		if s.rtt == 0 {
			wait = 2 * minWait
		}
		wait = min(max(wait, 4*s.rtt)<<min(s.silent, 3), maxWait, f.b.until.Sub(now))
		d.Timeout(wait)
	}
	d.Done(func(m *dns.Message, err error) {
		delete(r.queries, key)
		r.note(s, addr, now, err)
	})
	return d.Shield()
}

// note keeps what an exchange told about a server.
func (r *Recursive) note(s *server, addr netip.Addr, began time.Time, err error) {
	now := r.Loop.Now()
	if err == nil {
		took := max(now.Sub(began), time.Microsecond)
		if s.rtt == 0 {
			s.rtt = took
		} else {
			s.rtt += (took - s.rtt) / 4
		}
		s.silent, s.until = 0, time.Time{}
		return
	}
	if errors.Is(err, deferred.ErrStopped) {
		return
	}
	r.Stats.Timeouts++
	if addr.Is6() && (errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)) {
		r.noIPv6 = now.Add(time.Minute) // we have none: that is not the server's fault
		return
	}
	s.silent = min(s.silent+1, 10)
	s.until = now.Add(min(time.Second<<s.silent, maxPenalty))
}

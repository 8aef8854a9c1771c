// Package policy limits and shapes the connections of any factory: deadlines,
// caps on connections, bandwidth, a budget for slow readers, traffic logs, TLS;
// and it forwards one connection to another. Whoever puts a server on the open
// network needs it.
//
// Each policy is a Factory around a Factory, so that they stack. The outermost
// is nearest to the network:
//
//	f := &policy.Caps{Factory: &policy.Timeouts{Factory: server}}
//	twistor.Listen(loop, "tcp", ":8080", f)
//
// What they do, and what their zero values allow:
//
//	Timeouts  idle 60 s, login any, handshake 10 s, no byte leaving 30 s
//	Caps      50,000 connections; of a host 100, 20 new a second after 50 at once
//	Throttle  bytes a second, of all, of each host, of each connection: any
//	Budget    a quarter of GOMEMLIMIT, or 256 MiB, written and not yet taken
//	Log       records of 1 KiB, or 1,000 files of 10 MiB
//	TLS       TLS below a factory, over any transport
//	Idle      a timeout for a protocol that wants to say goodbye itself
//	Pipe      one connection forwarded to another, both ways
//
// A policy is transparent: every call and every event passes through it, and
// twistor.As sees what lies below; only Switch stays on top of it. One that
// closes says why: Disconnected wraps a *TimeoutError or ErrShed together with
// net.ErrClosed. A protocol with a login calls Admit when it is done. To write
// another policy, embed Wrapper.
//
// State lives on one loop, as a factory's always does, and needs no locks. A
// server on several loops (ListenEach) has a policy for each: its limits then
// hold for each loop, so divide what is meant for all of them by the number of
// loops. To put one value on two loops panics.
//
// With a port's own TLS (twistor.ListenConfig.TLS) all of this acts after the
// handshake. To refuse before it, let the port be plain and put TLS inside.
package policy

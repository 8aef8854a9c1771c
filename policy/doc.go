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
// A policy is transparent: every call and every event passes through it, and
// twistor.As sees what lies below. To write another one, embed Wrapper.
//
// State lives on one loop, as a factory's always does, and needs no locks. A
// server on several loops (ListenEach) has a policy for each: its limits then
// hold for each loop, so divide what is meant for all of them by the number of
// loops. To put one value on two loops panics.
package policy

// Package service has what starts and stops: a Service, and a Group of them.
//
// A program is a Group of services. They start in the order in which they were
// added, each on the same loop, so that they share what they like without
// locks; they stop in reverse. Stopping is polite: ports close first, their
// connections hear Dismissed and may finish what they are doing, and only when
// the time for it is up are they aborted.
//
//	g := new(service.Group)
//	g.Add("log", &follow.Follower{Name: "access.log", Lines: weblog.Publish})
//	g.Add("port", service.Listen("tcp:8888", weblog))
//
// Limits: none of its own. Listen keeps one record for each open connection,
// whose number the port's own limit bounds.
package service

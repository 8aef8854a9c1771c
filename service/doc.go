// Package service has what starts and stops: a Service, and a Group of them.
// Whoever writes a program that stays up is a reader of this page.
//
// A program is a Group of services. They start in the order in which they were
// added, each on the same loop, so that they share what they like without
// locks; they stop in reverse. Members may come and go while it runs.
//
//	g := new(service.Group)
//	g.Add("log", &follow.Follower{Name: "access.log", Lines: weblog.Publish})
//	g.Add("port", service.Listen("tcp:8888", weblog))
//	g.Add("save", service.Every(10*time.Minute, save))
//
// Ready ones, beside Group: Listen and ListenAll serve places on the home loop,
// ListenEach one place on all loops, ListenPacket datagrams; Dial has one
// connection, a Dialer keeps one up; Every calls a function again and again, a
// Cooperator runs long computations in steps; a Supervisor starts anew what
// fails; Apart gives a service another loop. Places are strings: see endpoint.
//
// A service of one's own has a Start, which gets a Host: the loop to live on, a
// Store to remember in, and ports. It may be a Binder, for what needs
// privileges; a Reloader, for SIGHUP; a Stater, for "twistor status".
//
// # Stopping
//
// Stopping is polite and takes a bounded time. Ports close first, connections
// hear Dismissed and may finish what they do. A service that does not stop within its time (see
// StopWithin) is cancelled, and aborts who is not through; it is named in the
// error and in the log, and the next one has its turn. To cancel Stop, as a second signal does, hurries all.
//
// # Failing
//
// A service that cannot start says so by Start's error, and the program ends. One
// that breaks down later calls Fail. That goes up through its Groups, with its
// name, until a Supervisor starts the part that it watches over anew: at once
// the first times, then after growing delays. When it gives up it fails itself,
// and what nobody catches ends the program.
//
// # Upgrading
//
// A new process of a program inherits the ports of the old one, by Heir.Reserve
// and Host.Listen, and then the connections whose protocols are Survivors: a
// Service of Listen or ListenEach that stops so that a next process goes on
// hands them over, and dismisses the others. Nobody is refused meanwhile.
//
// # Limits
//
// A Group stops within StopTimeout, 30 s; connections have a second to close when
// all was said. A Dialer has one connection and 10,000 who
// wait for it, a Cooperator 1,000 computations. A Supervisor starts its service
// 3 times in 5 s anew at once, and 10 times with delays. What a Group has is the
// program's to bound, and the connections of a port are the port's.
//
// Left out: datagrams on all loops, since those of one peer would come to
// different ones; and a tree's own restart strategies: a Supervisor of a Group
// starts all of it anew, one of a member only that.
package service

// Package systemd speaks with the service manager that started the process: it
// says when the service is ready, reloads, stops, and that it is alive, as
// sd_notify(3) has it. Only service/app uses it.
//
//	manager, err := systemd.Take() // first of all, before there are children
//	...
//	manager.Ready()
//
// Take removes the manager's variables from the environment: a child process
// that saw them could speak for the service. It connects at once, and what it
// returns keeps the connection, so that it is heard after a chroot and after
// privileges were dropped. (The package daemon of go-systemd reads the variable
// and dials anew at each message; so it is not used.) Where nobody listens, every
// call does nothing and returns nil: programs need not ask.
//
// Sockets of socket activation are endpoints of their own, "systemd:name=web":
// package endpoint makes them, out of what Supervisor.Getenv says.
//
// Limits: a message has 4,096 bytes, which is what systemd reads; a status 2,048,
// the rest is cut; sending waits for a second at most when the manager is busy.
// The manager's sockets of the kind vsock: (of virtual machines) are refused.
package systemd

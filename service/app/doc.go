// Package app makes a program of services, and a daemon of the program. Whoever
// has services to run needs it: as a program of one's own, as the command
// twistor, or as a part of something else.
//
// An App is a tree of services with a name and a memory. Main gives it the
// command line of a daemon; what that can do is told in docs/running.md:
//
//	a := app.New("fibonacci")
//	a.Persist("fib", fib)                              // its exported fields outlive the process
//	a.Add("port", service.Listen("tcp:8889", fib))
//	a.Main()                                           // flags, signals, state, upgrades; exits
//
// The command of ready servers is one line; package plugin says what they are:
//
//	func main() { app.Main(standard.Plugins) }
//
// App.Run and Run start services in a process that is somebody else's, without
// a command line or signals, until a context is done.
//
// # Life
//
// A program starts in this order: log, directory, pid file; ports are bound and
// keys read; privileges are dropped; the memory is opened and what was saved is
// loaded; services start, in order; then it is ready, and who waits is told: the
// daemon's caller, systemd, the pid file. It stops in reverse: ports close,
// connections hear Dismissed and may finish, the state is saved.
//
// All of a program's services live on one loop, and so does what it persists. Only
// service.ListenEach and service.Apart use others.
//
// # Upgrades
//
// SIGUSR2, or the command upgrade, starts the program's file anew. The new
// process is given every port and, of each protocol that is a twistor.Survivor,
// every connection. A program without a memory overlaps: both serve until the old
// one has finished. One with a memory stops first, leaves what it remembers, and
// starts again if the new one cannot. Nobody is refused meanwhile.
//
// # Limits
//
// Services have 10 s to stop (StopTimeout, --stop-timeout); a new process has a
// minute to be prepared and another to be ready; a control connection's lines
// have 64 KiB; a message between two processes 64 MiB. Under --chroot there are
// no upgrades. On Windows there are no daemons, signals or upgrades.
package app

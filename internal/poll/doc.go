// Package poll is the seam between the loop and the operating system: system
// calls and nothing else. A [Poller] says which sockets are ready; the reactor
// decides what to do about it. There are four: epoll (Linux), kqueue (macOS
// and the BSDs), a portable one over package net ([OpenPortable]), and the
// simulator's fake, which lives in package sim. Only reactor and sim use them.
//
// Everything is Loop-only but Wake.
//
// Connections are found by their [Handle]'s slot; its generation keeps what is
// late (an event of the batch in hand, a call of somebody who kept a Handle)
// from the slot's next owner. Readiness is level-triggered. Wait does not block
// in a system call on Linux: it parks the epoll descriptor in Go's own poller,
// so that other goroutines are not delayed. What a busy loop does all the time
// (Wait, Wake, Want, Read, Write, Writev, packets) allocates nothing there.
//
// Every descriptor is close-on-exec and does not block. A TCP connection has
// NoDelay, keep-alive and, on Linux and macOS, a user timeout: bytes that the
// peer does not take for 30 s end it with ETIMEDOUT. That finds dead peers
// (https://www.rfc-editor.org/rfc/rfc5482), but also ends a live one that leaves
// its window shut for so long.
//
// # UNIX sockets
//
// Listen replaces the file of a dead socket and refuses a live one's
// (EADDRINUSE). From before bind until after listen it holds a lock on
// PATH.lock, which it makes and removes. Close removes the file if it is still
// the one that was bound; Detach and Drop leave it to whoever gets the socket.
// The file never is open to more than Spec.Mode, not even at first.
//
// # Limits
//
// A Wait tells of as many sockets as fit its argument; 64 packets go in one
// system call; 64 descriptors go with one message, and one with more is an error
// and costs none; 1,024 buffers go in one Writev, which writes no more; a path
// has at most 107 bytes (103 on the BSDs). OpenPortable tells its own.
//
// # Without epoll and kqueue
//
// Windows, Solaris and AIX have the portable Poller. kqueue's is compiled, but
// not run, by our tests.
package poll

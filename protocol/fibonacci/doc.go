// Package fibonacci serves the Fibonacci numbers, each of them once: each line
// that a client sends is answered by the next number, whoever asks.
//
// It is for people who want to see what it takes to remember: the server's
// whole state is two numbers, and a number that was sent must never be sent
// again, to nobody, after no restart, crash or upgrade.
//
//	C: next
//	S: 2
//	C: again, please
//	S: 3
//
// What a line says does not matter; LF ends it. The answers come in the order
// of the questions. A line that begins with ERROR is an answer, too: that a
// number could not be remembered (the connection stays, ask again), that a line
// is too long or too late, that there are too many clients, or that no number is
// left (it closes).
//
// A Server is a factory. With a Journal, each number is durable before it is
// sent; without one, whoever runs the server keeps its State:
//
//	s := &fibonacci.Server{}
//	j := &persist.Journal[fibonacci.Step]{Name: "steps", State: &s.State, Apply: s.State.Apply}
//	err := j.Open(co, store)
//	s.Journal = j
//
// A number whose client has gone, or that could not be remembered, is lost: the
// next client gets a later one. Connections survive an upgrade of the program.
//
// Numbers grow: the n-th has about n/5 digits, and so do the State, and every
// answer. A Step in a journal stays small, as it follows from the State. At
// MaxDigits (100,000 digits, 478,000 numbers; one takes 4 ms to write down) the
// server has no more: to begin anew would be to send a number twice.
//
// Limits: 1,000 clients; lines of 1,024 bytes, which end within 30 s of their
// beginning; for each client 64 numbers and 64 KiB of digits on their way to the
// disk, and as much again to be sent: who asks and does not read is not heard
// meanwhile. Nobody is cut off for being silent between two lines.
package fibonacci

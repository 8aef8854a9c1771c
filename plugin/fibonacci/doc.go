// Package fibonacci is the plugin `twistor fibonacci`: each line that a client
// sends is answered by the next Fibonacci number, and none is ever sent twice.
//
// The work is done by two others: protocol/fibonacci serves the numbers, and
// service/persist remembers where they have come to; this package joins them:
//
//	c := fibonacci.New()
//	c.Listen = []string{"tcp:8889"}
//	s, err := c.Service() // a service.Service, for a program of one's own
//
// Its Host must have a Store. With Durable each number is in a journal before it
// is sent, so nothing makes it come again, not kill -9. Without, where the
// numbers have come to is saved when the program stops in order, and only then.
// The journal is read in both cases, so that Durable may be turned on and off
// from one run to the next: whichever is further is gone on from.
//
// Limits: those of the two packages. The journal is begun anew at 4 MiB, which
// are 80,000 numbers if each comes alone, and a million in bursts; to read them
// again after a crash takes up to 14 us for each of 100,000 digits.
package fibonacci

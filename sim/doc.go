// Package sim runs what is built on Twistor without a network and without
// waiting: for tests, and for Examples.
//
// For one piece there are doubles. A Clock is a twistor.Loop whose time stands
// still until Advance; it records Listen and Dial, and the test answers. A
// Transport keeps what a protocol writes, and plays the network to it. A Pipe
// connects two protocols.
//
//	c := sim.NewClock(t)
//	tr := sim.Connect(c, &finger.Server{})
//	tr.Receive("nobody\r\n")
//	fmt.Print(tr.Written())
//	c.Advance(30 * time.Second) // the idle timeout
//
// Everything is called on one goroutine, the test's; nothing here starts
// another one, takes a lock, or looks at the real time.
package sim

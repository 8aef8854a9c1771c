// Package protocoltest has the promises that every protocol's server keeps,
// whatever it speaks, as tests: endless input is refused and not hoarded,
// a peer that dribbles is closed in time, work grows with input and no
// faster, what ever brought a server down brings none down again,
// and what is said does not depend on how input was cut. Whoever
// writes a protocol calls Run from a test of its own:
//
//	func TestPromises(t *testing.T) {
//		protocoltest.Run(t, protocoltest.Entry{
//			Name:  "finger",
//			Build: func(twistor.Loop) twistor.Factory { return &finger.Server{} },
//			Talks: []string{"user\r\n", "/W user\r\n"},
//		})
//	}
//
// A test of this package sees that no directory of protocol/ goes without.
//
// What X-03 counts is memory that was allocated, in bytes and pieces: it finds
// buffers that are copied again and again, not those that are only read again.
package protocoltest

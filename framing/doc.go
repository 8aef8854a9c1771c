// Package framing makes messages of bytes: lines, netstrings, length-prefixed
// and fixed-size records, and text that ends with a dot. Whoever writes a
// protocol on TCP needs it, because TCP delivers bytes in pieces cut anywhere.
//
// There are two forms. In the event form a factory builds your protocol on a
// transport that knows about messages, and calls it for each one:
//
//	f := framing.Lines{Build: func(t *framing.LineTransport) framing.LineProtocol {
//		return &client{t}
//	}}.Factory()
//
//	func (c *client) LineReceived(line []byte) { c.WriteLine("you said " + string(line)) }
//
// In the straight form a function reads like a script and waits where it reads:
//
//	f := framing.Conversation(func(co *deferred.Co, c *framing.Conn) error {
//		for line := range c.Lines(co) {
//			fmt.Fprintf(c, "you said %s\r\n", line)
//		}
//		return c.Err()
//	})
//
// Events cost no coroutine and, for a line, no memory; straight lines cost a
// coroutine (2.7 KB) for each connection, a copy, and a string for each line.
//
// What all of them promise: however the network cuts the bytes, the same
// messages come out; the work is linear in the bytes; a message may Pause,
// Close, Switch or change the mode, and what is already here obeys; nothing is
// delivered after Close, Abort or Disconnected.
//
// Limits: a line has up to 16,384 bytes, a message 99,999, unless you say
// otherwise; the event form keeps one unfinished message and, while paused,
// what had come by then (one read); a Conversation pauses its transport at
// 64 KiB that it has not read. What is longer is refused as soon as it is known
// to be: InputRejected tells the protocol, and by default the connection
// closes with a *TooLongError.
//
// Files need nothing from here: twistor.Transport.SendFile sends one among the
// writes, and its Deferred fires after the last byte.
//
// Formats: netstrings (https://cr.yp.to/proto/netstrings.txt), dot-stuffing
// (https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2,
// https://www.rfc-editor.org/rfc/rfc3977#section-3.1.1,
// https://www.rfc-editor.org/rfc/rfc1939#section-3). HTTP/1 is package
// framing/http1. Left out: varints, which Fixed with SetSize can do.
package framing

// Package websocket speaks WebSocket (RFC 6455), as a server and as a client:
// messages both ways, text or binary, between a page in a browser, or any
// program, and a loop. Whoever shows something as it happens needs it.
//
// A Server is a web.Handler, so that it stands at a path of a site. In the event
// form Build makes your Protocol, which hears each message:
//
//	mux.Handle("/echo", &websocket.Server{Build: newEcho})
//
//	func newEcho(c *websocket.Conn, _ *web.Request) websocket.Protocol { return &echo{c} }
//
//	func (e *echo) MessageReceived(kind websocket.Kind, p []byte) { e.WriteMessage(kind, p) }
//
// In the straight form a function reads like a script and waits where it reads:
//
//	mux.Handle("/echo", &websocket.Server{Build: websocket.Conversation(talk)})
//
//	func talk(co *deferred.Co, c *websocket.Conn) error {
//		for m := range c.Messages(co) {
//			c.WriteMessage(m.Kind, m.Bytes)
//		}
//		return c.Err()
//	}
//
// Dial is the client; without Build its Conn is read straight down. A Group
// tells many the same, framed and compressed once.
//
// What both promise: however the network cuts the bytes, the same messages come
// out; text is UTF-8, and refused at its first wrong byte; what breaks a rule is
// told its code and closed; a message may Pause, Close or Abort, and what is
// already here obeys; nothing is delivered after Close. Pings are answered, and
// sent: a peer that is silent for two or three times PingInterval is given up.
//
// Browsers let any page open a WebSocket with the cookies of its visitor, so
// a Server takes those of its own host only, unless Origins names others.
//
// Limits: messages of 1 MiB, inflated, in 1,024 fragments, refused with code
// 1009 when the head says so, before there is a buffer; one pong waits for a
// peer that does not read, and 1 MiB and one more message before it is cut; a
// Conversation pauses at 64 KiB that it has not read. An idle connection is its
// structs: about 400 bytes, and a timer.
//
// Compression (permessage-deflate, RFC 7692) is off unless Deflate is set. It
// costs memory for each loop, not for each connection: see Deflate.
//
// Over HTTP/2 (RFC 8441) both are the same: many WebSockets are streams of one
// connection. A Client takes that for wss: where the server offers it. Left out:
// other extensions, messages longer than memory, and redirects of a handshake.
//
// RFCs: 6455 (https://www.rfc-editor.org/rfc/rfc6455), 7692
// (https://www.rfc-editor.org/rfc/rfc7692), 8441
// (https://www.rfc-editor.org/rfc/rfc8441).
package websocket

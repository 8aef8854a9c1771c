// Package h2 is HTTP/2 as an engine: one Conn for each connection, of a server
// or a client, that is fed bytes cut anywhere, tells its owner events, and
// writes frames. It opens no connection and starts nothing, so a test drives it
// with a buffer and a clock. Package web needs it, and nobody else may.
//
//	c := h2.NewConn(h2.Server, h2.Config{}, pool, transport, loop, owner)
//	c.Start()          // when the transport is connected
//	c.Receive(p)       // from Received
//	c.Drained()        // from Drained
//	c.Disconnected()   // from Disconnected
//
//	func (o *owner) HeaderReceived(s *h2.Stream, h *h2.Head, end bool) {
//		o.c.Answer(s, h2.Answer{Status: 200, Length: 5, Body: []byte("hello"), End: true})
//		o.c.Release(s)
//	}
//
// A Stream belongs to the owner from the event, or the Open, that brings it
// until its Release, also when it was reset in between: a handler that still
// works on its answer counts against MaxStreams.
//
// What is sent waits in its stream while windows or the transport are full, is
// cut into frames of 16 KiB and served by priority, and in turn. Full and StreamDrained hold a
// writer back, Congested and Relieved those who would begin another; Consume
// holds the peer back. Window updates are sent when half of a window is due.
//
// What it is strict about is in RFC 9113: verdicts (state.go) are section 5.1 as
// a table, reading (head.go) is section 8. A fault of one stream resets that
// stream; one of the connection ends it with a GOAWAY that has no words. All
// that a peer can make grow has a limit in Config. Two budgets of 10 s count
// resets and useless frames, a third one the bytes of answers that a peer can
// ask for and does not read.
//
// Frames are our own: x/net's Framer allocates for each HEADERS, SETTINGS and
// WINDOW_UPDATE, copies each payload into a buffer that an idle connection
// would keep, reads from a blocking io.Reader, and links a second server and
// client into the program. It is the tests' peer and oracle. HPACK is decoded by
// x/net's hpack, which gives strings: a field that a table has costs no
// allocation. It is encoded here, from bytes, with the same result. A request
// and its answer of fields that the tables know allocate nothing.
//
// Left out: server push, which the protocol's users have given up, so that a
// client refuses it; the priorities of RFC 7540, which are checked and not used,
// since RFC 9113 deprecates them; frames of more than 16 KiB; the Upgrade from
// HTTP/1.1, which RFC 9113 has removed.
//
// Formats: https://www.rfc-editor.org/rfc/rfc9113 (HTTP/2),
// https://www.rfc-editor.org/rfc/rfc7541 (HPACK),
// https://www.rfc-editor.org/rfc/rfc8441 (extended CONNECT),
// https://www.rfc-editor.org/rfc/rfc9218 (priorities).
package h2

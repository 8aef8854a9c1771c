// Package h2 is HTTP/2 (RFC 9113) as an engine: one Conn for each connection,
// of a server or a client, which is fed bytes cut anywhere, tells its owner
// events, and writes frames. It opens no connection and starts nothing.
// Package web needs it.
package h2

// Package netconn joins the two ways to write a conversation: events on the
// loop, and goroutines that block. It makes a twistor.Transport a net.Conn, for
// what exists already (http.Handler trees, SSH, anything over net.Conn), and
// any net.Conn a Transport, for protocols of ours over what is not a socket.
//
//	// A goroutine for each connection of a Factory:
//	twistor.Listen(l, "tcp", ":7", netconn.Factory(func(c net.Conn) { io.Copy(c, c) }))
//	// or for one that a Protocol has begun (HTTP Upgrade, CONNECT):
//	t.Switch(netconn.Go(t, serve), unread)
//
//	// net/http on our loops:
//	ln, err := netconn.Listen(r.Loop(), "tcp", ":8080")
//	go http.Serve(ln, mux)
//	client := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
//		return netconn.Dial(ctx, r.Loop(), network, address)
//	}}
//
//	// and back:
//	netconn.Serve(l, c, factory)
//
// A Conn passes golang.org/x/net/nettest.TestConn. Deadlines are kept by the
// loop's clock, which is read once a turn. Goroutines cost 2 KiB and more each,
// and a hop to the loop and back, some microseconds: servers of mostly idle
// connections want events.
//
// Limits: a Conn buffers 64 KiB in each direction, and one read of the loop
// more, up to 256 KiB; then what comes is held back by Transport.Pause, and
// Write blocks. A Listener lets 1,024 connections wait for Accept, and closes
// what comes beyond. Goroutines are bounded by connections: one each for Go and
// Factory, none for Listen and Dial, two for Serve.
//
// The methods of net.Conn and net.Listener are for any goroutine but the
// loop's: there they would wait for the loop to do something.
package netconn

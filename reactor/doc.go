// Package reactor runs event loops: it waits for sockets, timers and calls from
// elsewhere, and tells protocols about them, one event at a time.
//
// A [Reactor] has some loops, each on one goroutine. Everything on a loop
// happens on that goroutine: protocols, factories, timers, Deferreds and
// coroutines need no locks and must not block. Programs make a reactor, give
// its loop something to do, and run it:
//
//	r := reactor.New(nil)
//	port, err := twistor.Listen(r.Loop(), "tcp", ":8007", twistor.FactoryFunc(newEcho))
//	...
//	err = r.Run(ctx)
//
// Listen keeps a factory and its connections on one loop. ListenEach builds one
// factory for each loop on one port, and so uses all processors: what loops
// share they say to each other by Post.
//
// # One turn
//
// A loop's turn has stages, always in this order: it yields to Go's scheduler;
// calls due timers (at most 1,000) in the order of their deadlines; runs posted
// calls (at most 1,024) in the order of their coming; sends what those wrote
// and ends what those closed; polls, waiting if there is nothing to do, and
// reads the clock, which stands still until the next turn. Then for each ready
// connection: its events, the coroutines that became ready (at most 1,000 a
// turn), its writes in one system call. Last come writes made from elsewhere,
// Drained and Switch of other connections, fired Deferreds of files, packets
// to be sent, and the ends of connections.
//
// A connection is read once a turn, 64 KiB or, when reads come back full, 256
// KiB; a packet port 256 KiB; a port accepts 64 connections; a flush sends 1
// MiB. Thus nobody keeps the others waiting.
//
// Spawn, of twistor.Spawner, starts child processes, each of which blocks the
// loop for about a millisecond. Only own children are waited for, by a pidfd on
// Linux and by a goroutine for each elsewhere; only Linux has PTYs.
//
// # Limits
//
// Output of a connection: Limits.Max (1 MiB), then it is aborted with
// ErrOverflow. Output of all: Config.MaxBuffered (256 MiB), then the slowest
// readers are. Connections of a port: MaxConnections (10,000), then accepting
// pauses. Posted calls: Config.MaxPosts. Jobs: Config.MaxJobs. Packets queued
// to be sent: 1,024 or 1 MiB a port, then Send returns ErrOverflow. A blocked
// loop is logged after Config.SlowTurn. A TCP peer that takes nothing of what is
// sent for 30 seconds, or is silent to keep-alives for 90, is disconnected with
// ETIMEDOUT (Linux).
//
// # Faults
//
// A panic in a callback ends its connection only: it is logged with its stack,
// and the connection hears Disconnected with a *deferred.PanicError. Faults
// that Go itself cannot recover, such as concurrent map writes, end the
// process. Without descriptors (EMFILE) a port turns callers away and backs
// off, 5 ms to 1 s, and logs it once a second.
//
// Programs whose other goroutines wait for the network themselves, beside
// saturated loops, should set fewer loops than processors.
package reactor

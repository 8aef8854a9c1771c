// Package sim runs what is built on Twistor without a network and without
// waiting: for tests, and for Examples. Whoever writes a protocol or a service
// needs it.
//
// A World is hosts, a network, time and disks, made of a seed. The hosts run the
// reactor that real programs run; what happens is decided by the seed alone, so
// that what failed once can be made to fail again. With seed 0 the network is
// perfect; each other seed cuts and delays bytes, fills buffers and shuffles in
// another way, see Chaos. Net has the knobs, Havoc also breaks things.
//
//	func TestAnswers(t *testing.T) {
//		sim.Seeds(t, 100, func(t *testing.T, w *sim.World) {
//			w.Host("server").Listen("tcp", ":79", &finger.Server{})
//			p := w.Host("client").Dial("server:79")
//			p.Play("C: nobody\nS: ... not known.\nS: <close>\n")
//		})
//	}
//
// A Peer is the raw other end: it plays dialogues, sends slowly, does not read,
// resets. Hosts can be parted, healed, crashed and restarted, and a crash takes
// what its Disk was not told to sync, see Disk. A World fails its test for
// connections and timers left behind, for failures nobody handled, for logged
// errors; a failure prints the seed, how to replay it, and what happened last.
//
// For one piece there are doubles. A Clock is a twistor.Loop whose time stands
// still until Advance; it records Listen, Dial and Spawn, and the test answers. A
// Transport keeps what a protocol writes, and plays the network to it. A Pipe
// connects two protocols.
//
// Everything is called on one goroutine, the test's: nothing here starts
// another one, takes a lock, or looks at the real time. Code that starts
// goroutines of its own cannot be replayed. Jobs of Loop.Work run on the same
// goroutine at a later virtual time, so they must not wait for the loop. TLS is
// Identity: names, protocols and certificates are checked, bytes pass as they
// are. Child processes are Programs: coroutines that a Host knows by name. There
// are no inherited files or descriptors to pass.
//
// Limits: 65,000 hosts, 20,000 sockets and 10,000 jobs a host (the first is
// Host.MaxOpen), 256 MiB of files a Disk, 1 MiB of log; Run and a Peer wait for
// ten virtual minutes; 100,000 turns without an event between them, or ten
// million events at one instant, fail the test.
package sim

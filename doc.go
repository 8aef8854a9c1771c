// Package twistor is an event-driven networking engine: one goroutine, a loop,
// serves thousands of connections, and tells the program what happens on them,
// one event at a time. This package has the nouns; package reactor has the
// loops that run them, package sim the same loops on a simulated network.
//
// A [Protocol] is one end of one conversation: a small state machine that is
// told of events. A [Factory] builds one for each connection, and holds what
// they share. A [Transport] is the connection: Write queues and never blocks.
// A [Loop] listens, dials and keeps time. This is a whole server:
//
//	type echo struct{ twistor.Transport }
//
//	func (p *echo) Connected()           {}
//	func (p *echo) Received(data []byte) { p.Write(data) }
//	func (p *echo) Disconnected(error)   {}
//
//	func main() {
//		r := reactor.New(nil)
//		echoes := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &echo{t} })
//		if _, err := twistor.Listen(r.Loop(), "tcp", ":8007", echoes); err != nil {
//			log.Fatal(err)
//		}
//		log.Fatal(r.Run(context.Background()))
//	}
//
// # Who calls whom
//
// The loop tells you in the past participle: Connected, Received, Drained. You
// ask in the imperative: Write, Close, Pause. Everything happens on the loop's
// one goroutine, so protocols need no locks; nothing may block there. What may
// take long goes to deferred.Go, and other goroutines come in by Loop.Post.
//
// A factory, its protocols and all that they share live on one loop. To use
// all processors, [ListenEach] builds a factory for each loop on one port, and
// [Each] lets the loops speak to each other.
//
// What is not here yet is a Deferred (package deferred): Dial returns one, and
// callbacks or a coroutine take its value when it comes.
//
// # Reading on
//
// framing cuts bytes into lines and messages, or gives a conversation straight
// code; policy puts limits around any factory; endpoint names places by strings
// such as "tls:443:cert=web.pem"; netconn turns a Transport into a net.Conn.
//
// All is Loop-only but for Post, FS, the methods of Each that say so, and what
// is read from a Transport's addresses.
package twistor

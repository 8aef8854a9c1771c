// Package sse has server-sent events: a page that listens to its server over an
// answer that does not end (EventSource in a browser). Whoever shows something
// as it happens wants it.
//
//	news := &sse.Topic{Keep: 100}
//	mux.Handle("GET /news", news)
//	news.Publish(sse.Event{Data: "it rains"}) // to all who listen
//
// A Topic is for many: an event is put into bytes once, whoever hears it. With Keep it
// remembers the last events, and a client that was cut off (Last-Event-ID) gets
// those that it missed. A Stream is one client, for what only that one hears:
//
//	handler := web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
//		s := sse.Open(w, r, sse.Config{})
//		s.Send(sse.Event{Type: "greeting", Data: "hello"})
//		return s.Done() // it ends when the client leaves, or by s.Close
//	})
//
// Slow clients hold nobody up and cost a bounded amount: what does not fit in the
// connection waits in the Stream, beyond Config.MaxQueued the oldest waiting event is
// dropped, or the Stream ends, as Config says. A comment every 15 seconds shows both
// sides, and what stands between, that the other one is there; a client that has
// gone without a word is known by the answer to the next of them.
//
// A Source is the other end: it listens to a URL, connects again when it is cut
// off, later each time, and says what it heard last. A Parser reads the format without a
// connection.
//
// Limits: of a Stream 256 events that wait, beside what the connection holds; of
// a Topic 10,000 Streams (more get 503) and as many events as Keep, of 64 KiB each; of a
// Parser lines and events of 1 MiB.
//
// Specification: https://html.spec.whatwg.org/multipage/server-sent-events.html
package sse

// Package tlslayer speaks TLS, by crypto/tls, over any twistor.Transport: a
// socket, the simulator's, a tunnel, another TLS. Package reactor puts it below
// the factories of ListenConfig.TLS and DialConfig.TLS and behind
// Transport.StartTLS; package policy offers it to everybody else.
//
//	f := tlslayer.Factory(config, twistor.AsServer, f, nil)
//
// crypto/tls wants a connection whose Read waits. During the handshake it gets
// one: it runs in a coroutine. Afterwards Read says "nothing yet" by a temporary
// error, on which crypto/tls keeps its place, so that an idle connection has
// neither goroutine nor coroutine nor buffers of ours: 7.2 KB in all, TCP
// included, of which crypto/tls has 6.6; after a record of 16 KiB, whose buffer
// it keeps, 23.5 KB.
//
// What the protocol above sees:
//
//   - Build comes after the handshake, or Secured after StartTLS; TLS() has the
//     state from then on. What is written before Secured waits for it.
//   - What it writes in one event becomes as few records as possible.
//   - Pause holds back plaintext that is here already. Full and Buffered count
//     plaintext and what is below.
//   - Close and CloseWrite send close_notify. io.EOF means that the peer did;
//     an end without it is io.ErrUnexpectedEOF: somebody may have cut the stream.
//   - A client of TLS 1.3 is connected before the server has judged its
//     certificate: the refusal comes as Disconnected.
//
// What a peer can do is limited: 10 s for the handshake, whatever it sends; 64
// KiB of handshake, certificates included; see Gate for how many at a time. A
// server spends little on a client before its hello is complete. Keys that take
// their time, RSA and all that are not in memory, sign on the pool of workers,
// and a full pool fails the handshake. Callbacks in a tls.Config run on the loop
// and must not block.
//
// Left out: renegotiation, which is refused whatever Config.Renegotiation says,
// and early data, which crypto/tls has not. Versions before 1.2 only if
// Config.MinVersion says so.
//
// https://www.rfc-editor.org/rfc/rfc8446 (TLS 1.3)
// https://www.rfc-editor.org/rfc/rfc5246 (TLS 1.2)
// https://www.rfc-editor.org/rfc/rfc7301 (ALPN)
package tlslayer

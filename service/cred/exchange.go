package cred

import (
	"errors"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// An Exchange is one login by a SASL mechanism: the conversation that SMTP,
// IMAP, POP3, IRC and others each wrap in lines of their own. A protocol hands
// each response of the client, decoded, to Next, and sends the challenge that
// it fires with:
//
//	x, err := portal.Exchange(t.Loop(), "SCRAM-SHA-256", cred.OriginOf(t))
//	challenge, err := x.Next(initial).Await(co)
//	for err == nil && challenge != nil {
//		var response []byte
//		if response, err = send(co, challenge); err == nil {
//			challenge, err = x.Next(response).Await(co)
//		}
//	}
//
// Next and Cancel deal in types of everybody, so a protocol can describe what
// it needs as an interface of its own, and does not import this package.
// Loop-only.
//
// https://www.rfc-editor.org/rfc/rfc4422#section-3
type Exchange[A any] struct {
	portal *Portal[A]
	loop   twistor.Loop
	from   Origin
	run    func(*Exchange[A], *deferred.Co, []byte) (*Session[A], error)
	bind   bool // channel binding: the mechanism ends in -PLUS

	body    *deferred.Deferred[*Session[A]] // the mechanism; nil: not begun
	answer  *deferred.Deferred[[]byte]      // what Next returned; nil: nobody waits
	reply   *deferred.Deferred[[]byte]      // what the mechanism waits for; nil: it does not
	session *Session[A]
	over    bool
}

var errOver = errors.New("cred: the exchange is over, or its last challenge not answered")

// Next takes the client's next response, and fires with the challenge to be
// sent: empty, but not nil, if there is nothing to say; nil when the client is
// logged in, and Session has it. The first response is the initial one, nil if
// the client sent none, which is not the same as an empty one.
//
// It fails as Login does, or with ErrMalformed; then the exchange is over.
func (x *Exchange[A]) Next(response []byte) *deferred.Deferred[[]byte] {
	if x.over || x.answer != nil || x.body != nil && x.reply == nil {
		return deferred.Failed[[]byte](x.loop, errOver)
	}
	answer := deferred.New[[]byte](x.loop).OnCancel(x.Cancel)
	x.answer = answer
	if len(response) > maxResponseBytes {
		x.end(malformed("response of %d bytes: want at most %d", len(response), maxResponseBytes))
		return answer
	}
	response = slices.Clone(response) // it may be the transport's buffer
	if x.reply != nil {
		reply := x.reply
		x.reply = nil
		reply.Succeed(response)
		return answer
	}
	x.body = deferred.Inline(x.loop, func(co *deferred.Co) (*Session[A], error) { return x.run(x, co, response) })
	x.body.Done(func(s *Session[A], err error) {
		if x.over && s != nil {
			s.Logout() // cancelled in its last moment
			return
		}
		x.session = s
		x.end(err)
	})
	return answer
}

// Session is who has logged in; nil before Next fired with nil.
func (x *Exchange[A]) Session() *Session[A] { return x.session }

// Cancel ends the exchange: the client says it gives up, or has gone. A protocol
// calls it when it is Disconnected, always; a Session is not ended by it.
func (x *Exchange[A]) Cancel() { x.end(deferred.ErrCanceled) }

func (x *Exchange[A]) end(err error) {
	if x.over {
		return
	}
	x.over = true
	x.body.Cancel()
	answer := x.answer
	x.answer, x.reply = nil, nil
	switch {
	case answer == nil:
	case err != nil:
		answer.Fail(err)
	default:
		answer.Succeed(nil)
	}
}

// ask sends a challenge, and waits for the response to it.
func (x *Exchange[A]) ask(co *deferred.Co, challenge []byte) ([]byte, error) {
	if x.over {
		return nil, deferred.ErrCanceled
	}
	if challenge == nil {
		challenge = []byte{}
	}
	reply := deferred.New[[]byte](x.loop)
	answer := x.answer
	x.reply, x.answer = reply, nil
	answer.Succeed(challenge)
	return reply.Await(co)
}

// initial is the initial response, asked for if the client sent none.
func (x *Exchange[A]) initial(co *deferred.Co, response []byte) ([]byte, error) {
	if response != nil {
		return response, nil
	}
	return x.ask(co, nil)
}

func (x *Exchange[A]) login(co *deferred.Co, c Credentials) (*Session[A], error) {
	return x.portal.login(co, x.loop, c, x.from)
}

package cred

import (
	"crypto/tls"
	"errors"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred/passwd"
	"github.com/xdg-go/scram"
)

// A SCRAM is one exchange of SCRAM-SHA-256, by which a client proves a password
// without showing it, and the server that it has its hash. Exchange makes it of
// the client's first message; the Checker who knows the user calls Prove, which
// has the rest of the conversation with the client. Loop-only.
//
// https://www.rfc-editor.org/rfc/rfc5802 and https://www.rfc-editor.org/rfc/rfc7677
type SCRAM struct {
	// Decoy is what the client is shown if nobody calls Prove: a Checker that
	// does not know the user may set it to what the user's keys could be, always
	// the same for one name.
	Decoy passwd.SCRAM

	user     string
	first    string // the client's first message
	nonce    string // our part of it
	binding  scram.ChannelBinding
	converse func(co *deferred.Co, challenge []byte) ([]byte, error)
	begun    bool
	final    string // what proves the server to the client
}

var errNobody = errors.New("not known yet")

// newSCRAM reads a client's first message. bind says that the mechanism is the
// one with -PLUS.
func newSCRAM(first []byte, nonce string, binding scram.ChannelBinding, bind bool) (*SCRAM, error) {
	s := &SCRAM{first: string(first), nonce: nonce, binding: binding}
	// "If the flag is set to "p" ... the channel binding"; it goes with -PLUS,
	// and with nothing else. https://www.rfc-editor.org/rfc/rfc5802#section-6
	if strings.HasPrefix(s.first, "p=") != bind {
		return nil, malformed("SCRAM: channel binding that is not that of the mechanism")
	}
	// The library asks for the keys in the middle of this step; they come later,
	// from a Checker that may take its time. So it is made twice.
	conversation := s.conversation(func(user string) (scram.StoredCredentials, error) {
		s.user = user
		return scram.StoredCredentials{}, errNobody
	})
	if _, err := conversation.Step(s.first); !errors.Is(err, errNobody) {
		return nil, malformed("SCRAM: want a client-first-message")
	}
	var err error
	if s.user, err = passwd.Prepare(s.user); err != nil {
		return nil, malformed("SCRAM: user name: want UTF-8 without control characters")
	}
	if as := conversation.AuthzID(); as != "" && as != s.user {
		return nil, errActingAs
	}
	return s, nil
}

func (s *SCRAM) conversation(look scram.CredentialLookup) *scram.ServerConversation {
	server, err := scram.SHA256.NewServer(look)
	if err != nil {
		panic("cred: internal error: " + err.Error())
	}
	// It sees a client that was made to believe that we cannot bind.
	return server.WithNonceGenerator(func() string { return s.nonce }).NewConversationWithChannelBinding(s.binding)
}

// Kind is KindSCRAM.
func (*SCRAM) Kind() Kind { return KindSCRAM }

// Claim is the user of the client's first message, after SASLprep.
func (s *SCRAM) Claim() string { return s.user }

// Prove sends the client its salt and waits for its proof; ErrUnauthorized if
// that is wrong. A SCRAM can be proved once.
func (s *SCRAM) Prove(co *deferred.Co, keys passwd.SCRAM) error {
	if s.begun {
		return ErrUnauthorized
	}
	s.begun = true
	conversation := s.conversation(func(string) (scram.StoredCredentials, error) {
		return scram.StoredCredentials{
			KeyFactors: scram.KeyFactors{Salt: string(keys.Salt), Iters: keys.Iterations},
			StoredKey:  keys.StoredKey,
			ServerKey:  keys.ServerKey,
		}, nil
	})
	challenge, err := conversation.Step(s.first)
	if err != nil {
		return malformed("SCRAM: want a client-first-message")
	}
	response, err := s.converse(co, []byte(challenge))
	if err != nil {
		return err
	}
	final, err := conversation.Step(string(response))
	switch {
	case err == nil && conversation.Valid():
		s.final = final
		return nil
	case final == "": // the library has a word for what it understood
		return malformed("SCRAM: want a client-final-message")
	}
	return ErrUnauthorized
}

// deceive has the conversation with a client whose user nobody knows. What it
// proves counts for nothing.
func (s *SCRAM) deceive(co *deferred.Co) error {
	if s.begun {
		return ErrUnauthorized
	}
	if s.Decoy.Iterations == 0 {
		s.Decoy, _ = scramOf(nobody, s.user, false)
	}
	if err := s.Prove(co, s.Decoy); err != nil {
		return err
	}
	return ErrUnauthorized
}

// bindingOf is what both ends of a TLS connection know and nobody between them
// does; none, if the connection cannot say.
// https://www.rfc-editor.org/rfc/rfc9266#section-2
func bindingOf(state *tls.ConnectionState) (b scram.ChannelBinding) {
	// A state that was not made by crypto/tls has no keys and panics.
	defer func() { _ = recover() }()
	if state == nil || state.Version < tls.VersionTLS13 {
		return b
	}
	b, err := scram.NewTLSExporterBinding(state)
	if err != nil {
		return scram.ChannelBinding{}
	}
	return b
}

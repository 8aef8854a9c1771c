package cred

import (
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred/passwd"
)

// A SCRAM is one exchange of SCRAM-SHA-256. Loop-only.
type SCRAM struct {
	user  string
	decoy passwd.SCRAM
}

func (*SCRAM) Kind() Kind      { return KindSCRAM }
func (s *SCRAM) Claim() string { return s.user }
func (s *SCRAM) Prove(co *deferred.Co, keys passwd.SCRAM) error { return ErrUnauthorized }

package cred

// An SSHKey is a name and a public key, and the proof that its owner has the
// private one. Immutable after first use.
type SSHKey struct {
	User string
	// Key is the public key as the protocol carries it, its type included.
	Key []byte
	// Verify checks the signature of this login; nil: there is none yet. Then
	// Portal.Check says whether one would do, and Login refuses. A protocol whose
	// library checks signatures by itself returns nil from it.
	Verify func() error
}

func (SSHKey) Kind() Kind      { return KindSSHKey }
func (k SSHKey) Claim() string { return k.User }

// An Option is a restriction of a key: the name in lower case, and the value
// without its quotes.
type Option struct{ Name, Value string }

package cred

import "time"

// The limits of this package, and what fields that are 0 stand for.
const (
	// Portal: jobs of Work that run, logins that wait; beyond, ErrUnavailable.
	defaultWork    = 2
	defaultWaiting = 64

	// Credentials: the bytes of a user's name; beyond, ErrUnauthorized. A mail
	// address has 254.
	maxUserBytes = 255

	// File, UNIX: the bytes of a file, beyond, ErrUnavailable, and of a line;
	// beyond, it is ignored. SSHKeys: the same of a user's file, and how many
	// options a line may have. How many ignored lines are logged one by one.
	maxFileBytes    = 16 << 20
	maxLineBytes    = 4 << 10
	maxKeysBytes    = 1 << 20
	maxKeyLineBytes = 16 << 10
	maxOptions      = 64
	maxFlaws        = 10

	// Exchange: the bytes of a response; beyond, ErrMalformed.
	maxResponseBytes = 8 << 10

	// Digester: how long a nonce is good, and how many used ones are remembered;
	// beyond, the one that was used longest ago is forgotten.
	defaultMaxAge = 15 * time.Minute
	maxNonces     = 10_000

	// Tries: what is free, what the first that is not costs (each next one
	// twice as much, up to the longest), when all is forgotten, and how many
	// pairs of host and user are remembered; beyond, the oldest is forgotten.
	defaultFree     = 5
	firstDelay      = time.Second
	defaultMaxDelay = 30 * time.Second
	forgetAfter     = 15 * time.Minute
	maxPairs        = 10_000
)

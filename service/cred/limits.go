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

	// Tries: what is free, what the first that is not costs (each next one
	// twice as much, up to the longest), when all is forgotten, and how many
	// pairs of host and user are remembered; beyond, the oldest is forgotten.
	defaultFree     = 5
	firstDelay      = time.Second
	defaultMaxDelay = 30 * time.Second
	forgetAfter     = 15 * time.Minute
	maxPairs        = 10_000
)

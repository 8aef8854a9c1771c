//go:build !unix

package sim

import "os"

// harmless is no signal: those that there are all end a child.
func harmless(os.Signal) bool { return false }

package daemon

import "time"

// maxMessageBytes is how much of its error text a child tells its parent; the
// rest is cut.
const maxMessageBytes = 64 << 10

// A Start is what Daemonize starts: this program again.
type Start struct {
	// Args are the child's arguments, without the program's name.
	Args []string
	// Env is the child's environment; nil: ours.
	Env []string
	// Timeout is how long the child may take until it is ready; 0: 90 s;
	// negative: none.
	Timeout time.Duration
}

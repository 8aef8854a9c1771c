package daemon

// A Confinement is what the process may still reach, for good; see Enforce.
// Immutable after first use.
type Confinement struct {
	// Read are files, and folders with all that is below, that may be read;
	// Execute those that may be run too; Write those where everything may be read,
	// written, made, removed and renamed, but not run. nil: none. Each must exist.
	Read, Execute, Write []string
	// Listen and Dial are the TCP ports that may be bound and connected to; nil:
	// all; empty: none. Ports that are open stay so. Multipath TCP, UDP and the
	// rest are free. Kernels before Linux 6.7 know nothing of ports: see Enforced.
	Listen, Dial []uint16
}

// Enforced says what of a Confinement the system does.
type Enforced struct {
	ABI   int  // of Landlock; 0: nothing is enforced
	Ports bool // Listen and Dial are
}

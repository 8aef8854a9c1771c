package twistor

// An Each holds one T for each loop of a reactor. Immutable after first use.
type Each[T any] struct {
	loops []Loop // not a map: its order would not replay
	at    []T
}

// NewEach calls build for each loop in turn, on the caller's, before it returns.
func NewEach[T any](l Loop, build func(e *Each[T], at Loop) T) *Each[T] {
	e := &Each[T]{loops: l.Siblings()}
	for _, at := range e.loops {
		e.at = append(e.at, build(e, at))
	}
	return e
}

// On returns l's own T.
func (e *Each[T]) On(l Loop) T {
	for i, at := range e.loops {
		if at == l {
			return e.at[i]
		}
	}
	panic("twistor: Each.On: loop of another reactor")
}

// Post calls f on every loop with its T, soon; what one caller posts keeps its
// order, what two callers post may be seen in different orders on two loops.
// Safe for concurrent use.
func (e *Each[T]) Post(f func(T)) {
	for i, l := range e.loops {
		l.Post(func() { f(e.at[i]) })
	}
}

// An EachListener is a Loop that can serve one port on all its siblings.
type EachListener interface {
	// ListenEach builds a factory for each loop of the reactor and opens one
	// port for all of them: a new connection goes to the loop with the fewest.
	// What a factory and its protocols share lives on one loop; nothing is
	// shared between loops. build is called for each loop in turn before any
	// connection is accepted, on the caller's loop.
	ListenEach(c ListenConfig, build func(at Loop) Factory) (Port, error)
	// ListenPacketEach is ListenEach for packets: all loops read one socket, so
	// that what one peer sends may come to different loops, and in another
	// order. That is for protocols in which every packet stands alone, such as
	// DNS. On systems where a socket cannot be shared, the caller's loop reads
	// it alone.
	ListenPacketEach(c ListenConfig, build func(at Loop) PacketProtocol) (Port, error)
}

// ListenEach opens one port for all loops of l's reactor; see EachListener. A
// Loop that is none listens alone.
func ListenEach(l Loop, network, address string, build func(at Loop) Factory) (Port, error) {
	c := ListenConfig{Network: network, Address: address}
	if e, ok := l.(EachListener); ok {
		return e.ListenEach(c, build)
	}
	return l.Listen(c, build(l))
}

// ListenPacketEach opens one packet port for all loops of l's reactor; see
// EachListener. A Loop that is none listens alone.
func ListenPacketEach(l Loop, network, address string, build func(at Loop) PacketProtocol) (Port, error) {
	c := ListenConfig{Network: network, Address: address}
	if e, ok := l.(EachListener); ok {
		return e.ListenPacketEach(c, build)
	}
	return l.ListenPacket(c, build(l))
}

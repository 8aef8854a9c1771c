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

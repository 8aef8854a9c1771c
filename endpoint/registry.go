package endpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Registry is the types of endpoints that a program knows. Its zero knows
// the standard ones. To add one, take Standard's and append: nothing is
// registered behind one's back. Immutable after first use.
type Registry struct {
	// Listeners are the types of places to listen, and Dialers those to dial.
	// nil: the standard ones. Of two with one name the later counts, so that
	// a program may replace a standard one.
	Listeners []Kind[Listener]
	Dialers   []Kind[Dialer]
	// Environ reads the environment, for systemd:. nil: os.Getenv.
	Environ func(name string) string
}

// A Kind is one type of endpoint. Immutable after first use.
type Kind[T any] struct {
	// Name is what stands before the first colon.
	Name string
	// Usage is how it is written, for error messages and tables.
	Usage string
	// Words name the arguments that may be given by position, in order; each
	// may be given as key=text too. Those that end in "?" may be left out:
	// when too few are given, the first of these are.
	Words []string
	// Keys name the arguments that are given as key=text only.
	Keys []string
	// Inner says that the rest, from the first argument that is not one of
	// Keys, is an endpoint itself, which needs no escapes: Args.Inner.
	Inner bool
	// Parse makes a place of a's arguments. It must not do input or output: an
	// endpoint is parsed long before it is used.
	Parse func(a *Args) (*T, error)
}

// Standard returns a Registry of the standard types, the caller's own.
func Standard() *Registry {
	return &Registry{Listeners: standardListeners(), Dialers: standardDialers()}
}

// ParseListener parses a place to listen. It opens nothing. The error is an
// *Error that names the wrong part and says what was wanted.
func (r *Registry) ParseListener(s string) (*Listener, error) { return r.parseListener(s, 0) }

func (r *Registry) parseListener(s string, depth int) (*Listener, error) {
	kinds := r.Listeners
	if kinds == nil {
		kinds = standardListeners()
	}
	n, err := parse(r, s, depth, kinds, names(r.Dialers, standardDialers), "listen")
	if err != nil {
		return nil, err
	}
	n.text = s
	return n, nil
}

// ParseDialer parses a place to dial. It opens nothing. The error is an *Error
// that names the wrong part and says what was wanted.
func (r *Registry) ParseDialer(s string) (*Dialer, error) { return r.parseDialer(s, 0) }

func (r *Registry) parseDialer(s string, depth int) (*Dialer, error) {
	kinds := r.Dialers
	if kinds == nil {
		kinds = standardDialers()
	}
	n, err := parse(r, s, depth, kinds, names(r.Listeners, standardListeners), "dial")
	if err != nil {
		return nil, err
	}
	n.text = s
	return n, nil
}

// Listen opens the place that s describes, with a Protocol of f for each of
// its connections. A bad s fails as ParseListener does. It reads the files
// that s names before it returns.
func (r *Registry) Listen(l twistor.Loop, s string, f twistor.Factory) (twistor.Port, error) {
	n, err := r.ParseListener(s)
	if err != nil {
		return nil, err
	}
	return n.Listen(l, f)
}

// ListenEach opens the place that s describes for all loops of l's reactor,
// with a factory for each.
func (r *Registry) ListenEach(l twistor.Loop, s string, build func(at twistor.Loop) twistor.Factory) (twistor.Port, error) {
	n, err := r.ParseListener(s)
	if err != nil {
		return nil, err
	}
	return n.ListenEach(l, build)
}

// ListenPacketEach opens the place that s describes for packets, on all loops
// of l's reactor.
func (r *Registry) ListenPacketEach(l twistor.Loop, s string, build func(at twistor.Loop) twistor.PacketProtocol) (twistor.Port, error) {
	n, err := r.ParseListener(s)
	if err != nil {
		return nil, err
	}
	return n.ListenPacketEach(l, build)
}

// ListenPacket opens the place that s describes for packets.
func (r *Registry) ListenPacket(l twistor.Loop, s string, p twistor.PacketProtocol) (twistor.Port, error) {
	n, err := r.ParseListener(s)
	if err != nil {
		return nil, err
	}
	return n.ListenPacket(l, p)
}

// Dial connects to the place that s describes. A bad s fails the Deferred.
func (r *Registry) Dial(l twistor.Loop, s string, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
	n, err := r.ParseDialer(s)
	if err != nil {
		return deferred.Failed[twistor.Protocol](l, err)
	}
	return n.Dial(l, f)
}

// parse finds the kind that s begins with and has it parse the rest. others
// are the names of the other side's kinds, and side is what ours is for.
func parse[T any](r *Registry, s string, depth int, kinds []Kind[T], others []string, side string) (*T, error) {
	fail := func(err error) (*T, error) {
		e, ok := errors.AsType[*Error](err)
		if ok && e.Endpoint == "" { // an argument of this one
			return nil, &Error{Endpoint: s, Part: e.Part, Err: e.Err}
		}
		if ok { // of many within each other, the first and the last are enough
			if last, ok := errors.AsType[*Error](e.Err); ok {
				err = last
			}
		}
		return nil, &Error{Endpoint: s, Err: err}
	}
	if len(s) > maxBytes {
		return fail(errors.New("too long: want at most 4096 bytes"))
	}
	if depth > maxDepth {
		return fail(errors.New("nested too deep: want at most 8 endpoints within each other"))
	}
	name, rest, ok := strings.Cut(s, ":")
	if !ok {
		return fail(errors.New("want TYPE:ARGUMENTS, such as tcp:8080 or unix:/run/x"))
	}
	var kind *Kind[T]
	for i := range kinds {
		if kinds[i].Name == name {
			kind = &kinds[i]
		}
	}
	if kind == nil {
		return fail(unknownType(name, namesOf(kinds), others, side))
	}
	words, err := split(rest)
	if err != nil {
		return fail(err)
	}
	a := &Args{Type: name, registry: r, depth: depth}
	if kind.Inner {
		words, a.Inner = own(words, kind.Keys, rest)
		if a.Inner == "" {
			return fail(fmt.Errorf("an endpoint is missing: want %s", kind.Usage))
		}
	}
	if err := a.bind(words, kind.Words, kind.Keys, kind.Usage); err != nil {
		return fail(err)
	}
	n, err := kind.Parse(a)
	switch {
	case a.err != nil:
		return fail(a.err)
	case err != nil:
		return fail(err)
	}
	return n, nil
}

// own cuts the words of a Kind with Inner: its own, which come first and have
// one of its keys, and the rest as it was written.
func own(words []word, keys []string, rest string) ([]word, string) {
	for i, w := range words {
		if !slices.Contains(keys, w.key) {
			return words[:i], rest[w.at:]
		}
	}
	return words, ""
}

// unknownType is the error of a type that is none.
func unknownType(name string, known, others []string, side string) error {
	want := "want one of " + strings.Join(known, ", ")
	if near := nearest(name, known); near != "" {
		want = "did you mean " + near + "? " + want
	}
	if slices.Contains(others, name) {
		return fmt.Errorf("type %s is not one to %s: %s", quoted(shorten(name)), side, want)
	}
	return fmt.Errorf("unknown type %s: %s", quoted(shorten(name)), want)
}

// names are those of kinds, or of the standard ones.
func names[T any](kinds []Kind[T], standard func() []Kind[T]) []string {
	if kinds == nil {
		kinds = standard()
	}
	return namesOf(kinds)
}

func namesOf[T any](kinds []Kind[T]) []string {
	list := make([]string, 0, len(kinds))
	for _, k := range kinds {
		if !slices.Contains(list, k.Name) {
			list = append(list, k.Name)
		}
	}
	return list
}

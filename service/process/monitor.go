package process

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
)

// What a Monitor does when nobody says otherwise.
const (
	DefaultThreshold = time.Second
	DefaultKillTime  = 5 * time.Second
	DefaultMinDelay  = time.Second
	DefaultMaxDelay  = time.Hour
)

// A Monitor is a Service that keeps programs running: see the package's
// comment. Its zero is ready. The fields are not to be changed after Start.
// Loop-only.
type Monitor struct {
	// Threshold is how long a program must live for its end to be in order: it
	// is started again at once. 0: 1 s; negative: any life is long enough.
	Threshold time.Duration
	// KillTime is how long a program that is asked to end may take before it is
	// killed. 0: 5 s; negative: no time.
	KillTime time.Duration
	// MinDelay is how long to wait after a first short life; after each further
	// one twice as long, up to MaxDelay. 0: 1 s, and an hour.
	MinDelay, MaxDelay time.Duration
	// Jitter is how much of a delay is left to chance, up and down, at most 1;
	// 0: none, so that restart times are exact.
	Jitter float64
	// MaxFailures is how many short lives in a row a program may have before it
	// is given up, which is logged as an error. 0: as many as it likes.
	MaxFailures int
	// GaveUp, if not nil, is told of it: whoever supervises the Monitor may
	// stop everything.
	GaveUp func(name string, err error)
	// Log is where the programs' lines and lives go; nil: the loop's.
	Log *slog.Logger

	loop     twistor.Loop // nil: not started
	log      *slog.Logger
	watched  []*watched       // in the order of Add
	leaving  []*watched       // removed, and still running
	quiet    *deferred.Signal // Stop waits for it; nil: it does not
	stopping bool
}

var _ service.Service = (*Monitor)(nil)

// Add adds a program, and starts it if the Monitor runs. An error says that the
// name is taken.
func (m *Monitor) Add(name string, c twistor.Command) error {
	if m.find(name) != nil {
		return fmt.Errorf("process: there is a %q already: want another name", name)
	}
	c.Group = true
	w := &watched{m: m, name: name, command: c}
	m.watched = append(m.watched, w)
	if m.loop != nil && !m.stopping {
		w.start()
	}
	return nil
}

// Remove ends a program and forgets it: the name is free at once. The Signal
// fires when it is gone; it fails if there is none of that name.
func (m *Monitor) Remove(name string) *deferred.Signal {
	w := m.find(name)
	if w == nil {
		return deferred.Failed[struct{}](m.loop, noSuch(name))
	}
	m.watched = slices.DeleteFunc(m.watched, func(o *watched) bool { return o == w })
	if m.loop == nil {
		return deferred.Succeeded(struct{}{})
	}
	w.gone = deferred.New[struct{}](m.loop)
	gone := w.gone
	m.leaving = append(m.leaving, w)
	w.stop(false)
	return gone
}

// Restart ends a program, and starts it again when it is gone, without delay.
func (m *Monitor) Restart(name string) error {
	w := m.find(name)
	if w == nil {
		return noSuch(name)
	}
	if m.loop != nil && !m.stopping {
		w.stop(true)
	}
	return nil
}

// RestartAll is Restart of all, all at once.
func (m *Monitor) RestartAll() {
	for _, w := range slices.Clone(m.watched) {
		m.Restart(w.name)
	}
}

func noSuch(name string) error { return fmt.Errorf("process: there is no %q", name) }

func (m *Monitor) find(name string) *watched {
	for _, w := range m.watched {
		if w.name == name {
			return w
		}
	}
	return nil
}

// Start starts the programs, in the order in which they were added. One that
// cannot be started is tried again as if it had had a short life.
func (m *Monitor) Start(_ *deferred.Co, h service.Host) error {
	if m.MaxFailures < 0 || m.Jitter < 0 || m.Jitter > 1 || m.MinDelay < 0 || m.MaxDelay < 0 {
		return fmt.Errorf("process: MinDelay %v, MaxDelay %v, Jitter %v, MaxFailures %d: want none negative, and Jitter at most 1",
			m.MinDelay, m.MaxDelay, m.Jitter, m.MaxFailures)
	}
	m.loop, m.stopping = h.Loop(), false
	if m.log = m.Log; m.log == nil {
		m.log = m.loop.Log()
	}
	for _, w := range slices.Clone(m.watched) {
		w.failures, w.restarts, w.gaveUp = 0, 0, false
		if w.process != nil {
			w.again = true // a Stop was given up, and it is still ending
		} else {
			w.start()
		}
	}
	return nil
}

// Stop ends the programs, all at once, and waits until they are gone. If co is
// cancelled, they are killed.
func (m *Monitor) Stop(co *deferred.Co) error {
	m.stopping = true
	for _, w := range slices.Clone(m.watched) {
		w.stop(false)
	}
	for m.running() > 0 {
		m.quiet = deferred.New[struct{}](m.loop)
		_, err := m.quiet.Await(co)
		m.quiet = nil
		if err != nil {
			for _, w := range append(slices.Clone(m.watched), m.leaving...) {
				w.signal(os.Kill)
			}
			return err
		}
	}
	m.loop = nil
	return nil
}

func (m *Monitor) running() (n int) {
	for _, w := range m.watched {
		if w.process != nil {
			n++
		}
	}
	return n + len(m.leaving)
}

// A State is what a Monitor knows of one program.
type State struct {
	Name     string
	PID      int       // 0: it does not run
	Since    time.Time // when it was started last
	Restarts int       // since the Monitor's start
	Failures int       // short lives in a row
	Next     time.Time // when it will be started again; zero: it runs, or will not be
	GaveUp   bool      // it will not, after MaxFailures
	Err      error     // how it ended last; nil: well, or not yet
}

// States are those of all programs, in the order of Add.
func (m *Monitor) States() []State {
	all := make([]State, 0, len(m.watched))
	for _, w := range m.watched {
		s := State{Name: w.name, Since: w.since, Restarts: w.restarts, Failures: w.failures,
			Next: w.timer.When(), GaveUp: w.gaveUp, Err: w.last}
		if w.process != nil {
			s.PID = w.process.PID()
		}
		all = append(all, s)
	}
	return all
}

// orDefault resolves a field: zero is the default, negative zero.
func orDefault(d, zero time.Duration) time.Duration {
	if d == 0 {
		return zero
	}
	return max(0, d)
}

// delay is how long to wait after n short lives, n from 1.
func (m *Monitor) delay(n int) time.Duration {
	jitter := m.Jitter
	if jitter == 0 {
		jitter = -1 // none, to a Backoff
	}
	least := orDefault(m.MinDelay, DefaultMinDelay)
	d, _ := service.Backoff{
		Min: least, Max: max(least, orDefault(m.MaxDelay, DefaultMaxDelay)), Factor: 2, Jitter: jitter,
	}.Delay(n, m.loop.Rand())
	return d
}

// errSpawn marks what never lived at all.
var errSpawn = errors.New("cannot be started")

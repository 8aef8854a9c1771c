package fibonacci

import (
	"errors"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/fibonacci"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
)

// A memory is the service that has the server go on where it was. Loop-only.
//
// There are two records of how far the numbers have come: "state" in each
// snapshot, and the journal "steps". A program that is always durable has the
// same in both. One that is not has what is later in the former after a clean
// stop; one that was, and crashed, in the latter.
type memory struct {
	server  *fibonacci.Server
	durable bool

	steps   fibonacci.State // the journal's, where that is not the server's
	journal *persist.Journal[fibonacci.Step]
}

// Start loads both records, and goes on from the one that is further.
func (m *memory) Start(co *deferred.Co, h service.Host) error {
	store, state := h.Store(), &m.server.State
	if store == nil {
		return &plugin.Error{Status: plugin.StatusConfig, Err: errors.New("fibonacci: no memory: want a Host with a Store")}
	}
	m.server.Log = h.Loop().Log()
	if err := store.Persist("state", state); err != nil {
		return err
	}
	saved := *state
	*state, m.steps = fibonacci.State{}, fibonacci.State{} // or the journal would be loaded into saved's numbers

	journalled := state
	if !m.durable {
		journalled = &m.steps
	}
	m.journal = &persist.Journal[fibonacci.Step]{Name: "steps", State: journalled, Apply: journalled.Apply}
	if err := m.journal.Open(co, store); err != nil {
		return err
	}
	further := saved.Beyond(journalled)
	if !m.durable {
		if *state = m.steps; further {
			*state = saved
		}
		return nil
	}
	if further {
		if _, err := m.journal.Append(fibonacci.Step{To: &saved}).Await(co); err != nil {
			return err
		}
	}
	m.server.Journal = m.journal
	return nil
}

// Stop does nothing: every port is closed, and the Store closes the journal.
func (m *memory) Stop(*deferred.Co) error { return nil }

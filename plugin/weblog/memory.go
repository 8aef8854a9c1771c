package weblog

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/weblog"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/follow"
	"github.com/twistor-go/twistor/service/persist"
)

// A mark is how far the log was read and published. Each batch of hits makes a
// new one.
type mark struct {
	Position follow.Position // in the log
	Hits     uint64          // published so far, over all lives
	Begun    bool            // there was a life before this one
}

// A memory is the service that has a weblog go on where its former life was. It
// starts before the log is followed. Loop-only.
//
// The mark is in a journal, so it survives a crash. It is written when its hits
// are sent, not before: so a crash can make the last of them be sent again, to
// those who connect then, and never makes one be left out. The hits that are
// kept for Replay and Pull are in the snapshot of a clean stop, "hits".
type memory struct {
	server   *weblog.Server
	follower *follow.Follower

	loop    twistor.Loop
	mark    mark
	past    past
	journal *persist.Journal[mark]
	failing bool // the last mark could not be written
}

// Start loads what there is.
func (m *memory) Start(co *deferred.Co, h service.Host) error {
	store := h.Store()
	if store == nil {
		return &plugin.Error{Status: plugin.StatusConfig, Err: errors.New("weblog: --resume: no memory: want a Host with a Store")}
	}
	m.loop, m.mark, m.past = h.Loop(), mark{}, past{server: m.server}
	m.server.Log = m.loop.Log()
	if err := store.Persist("hits", &m.past); err != nil {
		return err
	}
	m.journal = &persist.Journal[mark]{Name: "mark", State: &m.mark, Apply: func(to mark) { m.mark = to }}
	if err := m.journal.Open(co, store); err != nil {
		return err
	}
	if !m.mark.Begun {
		return nil
	}
	position := m.mark.Position
	m.follower.Resume = &position
	state := m.past.loaded
	if state.Next != m.mark.Hits {
		// A crash came between: the snapshot's hits are not the last ones.
		state = weblog.State{Next: m.mark.Hits}
	}
	m.server.Restore(state)
	return nil
}

// Stop does nothing: the Store closes the journal.
func (m *memory) Stop(*deferred.Co) error { return nil }

// published notes that all up to the Follower's Position is published.
func (m *memory) published() {
	next := mark{m.follower.Position(), m.server.Next(), true}
	if next == m.mark {
		return
	}
	m.journal.Append(next).Done(func(_ struct{}, err error) {
		switch {
		case err != nil && !m.failing:
			m.loop.Log().Error("weblog: the place in the log cannot be remembered", "err", err)
		case err == nil && m.failing:
			m.loop.Log().Info("weblog: the place in the log can be remembered again")
		}
		m.failing = err != nil
	})
}

// past is the server's State, as it is whenever it is saved.
type past struct {
	server *weblog.Server
	loaded weblog.State
}

func (p *past) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // hits are to be read by people, too
	err := e.Encode(p.server.State())
	return b.Bytes(), err
}

func (p *past) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &p.loaded) }

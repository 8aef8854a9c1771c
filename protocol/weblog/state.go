package weblog

import "slices"

// A State is what a Server can remember from one life of its program to the
// next, so that the stream goes on: connections that survive an upgrade have
// their places in it, and Replay and Pull their hits. It is a copy, taken when it
// is to be saved. Immutable.
type State struct {
	// Next is the number of the hit to come, counted from 0 over all lives.
	Next uint64
	// Hits are the last before Next, oldest first, each as it is sent.
	Hits []string
}

// MaxStateBytes is how much of hits a State has; older ones are left out.
const MaxStateBytes = 64 << 20

// State returns what s would remember now: the hits that are kept, and those
// that are held for clients that are behind.
func (s *Server) State() State {
	st := State{Next: s.past.next}
	from, room := len(s.past.batches), MaxStateBytes
	for from > 0 && len(s.past.batches[from-1].xml) <= room {
		from--
		room -= len(s.past.batches[from].xml)
	}
	for _, b := range s.past.batches[from:] {
		start := 0
		for _, end := range b.ends {
			st.Hits = append(st.Hits, string(b.xml[start:end]))
			start = end
		}
	}
	return st
}

// Next is the number of the hit to come, counted from 0 over all lives.
func (s *Server) Next() uint64 { return s.past.next }

// Restore makes s go on from a State, before it has any client. If st has more
// Hits than can be counted up to Next, the oldest are left out.
func (s *Server) Restore(st State) {
	st.Hits = st.Hits[len(st.Hits)-int(min(uint64(len(st.Hits)), st.Next)):]
	s.past = backlog{next: st.Next - uint64(len(st.Hits))}
	s.bound()
	for hits := range slices.Chunk(st.Hits, restoredBatch) {
		s.xml, s.ends = s.xml[:0], s.ends[:0]
		for _, hit := range hits {
			s.xml = append(s.xml, hit...)
			s.ends = append(s.ends, len(s.xml))
		}
		s.past.add(s.xml, s.ends)
	}
	s.first = s.past.next
}

// restoredBatch is how many hits of a State make a batch, which is forgotten as
// one.
const restoredBatch = 100

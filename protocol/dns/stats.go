package dns

// Stats count what a Server did. They are read on its loop; those of several
// loops are added up.
type Stats struct {
	Queries [4]uint64   // messages that came, by Network
	Types   [258]uint64 // of queries that could be read, by Type; [0]: those above 257
	Rcodes  [24]uint64  // of answers sent, by Rcode; the last one: those above 22

	Ignored       uint64 // were no queries
	Dropped       uint64 // queries that were not answered, for whatever reason
	Limited       uint64 // queries of strangers, answered with nothing or dropped too
	Truncated     uint64 // answers that did not fit
	GoodCookies   uint64
	BadSignatures uint64
	Received      uint64 // bytes of queries that were answered or dropped
	Sent          uint64 // bytes of answers
}

// Stats are the counts of all that came so far.
func (s *Server) Stats() Stats { return s.stats }

// Add adds o to t.
func (t *Stats) Add(o *Stats) {
	for i, n := range o.Queries {
		t.Queries[i] += n
	}
	for i, n := range o.Types {
		t.Types[i] += n
	}
	for i, n := range o.Rcodes {
		t.Rcodes[i] += n
	}
	t.Ignored += o.Ignored
	t.Dropped += o.Dropped
	t.Limited += o.Limited
	t.Truncated += o.Truncated
	t.GoodCookies += o.GoodCookies
	t.BadSignatures += o.BadSignatures
	t.Received += o.Received
	t.Sent += o.Sent
}

// count counts x, which was answered with size bytes, or with nothing.
func (t *Stats) count(x *exchange, size int) {
	if x.q.question != nil {
		if int(x.q.Type) < len(t.Types) {
			t.Types[x.q.Type]++
		} else {
			t.Types[0]++
		}
	}
	t.Received += uint64(len(x.q.raw))
	if size == 0 {
		t.Dropped++
		return
	}
	t.Rcodes[min(int(x.w.rcode), len(t.Rcodes)-1)]++
	if x.w.truncated {
		t.Truncated++
	}
	t.Sent += uint64(size)
}

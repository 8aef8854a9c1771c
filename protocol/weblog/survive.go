package weblog

import "encoding/json"

// A survival is what goes along with a connection into another process: its
// place among the hits, which the Server's State has there, and how far the
// conversation has come.
type survival struct {
	Hit       uint64 `json:"hit"`                 // the next one to be sent
	End       uint64 `json:"end"`                 // of the answer that is being given
	First     uint64 `json:"first"`               // the first one that was for it
	Begun     bool   `json:"begun"`               // the header is out
	Heard     int    `json:"heard,omitempty"`     // bytes of a question
	Questions int    `json:"questions,omitempty"` // without an answer
	Ignored   int    `json:"ignored,omitempty"`   // bytes that were not asked for
}

// HandedOver agrees at any time but at the end of the document. The hit that is
// being sent is sent to its end: it goes along, unsent.
func (c *subscriber) HandedOver() (state []byte, ok bool) {
	if c.over || c.done {
		return nil, false
	}
	if c.at.into > 0 {
		p, after, ok := c.server.past.read(c.at, c.at.hit+1, maxElementBytes)
		if !ok {
			c.drop()
			return nil, false
		}
		c.write(p)
		c.at = after
	}
	state, err := json.Marshal(survival{c.at.hit, c.end, c.first, c.begun, c.heard, c.questions, c.ignored})
	return state, err == nil
}

// Restored goes on with the document. Where the Server does not remember as much
// as the connection has had, it goes on with the hits that come.
func (c *subscriber) Restored(state []byte) {
	c.server.add(c)
	past := &c.server.past
	s := survival{Hit: past.next, End: past.next, First: past.next, Begun: true}
	if err := json.Unmarshal(state, &s); err != nil || s.Heard < 0 || s.Heard >= len(question) || s.Questions < 0 || s.Ignored < 0 {
		c.server.log().Warn("weblog: a connection of the former process has a state that is none", "conn", c.Transport, "err", err)
		s = survival{Hit: past.next, End: past.next, First: past.next, Begun: true}
	}
	c.at.hit = min(s.Hit, past.next)
	c.end = min(max(s.End, c.at.hit), past.next)
	c.first = min(s.First, c.at.hit)
	c.begun, c.heard, c.questions, c.ignored = s.Begun, s.Heard, s.Questions, s.Ignored
	c.server.log().Info("weblog: client goes on", "conn", c.Transport, "behind", past.next-c.at.hit)

	if oldest := past.oldest(); c.at.hit < oldest && (!c.server.Pull || c.at.hit < c.end) {
		c.begin()
		c.Write(appendLost(nil, oldest-c.at.hit))
		c.at.hit, c.end = oldest, max(c.end, oldest)
	}
	if !c.server.Pull {
		c.begin()
	}
	c.send()
}

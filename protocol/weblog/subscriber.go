package weblog

import (
	"github.com/twistor-go/twistor"
)

const (
	// pieceBytes is how much is handed to a transport at a time.
	pieceBytes = 32 << 10
	// maxIgnoredBytes is how much a client may say that nobody asked: more is
	// not a browser or a person at a terminal, and is cut off.
	maxIgnoredBytes = 64 << 10
)

// A subscriber is the server's side of one connection: a place in the past of
// the stream, which moves on whenever the client has room. Loop-only.
type subscriber struct {
	twistor.Transport
	server *Server
	shared twistor.Sharer // nil: copies are written
	place  int            // in server.subscribers

	at      cursor
	end     uint64 // of Pull, and when over: hits from here on are not sent
	begun   bool   // the header is out
	over    bool   // the trailer follows what is to be sent
	done    bool   // the trailer is out, or the connection was dropped
	ignored int    // bytes that were not asked for
	first   uint64 // the first hit that was for it
	asker
}

func (c *subscriber) Connected() {
	c.server.add(c)
	past := &c.server.past
	c.at.hit = past.next
	if c.server.Replay {
		c.at.hit = past.recent(c.server.keep())
	}
	c.first, c.end = c.at.hit, c.at.hit
	c.server.log().Info("weblog: client connected", "conn", c.Transport)
	if !c.server.Pull {
		c.begin()
		c.send()
	}
}

// Received hears questions; where nobody asks any, it takes no notice.
func (c *subscriber) Received(p []byte) {
	if c.over {
		return
	}
	if c.server.Pull {
		if err := c.hear(p); err != nil {
			c.server.log().Warn("weblog: client broke the protocol", "conn", c.Transport, "err", err)
			c.finish()
			return
		}
		c.send()
		return
	}
	if c.ignored += len(p); c.ignored > maxIgnoredBytes {
		c.server.log().Warn("weblog: client sends too much", "conn", c.Transport, "limit", maxIgnoredBytes)
		c.finish()
	}
}

// ReadClosed: who will ask nothing more is told the rest, and is done; who
// listens goes on listening.
func (c *subscriber) ReadClosed() {
	if c.server.Pull {
		c.finish()
	}
}

// Drained goes on where Full had stopped.
func (c *subscriber) Drained() { c.send() }

// Dismissed ends the document: what is known is sent before, as long as the
// service waits for it.
func (c *subscriber) Dismissed() { c.finish() }

func (c *subscriber) Disconnected(err error) {
	if !c.done {
		c.server.log().Info("weblog: client left", "conn", c.Transport, "hits", c.at.hit-c.first, "err", err)
	}
	c.done = true
	c.server.remove(c)
}

// published is told that there are new hits.
func (c *subscriber) published() {
	if c.at.hit < c.server.past.oldest() && (!c.server.Pull || c.at.hit < c.end) {
		c.drop()
		return
	}
	if !c.server.Pull {
		c.send()
	}
}

// drop gives up a client that reads too slowly.
func (c *subscriber) drop() {
	if c.done {
		return
	}
	past := &c.server.past
	c.server.stats.Dropped++
	c.server.log().Warn("weblog: client dropped, it reads too slowly", "conn", c.Transport,
		"hits", c.at.hit-c.first, "behind", past.next-c.at.hit, "limit", past.maxBytes)
	c.done = true
	c.Abort()
}

// begin writes what every document begins with.
func (c *subscriber) begin() {
	if !c.begun {
		c.begun = true
		c.Write([]byte(header))
	}
}

// finish ends the document, after what is to be sent and the answers to what
// was asked before.
func (c *subscriber) finish() {
	if c.over {
		return
	}
	c.over = true
	if !c.server.Pull {
		c.end = c.server.past.next
	}
	c.send()
}

// send writes what is to be sent until the connection is full, or all is.
func (c *subscriber) send() {
	for !c.done && !c.Full() {
		end := c.end
		if !c.server.Pull && !c.over {
			end = c.server.past.next
		}
		p, after, ok := c.server.past.read(c.at, end, pieceBytes)
		switch {
		case !ok:
			c.drop()
		case p != nil:
			c.write(p)
			c.at = after
		case c.questions > 0:
			c.answer()
		case c.over:
			c.close()
		default:
			if c.server.Pull {
				c.Resume()
			}
			return
		}
	}
}

// write queues a piece of the past, which nobody changes any more.
func (c *subscriber) write(p []byte) {
	if c.shared != nil {
		c.shared.WriteShared(p)
		return
	}
	c.Write(p)
}

func (c *subscriber) close() {
	c.done = true
	if c.begun {
		c.Write([]byte(trailer))
	}
	c.server.log().Info("weblog: client done", "conn", c.Transport, "hits", c.at.hit-c.first)
	c.Close()
}

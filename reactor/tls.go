package reactor

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
)

// startTLS puts TLS between c and its Protocol. What was written before goes
// out in clear first, since it stands first in the queue.
func (c *conn) startTLS(config *tls.Config, as twistor.Role, unread []byte) error {
	switch {
	case config == nil:
		return errors.New("reactor: StartTLS: want a config")
	case c.state&(doomed|endWrite|writeEnded|writeFailed|readEnded) != 0:
		return net.ErrClosed
	case !c.is(live):
		return errors.New("reactor: StartTLS in Build: let Connected start it")
	case c.is(switching):
		return errors.New("reactor: StartTLS after Switch in the same callback: let the new Protocol start it")
	}
	over, p, err := tlslayer.Start(bare{c}, config, as, c.p, unread)
	if err != nil {
		return err
	}
	c.extra().over = over
	c.switchTo(p, nil, true)
	if c.is(paused) { // the Protocol's wish, not TLS's
		bare{c}.Resume()
		over.Pause()
	}
	return nil
}

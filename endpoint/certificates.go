package endpoint

import (
	"crypto/tls"

	"github.com/twistor-go/twistor"
)

type Certificates struct {
	Cert, Key, Chain string
	Dir              string
	ClientCA         string
	Template         *tls.Config
}

// Load reads.
func (c *Certificates) Load(l twistor.Loop) (*tls.Config, error) {
	pair, err := readPair(l.FS(), c.Cert, c.Key, c.Chain)
	if err != nil {
		return nil, err
	}
	config := c.Template.Clone()
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

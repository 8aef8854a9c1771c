package endpoint

import (
	"github.com/twistor-go/twistor"
)

// listenTCP parses tcp:, tcp4: and tcp6:.
func listenTCP(a *Args) (*Listener, error) {
	c := streamConfig(a)
	c.Network, c.Address = a.Type, a.Address(0)
	return &Listener{Config: c}, nil
}

// listenUNIX parses unix:.
func listenUNIX(a *Args) (*Listener, error) {
	c := streamConfig(a)
	c.Network, c.Address, c.Mode = "unix", a.Path("path"), a.Mode("mode")
	return &Listener{Config: c}, nil
}

// streamConfig has what all ports for streams can be told.
func streamConfig(a *Args) twistor.ListenConfig {
	return twistor.ListenConfig{
		Backlog:        a.Number("backlog", 1, 65535, 0),
		MaxConnections: a.Number("connections", 1, 10_000_000, 0),
		ReusePort:      a.Bool("reuseport"),
	}
}

// listenUDP parses udp:, udp4: and udp6:.
func listenUDP(a *Args) (*Listener, error) {
	return &Listener{Config: twistor.ListenConfig{
		Network:        a.Type,
		Address:        a.Address(0),
		MaxPacketBytes: a.Number("packet", 1, 65535, 0),
		ReusePort:      a.Bool("reuseport"),
		Broadcast:      a.Bool("broadcast"),
	}}, nil
}

// listenUnixgram parses unixgram:.
func listenUnixgram(a *Args) (*Listener, error) {
	return &Listener{Config: twistor.ListenConfig{
		Network:        "unixgram",
		Address:        a.Path("path"),
		Mode:           a.Mode("mode"),
		MaxPacketBytes: a.Number("packet", 1, 1<<20, 0),
	}}, nil
}

// dialTCP parses tcp:, tcp4: and tcp6:.
func dialTCP(a *Args) (*Dialer, error) {
	return &Dialer{Config: twistor.DialConfig{
		Network: a.Type,
		Address: a.Remote(),
		Local:   a.Local(),
		Timeout: a.Duration("timeout"),
	}}, nil
}

// dialUNIX parses unix:.
func dialUNIX(a *Args) (*Dialer, error) {
	return &Dialer{Config: twistor.DialConfig{
		Network: "unix",
		Address: a.Path("path"),
		Timeout: a.Duration("timeout"),
	}}, nil
}

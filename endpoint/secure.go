package endpoint

import (
	"crypto/tls"
	"errors"

	"github.com/twistor-go/twistor"
)

// listenTLS parses tls:. Config.TLS has the versions and protocols at once, so
// that a service may add to them before Prepare, and the certificates when
// they have been read.
func listenTLS(a *Args) (*Listener, error) {
	n := &Listener{Config: streamConfig(a)}
	if a.Has("endpoint") {
		inner, err := a.Listener(a.Text("endpoint"))
		if err != nil {
			return nil, err
		}
		if inner.Config.TLS != nil || inner.Layer != nil || inner.Open != nil || inner.packets() {
			a.Fail("endpoint", "want tcp:, unix:, fd: or systemd: within tls:")
		}
		if a.Has("host") || a.Has("port") || a.Has("backlog") || a.Has("connections") || a.Has("reuseport") {
			a.Fail("endpoint", "it says where to listen: want no port, host, backlog, connections or reuseport beside it")
		}
		n = inner
	} else {
		if !a.Has("port") {
			a.Fail("port", "missing: want a number from 0 to 65535")
		}
		n.Config.Network, n.Config.Address = "tcp", a.Address(0)
	}
	n.Config.TLS = a.tlsConfig()
	cert, key, chain := a.Path("cert"), a.Path("key"), a.Path("chain")
	dir, clientCA := a.Path("sni"), a.Path("client-ca")
	if cert == "" && dir == "" {
		a.Fail("cert", "missing: want a PEM file, or sni=DIR")
	}
	if cert == "" && (key != "" || chain != "") {
		a.Fail("key", "want cert=FILE with it")
	}
	below := n.Load
	n.Load = func(l twistor.Loop, n *Listener) (err error) {
		if below != nil {
			if err := below(l, n); err != nil {
				return err
			}
		}
		files := &Certificates{
			Cert: cert, Key: key, Chain: chain, Dir: dir, ClientCA: clientCA,
			Template: n.Config.TLS,
		}
		if n.Config.TLS, err = files.Load(l); err != nil {
			n.release()
		}
		return err
	}
	return n, nil
}

// dialTLS parses tls:. The peer's name is always verified: name, or the host.
func dialTLS(a *Args) (*Dialer, error) {
	config := a.tlsConfig()
	if a.Has("name") && a.Host("name") == "" {
		a.Fail("name", "want a name or an IP address")
	}
	if config.ServerName = a.Host("name"); config.ServerName == "" {
		config.ServerName = a.Host("host")
	}
	roots, cert, key := a.Path("roots"), a.Path("cert"), a.Path("key")
	if key != "" && cert == "" {
		a.Fail("key", "want cert=FILE with it")
	}
	n := &Dialer{Config: twistor.DialConfig{TLS: config, Timeout: a.Duration("timeout")}}
	if a.Has("endpoint") {
		inner, err := a.Dialer(a.Text("endpoint"))
		if err != nil {
			return nil, err
		}
		if a.Has("port") || a.Has("bind") {
			a.Fail("endpoint", "it says whom to dial: want no port or bind beside it")
		}
		if config.ServerName == "" {
			a.Fail("host", "want a name or an IP address to verify")
		}
		n.Via = over(inner)
	} else {
		if !a.Has("port") {
			a.Fail("port", "missing: want a number from 1 to 65535")
		}
		n.Config.Network, n.Config.Address, n.Config.Local = "tcp", a.Remote(), a.Local()
	}
	if roots == "" && cert == "" {
		return n, nil
	}
	n.Load = func(files twistor.FS, c *twistor.DialConfig) (err error) {
		c.TLS = c.TLS.Clone()
		if roots != "" {
			if c.TLS.RootCAs, err = readRoots(files, roots); err != nil {
				return err
			}
		}
		if cert != "" {
			pair, err := readPair(files, cert, key, "")
			if err != nil {
				return err
			}
			c.TLS.Certificates = []tls.Certificate{pair}
		}
		return nil
	}
	return n, nil
}

// tlsConfig has what both sides can be told.
func (a *Args) tlsConfig() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: a.List("alpn")}
	switch s := a.Text("min"); {
	case !a.Has("min"), s == "1.2":
	case s == "1.3":
		config.MinVersion = tls.VersionTLS13
	default:
		a.Fail("min", "want 1.2 or 1.3")
	}
	for _, proto := range config.NextProtos {
		// "Empty strings MUST NOT be included"; the length is one byte.
		// https://www.rfc-editor.org/rfc/rfc7301#section-3.1
		if len(proto) > 255 {
			a.Fail("alpn", "want names of 1 to 255 bytes")
		}
	}
	return config
}

var errNoCertificate = errors.New("no certificate in it: want PEM")

package endpoint

// standardListeners are the places to listen, in the order of their names in
// messages. doc.go shows the same table.
func standardListeners() []Kind[Listener] {
	const stream = "[:backlog=N][:connections=N][:reuseport=yes]"
	const packet = "[:packet=BYTES][:reuseport=yes][:broadcast=yes]"
	place := []string{"host?", "port"}
	streamKeys := []string{"backlog", "connections", "reuseport"}
	packetKeys := []string{"packet", "reuseport", "broadcast"}
	return []Kind[Listener]{
		{Name: "tcp", Usage: "tcp:[HOST:]PORT" + stream, Words: place, Keys: streamKeys, Parse: listenTCP},
		{Name: "tcp4", Usage: "tcp4:[HOST:]PORT" + stream, Words: place, Keys: streamKeys, Parse: listenTCP},
		{Name: "tcp6", Usage: "tcp6:[HOST:]PORT" + stream, Words: place, Keys: streamKeys, Parse: listenTCP},
		{
			Name:  "tls",
			Usage: "tls:[HOST:]PORT:cert=FILE[:key=FILE][:chain=FILE][:sni=DIR][:client-ca=FILE][:alpn=NAMES][:min=1.3]" + stream,
			Words: []string{"host?", "port?"},
			Keys:  append([]string{"cert", "key", "chain", "sni", "client-ca", "alpn", "min", "endpoint"}, streamKeys...),
			Parse: listenTLS,
		},
		{
			Name:  "unix",
			Usage: "unix:PATH[:mode=OCTAL][:backlog=N][:connections=N]",
			Words: []string{"path"}, Keys: []string{"mode", "backlog", "connections"},
			Parse: listenUNIX,
		},
		{Name: "udp", Usage: "udp:[HOST:]PORT" + packet, Words: place, Keys: packetKeys, Parse: listenUDP},
		{Name: "udp4", Usage: "udp4:[HOST:]PORT" + packet, Words: place, Keys: packetKeys, Parse: listenUDP},
		{Name: "udp6", Usage: "udp6:[HOST:]PORT" + packet, Words: place, Keys: packetKeys, Parse: listenUDP},
		{
			Name:  "unixgram",
			Usage: "unixgram:PATH[:mode=OCTAL][:packet=BYTES]",
			Words: []string{"path"}, Keys: []string{"mode", "packet"},
			Parse: listenUnixgram,
		},
		{Name: "stdio", Usage: "stdio:", Parse: listenStdio},
		{Name: "fd", Usage: "fd:NUMBER[:connections=N]", Words: []string{"number"}, Keys: []string{"connections"}, Parse: listenFD},
		{
			Name:  "systemd",
			Usage: "systemd:index=N|name=NAME[:connections=N]",
			Keys:  []string{"index", "name", "connections"},
			Parse: listenSystemd,
		},
		{
			Name:  "proxy",
			Usage: "proxy:[from=NETWORKS:][timeout=10s:]ENDPOINT",
			Keys:  []string{"from", "timeout"}, Inner: true,
			Parse: listenProxy,
		},
	}
}

// standardDialers are the places to dial.
func standardDialers() []Kind[Dialer] {
	place := []string{"host", "port"}
	keys := []string{"timeout", "bind"}
	return []Kind[Dialer]{
		{Name: "tcp", Usage: "tcp:HOST:PORT[:timeout=30s][:bind=IP]", Words: place, Keys: keys, Parse: dialTCP},
		{Name: "tcp4", Usage: "tcp4:HOST:PORT[:timeout=30s][:bind=IP]", Words: place, Keys: keys, Parse: dialTCP},
		{Name: "tcp6", Usage: "tcp6:HOST:PORT[:timeout=30s][:bind=IP]", Words: place, Keys: keys, Parse: dialTCP},
		{
			Name:  "tls",
			Usage: "tls:HOST:PORT[:name=HOST][:roots=FILE|DIR][:cert=FILE][:key=FILE][:alpn=NAMES][:min=1.3][:timeout=30s][:bind=IP]",
			Words: []string{"host", "port?"},
			Keys:  append([]string{"name", "roots", "cert", "key", "alpn", "min", "endpoint"}, keys...),
			Parse: dialTLS,
		},
		{Name: "unix", Usage: "unix:PATH[:timeout=30s]", Words: []string{"path"}, Keys: []string{"timeout"}, Parse: dialUNIX},
		{Name: "fd", Usage: "fd:NUMBER", Words: []string{"number"}, Parse: dialFD},
		{
			Name:  "process",
			Usage: "process:[errors=log|drop:][dir=DIR:]PROGRAM[:ARGUMENT...]",
			Keys:  []string{"errors", "dir"}, Inner: true,
			Parse: dialProcess,
		},
	}
}

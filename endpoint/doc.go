// Package endpoint has the language of places: where to listen and whom to
// dial, as strings of a configuration. Who writes a server takes such a string
// and need not know of ports, files, certificates or balancers:
//
//	port, err := endpoint.Listen(loop, "tcp:8080", factory)
//	dialed := endpoint.Dial(loop, "tls:example.com:443", factory)
//
// An endpoint is TYPE:ARGUMENTS. Arguments stand by position or as key=text,
// with colons between them; \ makes the next character plain, and colons
// between [ and ] are plain too. Quote escapes a path, or a whole endpoint
// that is an argument. Places to listen:
//
//	tcp:[HOST:]PORT[:backlog=N][:connections=N][:reuseport=yes]  also tcp4:, tcp6:
//	tls:[HOST:]PORT:cert=FILE[:key=FILE][:chain=FILE][:sni=DIR][:client-ca=FILE][:alpn=NAMES][:min=1.3], and as tcp:
//	unix:PATH[:mode=OCTAL][:backlog=N][:connections=N]
//	udp:[HOST:]PORT[:packet=BYTES][:reuseport=yes][:broadcast=yes]  also udp4:, udp6:
//	unixgram:PATH[:mode=OCTAL][:packet=BYTES]
//	stdio:
//	fd:NUMBER[:connections=N]
//	systemd:index=N|name=NAME[:connections=N]
//	proxy:[from=NETWORKS:][timeout=10s:]ENDPOINT
//
// Places to dial:
//
//	tcp:HOST:PORT[:timeout=30s][:bind=IP]  also tcp4:, tcp6:
//	tls:HOST:PORT[:name=HOST][:roots=FILE|DIR][:cert=FILE][:key=FILE][:alpn=NAMES][:min=1.3], and as tcp:
//	unix:PATH[:timeout=30s]
//	fd:NUMBER
//	process:[errors=log|drop:][dir=DIR:]PROGRAM[:ARGUMENT...]
//
// tls: takes endpoint=ENDPOINT in place of a port, to run over it. It begins
// at TLS 1.2; a dialed peer's name is always verified. Certificates are read
// again when their files change: see Certificates. An fd or a systemd socket
// can be used once. proxy: wants a PROXY header (version 1 or 2) first in each
// connection and shows the client's address instead of the balancer's; only
// hosts of from, private networks if it is not given, may send one, for what
// it says is believed.
// process: starts a child, whose standard input and output are the connection;
// it ends with io.EOF after status 0, else with a *twistor.ExitError.
//
// Limits: an endpoint has up to 4,096 bytes and 64 arguments, and 8 of them
// stand within each other; PEM files have up to 1 MiB, a directory up to 4,096
// server names; a PROXY header has 10 s and 4 KiB; systemd may pass 1,024
// sockets. Beyond, it is an error or the connection is closed.
package endpoint

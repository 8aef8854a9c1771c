// Package xmlrpc calls functions of other programs by XML over HTTP, and lets
// them call ours: a Server is a web.Handler, a Proxy asks one. Who writes both ends anew
// takes JSON; this is for the programs that speak it already.
//
//	s := &xmlrpc.Server{}
//	s.Handle("add", func(a, b int) int { return a + b })
//	mux.Handle("POST /RPC2", s)
//
//	p := &xmlrpc.Proxy{URL: "http://localhost/RPC2", Client: client}
//	sum, err := xmlrpc.Call[int](p, "add", 1, 2).Await(co)
//
// # Values
//
// What Go has becomes what XML-RPC has, and back:
//
//	bool               boolean
//	int, uint, ...     int, of 32 bits; beyond them i8, if Rules.Long
//	float64, float32   double
//	string             string
//	[]byte             base64
//	time.Time          dateTime.iso8601, which has no zone: UTC
//	[]T, [n]T          array
//	map[string]T       struct, members sorted
//	struct             struct; a member is named by the tag xmlrpc:"name", "-" leaves it out
//	*T                 T; nil is nil, if Rules.Nil
//	any                what came: bool, int, float64, string, []byte, time.Time, []any, map[string]any, nil
//
// What has no place there (NaN, a control character, a cycle) is an error before
// anything is sent.
//
// # Functions
//
// A function takes values and returns nothing, a value, an error, a value and an error, or a
// Deferred of a value. It may begin with a *deferred.Co, to wait, and a
// *web.Request, to know who asks. A *Fault is told to the caller; of other
// errors it hears that there was one (code 8002), and the log hears the rest.
//
// http://xmlrpc.com/spec.md, with the extensions nil and i8 where Rules has them,
// system.listMethods, system.methodHelp, system.methodSignature and
// system.multicall where the Server has them. Left out: other transports than
// HTTP, other encodings than UTF-8, ASCII and ISO 8859-1, document types.
//
// Limits, all of which are fields of Rules: messages of 1 MiB, values 64 deep,
// 100,000 of them; of a Server 100 calls in one multicall.
package xmlrpc

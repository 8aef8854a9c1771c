// Package weblog is the plugin `twistor weblog`: it follows the access log of a
// web server and streams every hit, as XML, to whoever connects.
//
// The work is done by two others: service/follow reads the log, and
// protocol/weblog serves the stream; this package joins them, and makes up a
// log where there is none:
//
//	c := weblog.New()
//	c.Log = "/var/log/nginx/access.log"
//	s, err := c.Service() // a service.Service, for a program of one's own
//
// Limits: those of the two packages; the made-up log is begun anew at 1 MiB.
package weblog

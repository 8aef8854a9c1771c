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
// With Resume its Host must have a Store, and the weblog goes on where its former
// life was: it reads what was logged meanwhile, through rotations, and no hit is
// left out. After a clean stop or an upgrade none is published twice. After kill
// -9 the last ones can be: those whose place was not on the disk yet, a few
// milliseconds' worth. They have the same number in the stream then, and go to
// those who connect anew, as all who were connected are gone. The hits that Replay
// and Pull remember survive a clean stop, not a crash.
//
// Without Resume, clients stay connected through an upgrade as well, and do not
// get what is logged in that moment.
//
// Limits: those of the two packages; the made-up log is begun anew at 1 MiB.
package weblog

// Package weblog is the plugin `twistor weblog`: it follows the access log of a
// web server, streams every hit, as XML, to whoever connects, and shows it to
// browsers.
//
// The work is done by three others: service/follow reads the log,
// protocol/weblog serves the stream and page the page; this package joins them.
// Where there is no log, the hits of the page itself are it, so that whoever opens
// it is in it; and Sample, or having no page either, has one made up.
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
// A browser that watches comes back by itself after a restart or an upgrade, and
// with Resume it goes on where it was.
//
// Limits: those of the three packages; the made-up log is begun anew at 1 MiB.
package weblog

// Package cgi runs programs that answer web requests, one process for each, as
// CGI/1.1 has it: for scripts that are there already, in any language. Who writes
// new ones writes a web.Handler.
//
//	mux.Mount("/cgi-bin", &cgi.Directory{Dir: "/usr/lib/cgi-bin"})
//	mux.Mount("/report", &cgi.Script{Path: "/srv/report.py"})
//
// A program gets the request as variables and the body on its standard
// input, as it comes; both directions hold the faster side back. What it writes is a head
// (Content-Type, Location, Status and any other fields), an empty line and the
// body, which goes out as it comes. What it writes to standard error is logged. A program whose
// client has left is killed, with all that it started: SIGTERM, 5 s later SIGKILL.
//
// Only programs within Dir run, whatever links and paths say, and those within
// files that begin with a dot do not. A program sees the variables of RFC 3875
// and a PATH, nothing of ours: neither our environment nor our descriptors. What a
// client could use to pretend to be a variable is left out: Proxy, which would be
// HTTP_PROXY, and names with an underscore. Authorization is left out too.
//
// RFC 3875. Left out: scripts that write the whole answer by themselves (NPH),
// a query as arguments (section 4.4, which made php-cgi run what strangers
// wrote), and redirects within the server: a Location that is a path is sent
// to the client, as 302.
//
// Limits, all of which are fields: 32 programs at a time, beyond which the
// answer is 503; a head of 16 KiB; 60 s without a byte from the program, 504 if
// there was no head. Of standard error 16 KiB are logged for each request. A body without a
// Content-Length is gathered first, up to 1 MiB, beyond which it is 411: the
// program must be told its length.
package cgi

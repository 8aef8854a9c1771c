// Package weblog streams the hits of a web server to whoever connects: the
// first server that one writes with an engine like this, made whole.
//
// It is for people who want to see what happens on their site now, and for
// programs that count, draw or raise an alarm. The stream is one XML document
// that does not end until the server does, one element for each hit, so that
// every SAX parser reads it as it comes:
//
//	<?xml version="1.0" encoding="UTF-8"?>
//	<weblog>
//	<hit host="127.0.0.1" ident="-" user="-" time="2026-11-22T10:00:00Z" method="GET" path="/a?b=c"
//	 protocol="HTTP/1.1" status="200" bytes="612" referrer="" agent="curl/7.88"/>
//	</weblog>
//
// (each hit on one line). A Server pushes: a client gets what comes from its
// connection on, after the last hits if Replay is set. With Pull it waits until
// the client says NEW?, and answers with the hits since the last question, or
// <none/>; hits that were forgotten meanwhile are owned up to by
// <lost count="17"/>.
//
// A Server is a factory, and somebody feeds it lines of a log, most often a
// service/follow.Follower. Lines are in the Common or the Combined Log Format:
//
//	s := &weblog.Server{Replay: true}
//	f := &follow.Follower{Name: "access.log", Lines: s.Publish}
//
// Who reads a stream ranges over Hits. Texts are decoded from what the web
// server escaped; what XML cannot carry, such as control characters, stays
// written as \xHH, which is for people: it is not told from a backslash that
// was there. Times are instants, written in UTC by the second. A log's "-"
// stays for ident and user, is 0 for bytes, and nothing elsewhere. A request
// that is not METHOD PATH PROTOCOL is all path.
//
// Connections survive an upgrade of the program: the document goes on with the
// next hit. Which that is, the server's State says, which whoever runs it keeps
// and gives to Restore; a server that remembers nothing goes on with what comes.
//
// Every client has the same encoded bytes before it, and goes through them at
// its own pace. Limits: 1,000 clients, more are refused with an empty document;
// a client that is 8 MiB behind is aborted; 64 KiB of input are ignored from a
// client of a pushing server, more ends its stream, as anything but a question
// does when it pulls; 64 MiB of hits in a State. Nobody is cut off for being
// silent.
//
// Left out: logs in other formats, compressed logs, and the live page, which is
// plugin/weblog/page.
package weblog

// Package static answers with files: of a directory, of one file, or of an fs.FS
// that the program carries. Whoever has a site to publish needs it.
//
//	site := &static.Files{Dir: "/srv/www", List: true}
//	server := &web.Server{Handler: site}
//
// What it knows: index pages, directory listings, types by extension, strong
// ETags, conditional requests and ranges (RFC 9110, sections 13 and 14: single,
// many, suffixes), HEAD, files that are compressed beforehand, names without
// their extension, single-page applications, a page of one's own for 404.
//
// What it keeps: the directory is opened once, and what lies outside of it is
// never read, whatever the path, the links within and whoever renames them
// meanwhile: see os.Root. Only regular files are served. Paths with "..", ".",
// empty parts, NUL or a backslash, and names that begin with a dot, are as if they
// were not there. Hard links, and other file systems mounted within, are
// followed: who can make them is trusted.
//
// No file call happens on the loop. What was found is used again without asking
// for a second (Files.Recheck), so a change shows after that time. Small files
// stay in memory, others stay open and leave by sendfile where the connection can.
// A file that becomes shorter while it is sent cuts the answer. One that is
// rewritten in place, with the same size and within one tick of the file system's
// clock (some 4 ms), keeps its ETag: who publishes writes beside and renames.
//
// Limits, for each Files: 1,024 paths remembered, 256 files kept open, files up to
// 16 KiB and 4 MiB of them in memory, listings of 10,000 names, 16 ranges of a
// request (more, or overlapping ones, get the whole file), 16 MiB of a file of an
// fs.FS that cannot be read at an offset.
//
// Left out: uploads, CGI (package cgi), compressing as it goes (package
// compress), files that hold their own head.
package static

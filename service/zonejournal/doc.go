// Package zonejournal keeps what dynamic updates do to zones of package
// authority in a program's memory: who lets clients update zones, and restarts,
// needs it.
//
//	j := &zonejournal.Journal{}
//	err := j.Open(co, store) // a persist.Store
//	a := authority.New(loop, authority.Config{Journal: j})
//
// An update is on the disk before its client hears of success, together with
// all others of the same turn: one sync (persist.Journal). Zone files are not
// touched: they stay their owners', and the updates are made again on what they
// say.
//
// What it holds is text, as in zone files, for each zone step by step; the
// oldest steps are made one when there is much of them, and what a later one
// takes back is forgotten. So the journal of a zone whose names come and go
// stays as large as what is there.
//
// Limits: those of persist.Journal, and 10,000 records of a zone beyond three
// times what its updates have made of it.
package zonejournal

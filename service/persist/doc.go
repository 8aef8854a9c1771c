// Package persist is a program's memory: state that outlives the process, kill
// -9 and the power. Whoever writes a service that remembers needs it.
//
// A Store is a directory. Exported fields of what it is given are loaded at once
// and saved from then on; what is not exported stays volatile:
//
//	store, err := persist.Open(co, loop, persist.Config{Dir: "/var/lib/fib", Name: "fib"})
//	err = store.Persist("fib", &state)      // loads it, if it was saved
//	_, err = store.Save("").Await(co)       // fib.tap, durable now
//
// A snapshot forgets what came after it. A Journal forgets nothing that it has
// acknowledged: a change is applied at once, and its Signal fires when it is on
// the disk, so that what is sent to a client then is true after any crash:
//
//	j := &persist.Journal[deposit]{Name: "account", State: &account, Apply: account.add}
//	err = j.Open(co, store)
//	_, err = j.Append(deposit{5}).Await(co) // one sync for all changes of a turn
//
// A Table keeps many values, one file each. Read and Write are for tools.
//
// What holds, on a disk that keeps what it has synced: what was acknowledged is
// there after a crash at any instruction; a reader of a .tap finds the old one or
// the new one, whole; a changed bit or a cut in a snapshot or in a journal's base
// is found, the file is kept beside as evidence, it is logged as an error, and the
// generation before is used; nothing begins anew beside files that cannot be read.
// A file that a newer program wrote is refused, and left alone. When the disk
// fails, what was to become durable fails, no sync is tried twice on one file, and
// everything goes on when the disk does: see Append for what memory holds
// meanwhile.
//
// What does not: a batch of a journal that was changed at rest takes those behind
// it with it, unless a snapshot is newer, and that is logged as an error. If it is
// the last one it looks like one that a crash has torn: it is dropped with a
// warning; and a journal that was cut between two batches, or is zero from there
// on, looks whole. Two damaged generations are an error. Without flock nothing
// keeps two processes from one directory, which is logged.
//
// A state changes: Upgrades make of each old version the next one. A field that
// was saved and that the program does not have any more is an error until an
// Upgrade drops it. No file says what type to make: states hold plain values, and
// types that say themselves how they are JSON or text; others are refused when
// they are registered.
//
// Encoding happens on the loop, at once, so that a snapshot is of one moment: some
// 10 ms a megabyte. All else runs on the pool. The files are described in
// FORMAT.md, for other programs.
//
// Limits: files of 256 MiB, states of 100 levels, names of 128 bytes, 16 waiting
// snapshots; of a journal 65,536 changes or 16 MiB that wait, 4 MiB of changes
// after a base, with 1 MiB of room grown ahead for more, three failures in a row
// until changes are refused; of a Table keys of 150 bytes, values of 16 MiB, 64 MiB
// and 1,000 calls that wait.
package persist

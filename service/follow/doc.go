// Package follow reads a growing file line by line, as `tail -F` does, without
// blocking the loop.
//
// It is for whoever wants to know what another program logs. A Follower is a
// service: it begins at the end of the file, or at its start, and hands over
// new lines in batches, each line once and in order:
//
//	f := &follow.Follower{Name: "/var/log/nginx/access.log", Lines: func(lines [][]byte) {
//		for _, line := range lines {
//			fmt.Printf("%s\n", line)
//		}
//	}}
//
// What becomes of the file meanwhile:
//
//   - It does not exist yet: it is waited for, and read from its start.
//   - It is renamed or removed (rotation): the open file is read on, as writers
//     still hold it. When the name stands for a new file, the old one has
//     Grace without a new byte to end; then the new one is read from its start.
//     Files that take the name faster than they are read wait in a queue.
//   - It is truncated, or copied and truncated: it is read from its start. That
//     is noticed by its size, and by its last bytes before the place of reading
//     being others than were read, so also if it has grown again meanwhile.
//   - Its last line has no newline: it is held until that comes, or until the
//     file ends by rotation or truncation, and then delivered as it is.
//   - Zeros before a line are passed over: a writer that does not append leaves
//     a hole when the file is truncated below it.
//
// A program that remembers the Follower's Position, and begins its next life with
// it as Resume, gets every line once. Files that were rotated away meanwhile, to
// the name and a number or a date (NAME.1, NAME-20261122), are read first, in the
// order of their last changes; so is a copy that was made before a truncation.
//
// What cannot be known: lines that were written and truncated between two
// looks, and a file that had the name only between two looks, are lost, as for
// every follower. A file that is truncated and then grows by the very bytes it
// had (256 of them, before the place of reading) is taken for the old one. A
// file that is edited in place is read again from its start. With Resume: what
// was compressed, renamed otherwise or removed meanwhile is lost, and that is
// logged. A file that was rotated away before a line of it, or of one before it,
// was read, is not known again, and left out.
//
// Looks are Every apart; where the loop is a twistor.Notifier, changes are seen
// at once, but no oftener than every 10 ms. All reading is done on the loop's
// pool, one chunk at a time.
//
// Limits: lines of MaxLineBytes (64 KiB; what is beyond is cut off, counted and
// logged), chunks of 256 KiB, and a queue of 8 files (later ones are left out
// until there is room, and that is logged), after a Resume of 64.
package follow

package persist

import (
	"context"

	"github.com/twistor-go/twistor"
)

// aheadBytes is how far a segment is grown ahead of its batches. A batch that is
// written behind a file's end gives it a new size, and each sync then waits for
// that as well; one that is written into room does not. More of it saves nothing
// that can be measured, and has to be read when the program starts.
const aheadBytes = 1 << 20

// end is where the next batch of the open segment begins.
func (l *ledger) end() int64 { return l.baseBytes + l.bytes }

// growth is the size that the open segment is to be given before n more bytes
// are written; 0: it has room for them. It is never more than the batches of a
// segment may take, so the room counts in no limit.
func (l *ledger) growth(n int) int64 {
	end := l.end() + int64(n)
	if end <= l.ahead {
		return 0
	}
	l.ahead = min(end+aheadBytes, l.baseBytes+l.most())
	return l.ahead
}

// grow makes room in a segment: zeros, which on most systems take no space on the
// disk before something is written there. It blocks. If it fails the batch may fit
// all the same, and what Write and Sync say of that one counts: then the file grows
// with each batch, until the next growth is due.
func grow(file twistor.File, size int64) { file.Truncate(size) }

// cut closes a whole segment on the pool, and takes away what it has behind end. It
// is not synced, and need not succeed: a reader knows room.
func cut(file twistor.File, end, size int64) func(context.Context) (struct{}, error) {
	return func(ctx context.Context) (struct{}, error) {
		if size > end {
			file.Truncate(end)
		}
		return closed(file)(ctx)
	}
}

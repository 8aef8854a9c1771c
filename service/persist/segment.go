package persist

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// A segment is one file of a journal: a base, which is the state after so many
// changes, and then batches of the changes that came after. Its name is
//
//	NAME.JOURNAL.NUMBER-WORD.journal
//
// with a number of sixteen digits that grows by each segment, and eight digits of
// chance. A new segment is complete and durable, base and name, before the first
// batch is added to it; a batch is added when the one before is durable. So
// only the last batch of a segment can be torn by a crash. Behind it the file may
// have room: zeros, for batches to come.
const segmentSuffix = ".journal"

// A base is the sealed text at the start of a segment.
type base struct {
	Journal  string          `json:"journal"`
	Sequence uint64          `json:"sequence"` // how many changes made State
	Version  int             `json:"version"`
	State    json.RawMessage `json:"state"`
}

func (b *base) encode() ([]byte, error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(b); err != nil {
		return nil, err
	}
	return seal(kindJournal, body.Bytes()), nil
}

// A batch is changes that became durable together, with a line before them:
//
//	batch VVVV LLLLLLLL SSSSSSSSSSSSSSSS CCCCCCCC
//
// in lower-case hexadecimal: the version of the changes, the length of what
// follows in bytes, the sequence number of the first change, and the CRC-32C of
// the segment's NUMBER-WORD, of the line up to the last space, and of what
// follows: each change as JSON on a line of its own. The word in the checksum is
// so that what a disk shows of a deleted segment is not taken for a batch.
const (
	batchWord      = "batch "
	batchLineBytes = len("batch 0000 00000000 0000000000000000 00000000\n")
	batchSumAt     = batchLineBytes - 9
	// maxVersion is the largest version that has room in the line.
	maxVersion = 0xffff
	// maxBadSums is how many lines of a batch with a wrong checksum are looked
	// at in a segment: each costs as much as what it says that follows.
	maxBadSums = 1000
)

type batch struct {
	first   uint64 // sequence of the first change
	version int
	changes [][]byte
}

// last is the sequence of the last change.
func (b *batch) last() uint64 { return b.first + uint64(len(b.changes)) - 1 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segmentKey begins the checksums of a segment's batches.
func segmentKey(word string) uint32 { return crc32.Checksum([]byte(word), castagnoli) }

// sealBatch writes the line of a batch into the room before its changes.
func sealBatch(b []byte, key uint32, first uint64, version int) {
	copy(b, batchWord)
	putHex(b[6:10], uint64(version))
	b[10] = ' '
	putHex(b[11:19], uint64(len(b)-batchLineBytes))
	b[19] = ' '
	putHex(b[20:36], first)
	sum := crc32.Update(key, castagnoli, b[:batchSumAt-1])
	b[36] = ' '
	putHex(b[batchSumAt:batchSumAt+8], uint64(crc32.Update(sum, castagnoli, b[batchLineBytes:])))
	b[batchLineBytes-1] = '\n'
}

func putHex(to []byte, n uint64) {
	for i := len(to) - 1; i >= 0; i-- {
		to[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
}

// openBatch reads the batch at the start of b, and says how long it is. nil, 0:
// there is none; nil and more: there is its line, but the checksum is wrong.
func openBatch(b []byte, key uint32) (*batch, int) {
	if len(b) < batchLineBytes || string(b[:6]) != batchWord || b[10] != ' ' || b[19] != ' ' || b[36] != ' ' || b[batchLineBytes-1] != '\n' {
		return nil, 0
	}
	version, ok1 := hexNumber(b[6:10])
	length, ok2 := hexNumber(b[11:19])
	first, ok3 := hexNumber(b[20:36])
	sum, ok4 := hexNumber(b[batchSumAt : batchSumAt+8])
	rest := b[batchLineBytes:]
	if !ok1 || !ok2 || !ok3 || !ok4 || length == 0 || length > uint64(len(rest)) || first == 0 {
		return nil, 0
	}
	n, lines := batchLineBytes+int(length), rest[:length]
	if uint64(crc32.Update(crc32.Update(key, castagnoli, b[:batchSumAt-1]), castagnoli, lines)) != sum || lines[length-1] != '\n' {
		return nil, n
	}
	return &batch{first, int(version), bytes.Split(lines[:length-1], []byte{'\n'})}, n
}

// hexNumber reads digits as putHex writes them.
func hexNumber(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

// A segment is what could be read of one file.
type segment struct {
	file    string
	number  uint64
	base    *base // nil: damaged
	batches []*batch
	// damage says what is wrong where nothing may be: in the base, or before a
	// whole batch. nil: nothing.
	damage error
	// torn is how many bytes behind the last batch are none: what a crash left.
	// Zeros at the end do not count, they are room.
	torn int
}

// segmentWord is the NUMBER-WORD of a segment, segmentName its file.
func segmentWord(number uint64, chance string) string {
	return fmt.Sprintf("%016x-%s", number, chance[:8])
}

func segmentName(program, journal, word string) string {
	return program + "." + fileWord(journal) + "." + word + segmentSuffix
}

// segmentOf takes the number out of a segment's file name, if it is one of the
// journal.
func segmentOf(file, program, journal string) (number uint64, word string, ok bool) {
	word, ok1 := strings.CutPrefix(file, program+"."+fileWord(journal)+".")
	word, ok2 := strings.CutSuffix(word, segmentSuffix)
	if !ok1 || !ok2 || len(word) != 16+1+8 || word[16] != '-' {
		return 0, "", false
	}
	number, err := strconv.ParseUint(word[:16], 16, 64)
	_, salt := hexNumber([]byte(word[17:]))
	return number, word, err == nil && salt && fmt.Sprintf("%016x", number) == word[:16]
}

// readSegment makes a segment of what its file holds. The error is ErrNewer.
func readSegment(file, journal, word string, b []byte) (*segment, error) {
	number, _ := hexNumber([]byte(word[:16]))
	s := &segment{file: file, number: number}
	body, rest, err := unseal(file, kindJournal, b)
	var first base
	if err == nil {
		if depth(body) > maxDepth+1 {
			err = wrong(file, ErrTooLarge, "its base is deeper than %d levels", maxDepth)
		} else if err = strictly(body, &first); err != nil {
			err = wrong(file, ErrCorrupt, "%v", err)
		} else if first.Journal != journal {
			err = wrong(file, ErrCorrupt, "it is of journal %q, want %q", first.Journal, journal)
		}
	}
	switch {
	case err == nil:
		s.base = &first
	case damaged(err):
		s.damage = err
		rest = b // somewhere behind are batches, and they may be whole
	default:
		return nil, err
	}
	s.readBatches(rest, segmentKey(word))
	return s, nil
}

// readBatches reads all whole batches. What lies before one of them is damage,
// what lies behind the last one is torn, up to the room: a batch has no zero byte.
func (s *segment) readBatches(b []byte, key uint32) {
	b = bytes.TrimRight(b, "\x00")
	bad, badSums := 0, 0
	for len(b) > 0 {
		x, n := openBatch(b, key)
		if x != nil {
			if bad > 0 && s.damage == nil {
				s.damage = wrong(s.file, ErrCorrupt, "%d bytes before change %d", bad, x.first)
			}
			s.batches = append(s.batches, x)
			b, bad = b[n:], 0
			continue
		}
		if n > 0 {
			badSums++
		}
		next := len(b)
		if i := bytes.Index(b[1:], []byte(batchWord)); i >= 0 && badSums < maxBadSums {
			next = i + 1
		}
		b, bad = b[next:], bad+next
	}
	if s.base != nil || len(s.batches) > 0 {
		s.torn = bad
	}
}

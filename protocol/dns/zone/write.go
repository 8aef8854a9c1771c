package zone

import (
	"bufio"
	"io"
	"strconv"

	"github.com/twistor-go/twistor/protocol/dns"
)

// WriteTo writes z as a zone file, which Read reads back: a record a line, with
// its whole name. It implements io.WriterTo; it waits for w, so call it on the
// pool.
func (z *Zone) WriteTo(w io.Writer) (int64, error) {
	out := bufio.NewWriterSize(w, 64<<10)
	var n int64
	var line []byte
	for name, set := range z.All() {
		rrs, err := set.RRs(name)
		if err != nil {
			return n, err
		}
		for _, rr := range rrs {
			data := dns.DataText(rr)
			line = name.AppendText(line[:0])
			line = append(line, '\t')
			line = strconv.AppendUint(line, uint64(set.TTL), 10)
			line = append(line, "\tIN\t"...)
			line = append(line, set.Type.String()...)
			line = append(line, '\t')
			line = append(line, data...)
			line = append(line, '\n')
			written, err := out.Write(line)
			if n += int64(written); err != nil {
				return n, err
			}
		}
	}
	return n, out.Flush()
}

var _ interface {
	dns.Handler
	io.WriterTo
} = (*Zone)(nil)

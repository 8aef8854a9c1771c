package dns

import (
	"io"
	"strconv"
	"time"

	"github.com/twistor-go/twistor"
)

// A QueryLog hears of each query when its answer is complete. It is called on
// the loop and must not wait.
type QueryLog interface {
	Answered(e *Entry)
}

// An Entry is a query and how it was answered, for a log. It is valid during
// the call.
type Entry struct {
	At      time.Time // when the answer was complete
	Took    time.Duration
	From    twistor.Peer
	Network Network
	Opcode  Opcode
	Name    Name // nil: it could not be read
	Type    Type
	Class   Class
	Key     Name // that signed it; nil: none
	Rcode   Rcode
	Bytes   int // of the answer; 0: there was none
}

// log tells the log.
func (s *Server) log(x *exchange, size int) {
	now := s.loop.Now()
	s.Log.Answered(&Entry{At: now, Took: now.Sub(x.began), From: x.q.From, Network: x.q.Network, Opcode: x.q.Opcode,
		Name: x.q.Name, Type: x.q.Type, Class: x.q.Class, Key: x.q.Key, Rcode: x.w.rcode, Bytes: size})
}

// A LineLog is a QueryLog that writes a line for each query:
//
//	2026-11-22T16:12:00.123Z 192.0.2.7:4711 udp www.example.com. IN A NOERROR 61 0.120ms
//
// Names are escaped, so that nobody can write lines of his own. In place of the
// name stands - if it could not be read, of the rcode if there was no answer;
// opcodes other than QUERY stand before the name, keys behind the time it took.
// Each line is one Write. Loop-only.
type LineLog struct {
	// To takes the lines. Its Write must not wait, or the loop does: a file
	// stands behind a queue, as logsink.Queue is one.
	To io.Writer

	line []byte
}

// Answered implements QueryLog.
func (l *LineLog) Answered(e *Entry) {
	b := e.At.UTC().AppendFormat(l.line[:0], "2006-01-02T15:04:05.000Z ")
	b = append(e.From.Addr.AppendTo(b), ' ')
	b = append(append(b, e.Network.String()...), ' ')
	if e.Opcode != OpcodeQuery {
		b = append(append(b, e.Opcode.String()...), ' ')
	}
	if e.Name == nil {
		b = append(b, "- - -"...)
	} else {
		b = append(e.Name.AppendText(b), ' ')
		b = append(append(b, e.Class.String()...), ' ')
		b = append(b, e.Type.String()...)
	}
	b = append(b, ' ')
	if e.Bytes == 0 {
		b = append(b, '-')
	} else {
		b = append(b, e.Rcode.String()...)
	}
	b = strconv.AppendInt(append(b, ' '), int64(e.Bytes), 10)
	b = strconv.AppendFloat(append(b, ' '), float64(e.Took)/1e6, 'f', 3, 64)
	b = append(b, "ms"...)
	if e.Key != nil {
		b = e.Key.AppendText(append(b, ' '))
	}
	l.line = append(b, '\n')
	l.To.Write(l.line)
}

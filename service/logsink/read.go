package logsink

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strconv"
	"time"
)

// maxReadLineBytes is how long a line may be that Read takes; longer ones are an
// error.
const maxReadLineBytes = 1 << 20

// maxReadDepth is how deep values of a line may be inside each other.
const maxReadDepth = 64

// A LineError says that a line of a log is not a record.
type LineError struct {
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("logsink: line %d: %v", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// Read reads the records that NewJSON wrote, to be looked at or given to another
// handler, attributes in their order. Objects become groups and lists stay JSON;
// whole numbers are int64 or uint64, others float64 or, if that cannot hold
// them, text; times and durations stay the text and the number that they are.
//
// Empty lines are passed over, and so is the record separator of RFC 7464 at the
// beginning of a line. A line that is no record, or was cut off, is a
// *LineError, and reading goes on; an error of r is the last.
func Read(r io.Reader) iter.Seq2[slog.Record, error] {
	return func(yield func(slog.Record, error) bool) {
		b := bufio.NewReaderSize(r, 64<<10)
		var line []byte
		for n := 1; ; n++ {
			var tooLong bool
			var failed error
			line, tooLong, failed = readLine(b, line[:0])
			if failed != nil && failed != io.EOF {
				yield(slog.Record{}, failed)
				return
			}
			if text := bytes.TrimSpace(bytes.TrimPrefix(line, []byte{0x1e})); len(text) > 0 {
				record, err := parseRecord(text)
				if tooLong {
					err = fmt.Errorf("longer than %d bytes", maxReadLineBytes)
				}
				if err != nil {
					record, err = slog.Record{}, &LineError{n, err}
				}
				if !yield(record, err) {
					return
				}
			}
			if failed != nil {
				return
			}
		}
	}
}

// readLine appends a line to line, or the beginning of one that is too long.
func readLine(b *bufio.Reader, line []byte) (_ []byte, tooLong bool, err error) {
	for {
		part, err := b.ReadSlice('\n')
		if len(line)+len(part) > maxReadLineBytes {
			part, tooLong = part[:maxReadLineBytes-len(line)], true
		}
		line = append(line, part...)
		if err != bufio.ErrBufferFull {
			return line, tooLong, err
		}
	}
}

// parseRecord reads one object.
func parseRecord(text []byte) (r slog.Record, err error) {
	attrs, err := parseGroup(text, 1)
	if err != nil {
		return r, err
	}
	var at time.Time
	var level slog.Level
	var message string
	var leveled, named bool
	rest := attrs[:0]
	for _, a := range attrs { // the first of each is the handler's own
		switch word := a.Value.String(); {
		case a.Key == slog.TimeKey && at.IsZero():
			if at, err = time.Parse(time.RFC3339Nano, word); err != nil {
				return r, fmt.Errorf("time %.40q: want one of RFC 3339", word)
			}
		case a.Key == slog.LevelKey && !leveled:
			leveled = true
			if err := level.UnmarshalText([]byte(word)); err != nil {
				return r, fmt.Errorf("level %.40q: want DEBUG, INFO, WARN or ERROR", word)
			}
		case a.Key == slog.MessageKey && !named:
			named, message = true, word
		default:
			rest = append(rest, a)
		}
	}
	if !leveled || !named {
		return r, errors.New("want a level and a msg")
	}
	r = slog.NewRecord(at, level, message, 0)
	r.AddAttrs(rest...)
	return r, nil
}

// parseGroup reads an object. The members of one go through a decoder, because
// their order counts.
func parseGroup(text []byte, depth int) (attrs []slog.Attr, err error) {
	if depth > maxReadDepth {
		return nil, fmt.Errorf("deeper than %d", maxReadDepth)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("want an object")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, cutOff(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, cutOff(err)
		}
		v, err := parseValue(value, depth)
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, slog.Attr{Key: key.(string), Value: v})
	}
	if _, err := d.Token(); err != nil {
		return nil, cutOff(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("want nothing after the object")
	}
	return attrs, nil
}

// parseValue reads a value, which is valid JSON.
func parseValue(text json.RawMessage, depth int) (v slog.Value, err error) {
	switch text[0] {
	case '{':
		attrs, err := parseGroup(text, depth+1)
		return slog.GroupValue(attrs...), err
	case '[':
		return slog.AnyValue(text), nil
	case 't', 'f':
		return slog.BoolValue(text[0] == 't'), nil
	case 'n':
		return slog.AnyValue(nil), nil
	case '"':
		var s string
		err := json.Unmarshal(text, &s)
		return slog.StringValue(s), err
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return slog.Int64Value(n), nil
	}
	if n, err := strconv.ParseUint(string(text), 10, 64); err == nil {
		return slog.Uint64Value(n), nil
	}
	if f, err := strconv.ParseFloat(string(text), 64); err == nil {
		return slog.Float64Value(f), nil
	}
	return slog.StringValue(string(text)), nil
}

// cutOff names what JSON calls an end of file.
func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the line is cut off")
	}
	return err
}

package daemon

import (
	"bytes"
	"fmt"
	"strconv"
)

// maxPIDFileBytes is how much of a pid file is read: whoever wrote more wrote
// something else.
const maxPIDFileBytes = 64

// A RunningError says that another process holds the lock of a pid file.
type RunningError struct {
	Name string // of the file
	PID  int    // by its content; 0: not written yet
}

func (e *RunningError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("daemon: another process is running: it holds %s and has not written its number yet", e.Name)
	}
	return fmt.Sprintf("daemon: another process is running: %d holds %s", e.PID, e.Name)
}

// A ContentError says that a file is no pid file: it holds something else than
// one number. What it is the error does not tell, for it might be a secret.
type ContentError struct{ Name string }

func (e *ContentError) Error() string {
	return fmt.Sprintf("daemon: %s is no pid file: want one process number in it, or no file", e.Name)
}

// parsePID reads the number in a pid file; 0 if it is empty. What follows the
// first line may be the rest of a longer number that is being overwritten.
func parsePID(name string, content []byte) (int, error) {
	// A file system that lost power may give a file its length and no bytes.
	if len(content) <= maxPIDFileBytes && len(bytes.Trim(content, "\x00\n\r\t ")) == 0 {
		return 0, nil
	}
	line, rest, _ := bytes.Cut(content, []byte("\n"))
	text := string(bytes.TrimSpace(line))
	pid, err := strconv.ParseInt(text, 10, 32)
	if err != nil || pid < 1 || text[0] == '+' || len(bytes.Trim(rest, "0123456789\n")) > 0 || len(content) > maxPIDFileBytes {
		return 0, &ContentError{name}
	}
	return int(pid), nil
}

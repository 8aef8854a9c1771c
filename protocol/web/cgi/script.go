package cgi

import (
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// What Rules are when their fields are zero.
const (
	DefaultMaxChildren  = 32
	DefaultMaxHeadBytes = 16 << 10
	DefaultTimeout      = time.Minute

	maxErrorBytes = 16 << 10 // of standard error, in the log, for each request
	maxGathered   = 1 << 20  // of a body whose length the client did not say
	grace         = 5 * time.Second
	defaultPath   = "/usr/local/bin:/usr/bin:/bin"
)

// Rules are how programs run. The zero has the defaults. Immutable after first use.
type Rules struct {
	// Env has more variables, "NAME=value". PATH is /usr/local/bin:/usr/bin:/bin unless it is here.
	Env []string
	// MaxChildren is how many programs run at a time. 0 or less: 32.
	MaxChildren int
	// MaxHeadBytes is how long the head may be that a program writes. 0 or less: 16 KiB.
	MaxHeadBytes int
	// Timeout is how long a program may neither write nor read a byte while its client waits. 0: 60 s;
	// negative: for ever.
	Timeout time.Duration
	// UID and GID are whose rights programs have; 0: ours. See twistor.Command.
	UID, GID int
	// Log hears what programs write to standard error. Nil: the loop's.
	Log *slog.Logger
}

// A Script is a web.Handler that runs one program. Loop-only.
type Script struct {
	Rules
	// Path is the program.
	Path string
	// Args are its arguments.
	Args []string
	// Name is the path of its URL, SCRIPT_NAME. "": what Mounts have taken of it.
	Name string
	// Dir is where it runs. "": where it lies.
	Dir string

	crowd crowd
}

// Serve runs the program.
func (s *Script) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	name, info := s.Name, r.Path()
	if name == "" {
		name = mountedAt(r)
	} else if rest, ok := strings.CutPrefix(info, name); ok && (rest == "" || rest[0] == '/') {
		info = rest
	}
	dir := s.Dir
	if dir == "" {
		dir = filepath.Dir(s.Path)
	}
	return s.crowd.run(&s.Rules, w, r, twistor.Command{Path: s.Path, Args: s.Args, Dir: dir},
		place{name: name, info: info, file: s.Path})
}

// A place is where a program stands in the site.
type place struct {
	name string // SCRIPT_NAME
	info string // PATH_INFO
	file string // SCRIPT_FILENAME
}

// mountedAt is the part of the path, decoded, that Mounts have taken.
func mountedAt(r *web.Request) string {
	whole, _, _ := strings.Cut(r.Target(), "?")
	taken, ok := strings.CutSuffix(whole, r.RawPath())
	if !ok {
		return ""
	}
	return decoded(taken)
}

// A crowd is the children of one Handler. Loop-only.
type crowd struct{ children int }

// run answers r by the program.
func (c *crowd) run(rules *Rules, w *web.ResponseWriter, r *web.Request, command twistor.Command, at place) *deferred.Signal {
	most := rules.MaxChildren
	if most <= 0 {
		most = DefaultMaxChildren
	}
	if c.children >= most {
		w.SetHeader("Retry-After", "1")
		web.Refuse(w, r, 503, "")
		return nil
	}
	spawner, ok := r.Loop().(twistor.Spawner)
	if !ok {
		return deferred.Failed[struct{}](r.Loop(), &web.Error{Status: 501})
	}
	length := r.Body.Length()
	if length < 0 {
		return gather(r, func(body []byte) *deferred.Signal {
			return c.spawn(spawner, rules, w, r, command, at, int64(len(body)), body)
		})
	}
	return c.spawn(spawner, rules, w, r, command, at, length, nil)
}

// gather takes a body whose length nobody knows: "If the server [...] cannot
// determine the length of the [...] message-body it must generate the meta-variable
// after [...] decoding".
// https://www.rfc-editor.org/rfc/rfc3875#section-4.1.2
func gather(r *web.Request, then func(body []byte) *deferred.Signal) *deferred.Signal {
	body := r.Body.Bytes(maxGathered).Catch(func(err error) ([]byte, error) {
		if err == web.ErrTooLarge {
			err = &web.Error{Status: 411, Public: "want a Content-Length"}
		}
		return nil, err
	})
	return deferred.Chain(body, then)
}

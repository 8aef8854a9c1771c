package app

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service"
)

// maxControlBytes bounds a line of the control socket's conversation.
const maxControlBytes = 64 << 10

// A request is a line that a command such as `twistor stop` writes to a running
// program's control socket. The answer is a reply in one line; to stop it may be
// two, of which the second says what went wrong at the end.
type request struct {
	Do string `json:"do"` // stop, status, save, upgrade, reload
}

// A reply says how it went.
type reply struct {
	Error  string        `json:"error,omitempty"`
	Code   plugin.Status `json:"code,omitempty"` // of Error; 0: plugin.StatusUnavailable
	PID    int           `json:"pid,omitempty"`
	Status *status       `json:"status,omitempty"`
}

// A status is what a program says of itself.
type status struct {
	Name        string       `json:"name"`
	PID         int          `json:"pid"`
	Version     string       `json:"version"`
	Phase       phase        `json:"phase"`
	Since       time.Time    `json:"since"`
	Ports       []portStatus `json:"ports"`
	Loops       int          `json:"loops"`
	Connections int          `json:"connections"` // this one, too
	Services    []string     `json:"services,omitempty"`
	Memory      string       `json:"memory,omitempty"`  // where
	Trouble     string       `json:"trouble,omitempty"` // of the memory
}

type portStatus struct {
	Endpoint string `json:"endpoint"`
	Addr     string `json:"addr"`
}

// openControl listens at the control socket.
func (v *life) openControl() error {
	if v.process == nil {
		return nil
	}
	path := v.options.controlPath(v.name, v.options.daemon || v.stateful())
	if path == "" {
		return nil
	}
	port, err := v.ports.Listen("unix:"+endpoint.Quote(path)+":mode=600", framing.Conversation(v.converse))
	if err != nil {
		return err
	}
	v.control = port
	if v.former != nil {
		port.Pause() // the former process answers until we are ready
	}
	return nil
}

// answer has commands wait in the control socket's queue, or not: in an upgrade
// they are for the process that goes on.
func (v *life) answer(now bool) {
	switch {
	case v.control == nil:
	case now:
		v.control.Resume()
	default:
		v.control.Pause()
	}
}

// converse answers one who was let in by the socket's mode.
func (v *life) converse(co *deferred.Co, c *framing.Conn) error {
	c.SetMaxLineBytes(maxControlBytes)
	for line := range c.Lines(co) {
		var q request
		r := reply{PID: os.Getpid()}
		err := json.Unmarshal([]byte(line), &q)
		if err == nil {
			err = v.obey(co, q.Do, &r)
		}
		if err != nil {
			r.Error = err.Error()
			if r.Code = statusOf(err); r.Code == plugin.StatusSoftware {
				r.Code = plugin.StatusUnavailable // it is not to be had now
			}
		}
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := c.WriteLine(string(b)); err != nil {
			return err
		}
		if q.Do == "stop" {
			if err := c.Flush(co); err != nil {
				return err
			}
			v.mourners = append(v.mourners, c)
			v.stop("stopped by command")
			_, err := deferred.New[struct{}](v.loop).Await(co) // the end of the connection tells that all is over
			return err
		}
	}
	return c.Err()
}

// lastWords tells those who asked for the end what went wrong in it.
func (v *life) lastWords(co *deferred.Co) {
	if v.failed == nil {
		return
	}
	b, err := json.Marshal(reply{PID: os.Getpid(), Error: v.failed.Error(), Code: statusOf(v.failed)})
	if err != nil {
		return
	}
	for _, c := range v.mourners {
		if c.WriteLine(string(b)) == nil {
			c.Flush(co)
		}
	}
}

// obey does what a request says.
func (v *life) obey(co *deferred.Co, do string, r *reply) (err error) {
	switch do {
	case "stop":
	case "status":
		r.Status = v.status()
	case "save":
		err = v.save(co)
	case "reload":
		err = v.reload(co)
	case "upgrade":
		var pid int
		if pid, err = v.upgrade().Await(co); err == nil {
			r.PID = pid
		}
	default:
		err = fmt.Errorf("unknown request %q: want stop, status, save, upgrade or reload", do)
	}
	return err
}

func (v *life) status() *status {
	s := &status{
		Name: v.name, PID: os.Getpid(), Version: version(), Phase: v.phase, Since: v.began,
		Loops: len(v.loop.Siblings()), Connections: v.reactor.Connections(),
	}
	for _, p := range v.ports.open {
		s.Ports = append(s.Ports, portStatus{p.endpoint, p.Addr().String()})
	}
	if v.store != nil {
		s.Memory = orDot(v.options.state)
		if err := v.store.Err(); err != nil {
			s.Trouble = err.Error()
		}
	}
	if tree, ok := v.root.(interface{ Status() []service.Status }); ok {
		for _, each := range tree.Status() {
			s.Services = append(s.Services, each.String())
		}
	}
	return s
}

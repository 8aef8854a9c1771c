package app

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
)

// heirVariable tells a new process the number of the descriptor over which the
// old one talks to it.
const heirVariable = "TWISTOR_UPGRADE"

// isHeir reports whether this process is to take over from another one.
func isHeir() bool { return os.Getenv(heirVariable) != "" }

// inheritPorts hears from the former process, if there is one, what it serves.
func (v *life) inheritPorts(co *deferred.Co) error {
	if v.process == nil || !isHeir() {
		return nil
	}
	fd, err := strconv.Atoi(os.Getenv(heirVariable))
	os.Unsetenv(heirVariable) // it is not for our children
	if err != nil || fd < 3 {
		return fmt.Errorf("%s=%d: want a descriptor: it is for upgrades only", heirVariable, fd)
	}
	if v.former, err = openChannel(co, v.loop, os.NewFile(uintptr(fd), "upgrade")); err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	for {
		m, err := v.former.hear(co)
		if err != nil {
			return err
		}
		switch m.Kind {
		case "port":
			v.ports.inherit(m.Name, m.file)
		case "pidfile":
			if err := v.process.inherit(m.Name, m.file); err != nil {
				return err
			}
		case "listed":
			return nil
		}
	}
}

// inheritConnections says that all is prepared, waits until the former process
// lets go, and hears what connections it leaves.
func (v *life) inheritConnections(co *deferred.Co) error {
	if v.former == nil {
		return nil
	}
	if err := v.former.say(message{Kind: "prepared"}); err != nil {
		return err
	}
	for {
		m, err := v.former.hear(co)
		if err != nil {
			return err
		}
		switch m.Kind {
		case "connection":
			v.ports.arrive(m.Name, m.connection())
		case "start":
			v.former.memory = m.Name
			return nil
		}
	}
}

func (m message) connection() service.Connection {
	return service.Connection{
		Detached: twistor.Detached{File: m.file, Unsent: m.Unsent, Unread: m.Unread},
		State:    m.State,
	}
}

// succeeded tells the former process that it may go, and takes the connections
// that it hands over while it does.
func (v *life) succeeded() {
	if v.former == nil {
		return
	}
	v.former.say(message{Kind: "ready"})
	if v.former.memory != "" {
		deferred.Go(v.loop, removeFile(v.loop.FS(), v.former.memory)).Done(nil)
	}
	deferred.Inline(v.loop, func(co *deferred.Co) (struct{}, error) {
		defer v.former.Close()
		for {
			m, err := v.former.came.Get(v.loop).Await(co)
			if err != nil || m.Kind != "connection" {
				return struct{}{}, nil
			}
			if !v.ports.takes(m.Name) {
				v.log.Warn("a connection of the former process is not served any more", "at", m.Name)
				m.file.Close()
				continue
			}
			v.ports.arrive(m.Name, m.connection())
		}
	}).Done(nil)
}

// refuse tells the former process, if there is one that was not heard yet, why
// this one does not even begin: nobody may see what it prints.
func refuse(err error) {
	fd, wrong := strconv.Atoi(os.Getenv(heirVariable))
	if wrong != nil || fd < 3 {
		return
	}
	f := os.NewFile(uintptr(fd), "upgrade")
	defer f.Close()
	json.NewEncoder(f).Encode(message{Kind: "failed", Error: err.Error(), Status: statusOf(err)})
}

// failedToSucceed tells the former process why it must go on.
func (v *life) failedToSucceed(err error) {
	if v.former != nil && v.former.ended == nil {
		v.former.say(message{Kind: "failed", Error: err.Error(), Status: statusOf(err)})
		v.former.Close()
	}
}

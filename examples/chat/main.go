// The program chat passes what each person says on to all others. Try it with
// two or more of nc 127.0.0.1 7008.
//
// The lesson: state without locks, on all cores. Each loop of the reactor has a
// room of its own, which only that loop touches; what is said in one is posted
// to all, its own included, so that each room hears it in turn.
package main

import (
	"context"
	"log"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/reactor"
)

// A room has the people of one loop.
type room struct {
	rooms  *twistor.Each[*room]
	people []*person // in the order in which they came
}

// tell is called on the room's own loop.
func (m *room) tell(line string) {
	for _, p := range m.people {
		p.WriteLine(line)
	}
}

// say is heard in all rooms.
func (m *room) say(line string) { m.rooms.Post(func(each *room) { each.tell(line) }) }

type person struct {
	*framing.LineTransport
	room *room
	name string // "": not given yet
}

func (p *person) Connected() { p.WriteLine("What is your name?") }

func (p *person) LineReceived(line []byte) {
	if p.name != "" {
		p.room.say(p.name + ": " + string(line))
		return
	}
	if p.name = string(line); p.name != "" {
		p.room.people = append(p.room.people, p)
		p.room.say(p.name + " has come in.")
	}
}

func (p *person) Disconnected(error) {
	if i := slices.Index(p.room.people, p); i >= 0 {
		p.room.people = slices.Delete(p.room.people, i, i+1)
		p.room.say(p.name + " has left.")
	}
}

// listen opens one port for all loops, with a room for each.
func listen(l twistor.Loop, address string) (twistor.Port, error) {
	rooms := twistor.NewEach(l, func(rooms *twistor.Each[*room], _ twistor.Loop) *room {
		return &room{rooms: rooms}
	})
	return twistor.ListenEach(l, "tcp", address, func(at twistor.Loop) twistor.Factory {
		return framing.Lines{MaxLineBytes: 1000, Build: func(t *framing.LineTransport) framing.LineProtocol {
			return &person{LineTransport: t, room: rooms.On(at)}
		}}.Factory()
	})
}

func main() {
	r := reactor.New(nil)
	port, err := listen(r.Loop(), "127.0.0.1:7008")
	if err != nil {
		log.Fatal(err)
	}
	log.Println("listening on", port.Addr())
	log.Fatal(r.Run(context.Background()))
}

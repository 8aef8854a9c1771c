package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// layers are all policies, with limits that nothing here meets, and one stack
// of them all.
func layers() map[string]func(f twistor.Factory) twistor.Factory {
	m := map[string]func(f twistor.Factory) twistor.Factory{
		"Wrapper": func(f twistor.Factory) twistor.Factory {
			return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				return policy.Wrap(new(policy.Wrapper), t, f)
			})
		},
		"Timeouts": func(f twistor.Factory) twistor.Factory { return &policy.Timeouts{Factory: f} },
		"Caps":     func(f twistor.Factory) twistor.Factory { return &policy.Caps{Factory: f} },
		"Throttle": func(f twistor.Factory) twistor.Factory { return &policy.Throttle{Factory: f} },
		"Budget":   func(f twistor.Factory) twistor.Factory { return &policy.Budget{Factory: f} },
		"Log": func(f twistor.Factory) twistor.Factory {
			return &policy.Log{Factory: f, Logger: slog.New(slog.DiscardHandler)}
		},
	}
	names := []string{"Caps", "Timeouts", "Budget", "Throttle", "Log", "Wrapper"}
	all := make([]func(f twistor.Factory) twistor.Factory, 0, len(names))
	for _, n := range names {
		all = append(all, m[n])
	}
	m["all"] = func(f twistor.Factory) twistor.Factory {
		for _, wrap := range slices.Backward(all) {
			f = wrap(f)
		}
		return f
	}
	return m
}

// TestL01EveryCallPasses calls every method of twistor.Transport, as its type
// lists them, on top of each policy and of all together: the transport below
// must get the same call with the same arguments, and its answer come back.
// Switch is the exception: the layer stays, see TestL01Switch.
func TestL01EveryCallPasses(t *testing.T) {
	for name, wrap := range layers() {
		methods := reflect.TypeFor[twistor.Transport]()
		for i := range methods.NumMethod() {
			m := methods.Method(i)
			if m.Name == "Switch" {
				continue
			}
			t.Run(name+"/"+m.Name, func(t *testing.T) {
				below := &spy{loop: sim.NewClock(t)}
				var top twistor.Transport
				wrap(twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
					top = t
					return new(listener)
				})).Build(below).Connected()

				var args []reflect.Value
				for j := range m.Type.NumIn() {
					args = append(args, sample(m.Type.In(j)))
				}
				if m.Name == "Resume" {
					top.Pause()
				}
				got := reflect.ValueOf(top).MethodByName(m.Name).Call(args)
				heard := below.last(m.Name)
				if heard == nil {
					t.Fatalf("the transport below did not hear %s", m.Name)
				}
				if want := plainly(args); len(want) > 0 && !reflect.DeepEqual(heard.args, want) {
					t.Errorf("below heard %v, want %v", heard.args, want)
				}
				want := reflect.ValueOf(below).MethodByName(m.Name).Call(args)
				for j := range want {
					if !reflect.DeepEqual(got[j].Interface(), want[j].Interface()) {
						t.Errorf("answer %v, want %v", got[j], want[j])
					}
				}
			})
		}
	}
}

// protocolEvents are the events that a transport tells a Protocol: those of
// Protocol itself, and the optional ones. The source of package twistor is
// asked which these are, so that a new one cannot be forgotten here.
func protocolEvents(t *testing.T) []reflect.Method {
	known := map[string]reflect.Type{
		"HalfCloser":   reflect.TypeFor[twistor.HalfCloser](),
		"Drainer":      reflect.TypeFor[twistor.Drainer](),
		"Securer":      reflect.TypeFor[twistor.Securer](),
		"Dismisser":    reflect.TypeFor[twistor.Dismisser](),
		"FileReceiver": reflect.TypeFor[twistor.FileReceiver](),
		"Refuser":      nil, // of a PacketProtocol
		"Opener":       nil, // of a Factory: see TestL01Opener
		"Negotiator":   nil, // of a Factory: see TestT25Negotiator
	}
	seen := 0
	for _, file := range []string{"../twistor.go", "../as.go"} {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || !g.Lparen.IsValid() || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				name := s.(*ast.TypeSpec).Name.Name
				if name == "Tuner" || name == "FileSender" {
					continue // of Transports
				}
				if _, ok := known[name]; !ok {
					t.Errorf("twistor.%s is an optional event that Wrapper may hide: teach it, and this test", name)
				}
				seen++
			}
		}
	}
	if seen < len(known) {
		t.Fatalf("found %d optional events in the source, want %d", seen, len(known))
	}
	var events []reflect.Method
	add := func(typ reflect.Type) {
		for i := range typ.NumMethod() {
			events = append(events, typ.Method(i))
		}
	}
	for _, name := range []string{"HalfCloser", "Drainer", "Securer", "Dismisser", "FileReceiver"} {
		add(known[name])
	}
	add(reflect.TypeFor[twistor.Protocol]())
	return events
}

// TestL01EveryEventPasses tells each policy, and all together, every event:
// the protocol above must hear the same with the same arguments, once.
func TestL01EveryEventPasses(t *testing.T) {
	events := protocolEvents(t)
	for name, wrap := range layers() {
		for _, m := range events {
			t.Run(name+"/"+m.Name, func(t *testing.T) {
				above := new(listener)
				p := wrap(twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol {
					return above
				})).Build(&spy{loop: sim.NewClock(t)})
				if m.Name != "Connected" {
					p.Connected()
					above.calls = nil
				}
				var args []reflect.Value
				for j := range m.Type.NumIn() {
					args = append(args, sample(m.Type.In(j)))
				}
				reflect.ValueOf(p).MethodByName(m.Name).Call(args)
				if len(above.calls) != 1 || above.calls[0].name != m.Name {
					t.Fatalf("above heard %v, want one %s", above.calls, m.Name)
				}
				if got, want := above.calls[0].args, plainly(args); len(want) > 0 && !reflect.DeepEqual(got, want) {
					t.Errorf("above heard %v, want %v", got, want)
				}
			})
		}
	}
}

// TestL01Defaults tells each policy the optional events when the protocol above
// lacks them: the default that package twistor documents must be made.
func TestL01Defaults(t *testing.T) {
	for name, wrap := range layers() {
		t.Run(name, func(t *testing.T) {
			below := &spy{loop: sim.NewClock(t)}
			above := new(listener)
			p := wrap(twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { return plain{above} })).Build(below)
			p.Connected()
			p.(twistor.Drainer).Drained()
			p.(twistor.Securer).Secured()
			if below.last("Close") != nil || below.last("Abort") != nil {
				t.Error("Drained or Secured closed the connection")
			}
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			p.(twistor.FileReceiver).FileReceived(w)
			if err := w.Close(); err == nil {
				t.Error("a file that nobody wanted stayed open")
			}
			p.(twistor.Dismisser).Dismissed()
			if below.last("Close") == nil {
				t.Error("Dismissed did not close")
			}
		})
		t.Run(name+"/ReadClosed", func(t *testing.T) {
			below := &spy{loop: sim.NewClock(t)}
			above := new(listener)
			p := wrap(twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { return plain{above} })).Build(below)
			p.Connected()
			p.(twistor.HalfCloser).ReadClosed()
			if below.last("Close") == nil {
				t.Fatal("ReadClosed did not close")
			}
			p.Disconnected(net.ErrClosed)
			if got := above.last("Disconnected").args[0]; got != io.EOF {
				t.Errorf("Disconnected(%v), want io.EOF: it was the peer who closed", got)
			}
		})
	}
}

// TestL01As finds what the transport below can do through all layers, and
// shared bytes and files go through each of them.
func TestL01As(t *testing.T) {
	for name, wrap := range layers() {
		t.Run(name, func(t *testing.T) {
			below := &spy{loop: sim.NewClock(t)}
			var top twistor.Transport
			wrap(twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				top = t
				return new(listener)
			})).Build(below)
			if tuner, ok := twistor.As[twistor.Tuner](top); !ok || tuner != twistor.Tuner(below) {
				t.Error("As does not find the Tuner below")
			}
			sharer, _ := twistor.As[twistor.Sharer](top)
			if err := sharer.WriteShared([]byte("shared")); err != nil {
				t.Error(err)
			}
			if name != "Wrapper" && name != "all" && below.last("WriteShared") == nil {
				t.Error("shared bytes were copied")
			}
			if below.last("WriteShared") == nil && below.last("Write") == nil {
				t.Error("shared bytes were lost")
			}
			sender, _ := twistor.As[twistor.FileSender](top)
			if err := sender.WriteFiles([]byte("x"), os.Stdin); err != nil || below.last("WriteFiles") == nil {
				t.Errorf("WriteFiles did not pass: %v", err)
			}
		})
	}
}

// A starting is a Factory with an Opener.
type starting struct {
	twistor.Factory
	opened, closed int
}

func (s *starting) Opened(twistor.Loop) error { s.opened++; return errSample }
func (s *starting) Closed()                   { s.closed++ }

func TestL01Opener(t *testing.T) {
	for name, wrap := range layers() {
		if name == "Wrapper" || name == "all" {
			continue // a FactoryFunc of this test, which has no Opener
		}
		inside := &starting{Factory: twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { return nil })}
		f := wrap(inside).(twistor.Opener)
		if got := f.Opened(sim.NewClock(t)); got != errSample {
			t.Errorf("%s: Opened gives %v, want the factory's error", name, got)
		}
		f.Closed()
		if inside.opened != 1 || inside.closed != 1 {
			t.Errorf("%s: the factory heard Opened %d times and Closed %d times, want once", name, inside.opened, inside.closed)
		}
	}
}

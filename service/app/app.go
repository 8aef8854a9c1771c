package app

import (
	"context"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
)

// An App is a program: a tree of services with a name and a memory. Add its
// services and what it is to Persist, and call Main, which gives it the command
// line of a daemon; or Run, which gives it nothing but a reactor.
//
// All services live on one loop, the App's home, and so does what it persists:
// neither needs locks. Loop-only; before Main or Run it belongs to whoever made
// it.
type App struct {
	service.Group
	// Name is that of its files: NAME.tap, NAME-shutdown.tap, NAME.log. It is
	// one lower-case word.
	Name string

	states    []remembered
	remembers bool
	life      *life // nil: it does not run
}

// A remembered is what Persist was told.
type remembered struct {
	name     string
	state    any
	upgrades []persist.Upgrade
}

// New returns an App without services.
func New(name string) *App { return &App{Name: name} }

// Persist makes the exported fields of *state outlive the process: they are
// loaded before any service starts, and saved when the program stops in order,
// and by Save. For what must survive kill -9, too, use a persist.Journal. Each
// of upgrades brings what an older version of the program saved one version
// on. It is for before Main or Run.
func (a *App) Persist(name string, state any, upgrades ...persist.Upgrade) {
	if a.life != nil {
		panic(fmt.Sprintf("app: Persist of %q: %s runs", name, a.Name))
	}
	a.states = append(a.states, remembered{name, state, upgrades})
}

// Remember gives the App a memory though it persists nothing itself: for
// services that keep a persist.Journal in their Host's Store. It is for before
// Main or Run.
func (a *App) Remember() { a.remembers = true }

// Save writes NAME.tap now, and returns when it is durable. As it takes a Co,
// service.Every(10*time.Minute, a.Save) reads well.
func (a *App) Save(co *deferred.Co) error {
	if a.life == nil || a.life.store == nil {
		return fmt.Errorf("app: %s: there is nothing to save: it has no memory, or does not run", a.Name)
	}
	_, err := a.life.store.Save("").Await(co)
	return err
}

// Run runs the App until ctx is done, and stops it in order: without a command
// line and without signals, for tests and for being a part of another program.
// Its memory is in the working directory. The error is that of Start or Stop;
// nil if both went well.
func (a *App) Run(ctx context.Context) error {
	return live(ctx, &program{name: a.Name, root: a, app: a, states: a.states, remembers: a.remembers, options: &options{state: "."}}, nil)
}

// Run runs s on a reactor of its own until ctx is done, and stops it. The error
// is that of s's Start, or of its Stop; it is nil if both went well. Safe for
// concurrent use.
func Run(ctx context.Context, s service.Service) error {
	return live(ctx, &program{name: "app", root: s, options: &options{}}, nil)
}

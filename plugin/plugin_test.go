package plugin_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service"
)

// An echoConfig is what an echo server can be told.
type echoConfig struct{ Listen []string }

func (c *echoConfig) Flags(f *pflag.FlagSet) {
	f.StringArrayVar(&c.Listen, "listen", c.Listen, "serve at `ENDPOINT`")
}

func (c *echoConfig) Service() (service.Service, error) {
	if len(c.Listen) > 8 {
		return nil, plugin.Usage("--listen: %d endpoints: want up to 8", len(c.Listen))
	}
	return service.ListenAll(c.Listen, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return &echo{t}
	})), nil
}

type echo struct{ twistor.Transport }

func (e *echo) Connected()         {}
func (e *echo) Received(p []byte)  { e.Write(p) }
func (e *echo) Disconnected(error) {}

func Example() {
	p := plugin.Plugin{
		Name:  "echo",
		Short: "say everything again",
		New:   func() plugin.Config { return &echoConfig{Listen: []string{"tcp:7"}} },
	}
	config := p.New()
	flags := pflag.NewFlagSet(p.Name, pflag.ContinueOnError)
	config.Flags(flags)
	fmt.Print(flags.FlagUsages())
	flags.Parse([]string{"--listen=tcp:7007", "--listen=unix:/run/echo"})
	s, err := config.Service()
	fmt.Println(s != nil, err)
	// Output:
	//       --listen ENDPOINT   serve at ENDPOINT (default [tcp:7])
	// true <nil>
}

func TestError(t *testing.T) {
	err := fmt.Errorf("log: %w", plugin.Usage("--log: %w", fs.ErrNotExist))
	e, ok := errors.AsType[*plugin.Error](err)
	if !ok || e.Status != plugin.StatusUsage || !errors.Is(err, fs.ErrNotExist) || err.Error() != "log: --log: file does not exist" {
		t.Errorf("got %v, want a usage error that keeps its cause", err)
	}
}

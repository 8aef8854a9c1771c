package fibonacci

import (
	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/fibonacci"
	"github.com/twistor-go/twistor/service"
)

// Plugin is `twistor fibonacci`.
var Plugin = plugin.Plugin{
	Name:  "fibonacci",
	Short: "answer each line with the next Fibonacci number, never one twice",
	Long: `Answer each line that a client sends with the next Fibonacci number: 2, 3, 5, 8
and so on, over all clients. Try nc 127.0.0.1 8889, and press Enter.

No number is ever sent twice, after no restart, crash or upgrade: each is in a
journal in --state before it is sent. With --durable=false it is not; what has been
given is then saved when the server stops in order, and a crash makes it send
numbers again.

A line that begins with ERROR is an answer, too: ask again, or read what it says.`,
	Example: `  twistor fibonacci
  twistor fibonacci --listen tcp:8889 --state /var/lib/twistor
  twistor fibonacci --listen unix:/run/fibonacci --durable=false`,
	New: func() plugin.Config { return New() },
}

// A Config is what `twistor fibonacci` can be told: each field is a flag.
// Loop-only.
type Config struct {
	Listen  []string // endpoints
	Durable bool     // a number is in the journal before it is sent
	Clients int      // how many may be connected at once, 1 or more
	Digits  int      // how long a number may be, from 1 to fibonacci.MostDigits
}

// New returns a Config with its defaults.
func New() *Config {
	return &Config{
		Listen:  []string{"tcp:127.0.0.1:8889"},
		Durable: true,
		Clients: fibonacci.DefaultMaxClients,
		Digits:  fibonacci.DefaultMaxDigits,
	}
}

// Flags implements plugin.Config.
func (c *Config) Flags(f *pflag.FlagSet) {
	f.StringArrayVar(&c.Listen, "listen", c.Listen, "serve at `ENDPOINT`; may be given several times")
	f.BoolVar(&c.Durable, "durable", c.Durable, "send a number when it is on the disk, not before; =false: save at a clean stop only")
	f.IntVar(&c.Clients, "max-clients", c.Clients, "refuse more than `N` clients at once")
	f.IntVar(&c.Digits, "max-digits", c.Digits, "give no number of more than `N` digits; the server ends with them")
}

// Remembers implements plugin.Rememberer.
func (c *Config) Remembers() bool { return true }

// Service implements plugin.Config.
func (c *Config) Service() (service.Service, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	server := &fibonacci.Server{MaxClients: c.Clients, MaxDigits: c.Digits}
	g := new(service.Group)
	g.Add("numbers", &memory{server: server, durable: c.Durable})
	g.Add("port", service.ListenAll(c.Listen, server))
	return g, nil
}

func (c *Config) check() error {
	if len(c.Listen) == 0 {
		return plugin.Usage("--listen: want an endpoint, such as tcp:127.0.0.1:8889")
	}
	for _, at := range c.Listen {
		if _, err := endpoint.ParseListener(at); err != nil {
			return plugin.Usage("--listen: %w", err)
		}
	}
	switch {
	case c.Clients < 1:
		return plugin.Usage("--max-clients=%d: want 1 or more", c.Clients)
	case c.Digits < 1 || c.Digits > fibonacci.MostDigits:
		return plugin.Usage("--max-digits=%d: want a number from 1 to %d", c.Digits, fibonacci.MostDigits)
	}
	return nil
}

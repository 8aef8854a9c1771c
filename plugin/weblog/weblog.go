package weblog

import (
	"time"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/weblog"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/follow"
)

// Plugin is `twistor weblog`.
var Plugin = plugin.Plugin{
	Name:  "weblog",
	Short: "stream the hits of a web server's log to everybody who connects",
	Long: `Follow the access log of a web server (in the Common or Combined Log Format, as
nginx and Apache write it), and send every hit as XML to every client that
connects, and show it live in a browser: at http://127.0.0.1:8080, unless --page
says otherwise. Without --log, follow the hits of that page itself: open it, and
see your own arrive. --sample makes up visitors, too.

With --resume it goes on in the log where it was stopped, also when the log was
rotated meanwhile, and no hit is lost: not by a restart, not by kill -9 (which can
make the last ones be sent again), and not by an upgrade, in which clients stay
connected.

The stream is one XML document that goes on as long as the server runs: try
nc 127.0.0.1 8888. A client that reads too slowly is dropped, and delays no other.`,
	Example: `  twistor weblog
  twistor weblog --log /var/log/nginx/access.log --listen tcp:8888 --replay
  twistor weblog --log access.log --resume --replay --state /var/lib/twistor
  twistor weblog --log access.log --listen unix:/run/weblog --pull
  twistor weblog --sample --page tcp:127.0.0.1:8090
  twistor weblog --log access.log --page none`,
	New: func() plugin.Config { return New() },
}

// A Config is what `twistor weblog` can be told: each field is a flag. Loop-only.
type Config struct {
	Log       string        // the file to follow; "": the hits of Page are the log, or one is made up if there is none
	Listen    []string      // endpoints of the stream
	Page      []string      // endpoints of the page; none, or "none": there is none
	Sample    bool          // without Log: make one up, beside the hits of Page
	Keep      int           // hits remembered for Replay and Pull, from 0 to MaxKeep
	Replay    bool          // send a new client what is remembered
	Pull      bool          // send hits when the client asks "NEW?" only
	Every     time.Duration // between two looks at Log
	FromStart bool          // read all of Log, not only what is added
	Resume    bool          // go on in Log where the former life was; FromStart is for the first one
	Clients   int           // how many may be connected at once, 1 or more
	Behind    int           // bytes that a slow client may be behind, 1 or more
}

// MaxKeep is how many hits can be remembered at most.
const MaxKeep = 1_000_000

// New returns a Config with its defaults.
func New() *Config {
	return &Config{
		Listen:  []string{"tcp:127.0.0.1:8888"},
		Page:    []string{"tcp:127.0.0.1:8080"},
		Keep:    weblog.DefaultKeep,
		Every:   follow.DefaultEvery,
		Clients: weblog.DefaultMaxClients,
		Behind:  weblog.DefaultMaxBehindBytes,
	}
}

// Flags implements plugin.Config.
func (c *Config) Flags(f *pflag.FlagSet) {
	f.StringVar(&c.Log, "log", c.Log, "follow `FILE`, as tail -F does; it may not exist yet (default: the hits of the page)")
	f.StringArrayVar(&c.Listen, "listen", c.Listen, "serve at `ENDPOINT`; may be given several times")
	f.StringArrayVar(&c.Page, "page", c.Page, "show the hits to browsers at `ENDPOINT`; may be given several times; none: do not")
	f.BoolVar(&c.Sample, "sample", c.Sample, "without --log: make up visitors to look at")
	f.IntVar(&c.Keep, "keep", c.Keep, "remember the last `N` hits")
	f.BoolVar(&c.Replay, "replay", c.Replay, "first send a client the hits that are remembered")
	f.BoolVar(&c.Pull, "pull", c.Pull, `send hits when a client asks "NEW?", not before`)
	f.DurationVar(&c.Every, "every", c.Every, "look at the file at least this often: a `TIME` such as 500ms")
	f.BoolVar(&c.FromStart, "from-start", c.FromStart, "read what the file has already, too; with --resume, the first time")
	f.BoolVar(&c.Resume, "resume", c.Resume, "remember the place in the file, and the last hits, over restarts and crashes")
	f.IntVar(&c.Clients, "max-clients", c.Clients, "refuse more than `N` clients at once")
	f.IntVar(&c.Behind, "max-behind", c.Behind, "drop a client that is `BYTES` behind")
}

// Remembers implements plugin.Rememberer.
func (c *Config) Remembers() bool { return c.Resume }

// Sole implements plugin.Sole: two that follow one log would send each hit twice.
func (c *Config) Sole() bool { return true }

// Service implements plugin.Config.
func (c *Config) Service() (service.Service, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	server := &weblog.Server{Keep: c.Keep, Replay: c.Replay, Pull: c.Pull, MaxClients: c.Clients, MaxBehindBytes: c.Behind}
	if c.Keep == 0 {
		server.Keep = -1
	}
	follower := &follow.Follower{Name: c.Log, FromStart: c.FromStart, Every: c.Every}
	in := &input{Follower: follower, server: server}
	follower.Lines = in.published

	g := new(service.Group)
	if c.samples() {
		g.Add("sample", &sample{follower: follower})
	}
	if c.Resume {
		in.memory = &memory{server: server, follower: follower}
		g.Add("memory", in.memory)
	}
	if c.shows() {
		g.Add("page", c.show(server, in.memory))
	}
	if c.Log != "" || c.samples() {
		g.Add("log", in)
	}
	g.Add("port", service.ListenAll(c.Listen, server))
	return g, nil
}

// samples reports whether a log is made up: where it is wished for, or else
// there would be none.
func (c *Config) samples() bool { return c.Log == "" && (c.Sample || !c.shows()) }

func (c *Config) check() error {
	if len(c.Listen) == 0 {
		return plugin.Usage("--listen: want an endpoint, such as tcp:127.0.0.1:8888")
	}
	for _, at := range c.Listen {
		if _, err := endpoint.ParseListener(at); err != nil {
			return plugin.Usage("--listen: %w", err)
		}
	}
	if err := c.checkPage(); err != nil {
		return err
	}
	switch {
	case c.Sample && c.Log != "":
		return plugin.Usage("--sample: want no --log beside it: what is made up would be mixed with what is true")
	case c.Resume && c.Log == "":
		return plugin.Usage("--resume: want --log, too: what there is without it ends with the server")
	case c.Keep < 0 || c.Keep > MaxKeep:
		return plugin.Usage("--keep=%d: want a number from 0 to %d", c.Keep, MaxKeep)
	case c.Every <= 0:
		return plugin.Usage("--every=%v: want a time above 0, such as 1s", c.Every)
	case c.Clients < 1:
		return plugin.Usage("--max-clients=%d: want 1 or more", c.Clients)
	case c.Behind < 1:
		return plugin.Usage("--max-behind=%d: want 1 byte or more", c.Behind)
	}
	return nil
}

// An input is the follower, whose failure to start is that of the input, and
// from whose start on the server knows where to log.
type input struct {
	*follow.Follower
	server *weblog.Server
	memory *memory // nil: none
}

func (i *input) Start(co *deferred.Co, h service.Host) error {
	i.server.Log = h.Loop().Log()
	if err := i.Follower.Start(co, h); err != nil {
		return &plugin.Error{Status: plugin.StatusNoInput, Err: err}
	}
	if i.memory != nil {
		i.memory.published() // none perhaps, but the place is known
	}
	return nil
}

func (i *input) published(lines [][]byte) {
	i.server.Publish(lines)
	if i.memory != nil {
		i.memory.published()
	}
}

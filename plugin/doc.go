// Package plugin says what a ready server is to the command twistor: a Plugin,
// with a Config whose fields are its flags.
//
// Who writes one puts it into a package of its own below this one, and into the
// list of package standard; there is no registration behind one's back:
//
//	type Config struct{ Listen []string }
//
//	func (c *Config) Flags(f *pflag.FlagSet) {
//		f.StringArrayVar(&c.Listen, "listen", c.Listen, "serve at `ENDPOINT`")
//	}
//
//	func (c *Config) Service() (service.Service, error) {
//		return service.ListenAll(c.Listen, &echo.Server{}), nil
//	}
//
//	var Plugin = plugin.Plugin{
//		Name: "echo", Short: "say everything again",
//		New: func() plugin.Config { return &Config{Listen: []string{"tcp:7"}} },
//	}
//
// Limits: none of its own.
package plugin

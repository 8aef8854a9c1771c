// Package standard is the list of the servers that the command twistor has.
// A new one is a line here. It has no limits and keeps no state.
package standard

import (
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/plugin/dns"
	"github.com/twistor-go/twistor/plugin/fibonacci"
	"github.com/twistor-go/twistor/plugin/procmon"
	"github.com/twistor-go/twistor/plugin/web"
	"github.com/twistor-go/twistor/plugin/weblog"
)

// Plugins are all of them, sorted by name. Immutable.
var Plugins = []plugin.Plugin{
	dns.Plugin,
	fibonacci.Plugin,
	procmon.Plugin,
	web.Plugin,
	weblog.Plugin,
}

package standard

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/plugin"
)

// TestPlugins is what the command expects of every plugin.
func TestPlugins(t *testing.T) {
	if !slices.IsSortedFunc(Plugins, func(a, b plugin.Plugin) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("want them sorted by name")
	}
	for i, p := range Plugins {
		if i > 0 && p.Name == Plugins[i-1].Name {
			t.Errorf("%s is there twice", p.Name)
		}
		if p.Name == "" || p.Name != strings.ToLower(p.Name) || strings.ContainsAny(p.Name, " \t-_") {
			t.Errorf("name %q: want one lower-case word", p.Name)
		}
		if p.Short == "" || strings.HasSuffix(p.Short, ".") || len(p.Short) > 72 {
			t.Errorf("%s: short %q: want up to 72 bytes without a period", p.Name, p.Short)
		}
		for line := range strings.Lines(p.Example) {
			if !strings.HasPrefix(line, "  twistor "+p.Name) {
				t.Errorf("%s: example %q: want two spaces and the command", p.Name, line)
			}
		}
		config := p.New()
		flags := pflag.NewFlagSet(p.Name, pflag.ContinueOnError)
		config.Flags(flags)
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s: --%s: usage %q: want some, without a period", p.Name, f.Name, f.Usage)
			}
		})
		a, takes := config.(plugin.Arguer)
		if takes != (p.Args != "") {
			t.Errorf("%s: Args %q, an Arguer %v: want both or neither", p.Name, p.Args, takes)
		} else if takes {
			if err := a.Arguments([]string{"argument"}); err != nil {
				t.Errorf("%s: an argument is refused: %v", p.Name, err)
			}
		}
		if _, err := config.Service(); err != nil {
			t.Errorf("%s: the defaults are refused: %v", p.Name, err)
		}
	}
}

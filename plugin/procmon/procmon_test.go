package procmon

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/process"
	"github.com/twistor-go/twistor/sim"
)

func parse(t *testing.T, args ...string) (*Config, error) {
	t.Helper()
	c := New()
	f := pflag.NewFlagSet("procmon", pflag.ContinueOnError)
	f.SetInterspersed(false)
	f.Usage = func() {}
	c.Flags(f)
	if err := f.Parse(args); err != nil {
		return c, err
	}
	return c, c.Arguments(f.Args())
}

// TestG18Flags: the options of old, short and long, in seconds or as times;
// what follows the command is the command's.
func TestG18Flags(t *testing.T) {
	c, err := parse(t, "worker")
	want := &Config{[]string{"worker"}, time.Second, 5 * time.Second, time.Second, time.Hour}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("defaults: got %+v, %v; want %+v", c, err, want)
	}
	want = &Config{[]string{"worker", "-t", "x"}, 2 * time.Second, 500 * time.Millisecond, 3 * time.Second, time.Minute}
	for _, args := range [][]string{
		{"-t", "2", "-k", "0.5", "-m", "3", "-M", "60", "worker", "-t", "x"},
		{"--threshold=2s", "--killtime=500ms", "--minrestartdelay=3s", "--maxrestartdelay=1m", "worker", "-t", "x"},
	} {
		if c, err := parse(t, args...); err != nil || !reflect.DeepEqual(c, want) {
			t.Errorf("%v: got %+v, %v; want %+v", args, c, err, want)
		}
	}
}

// TestG18Usage: a wrong command line is a usage error that says what was wanted.
func TestG18Usage(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{"want a COMMAND", nil},
		{"want a number of seconds", []string{"-t", "soon", "worker"}},
		{"want a number of seconds", []string{"-t", "NaN", "worker"}},
		{"want a number of seconds", []string{"-M", "1e300", "worker"}},
		{"--threshold", []string{"-t", "-1", "worker"}},
		{"--killtime", []string{"-k", "-1", "worker"}},
		{"--minrestartdelay", []string{"-m", "0", "worker"}},
		{"--maxrestartdelay", []string{"-M", "0.5", "worker"}},
		{"want a COMMAND", []string{""}},
	} {
		config, err := parse(t, c.args...)
		if err == nil {
			_, err = config.Service()
			if e, ok := errors.AsType[*plugin.Error](err); !ok || e.Status != plugin.StatusUsage {
				t.Errorf("%q: got %v, want a usage error", c.args, err)
				continue
			}
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.args, err, c.want)
		}
	}
	if err := New().Arguments(nil); err == nil || err.(*plugin.Error).Status != plugin.StatusUsage {
		t.Errorf("no command: got %v, want a usage error", err)
	}
}

// TestZ03Config: what is to run is configuration, and survives being written
// down and read.
func TestZ03Config(t *testing.T) {
	c, err := parse(t, "-t", "0.25", "worker", "-v", "a b")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	got := New()
	if err := json.Unmarshal(text, got); err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("got %+v, %v; want %+v", got, err, c)
	}
	// So do flags, as a .tap keeps them.
	f := pflag.NewFlagSet("procmon", pflag.ContinueOnError)
	again := New()
	again.Flags(f)
	again.Command = c.Command
	was := pflag.NewFlagSet("procmon", pflag.ContinueOnError)
	c.Flags(was)
	was.VisitAll(func(flag *pflag.Flag) {
		if err := f.Set(flag.Name, flag.Value.String()); err != nil {
			t.Error(err)
		}
	})
	if !reflect.DeepEqual(again, c) {
		t.Errorf("by flags: got %+v, want %+v", again, c)
	}
}

// TestG18Runs: the service keeps the command running, with the times it was
// given, none too.
func TestG18Runs(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	var lives []string
	h.Program("/bin/worker", func(co *deferred.Co, c *sim.Child) int {
		lives = append(lives, fmt.Sprint(w.Elapsed(), c.Command.Args))
		co.Sleep(100 * time.Millisecond)
		return 0
	})
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-m", "0.9", "/bin/worker", "-v"}, "[0s [-v] 1s [-v] 2.9s [-v]]"},
		{[]string{"-t", "0.1", "-k", "0", "/bin/worker"}, "[3s [] 3.1s [] 3.2s []]"},
	} {
		config, err := parse(t, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		s, err := config.Service()
		if err != nil {
			t.Fatal(err)
		}
		lives = nil
		h.Do(func(co *deferred.Co) error { return s.Start(co, service.On(h.Loop())) })
		w.Run(func() bool { return len(lives) == 3 })
		if name := s.(*process.Monitor).States()[0].Name; name != "worker" {
			t.Errorf("%v: its name is %q, want worker", c.args, name)
		}
		h.Do(s.Stop)
		if got := fmt.Sprint(lives); got != c.want {
			t.Errorf("%v: got %v, want %v", c.args, got, c.want)
		}
		w.Advance(3*time.Second - w.Elapsed()%(3*time.Second))
	}
}

func Example() {
	w := sim.New(nil, 0)
	h := w.Host("host")
	h.Program("greet", func(co *deferred.Co, c *sim.Child) int {
		fmt.Println("hello,", c.Command.Args[0])
		co.Sleep(time.Hour)
		return 0
	})
	c := New()
	c.Command = []string{"greet", "world"}
	s, err := c.Service()
	if err != nil {
		fmt.Println(err)
		return
	}
	h.Do(func(co *deferred.Co) error { return s.Start(co, service.On(h.Loop())) })
	w.Advance(time.Second)
	h.Do(s.Stop)
	// Output: hello, world
}

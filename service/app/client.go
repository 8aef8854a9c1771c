package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/reactor"
)

// controlCommands are those that speak to a running program. name is that of
// the program; "": the person says it.
func controlCommands(o *options, name string) (list []*cobra.Command) {
	for _, c := range []struct{ do, short, long string }{
		{"stop", "stop a running program, and wait until it has", "Stop a running program in order, as SIGTERM does, and wait until it is gone."},
		{"status", "say how a running program does", "Say what a running program does: where it listens, how long it runs, what passes through it."},
		{"save", "have a running program save what it remembers", "Have a running program write NAME.tap now, and wait until that is durable."},
		{"upgrade", "have a running program's new version go on in its place", "Start the program's file anew, and have it go on in place of the running process, as SIGUSR2 does:\nports stay open, and so do connections whose protocol can be handed over. If the new one fails, the old one goes on."},
		{"reload", "have a running program read its configuration anew", "Have a running program read its configuration, certificates and the like anew, as SIGHUP does."},
	} {
		asJSON := false
		cmd := &cobra.Command{
			Use:     c.do + " [NAME]",
			Short:   c.short,
			Long:    c.long + "\n\nIt is found by its control socket: --control, or NAME.control in --state.",
			GroupID: "running",
			Args:    cobra.ArbitraryArgs,
			RunE: func(cmd *cobra.Command, args []string) error {
				if len(args) > 1 {
					return plugin.Usage("unexpected %q: want one name", args[1])
				}
				who := name
				if len(args) == 1 {
					who = args[0]
				}
				path, err := o.findControl(who)
				if err != nil {
					return err
				}
				r, err := ask(cmd.Context(), path, c.do)
				if err != nil {
					return err
				}
				return r.print(cmd.OutOrStdout(), c.do, asJSON)
			},
		}
		minds(cmd, "control", "state", "rundir")
		if name != "" {
			cmd.Use = c.do
		}
		if c.do == "status" {
			cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
		}
		list = append(list, cmd)
	}
	return list
}

// findControl is the control socket of the program called name, or of the only
// one there is.
func (o *options) findControl(name string) (string, error) {
	if o.control != "" {
		return o.control, nil
	}
	dir := o.state
	if dir == "" {
		dir = o.rundir
	}
	if name != "" {
		return filepath.Join(dir, strings.TrimSuffix(filepath.Base(name), ".tap")+".control"), nil
	}
	found, _ := filepath.Glob(filepath.Join(dir, "*.control"))
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &plugin.Error{Status: plugin.StatusNoInput, Err: fmt.Errorf("no program runs in %s: there is no *.control; want --state or --control", orDot(dir))}
	}
	return "", plugin.Usage("several programs run in %s: want the name of one: %s", orDot(dir), strings.Join(found, ", "))
}

func orDot(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// ask asks the program behind the control socket at path.
func ask(ctx context.Context, path, do string) (r reply, err error) {
	gone := false
	talk := func(co *deferred.Co, c *framing.Conn) error {
		c.SetMaxLineBytes(maxControlBytes)
		line, err := json.Marshal(request{do})
		if err != nil {
			return err
		}
		if err := c.WriteLine(string(line)); err != nil {
			return err
		}
		answer, err := c.ReadLine(co)
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(answer), &r); err != nil {
			return err
		}
		if do == "stop" && r.Error == "" {
			last, err := c.ReadLine(co)
			if gone = true; err == nil { // it has said how it ended
				return json.Unmarshal([]byte(last), &r)
			}
		}
		return nil
	}
	err = reactor.Do(ctx, &reactor.Config{Loops: 1, SlowTurn: -1}, func(co *deferred.Co, l twistor.Loop) error {
		over := deferred.New[error](l)
		d := endpoint.Dial(l, "unix:"+endpoint.Quote(path), framing.Conversation(func(co *deferred.Co, c *framing.Conn) error {
			err := talk(co, c)
			over.Succeed(err)
			return nil
		}))
		if _, err := d.Await(co); err != nil {
			return &plugin.Error{Status: plugin.StatusUnavailable, Err: fmt.Errorf("nothing runs behind %s: %w", path, err)}
		}
		err, failed := over.Await(co)
		if failed != nil {
			return failed
		}
		return err
	})
	if err == nil && do == "stop" && gone {
		err = waitForEnd(ctx, r.PID)
	}
	if r.Code == 0 {
		r.Code = plugin.StatusUnavailable
	}
	switch {
	case err == nil && r.Error != "" && gone:
		err = &plugin.Error{Status: r.Code, Err: fmt.Errorf("process %d has ended, but: %s", r.PID, r.Error)}
	case err == nil && r.Error != "":
		err = &plugin.Error{Status: r.Code, Err: fmt.Errorf("process %d: %s", r.PID, r.Error)}
	}
	return r, err
}

// waitForEnd waits until a process, which has closed all its connections, is
// gone.
func waitForEnd(ctx context.Context, pid int) error {
	for alive(pid) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// print says how it went.
func (r reply) print(w io.Writer, do string, asJSON bool) error {
	switch do {
	case "stop":
		fmt.Fprintf(w, "stopped process %d\n", r.PID)
	case "save":
		fmt.Fprintf(w, "saved by process %d\n", r.PID)
	case "reload":
		fmt.Fprintf(w, "reloaded by process %d\n", r.PID)
	case "upgrade":
		fmt.Fprintf(w, "upgraded: process %d goes on\n", r.PID)
	case "status":
		if asJSON {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(r.Status)
		}
		return r.Status.print(w)
	}
	return nil
}

func (s *status) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "name\t%s\n", s.Name)
	fmt.Fprintf(w, "process\t%d, %s for %v\n", s.PID, s.Phase, time.Since(s.Since).Round(time.Second))
	fmt.Fprintf(w, "version\t%s\n", s.Version)
	for i, p := range s.Ports {
		label := ""
		if i == 0 {
			label = "ports"
		}
		fmt.Fprintf(w, "%s\t%s at %s\n", label, p.Endpoint, p.Addr)
	}
	fmt.Fprintf(w, "loops\t%d\n", s.Loops)
	fmt.Fprintf(w, "connections\t%d\n", s.Connections)
	if s.Memory != "" {
		fmt.Fprintf(w, "memory\t%s\n", s.Memory)
	}
	if s.Trouble != "" {
		fmt.Fprintf(w, "trouble\t%s\n", s.Trouble)
	}
	for i, line := range s.Services {
		label := ""
		if i == 0 {
			label = "services"
		}
		fmt.Fprintf(w, "%s\t%s\n", label, line)
	}
	return w.Flush()
}

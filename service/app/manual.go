package app

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/twistor-go/twistor/plugin"
)

// manualCommand writes manual pages: one for each command, from the same words
// as its help.
func manualCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "manual DIR",
		Short:   "write manual pages of all commands into a directory",
		Example: "  twistor manual /usr/local/share/man/man1",
		GroupID: "help",
		Args:    exactly(1, "one directory"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return &plugin.Error{Status: plugin.StatusCannotCreate, Err: err}
			}
			root := c.Root()
			root.DisableAutoGenTag = true // the same source gives the same pages
			header := &doc.GenManHeader{Section: "1", Source: root.Name(), Manual: root.Name()}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return &plugin.Error{Status: plugin.StatusCannotCreate, Err: err}
			}
			fmt.Fprintln(c.OutOrStdout(), "manual pages are in", args[0])
			return nil
		},
	}
	minds(c)
	return c
}

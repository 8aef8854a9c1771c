package app

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twistor-go/twistor/plugin"
)

// foreignPrefix begins the names of executables that are commands of twistor.
const foreignPrefix = "twistor-"

// addForeign adds a command for each executable twistor-NAME in PATH, of which
// the first counts, as for a shell. One with the name of a command of ours is
// not reached.
func addForeign(root *cobra.Command) {
	found := map[string]string{}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		list, _ := filepath.Glob(filepath.Join(dir, foreignPrefix+"*"))
		for _, file := range list {
			name := strings.TrimPrefix(filepath.Base(file), foreignPrefix)
			name = strings.TrimSuffix(name, ".exe")
			if _, taken := found[name]; !taken && plain(name) && isExecutable(file) {
				found[name] = file
			}
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if c, _, err := root.Find([]string{name}); err == nil && c != root {
			continue
		}
		if !root.ContainsGroup("foreign") {
			root.AddGroup(&cobra.Group{ID: "foreign", Title: "From PATH:"})
		}
		file := found[name]
		root.AddCommand(&cobra.Command{
			Use:                name,
			Short:              file,
			GroupID:            "foreign",
			DisableFlagParsing: true,
			PersistentPreRunE:  func(*cobra.Command, []string) error { return nil },
			RunE:               func(c *cobra.Command, args []string) error { return runForeign(c, file, args) },
		})
	}
}

// plain reports whether name can be typed as a command.
func plain(name string) bool {
	return name != "" && !strings.HasPrefix(name, "-") && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func isExecutable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && (info.Mode()&0o111 != 0 || filepath.Ext(file) == ".exe")
}

// runForeign runs an executable in the foreground; its status is ours.
func runForeign(c *cobra.Command, file string, args []string) error {
	x := exec.CommandContext(c.Context(), file, args...)
	x.Stdin, x.Stdout, x.Stderr = os.Stdin, c.OutOrStdout(), c.ErrOrStderr()
	err := x.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
		return &plugin.Error{Status: plugin.Status(exit.ExitCode()), Err: errTold}
	}
	if err != nil {
		return &plugin.Error{Status: plugin.StatusUnavailable, Err: err}
	}
	return nil
}

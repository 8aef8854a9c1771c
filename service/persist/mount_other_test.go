//go:build unix && !linux

package persist

import "errors"

func mountTmpfs(string) error { return errors.ErrUnsupported }
func unmount(string) error    { return errors.ErrUnsupported }

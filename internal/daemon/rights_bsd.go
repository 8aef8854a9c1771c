//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package daemon

import (
	"fmt"
	"runtime"
)

// rights are finer on Linux; here there is root and the others.
type rights struct{}

func limitRights(root bool, p Privileges) (rights, error) {
	if p.BindLow {
		return rights{}, fmt.Errorf("the right to ports below 1024 cannot be kept on %s", runtime.GOOS)
	}
	return rights{}, nil
}

func (rights) keep() error { return nil }

// hide has no call that all of these systems know.
func hide() error { return nil }

// A view is not needed where the kernel keeps ids for the process.
type view struct{}

func openView() (view, error) { return view{}, nil }

func (view) close() error                            { return nil }
func (view) verify(*Credentials, bool, rights) error { return nil }

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package poll

import (
	"errors"
	"net/netip"
	"syscall"
)

// Open makes the system's best Poller.
func Open() (Poller, error) { return OpenPortable() }

// control: nothing is known here that package net does not set.
func control(s Spec, _ network) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, _ syscall.RawConn) error {
		if s.ReusePort || s.Multicast {
			return errors.ErrUnsupported
		}
		return nil
	}
}

func adoptForeign(FD, string) (*pumped, error) { return nil, errors.ErrUnsupported }

func dropForeign(FD) {}

func setMemberOf(uintptr, netip.Addr, uint32, bool) error { return errors.ErrUnsupported }

func setMulticastOf(uintptr, Multicast, uint32) error { return errors.ErrUnsupported }

func canonical(errno syscall.Errno) syscall.Errno { return errno }

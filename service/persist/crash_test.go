package persist

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/twistor-go/twistor/sim"
)

// scale is n, or less where time is dear.
func scale(n, short int) int {
	if testing.Short() || raceEnabled {
		return short
	}
	return n
}

func TestScenario(t *testing.T) {
	disk, x := newDisk(), &scenario{}
	x.run(disk, nil)
	if err := errors.Join(x.errors...); err != nil || !x.finished || x.acknowledged != 13 || x.durable != 3 {
		t.Fatalf("got %+v, want all of it done", x)
	}
	if err := x.judge(disk, false); err != nil {
		t.Error(err)
	}
}

// TestF31PowerFailsAtEachCall loses power before each call that changes something,
// and after the last one. Of what was not synced nothing survives, or all of it
// (then only the program was killed), or by twenty kinds of chance some. The program must start
// again each time, with every change and every snapshot that it was told is
// durable.
func TestF31PowerFailsAtEachCall(t *testing.T) {
	n := calls()
	t.Logf("%d calls", n)
	seeds := scale(20, 3)
	for at := range n + 1 {
		for seed := range 2 + seeds {
			disk, x := newDisk(), &scenario{}
			disk.Seed(uint64(seed))
			crash := func() {
				switch seed {
				case 0:
					disk.CrashKeeping(0)
				case 1:
					disk.Kill()
				default:
					disk.Crash()
				}
			}
			left := at
			disk.Before = func(sim.DiskCall) error {
				if left--; left == -1 {
					crash()
				}
				return nil
			}
			x.run(disk, nil)
			if disk.Before = nil; left >= 0 {
				crash()
			}
			if err := x.judge(disk, false); err != nil {
				t.Errorf("power fails before call %d of %d, seed %d: %v", at, n, seed, err)
			}
		}
	}
}

// TestF31KilledThenPowerFails kills the program before each call, starts it again,
// and only then loses power: what the second program has found, and told others,
// must not be forgotten by the third.
func TestF31KilledThenPowerFails(t *testing.T) {
	for at := range calls() + 1 {
		for _, snapshotsOnly := range []bool{false, true} {
			if err := killedThenPowerFails(at, "", snapshotsOnly); err != nil {
				t.Error(err)
			}
		}
	}
}

// killedThenPowerFails does so before one call, on a disk that forgets a kind of
// sync.
func killedThenPowerFails(at int, without string, snapshotsOnly bool) error {
	disk, x := newDisk(), &scenario{snapshotsOnly: snapshotsOnly}
	left := at
	disk.Before = func(sim.DiskCall) error {
		if left--; left == -1 {
			disk.Kill()
		}
		return nil
	}
	x.run(disk, newForgetful(disk, without))
	disk.Before = nil
	if err := x.remember(disk, newForgetful(disk, without), false); err != nil {
		return fmt.Errorf("killed before call %d: %w", at, err)
	}
	disk.CrashKeeping(0)
	if err := x.judge(disk, false); err != nil {
		return fmt.Errorf("killed before call %d, then power fails: %w", at, err)
	}
	return nil
}

// TestF29SectorSubsets loses power in 10,000 ways: before each call the disk is
// copied, and each copy keeps another subset of the sectors and names that were
// not synced, some of them torn: F-29.
func TestF29SectorSubsets(t *testing.T) {
	n := calls()
	each := scale(10_000, 1000)/n + 1
	disk, x := newDisk(), &scenario{}
	call, judged := 0, 0
	disk.Before = func(c sim.DiskCall) error {
		for seed := range each {
			image := disk.Clone()
			image.Seed(uint64(call*each + seed))
			image.Crash()
			if err := x.judge(image, false); err != nil {
				t.Errorf("before call %d (%v %s), seed %d: %v", call, c.Op, c.Name, call*each+seed, err)
			}
			judged++
		}
		call++
		return nil
	}
	x.run(disk, nil)
	t.Logf("%d images of the disk", judged)
}

// TestF28EachCallFails makes each call that changes something fail, once or from
// then on. No failure may panic or lose what was acknowledged, however the
// program ends after it; and after a single failure the program ends as if
// nothing had been, with no temporary file left.
func TestF28EachCallFails(t *testing.T) {
	n := calls()
	for at := range n {
		for _, forever := range []bool{false, true} {
			for _, why := range []error{syscall.EIO, syscall.ENOSPC} {
				disk, x := newDisk(), &scenario{}
				var failed sim.DiskCall
				i := -1
				disk.Before = func(c sim.DiskCall) error {
					if i++; i == at {
						failed = c
					}
					return nil
				}
				if forever {
					disk.FailFrom(at, why)
				} else {
					disk.FailOnce(at, why)
				}
				x.run(disk, nil)
				disk.Repair()
				what := fmt.Sprintf("call %d (%v %s) fails with %v, for ever %v", at, failed.Op, failed.Name, why, forever)
				if !forever {
					x.endsWell(t, what, disk, failed)
				}
				for seed := range 2 + scale(5, 1) {
					image := disk.Clone()
					image.Seed(uint64(seed))
					if seed < 2 {
						image.CrashKeeping(float64(seed))
					} else {
						image.Crash()
					}
					if err := x.judge(image, false); err != nil {
						t.Errorf("%s, power fails with seed %d: %v", what, seed, err)
					}
				}
			}
		}
	}
}

// endsWell checks what a life looks like in which one call failed.
func (x *scenario) endsWell(t *testing.T, what string, disk *sim.Disk, failed sim.DiskCall) {
	t.Helper()
	if x.tried == 0 {
		return // it could not even start
	}
	if !x.finished || x.acknowledged < x.tried-2 || x.durable < 2 {
		t.Errorf("%s: got %+v, want a program that goes on", what, x)
	}
	if failed.Op == sim.DiskRemove {
		return
	}
	for _, name := range files(t, disk, defaultDir) {
		if strings.HasSuffix(name, temporarySuffix) {
			t.Errorf("%s: %s was left", what, name)
		}
	}
}

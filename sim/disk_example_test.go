package sim_test

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/twistor-go/twistor/sim"
)

// A program writes a file, syncs it, and forgets the directory: a power failure
// takes the file with its name.
func ExampleDisk_Crash() {
	disk := sim.NewDisk(func() time.Time { return sim.Epoch })
	f, _ := disk.OpenFile("/letter", os.O_WRONLY|os.O_CREATE, 0o600)
	f.Write([]byte("dear"))
	f.Sync()
	lost := disk.Clone()
	disk.SyncDir("/")

	lost.CrashKeeping(0)
	disk.CrashKeeping(0)
	_, err := lost.Stat("/letter")
	fmt.Println(err)
	info, _ := disk.Stat("/letter")
	fmt.Println(info.Name(), info.Size())
	// Output:
	// stat /letter: no such file or directory
	// letter 4
}

func ExampleDisk_FailOnce() {
	disk := sim.NewDisk(func() time.Time { return sim.Epoch })
	disk.FailOnce(1, syscall.ENOSPC, sim.DiskWrite) // the second write
	f, _ := disk.OpenFile("/letter", os.O_WRONLY|os.O_CREATE, 0o600)
	for range 3 {
		fmt.Println(f.Write([]byte("dear")))
	}
	// Output:
	// 4 <nil>
	// 2 write /letter: no space left on device
	// 4 <nil>
}

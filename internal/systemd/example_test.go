package systemd

import (
	"fmt"
	"os"
)

// Where nobody listens, every call does nothing.
func ExampleTake() {
	os.Unsetenv("NOTIFY_SOCKET")
	manager, err := Take()
	fmt.Println(manager.Listens(), err)
	fmt.Println(manager.Status("3 guests"), manager.Ready())
	// Output:
	// false <nil>
	// <nil> <nil>
}

package poll

import (
	"os"
	"testing"
)

// leaks fails the test if it leaves descriptors open. F-35.
func leaks(t *testing.T) {
	t.Helper()
	before := descriptorsOpen(t)
	t.Cleanup(func() {
		if after := descriptorsOpen(t); after != before {
			t.Errorf("F-35: %d descriptors open after the test, want %d as before", after, before)
		}
	})
}

func descriptorsOpen(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

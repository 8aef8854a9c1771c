package poll

import (
	"math"
	"testing"
)

func TestTable(t *testing.T) {
	var table table[string]
	if table.get(0) != nil || table.get(MakeHandle(0, 1)) != nil {
		t.Error("an empty table has something")
	}
	a, b := table.add("a"), table.add("b")
	if a == 0 || b == 0 || a == b {
		t.Fatalf("handles %#x and %#x, want two that are not zero", a, b)
	}
	if got := table.get(b); got == nil || *got != "b" {
		t.Errorf("get(b) = %v, want b", got)
	}
	table.remove(a)
	if table.get(a) != nil {
		t.Error("a closed handle has something")
	}
	c := table.add("c")
	if c.Slot() != a.Slot() || c.Generation() == a.Generation() {
		t.Errorf("c is slot %d, generation %d, want slot %d and another generation than %d", c.Slot(), c.Generation(), a.Slot(), a.Generation())
	}
	if table.get(a) != nil {
		t.Error("an old handle has the slot's new owner")
	}
	if got := table.handles(); len(got) != 2 || got[0] != c || got[1] != b {
		t.Errorf("open are %#x, want c and b", got)
	}
}

// F-11: generations begin anew at 1, never at 0, which would be no handle.
func TestTableGenerationWraps(t *testing.T) {
	var table table[int]
	h := table.add(1)
	table.entries[0].generation = math.MaxUint32
	last := MakeHandle(h.Slot(), math.MaxUint32)
	if table.get(last) == nil {
		t.Fatal("the last generation is not found")
	}
	table.remove(last)
	h = table.add(2)
	if h.Generation() != 1 {
		t.Errorf("generation after the last is %d, want 1", h.Generation())
	}
	if table.get(last) != nil || table.get(MakeHandle(h.Slot(), 0)) != nil {
		t.Error("an old handle, or none, has the new owner")
	}
}

func TestHandleParts(t *testing.T) {
	for _, c := range []struct {
		slot       int
		generation uint32
	}{{0, 1}, {7, 9}, {math.MaxInt32, math.MaxUint32}} {
		h := MakeHandle(c.slot, c.generation)
		if h.Slot() != c.slot || h.Generation() != c.generation {
			t.Errorf("%#x has slot %d, generation %d, want %d, %d", h, h.Slot(), h.Generation(), c.slot, c.generation)
		}
	}
}

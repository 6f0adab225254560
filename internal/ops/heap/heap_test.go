package heap_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"samsyn/internal/ops/heap"
)

func nothing(string) string { return "" }

// live is how much the collector found alive, untouched memory included.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestSpareIsCountedAndNotTaken(t *testing.T) {
	before, taken := live(), resident(t)
	release := heap.Keep(nothing)
	// The first collection also frees what was left from the start of the program, some kilobytes.
	if grown := live() - before; grown < heap.Spare-1<<20 {
		t.Errorf("the collector counts %d bytes more, want %d", grown, heap.Spare)
	}
	if grown := resident(t) - taken; grown > heap.Spare/4 {
		t.Errorf("%d bytes are taken of memory that is never touched", grown)
	}
	release()
}

func TestTheEnvironmentCountsAlone(t *testing.T) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		before := live()
		release := heap.Keep(func(asked string) string {
			if asked == name {
				return "100"
			}
			return ""
		})
		if after := live(); after > before+heap.Spare/2 {
			t.Errorf("with %s set %d bytes are kept all the same", name, after-before)
		}
		release()
	}
}

// resident is the memory that the system gave this process.
func resident(t *testing.T) int {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("this system does not say how much memory a process has: %v", err)
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

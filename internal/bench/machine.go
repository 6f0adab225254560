package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpu is the processor time of this process and of the PostgreSQL server.
func (b *base) cpu() (used time.Duration) {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return 0
	}
	used = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	if b.postmaster == "" {
		return used
	}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return used
	}
	for _, dir := range all {
		p, its := filepath.Base(dir), 2
		f := stat(p)
		switch {
		case f == nil:
			continue
		case p == b.postmaster:
			its = 4 // and of its children that ended
		case f[1] != b.postmaster:
			continue
		}
		for _, ticks := range f[11 : 11+its] {
			n, _ := strconv.Atoi(ticks) // the kernel writes numbers there
			used += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return used
}

// stat is /proc/PID/stat from its third field on: state, parent …; nil where it ended.
func stat(pid string) []string {
	raw, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	if f := strings.Fields(rest); len(f) > 15 {
		return f
	}
	return nil
}

// peak is the most heap that was in use, and the most memory that the process held,
// while f ran.
func peak(f func() error) (heap, rss float64, err error) {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // where it cannot be, VmHWM is of the whole run
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		var top uint64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			top = max(top, m.HeapInuse+m.StackInuse)
			select {
			case <-done:
				most <- top
				return
			case <-tick.C:
			}
		}
	}()
	err = f()
	close(done)
	return float64(<-most), status("VmHWM"), err
}

func status(name string) float64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0]) // the kernel writes a number there
			return float64(kb) * 1024
		}
	}
	return 0
}

// machine says what was measured on.
func machine() string {
	model, load := "unknown processor", "?"
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(raw)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
			}
		}
	}
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Join(strings.Fields(string(raw))[:3], " ")
	}
	return fmt.Sprintf("%d × %s, %s, load %s", runtime.NumCPU(), model, runtime.Version(), load)
}

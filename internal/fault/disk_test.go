package fault_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// disk stands between SQLite and the file system: it writes down every write, cut and
// sync, and can refuse them. From what it wrote down it makes what a disk may hold after
// the power went: all that was synced, and of the rest any part of any sector, in any
// order. It is SQLite's own unix VFS with four methods changed, registered as the
// default, so that the store is opened in the ordinary way.
type disk struct {
	mu    sync.Mutex
	under string // only files below this folder are looked at
	ops   []op
	base  map[string][]byte // the files when the recording began
	files map[uintptr]file
	// tables are our copies of SQLite's tables of methods, by SQLite's.
	tables map[uintptr]*methods
	// refuse gives SQLite's code for an operation that fails, 0 where it may go on.
	refuse func(o op) int32
}

// op is one operation on a file.
type op struct {
	what opKind
	file string
	at   int64
	data []byte
}

type opKind byte

const (
	opWrite opKind = iota
	opTruncate
	opSync
	opConfirmed // something was confirmed to whoever asked: it must never be lost
)

// theDisk is the one that SQLite calls; SQLite's own list of file systems is global too.
var theDisk = &disk{files: map[uintptr]file{}, tables: map[uintptr]*methods{}}

var install = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	unix := in[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
	openFile = unix.FxOpen
	ours := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*unix)))
	vfs := in[sqlite3.Tsqlite3_vfs](ours)
	*vfs = *unix
	name, err := libc.CString("samsyn-disk")
	if err != nil {
		panic(err)
	}
	vfs.FzName, vfs.FpNext = name, 0
	vfs.FxOpen = pointer(diskOpen)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, ours, 1); rc != 0 {
		panic("the disk of the tests cannot be registered")
	}
})

// openFile is SQLite's own way to open a file.
var openFile uintptr

// file is one that SQLite has open, with SQLite's own methods for it. There is one table
// of methods for files with locks and one for those without; ours is a copy of each.
type file struct {
	name string
	own  *methods
}

type methods struct {
	sqlite3.Tsqlite3_io_methods
	ours uintptr
}

// in looks at SQLite's memory, which is not Go's: nothing there moves.
func in[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// pointer is how the translated SQLite holds a function, and function is the way back.
func pointer[F any](f F) uintptr      { return *(*uintptr)(unsafe.Pointer(&f)) }
func function[F any](p uintptr) (f F) { return *(*F)(unsafe.Pointer(&p)) }

func diskOpen(tls *libc.TLS, vfs, name, handle uintptr, flags int32, out uintptr) int32 {
	rc := function[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](openFile)(tls, vfs, name, handle, flags, out)
	if rc != 0 || name == 0 {
		return rc
	}
	d, path := theDisk, libc.GoString(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.under == "" || !strings.HasPrefix(path, d.under) {
		return rc
	}
	at := in[uintptr](handle)
	own := d.tables[*at]
	if own == nil {
		own = &methods{Tsqlite3_io_methods: *in[sqlite3.Tsqlite3_io_methods](*at)}
		table := own.Tsqlite3_io_methods
		table.FxClose, table.FxWrite, table.FxTruncate, table.FxSync = pointer(diskClose), pointer(diskWrite), pointer(diskTruncate), pointer(diskSync)
		own.ours = libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(table)))
		*in[sqlite3.Tsqlite3_io_methods](own.ours) = table
		d.tables[*at] = own
	}
	*at = own.ours
	d.files[handle] = file{path, own}
	return rc
}

func diskClose(tls *libc.TLS, handle uintptr) int32 {
	theDisk.mu.Lock()
	f := theDisk.files[handle]
	delete(theDisk.files, handle)
	theDisk.mu.Unlock()
	return function[func(*libc.TLS, uintptr) int32](f.own.FxClose)(tls, handle)
}

func diskWrite(tls *libc.TLS, handle, from uintptr, n int32, at int64) int32 {
	f, rc := theDisk.note(handle, op{what: opWrite, at: at, data: slices.Clone(unsafe.Slice(in[byte](from), int(n)))})
	if rc != 0 {
		return rc
	}
	return function[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](f.own.FxWrite)(tls, handle, from, n, at)
}

func diskTruncate(tls *libc.TLS, handle uintptr, size int64) int32 {
	f, rc := theDisk.note(handle, op{what: opTruncate, at: size})
	if rc != 0 {
		return rc
	}
	return function[func(*libc.TLS, uintptr, int64) int32](f.own.FxTruncate)(tls, handle, size)
}

func diskSync(tls *libc.TLS, handle uintptr, flags int32) int32 {
	f, rc := theDisk.note(handle, op{what: opSync})
	if rc != 0 {
		return rc
	}
	return function[func(*libc.TLS, uintptr, int32) int32](f.own.FxSync)(tls, handle, flags)
}

// note writes an operation down, or says with which code it fails.
func (d *disk) note(handle uintptr, o op) (file, int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[handle]
	o.file = filepath.Base(f.name)
	if d.refuse != nil {
		if rc := d.refuse(o); rc != 0 {
			return f, rc
		}
	}
	if d.base != nil {
		d.ops = append(d.ops, o)
	}
	return f, 0
}

// watch looks at the files below dir until the test ends. It records from what lies
// there now.
func (d *disk) watch(t testing.TB, dir string) {
	t.Helper()
	install()
	base := map[string][]byte{}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if base[n.Name()], err = os.ReadFile(filepath.Join(dir, n.Name())); err != nil {
			t.Fatal(err)
		}
	}
	d.mu.Lock()
	d.under, d.base, d.ops, d.refuse = dir, base, nil, nil
	d.mu.Unlock()
	t.Cleanup(func() {
		d.mu.Lock()
		d.under, d.base, d.ops, d.refuse = "", nil, nil, nil
		d.mu.Unlock()
	})
}

// confirmed writes down that something was promised to be kept, whatever happens.
func (d *disk) confirmed(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops = append(d.ops, op{what: opConfirmed, file: what})
}

// fail makes operations fail with a code of SQLite's; nil lets them be.
func (d *disk) fail(refuse func(o op) int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse = refuse
}

// trace is what was recorded so far.
func (d *disk) trace() trace {
	d.mu.Lock()
	defer d.mu.Unlock()
	return trace{maps.Clone(d.base), slices.Clone(d.ops)}
}

// trace is a recording.
type trace struct {
	base map[string][]byte
	ops  []op
}

// sector is what a disk writes whole or not at all, if it is good; ours may also tear it.
const sector = 512

// cut gives the files after the power went when n operations had been asked for, and
// what had been confirmed until then.
func (r trace) cut(n int, rnd *rand.Rand) (files map[string][]byte, confirmed []string) {
	sure := map[string][]byte{}
	for name, b := range r.base {
		sure[name] = slices.Clone(b)
	}
	loose := map[string][]op{} // asked for and not synced, by file
	for _, o := range r.ops[:n] {
		switch o.what {
		case opConfirmed:
			confirmed = append(confirmed, o.file)
		case opSync:
			for _, l := range loose[o.file] {
				sure[o.file] = l.apply(sure[o.file])
			}
			loose[o.file] = nil
		default:
			if sure[o.file] == nil {
				sure[o.file] = []byte{}
			}
			loose[o.file] = append(loose[o.file], o)
		}
	}
	for name, ops := range loose {
		for _, l := range pieces(ops, rnd) {
			sure[name] = l.apply(sure[name])
		}
	}
	delete(sure, "s.db-shm") // memory
	return sure, confirmed
}

// pieces is what of unsynced operations reached the disk: by a draw all, nothing, what
// came first, or sectors at random in random order, some of them torn.
func pieces(ops []op, rnd *rand.Rand) []op {
	switch rnd.IntN(5) {
	case 0:
		return nil
	case 1:
		return ops
	case 2:
		return ops[:rnd.IntN(len(ops)+1)]
	}
	var out []op
	for _, o := range ops {
		if o.what == opTruncate {
			if rnd.IntN(2) == 0 {
				out = append(out, o)
			}
			continue
		}
		for from := 0; from < len(o.data); from += sector {
			part := o.data[from:min(from+sector, len(o.data))]
			if rnd.IntN(3) == 0 {
				continue
			}
			if rnd.IntN(20) == 0 {
				part = part[:rnd.IntN(len(part)+1)] // torn
			}
			out = append(out, op{what: opWrite, at: o.at + int64(from), data: part})
		}
	}
	if rnd.IntN(2) == 0 {
		rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	return out
}

func (o op) apply(b []byte) []byte {
	if o.what == opTruncate {
		if int64(len(b)) > o.at {
			return b[:o.at]
		}
		return append(b, make([]byte, o.at-int64(len(b)))...)
	}
	if end := o.at + int64(len(o.data)); int64(len(b)) < end {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[o.at:], o.data)
	return b
}

package store_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"kioskd/child"
	"kioskd/store"
)

var cuts = flag.Int("cuts", 200, "power cuts in TestPowerLoss")

// childVariable tells this test program to be a program that writes a journal, or one that
// proves it: the value is what and where.
const childVariable = "KIOSKD_TEST_POWER"

func TestMain(m *testing.M) {
	what, path, child := strings.Cut(os.Getenv(childVariable), " ")
	switch {
	case !child:
		os.Exit(m.Run())
	case what == "write":
		fmt.Fprintln(os.Stderr, writeFor(path))
	default:
		if err := prove(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// writeFor appends until the power fails, and says of each number that it was acknowledged.
func writeFor(path string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, path, clock)
	if err != nil {
		return err
	}
	for {
		if err := s.Append(ctx, entry("S1", "reading", false), entry("", "fault_raised", false)); err != nil {
			return err
		}
		n, err := s.Seq(ctx)
		if err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// prove opens a journal as a daemon does, proves it whole, and prints its last number.
func prove(path string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, path, clock)
	if err != nil {
		return err
	}
	defer s.Close()
	head, err := s.Verify(ctx, func(int64) {})
	if err != nil {
		return err
	}
	fmt.Println(head.Records)
	return nil
}

// disk is a disk under power: what was not synced is lost when it fails, or comes through
// in part, torn at sectors.
type disk struct {
	mu     sync.Mutex
	files  map[string]*file
	failed bool
	lying  bool // says that it has synced, and has not
	dice   *rand.Rand
}

type file struct {
	d       *disk
	data    []byte // as programs see it
	safe    []byte // on the platter
	there   bool   // its name is
	pending []change
}

// change is a write, or with nil bytes a new length.
type change struct {
	at    int64
	bytes []byte
}

func (c change) apply(b []byte) []byte {
	end := c.at + int64(len(c.bytes))
	if c.bytes == nil && int64(len(b)) > c.at {
		return b[:c.at]
	}
	if grow := end - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[c.at:], c.bytes)
	return b
}

// cut is the power cut; it returns the disk that comes up again.
func (d *disk) cut() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed = true
	next := &disk{files: map[string]*file{}, dice: d.dice, lying: d.lying}
	luck := []float64{0, 0.5, 0.9}[d.dice.IntN(3)]
	for name, f := range d.files {
		if !f.there {
			continue
		}
		b := f.safe
		for _, c := range f.pending {
			if d.dice.Float64() >= luck {
				continue
			}
			if len(c.bytes) > 512 && d.dice.Float64() < 0.3 {
				c.bytes = c.bytes[:512*d.dice.IntN(len(c.bytes)/512)]
				if len(c.bytes) == 0 {
					continue
				}
			}
			b = c.apply(b)
		}
		next.files[name] = &file{d: next, data: append([]byte(nil), b...), safe: b, there: true}
	}
	return next
}

// node is a file as it is mounted.
type node struct {
	fs.Inode
	*file
}

// root is the disk's only directory.
type root struct {
	fs.Inode
	d *disk
}

func (r *root) OnAdd(ctx context.Context) {
	for name, f := range maps.All(r.d.files) {
		r.AddChild(name, r.NewPersistentInode(ctx, &node{file: f}, fs.StableAttr{}), true)
	}
}

func (r *root) Create(ctx context.Context, name string, _, _ uint32, _ *fuse.EntryOut) (*fs.Inode, fs.FileHandle,
	uint32, syscall.Errno) {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	if r.d.failed {
		return nil, nil, 0, syscall.EIO
	}
	f := &file{d: r.d}
	r.d.files[name] = f
	return r.NewPersistentInode(ctx, &node{file: f}, fs.StableAttr{}), nil, 0, 0
}

func (r *root) Unlink(_ context.Context, name string) syscall.Errno {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	if r.d.failed {
		return syscall.EIO
	}
	delete(r.d.files, name)
	return 0
}

func (r *root) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno { return 0 }

func (f *file) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) { return nil, 0, 0 }

func (f *file) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	out.Size = uint64(len(f.data))
	return 0
}

func (f *file) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if errno := f.change(change{at: int64(size)}); errno != 0 {
			return errno
		}
		out.Size = size
	}
	return 0
}

func (f *file) Read(_ context.Context, _ fs.FileHandle, to []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.failed {
		return nil, syscall.EIO
	}
	n := 0
	if at < int64(len(f.data)) {
		n = copy(to, f.data[at:])
	}
	return fuse.ReadResultData(to[:n]), 0
}

func (f *file) Write(_ context.Context, _ fs.FileHandle, b []byte, at int64) (uint32, syscall.Errno) {
	return uint32(len(b)), f.change(change{at, append([]byte{}, b...)})
}

func (f *file) change(c change) syscall.Errno {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.failed {
		return syscall.EIO
	}
	f.data = c.apply(f.data)
	f.pending = append(f.pending, c)
	return 0
}

func (f *file) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	switch {
	case f.d.failed:
		return syscall.EIO
	case f.d.lying && f.there:
		return 0
	}
	for _, c := range f.pending {
		f.safe = c.apply(f.safe)
	}
	f.pending, f.there = nil, true
	return 0
}

// mounted is a disk at a folder.
func mounted(t *testing.T, d *disk, dir string) (unmount func()) {
	t.Helper()
	server, err := fs.Mount(dir, &root{d: d}, &fs.Options{MountOptions: fuse.MountOptions{DirectMountStrict: true,
		FsName: "kioskd-test"}})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		for range 100 { // the kernel may still be busy with a program that was killed
			err = server.Unmount()
			if err == nil {
				return
			}
			time.Sleep(20 * time.Millisecond) // nothing tells when it is free
		}
		t.Errorf("cannot unmount: %v", err)
	}
}

// writer starts this program as another one.
func writer(what, path string) *exec.Cmd {
	cmd := child.Command(os.Args[0])
	// it would sleep a second
	cmd.Env = append(os.Environ(), childVariable+"="+what+" "+path, "GORACE=atexit_sleep_ms=10")
	return cmd
}

// powerCut lets a program write until the power fails at a random moment. It returns the
// last number that was acknowledged, and the disk that is left.
func powerCut(t *testing.T, d *disk, dir string) (acknowledged int64, left *disk) {
	t.Helper()
	unmount := mounted(t, d, dir)
	defer unmount()
	cmd := writer("write", filepath.Join(dir, "journal.db"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	cmd.Stderr = &told
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait := d.dice.IntN(25)
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == wait {
			left = d.cut()
		}
		acknowledged, err = strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); left == nil {
		t.Fatalf("the program ended by itself: %v, %s", err, &told)
	}
	return acknowledged, left
}

// proven opens the journal on a disk and returns its last number.
func proven(t *testing.T, d *disk, dir string) (int64, error) {
	t.Helper()
	unmount := mounted(t, d, dir)
	defer unmount()
	cmd := writer("prove", filepath.Join(dir, "journal.db"))
	var told strings.Builder
	cmd.Stderr = &told
	out, err := cmd.Output()
	if err != nil {
		return 0, errors.New(strings.TrimSpace(told.String()))
	}
	return strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
}

func needsPower(t *testing.T) *disk {
	t.Helper()
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil || os.Getuid() != 0 {
		t.Skipf("skipped: no power is cut without /dev/fuse and root (%v)", err)
	} else {
		io.Closer(f).Close()
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return &disk{files: map[string]*file{}, dice: rand.New(rand.NewPCG(seed, 0))}
}

// TestPowerLoss cuts the power again and again on journals that grow: what was acknowledged
// is there each time, and the tree proves it.
func TestPowerLoss(t *testing.T) {
	d, dir := needsPower(t), t.TempDir()
	last := int64(0)
	for n := range *cuts {
		if n%10 == 0 { // a whole journal is proven each time
			d, last = &disk{files: map[string]*file{}, dice: d.dice}, 0
		}
		acknowledged, left := powerCut(t, d, dir)
		last = max(last, acknowledged)
		got, err := proven(t, left, dir)
		if err != nil || got < last {
			t.Fatalf("after cut %d the journal has %d records, %d were acknowledged: %v", n+1, got, last, err)
		}
		d = left
	}
	t.Logf("%d cuts", *cuts)
}

// TestPowerLossIsNoticed: on a disk that only says that it has synced, the same cuts lose
// what was acknowledged. So the test above can fail.
func TestPowerLossIsNoticed(t *testing.T) {
	dir := t.TempDir()
	for range 10 {
		d := needsPower(t)
		d.lying = true
		acknowledged, left := powerCut(t, d, dir)
		if got, err := proven(t, left, dir); err != nil || got < acknowledged {
			return
		}
	}
	t.Error("ten cuts on a disk that does not sync lost nothing")
}

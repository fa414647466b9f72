package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kioskd/child"
	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/ui"
)

// month is what a busy site writes in thirty days: two hundred sessions a day.
const month = 300_000

// BenchmarkDrain lets a site whose back office was away for a month send all of it, while its
// meters are asked and a driver touches the screen. Beside each figure stands the one of the same daemon
// in the same run before the network came back.
func BenchmarkDrain(b *testing.B) {
	for b.Loop() {
		drainOnce(b)
	}
}

func drainOnce(b *testing.B) {
	office := newBureau(b)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	history(b, filepath.Join(dir, "journal.db"), month, 0)
	s, err := town.Open(dir, filepath.Join(dir, "kioskd.yaml"),
		town.Options{Size: 4, Speed: 1, More: office.enrolled(address)}, site.QuietLog())
	if err != nil {
		b.Fatal(err)
	}
	polls := &pollWatch{}
	s.Wrap = func(name string, rw io.ReadWriteCloser) io.ReadWriteCloser {
		if name == "meters" {
			return &watched{rw, polls}
		}
		return rw
	}
	ctx, stop := context.WithCancel(context.Background())
	world := make(chan error, 1)
	go func() { world <- s.Run(ctx) }()
	defer func() { stop(); <-world }()
	daemon := start(b, s)
	defer child.Stop(daemon)
	office.start()
	socket := filepath.Join(dir, "ui.sock")
	awaitSocket(b, socket)
	d := ui.NewDriver(ctx, socket)
	if err := d.Screen(ctx, ui.Attract); err != nil {
		b.Fatal(err)
	}
	phase := func(until func() bool) (touches []time.Duration, gap time.Duration, cpu time.Duration,
		took time.Duration) {
		polls.reset()
		from, before := time.Now(), cpuOf(b, daemon.Process.Pid)
		for !until() {
			touches = append(touches, touchOnce(ctx, b, d))
		}
		slices.Sort(touches)
		return touches, polls.longest(), cpuOf(b, daemon.Process.Pid) - before, time.Since(from)
	}
	time.Sleep(3 * time.Second) // the devices are found
	end := time.Now().Add(30 * time.Second)
	calm, calmGap, calmCPU, calmTook := phase(func() bool { return time.Now().After(end) })

	k := &simulator.Link{To: office.address, Delay: 50 * time.Millisecond}
	l, err = net.Listen("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go k.Serve(l)
	o := operator{s: s}
	if out, code := o.run("backoffice now"); code != 0 {
		b.Fatal(out)
	}
	busy, busyGap, busyCPU, busyTook := phase(func() bool {
		out, _ := o.run("backoffice status")
		return strings.Contains(out, "backlog      0\n")
	})
	at := func(all []time.Duration, p int) float64 { return float64(all[len(all)*p/100].Microseconds()) / 1000 }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(month/busyTook.Seconds(), "records/s")
	b.ReportMetric(at(calm, 50), "touch-p50-before-ms")
	b.ReportMetric(at(busy, 50), "touch-p50-ms")
	b.ReportMetric(at(calm, 95), "touch-p95-before-ms")
	b.ReportMetric(at(busy, 95), "touch-p95-ms")
	b.ReportMetric(float64(calmGap.Milliseconds()), "meters-longest-gap-before-ms")
	b.ReportMetric(float64(busyGap.Milliseconds()), "meters-longest-gap-ms")
	b.ReportMetric(100*calmCPU.Seconds()/calmTook.Seconds(), "cpu-before-%")
	b.ReportMetric(100*busyCPU.Seconds()/busyTook.Seconds(), "cpu-%")
	b.ReportMetric(float64(k.Out.Load()+k.In.Load())/month, "wire-B/record")
	b.ReportMetric(float64(memoryOf(b, daemon.Process.Pid))/1e6, "peak-MB")
}

// touchOnce goes to the bays and back, and measures the first.
func touchOnce(ctx context.Context, b *testing.B, d *ui.Driver) time.Duration {
	from := time.Now()
	step := func(k ui.InputKind, to ui.Screen) {
		for err := d.Touch(ctx, k, ""); err != nil; err = d.Touch(ctx, k, "") { // the view changed under the finger
			select {
			case d.Now = <-d.Views:
			case <-ctx.Done():
				b.Fatal(err)
			}
		}
		if err := d.Screen(ctx, to); err != nil {
			b.Fatal(err)
		}
	}
	step(ui.Touch, ui.Bays)
	took := time.Since(from)
	step(ui.Back, ui.Attract)
	time.Sleep(100 * time.Millisecond) // a finger's time
	return took
}

// pollWatch sees when the meters are asked.
type pollWatch struct {
	mu   sync.Mutex
	last time.Time
	most time.Duration
}

func (p *pollWatch) seen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.last.IsZero() {
		p.most = max(p.most, now.Sub(p.last))
	}
	p.last = now
}

func (p *pollWatch) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.most = time.Time{}, 0
}

func (p *pollWatch) longest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.most
}

type watched struct {
	io.ReadWriteCloser
	p *pollWatch
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.ReadWriteCloser.Read(b)
	w.p.seen()
	return n, err
}

// cpuOf is the processor time of a process so far.
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		b.Fatal(err)
	}
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')'):]))
	ticks := int64(0)
	for _, at := range []int{12, 13} { // utime and stime
		n, err := strconv.ParseInt(f[at], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// memoryOf is the most memory that a process had.
func memoryOf(b *testing.B, pid int) (bytes int64) {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n * 1024
}
